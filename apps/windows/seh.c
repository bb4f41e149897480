// SPDX-License-Identifier: MIT
/* Structured exceptions: __try/__except/__finally (clang), filters that continue, vectored handlers, RaiseException,
 * a page committed by a filter, RtlCaptureStackBackTrace. With an argument it dies: of an access violation, a division,
 * a raised code, or abort, for the line and the exit status that are due. */
#include "expect.h"
#include <stdlib.h>
#include <string.h>
/* mingw's headers blank the keywords for compilers that lack them. */
#undef __try
#undef __except
#undef __finally

static int order[8], steps;
static void *page;
static LONG vectored;

static int filter(EXCEPTION_POINTERS *exception, DWORD wanted)
{
	return exception->ExceptionRecord->ExceptionCode == wanted ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

static int note(EXCEPTION_POINTERS *exception, volatile DWORD *code)
{
	*code = exception->ExceptionRecord->ExceptionCode;
	return EXCEPTION_EXECUTE_HANDLER;
}

static DWORD code_of(void (*function)(void))
{
	volatile DWORD code = 0;
	__try {
		function();
	} __except (note(GetExceptionInformation(), &code)) {
		return code;
	}
	return 0;
}

static void read_nothing(void) { *(volatile int *)8; }
static void divide(void) { __asm__ volatile("xorl %%ecx, %%ecx; movl $1, %%eax; cltd; idivl %%ecx" ::: "eax", "ecx", "edx"); }
static void illegal(void) { __asm__ volatile("ud2"); }
static void raise_own(void) { RaiseException(0xe0001234, 0, 0, NULL); }
static void privileged(void) { __asm__ volatile("hlt"); }
static void nested(void)
{
	__try {
		__try {
			RaiseException(0xe0000001, 0, 0, NULL);
		} __finally {
			order[steps++] = 1;
		}
	} __except (filter(GetExceptionInformation(), 0xe0000002)) {
		order[steps++] = 9;
	}
}

static int commit(EXCEPTION_POINTERS *exception)
{
	ULONG_PTR at = exception->ExceptionRecord->ExceptionInformation[1];
	if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || at - (ULONG_PTR)page >= 0x1000)
		return EXCEPTION_CONTINUE_SEARCH;
	VirtualAlloc(page, 0x1000, MEM_COMMIT, PAGE_READWRITE);
	return EXCEPTION_CONTINUE_EXECUTION;
}

/* clang guards calls only: a plain store in __try is not covered. */
__attribute__((noinline)) static void store(void) { ((volatile int *)page)[3] = 5; }

static int commit_on_demand(void)
{
	page = VirtualAlloc(NULL, 0x1000, MEM_RESERVE, PAGE_READWRITE);
	__try {
		store();
	} __except (commit(GetExceptionInformation())) {
		return 0;
	}
	return ((volatile int *)page)[3];
}

static LONG CALLBACK on_vectored(EXCEPTION_POINTERS *exception)
{
	if (exception->ExceptionRecord->ExceptionCode != 0xe0005678)
		return EXCEPTION_CONTINUE_SEARCH;
	vectored += (LONG)exception->ExceptionRecord->ExceptionInformation[0];
	return EXCEPTION_CONTINUE_EXECUTION;
}

static void die(const char *how)
{
	if (!strcmp(how, "access"))
		read_nothing();
	else if (!strcmp(how, "divide"))
		divide();
	else if (!strcmp(how, "raise"))
		raise_own();
	else if (!strcmp(how, "abort"))
		abort();
}

int main(int argc, char **argv)
{
	void *frames[16];
	ULONG_PTR argument = 3;
	if (argc > 1) {
		die(argv[1]);
		return 99;
	}
	FACT(code_of(read_nothing) == EXCEPTION_ACCESS_VIOLATION);
	FACT(code_of(divide) == EXCEPTION_INT_DIVIDE_BY_ZERO);
	FACT(code_of(illegal) == EXCEPTION_ILLEGAL_INSTRUCTION);
	FACT(code_of(privileged) == EXCEPTION_PRIV_INSTRUCTION);
	FACT(code_of(raise_own) == 0xe0001234);
	FACT(code_of(nested) == 0xe0000001 && steps == 1 && order[0] == 1);
	FACT(commit_on_demand() == 5);
	void *handler = AddVectoredExceptionHandler(1, on_vectored);
	RaiseException(0xe0005678, 0, 1, &argument);
	RaiseException(0xe0005678, 0, 1, &argument);
	FACT(vectored == 6);
	FACT(RemoveVectoredExceptionHandler(handler) != 0 && RemoveVectoredExceptionHandler(handler) == 0);
	FACT(RtlCaptureStackBackTrace(0, 16, frames, NULL) >= 2);
	return failures;
}
