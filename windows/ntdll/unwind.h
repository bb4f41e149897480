/* SPDX-License-Identifier: MIT */
/* Exceptions and unwinding on x64: what unwind*.c and exception*.c share. Formats: MSDN, "x64 exception handling". */
#ifndef AMBOS_WINDOWS_UNWIND_H
#define AMBOS_WINDOWS_UNWIND_H

#include <ntdll.h>

#ifndef EXCEPTION_NESTED_CALL
#define EXCEPTION_NESTED_CALL 0x10
#endif
#ifndef EXCEPTION_TARGET_UNWIND
#define EXCEPTION_TARGET_UNWIND 0x20
#endif
#ifndef EXCEPTION_COLLIDED_UNWIND
#define EXCEPTION_COLLIDED_UNWIND 0x40
#endif
#ifndef EXCEPTION_STACK_INVALID
#define EXCEPTION_STACK_INVALID 0x8
#endif
#define HANDLER_NONE 0u
#define HANDLER_EXCEPTION 1u
#define HANDLER_UNWIND 2u
#define HANDLER_CHAINED 4u
#ifndef STATUS_UNWIND_CONSOLIDATE
#define STATUS_UNWIND_CONSOLIDATE ((NTSTATUS)0x80000029)
#endif
#ifndef STATUS_LONGJUMP
#define STATUS_LONGJUMP ((NTSTATUS)0x80000026)
#endif

PRUNTIME_FUNCTION NTAPI RtlLookupFunctionEntry(DWORD64, PDWORD64, PUNWIND_HISTORY_TABLE);
PEXCEPTION_ROUTINE NTAPI RtlVirtualUnwind(DWORD, DWORD64, DWORD64, PRUNTIME_FUNCTION, PCONTEXT, PVOID *, PDWORD64,
	PKNONVOLATILE_CONTEXT_POINTERS);
void NTAPI RtlCaptureContext(PCONTEXT);
DECLSPEC_NORETURN void CDECL RtlRestoreContext(PCONTEXT, EXCEPTION_RECORD *);
void NTAPI RtlUnwindEx(PVOID, PVOID, EXCEPTION_RECORD *, PVOID, PCONTEXT, PUNWIND_HISTORY_TABLE);
void NTAPI RtlUnwind(PVOID, PVOID, EXCEPTION_RECORD *, PVOID);
BOOLEAN NTAPI RtlDispatchException(EXCEPTION_RECORD *, CONTEXT *);
void NTAPI RtlRaiseException(EXCEPTION_RECORD *);
DECLSPEC_NORETURN void NTAPI RtlRaiseStatus(NTSTATUS);
PVOID NTAPI RtlPcToFileHeader(PVOID, PVOID *);
EXCEPTION_DISPOSITION __cdecl __C_specific_handler(EXCEPTION_RECORD *, void *, CONTEXT *, DISPATCHER_CONTEXT *);

/* One frame up: the caller of the frame in `context`. False: no further frame. */
bool unwind_step(CONTEXT *context);
bool stack_holds(ULONG64 frame);
/* Wine's DLLs register their __TRY blocks in a list at Tib.ExceptionList (their compiler has no SEH), by address on the
 * stack: such a record belongs to the frame that holds it. */
typedef EXCEPTION_REGISTRATION_RECORD registration;
static inline bool registration_below(const registration *r, ULONG64 limit) { return stack_holds((ULONG64)r) && (ULONG64)r < limit; }
/* One line on standard error: which exception, where (module+offset). */
void exception_report(const EXCEPTION_RECORD *record);

#endif
