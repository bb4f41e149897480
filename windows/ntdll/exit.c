// SPDX-License-Identifier: MIT
/* Ends of threads and of the process, and where threads begin. */
#include "actctx.h"
#include "unwind.h"

typedef DWORD(WINAPI *thread_function)(LPVOID);
typedef void(NTAPI *base_thread_thunk)(DWORD reserved, thread_function function, void *argument);
typedef LONG(WINAPI *exception_filter)(EXCEPTION_POINTERS *);
base_thread_thunk kernel32_thread_thunk; /* BaseThreadInitThunk; set by the process start */
static exception_filter unhandled_filter;
extern void AmbosUserThread(thread_function function, void *argument);
EXCEPTION_DISPOSITION thread_exception(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher);

/* The outermost frame of every thread: its handler is where an exception that nobody took ends. */
__asm__(".text\n.globl AmbosUserThread\n.def AmbosUserThread; .scl 2; .type 32; .endef\n"
	".seh_proc AmbosUserThread\nAmbosUserThread:\n\tsubq $0x28, %rsp\n\t.seh_stackalloc 0x28\n\t.seh_endprologue\n"
	"\tcall thread_run\n\tnop\n\tint3\n\t.seh_handler thread_exception, @except\n\t.seh_handlerdata\n\t.text\n\t.seh_endproc\n");

void thread_run(thread_function function, void *argument);
void thread_run(thread_function function, void *argument)
{
	if (kernel32_thread_thunk)
		kernel32_thread_thunk(0, function, argument);
	RtlExitUserThread((NTSTATUS)function(argument));
}
/* First pass: the filter that kernelbase set decides. No second pass reaches this frame. */
EXCEPTION_DISPOSITION thread_exception(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher)
{
	EXCEPTION_POINTERS pointers = { record, context };
	LONG answer = EXCEPTION_CONTINUE_SEARCH;
	if (record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND))
		return ExceptionContinueSearch;
	if (unhandled_filter)
		answer = unhandled_filter(&pointers);
	if (answer == EXCEPTION_CONTINUE_EXECUTION)
		return ExceptionContinueExecution;
	exception_report(record);
	NtTerminateProcess(NtCurrentProcess(), (NTSTATUS)record->ExceptionCode);
	return ExceptionContinueSearch;
}
void NTAPI RtlSetUnhandledExceptionFilter(exception_filter filter);
void NTAPI RtlSetUnhandledExceptionFilter(exception_filter filter)
{
	unhandled_filter = filter;
}
/* Where the kernel enters a new thread. */
DECLSPEC_NORETURN void NTAPI AmbosThreadStart(thread_function function, void *argument);
DECLSPEC_NORETURN void NTAPI AmbosThreadStart(thread_function function, void *argument)
{
	NTSTATUS status = tls_thread_start();
	if (status)
		NtTerminateThread(NtCurrentThread(), status);
	current_teb()->ActivationContextStackPointer = &current_teb()->ActivationContextStack;
	PTEB teb = current_teb();
	teb->StaticUnicodeString = (UNICODE_STRING){ 0, sizeof(teb->StaticUnicodeBuffer), teb->StaticUnicodeBuffer };
	loader_lock();
	if (!process_detaching) {
		current_teb()->AmbosThreadAttached = 1;
		modules_thread_notify(DLL_THREAD_ATTACH);
	}
	loader_unlock();
	AmbosUserThread(function, argument);
	for (;;)
		NtTerminateThread(NtCurrentThread(), STATUS_SUCCESS);
}
void NTAPI LdrShutdownThread(void)
{
	if (process_detaching)
		return;
	fls_thread_end();
	contexts_thread_end();
	loader_lock();
	if (current_teb()->AmbosThreadAttached)
		modules_thread_notify(DLL_THREAD_DETACH);
	current_teb()->AmbosThreadAttached = 0;
	loader_unlock();
	tls_thread_end();
}
DECLSPEC_NORETURN void NTAPI RtlExitUserThread(NTSTATUS status)
{
	ULONG last = 0;
	NtQueryInformationThread(NtCurrentThread(), ThreadAmILastThread, &last, sizeof(last), NULL);
	if (last)
		RtlExitUserProcess(status);
	LdrShutdownThread();
	for (;;)
		NtTerminateThread(NtCurrentThread(), status);
}
void NTAPI LdrShutdownProcess(void)
{
	if (process_detaching)
		return;
	void *fls = current_teb()->FlsSlots;
	process_detaching = true;
	if (fls)
		fls_thread_end();
	modules_detach_all();
}
/* NtTerminateProcess(NULL) ends the other threads; the loader lock is ours whoever held it. */
DECLSPEC_NORETURN void NTAPI RtlExitUserProcess(NTSTATUS status)
{
	loader_lock();
	RtlAcquirePebLock();
	NtTerminateProcess(NULL, status);
	LdrShutdownProcess();
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), status);
}
