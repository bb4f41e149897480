// SPDX-License-Identifier: MIT
/* Small thread and processor questions, and the stack probe of the compilers. */
#include <ntdll.h>

ULONG NTAPI RtlGetThreadErrorMode(void);
ULONG NTAPI RtlGetThreadErrorMode(void)
{
	return current_teb()->HardErrorDisabled;
}
#define ERROR_MODES 0x70u /* critical errors, fault box, open-file box */
NTSTATUS NTAPI RtlSetThreadErrorMode(ULONG mode, ULONG *old);
NTSTATUS NTAPI RtlSetThreadErrorMode(ULONG mode, ULONG *old)
{
	if (mode & ~ERROR_MODES)
		return STATUS_INVALID_PARAMETER_1;
	if (old)
		*old = current_teb()->HardErrorDisabled;
	current_teb()->HardErrorDisabled = mode;
	return STATUS_SUCCESS;
}
#define SHARED_PROCESSOR_FEATURES 0x7ffe0274u
#define PROCESSOR_FEATURES 64u
BOOLEAN NTAPI RtlIsProcessorFeaturePresent(ULONG feature);
BOOLEAN NTAPI RtlIsProcessorFeaturePresent(ULONG feature)
{
	return feature < PROCESSOR_FEATURES && ((const volatile BYTE *)(ULONG_PTR)SHARED_PROCESSOR_FEATURES)[feature];
}
ULONG NTAPI NtGetCurrentProcessorNumber(void);
void NTAPI RtlGetCurrentProcessorNumberEx(PROCESSOR_NUMBER *number);
void NTAPI RtlGetCurrentProcessorNumberEx(PROCESSOR_NUMBER *number)
{
	*number = (PROCESSOR_NUMBER){ .Number = (BYTE)NtGetCurrentProcessorNumber() };
}
NTSTATUS NTAPI RtlWow64EnableFsRedirection(BOOLEAN enable);
NTSTATUS NTAPI RtlWow64EnableFsRedirection(BOOLEAN enable)
{
	return STATUS_NOT_IMPLEMENTED;
}
NTSTATUS NTAPI RtlWow64EnableFsRedirectionEx(ULONG disable, ULONG *old);
NTSTATUS NTAPI RtlWow64EnableFsRedirectionEx(ULONG disable, ULONG *old)
{
	return STATUS_NOT_IMPLEMENTED;
}
NTSTATUS NTAPI RtlWow64GetProcessMachines(HANDLE process, USHORT *current, USHORT *native);
NTSTATUS NTAPI RtlWow64GetProcessMachines(HANDLE process, USHORT *current, USHORT *native)
{
	*current = IMAGE_FILE_MACHINE_UNKNOWN; /* not a 32-bit process */
	if (native)
		*native = IMAGE_FILE_MACHINE_AMD64;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlWow64GetThreadContext(HANDLE thread, void *context);
NTSTATUS NTAPI RtlWow64GetThreadContext(HANDLE thread, void *context)
{
	return STATUS_INVALID_PARAMETER; /* no 32-bit thread exists */
}
NTSTATUS NTAPI RtlWow64SetThreadContext(HANDLE thread, const void *context);
NTSTATUS NTAPI RtlWow64SetThreadContext(HANDLE thread, const void *context)
{
	return STATUS_INVALID_PARAMETER;
}
/* rax: bytes of the frame. Touches each page from the stack pointer down, keeps all registers (r10, r11 for MSVC's form). */
__asm__(".text\n.globl __chkstk\n.globl ___chkstk_ms\n"
	".def __chkstk; .scl 2; .type 32; .endef\n.def ___chkstk_ms; .scl 2; .type 32; .endef\n"
	"__chkstk:\n___chkstk_ms:\n"
	"\tpushq %rcx\n\tpushq %rax\n\tcmpq $0x1000, %rax\n\tleaq 24(%rsp), %rcx\n\tjb 2f\n"
	"1:\tsubq $0x1000, %rcx\n\torb $0, (%rcx)\n\tsubq $0x1000, %rax\n\tcmpq $0x1000, %rax\n\tja 1b\n"
	"2:\tsubq %rax, %rcx\n\torb $0, (%rcx)\n\tpopq %rax\n\tpopq %rcx\n\tret\n");
