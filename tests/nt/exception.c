// SPDX-License-Identifier: MIT
/* Faults as exceptions: codes and information, vectored and frame handlers, continuing, unwinding by address, contexts. */
#include "check.h"

static volatile DWORD vectored_code, frame_code;
static volatile ULONG_PTR fault_kind, fault_address;
static volatile int unwound;
long fault(int what); /* 0: returns */

static LONG CALLBACK vectored(EXCEPTION_POINTERS *p)
{
	vectored_code = p->ExceptionRecord->ExceptionCode;
	fault_kind = p->ExceptionRecord->NumberParameters == 2 ? p->ExceptionRecord->ExceptionInformation[0] : 99;
	fault_address = p->ExceptionRecord->NumberParameters == 2 ? p->ExceptionRecord->ExceptionInformation[1] : 0;
	return EXCEPTION_CONTINUE_SEARCH;
}
/* Steps over the instruction at `fault`: each is followed by its length in r8. */
EXCEPTION_DISPOSITION frame_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher);
EXCEPTION_DISPOSITION frame_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher)
{
	(void)frame, (void)dispatcher;
	if (record->ExceptionFlags & 6) {
		unwound++;
		return ExceptionContinueSearch;
	}
	frame_code = record->ExceptionCode;
	if (record->ExceptionCode == 0xe0000001)
		return ExceptionContinueSearch;
	context->Rip += context->R8;
	context->Rax = 7;
	return ExceptionContinueExecution;
}
void raise_here(void);
void raise_here(void) { RaiseException(0xe0000001, 0, 0, NULL); }
__asm__(".text\n.globl fault\n.seh_proc fault\nfault:\n\tsubq $0x28, %rsp\n\t.seh_stackalloc 0x28\n\t.seh_endprologue\n"
	"\txorl %eax, %eax\n\txorl %edx, %edx\n\tmovl $0x1234, %r9d\n\tmovl $2, %r8d\n"
	"\tcmpl $1, %ecx\n\tje 1f\n\tcmpl $2, %ecx\n\tje 2f\n\tcmpl $3, %ecx\n\tje 3f\n\tcmpl $4, %ecx\n\tje 4f\n\tcmpl $5, %ecx\n\tje 5f\n"
	"\tcmpl $6, %ecx\n\tje 6f\n\tcmpl $7, %ecx\n\tje 7f\n\tjmp 9f\n"
	"1:\txorl %ecx, %ecx\n\tdivl %ecx\n\tjmp 9f\n"
	"2:\tmovl $1, %r8d\n\tint3\n\tjmp 9f\n"
	"3:\tmovl $3, %r8d\n\tmovq (%r9), %rax\n\tjmp 9f\n"
	"4:\tmovl $3, %r8d\n\tmovq %rax, (%r9)\n\tjmp 9f\n"
	"5:\tud2\n\tjmp 9f\n"
	"6:\tmovl $1, %r8d\n\thlt\n\tjmp 9f\n"
	"7:\tcall raise_here\n"
	"9:\taddq $0x28, %rsp\n\tret\n\t.seh_handler frame_handler, @except, @unwind\n\t.seh_handlerdata\n\t.text\n\t.seh_endproc\n");

static long fault_with(int what, DWORD code)
{
	vectored_code = frame_code = 0;
	long result = fault(what);
	CHECK(vectored_code == code && frame_code == code);
	return result;
}
CASE(division_by_zero) { CHECK(fault_with(1, EXCEPTION_INT_DIVIDE_BY_ZERO) == 7); }
CASE(breakpoint_is_at_its_instruction) { CHECK(fault_with(2, EXCEPTION_BREAKPOINT) == 7); }
CASE(read_violation_says_address)
{
	CHECK(fault_with(3, EXCEPTION_ACCESS_VIOLATION) == 7);
	CHECK(fault_kind == 0 && fault_address == 0x1234);
}
CASE(write_violation_says_address)
{
	CHECK(fault_with(4, EXCEPTION_ACCESS_VIOLATION) == 7);
	CHECK(fault_kind == 1 && fault_address == 0x1234);
}
CASE(illegal_instruction) { CHECK(fault_with(5, EXCEPTION_ILLEGAL_INSTRUCTION) == 7); }
CASE(privileged_instruction) { CHECK(fault_with(6, EXCEPTION_PRIV_INSTRUCTION) == 7); }

/* A vectored handler that unwinds past `fault` to the case, as a language runtime would. */
static CONTEXT target;
static volatile int arrived;
static LONG CALLBACK unwind_away(EXCEPTION_POINTERS *p)
{
	(void)p;
	if (arrived) /* it left without returning, so Wine never forgets it */
		return EXCEPTION_CONTINUE_SEARCH;
	arrived = 1;
	RtlRestoreContext(&target, NULL);
	return EXCEPTION_CONTINUE_SEARCH;
}
CASE(context_is_restored_from_a_handler)
{
	void *handle = AddVectoredExceptionHandler(1, unwind_away);
	arrived = 0;
	RtlCaptureContext(&target);
	if (!arrived)
		fault(5);
	CHECK(arrived == 1);
	RemoveVectoredExceptionHandler(handle);
}
static LONG CALLBACK continue_raise(EXCEPTION_POINTERS *p)
{
	return p->ExceptionRecord->ExceptionCode == 0xe0000001 ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}
CASE(raised_exception_continues_behind_the_call)
{
	void *handle = AddVectoredExceptionHandler(0, continue_raise);
	vectored_code = 0;
	fault(7);
	CHECK(vectored_code == 0xe0000001);
	CHECK(RemoveVectoredExceptionHandler(handle) && !RemoveVectoredExceptionHandler(handle));
}
CASE(frames_can_be_walked)
{
	void *frames[16] = { NULL };
	CHECK(RtlCaptureStackBackTrace(0, 16, frames, NULL) >= 3);
	DWORD64 base = 0;
	CHECK(RtlLookupFunctionEntry((DWORD64)(ULONG_PTR)&fault, &base, NULL) && base == (DWORD64)(ULONG_PTR)GetModuleHandleW(NULL));
}

int main(void)
{
	void *handle = AddVectoredExceptionHandler(1, vectored);
	RUN(division_by_zero);
	RUN(breakpoint_is_at_its_instruction);
	RUN(read_violation_says_address);
	RUN(write_violation_says_address);
	RUN(illegal_instruction);
	RUN(privileged_instruction);
	RUN(context_is_restored_from_a_handler);
	RUN(raised_exception_continues_behind_the_call);
	RUN(frames_can_be_walked);
	RemoveVectoredExceptionHandler(handle);
	return check_summary();
}
