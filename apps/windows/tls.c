// SPDX-License-Identifier: MIT
/* Thread-local storage: the compiler's slots and TLS callbacks of the image, TlsAlloc beyond 64 slots, FLS callbacks. */
#include "expect.h"

static LONG attached, detached, fls_calls;

static void NTAPI on_tls(PVOID module, DWORD reason, PVOID reserved)
{
	if (reason == DLL_THREAD_ATTACH)
		InterlockedIncrement(&attached);
	if (reason == DLL_THREAD_DETACH)
		InterlockedIncrement(&detached);
}

/* The loader calls what stands between .CRT$XLA and .CRT$XLZ. */
__attribute__((section(".CRT$XLF"), used)) static PIMAGE_TLS_CALLBACK callback = on_tls;

static DWORD early, late[100], fls;

static void NTAPI on_fls(PVOID value)
{
	if (value)
		InterlockedIncrement(&fls_calls);
}

static DWORD WINAPI thread(LPVOID argument)
{
	ULONG_PTR id = (ULONG_PTR)argument;
	int good = TlsGetValue(early) == NULL && TlsGetValue(late[99]) == NULL;
	TlsSetValue(early, (PVOID)id);
	TlsSetValue(late[99], (PVOID)(id + 1));
	FlsSetValue(fls, (PVOID)id);
	Sleep(10);
	return good && TlsGetValue(early) == (PVOID)id && TlsGetValue(late[99]) == (PVOID)(id + 1) && FlsGetValue(fls) == (PVOID)id;
}

int main(void)
{
	enum { THREADS = 8 };
	HANDLE threads[THREADS];
	DWORD code, sum = 0;
	early = TlsAlloc();
	FACT(early != TLS_OUT_OF_INDEXES);
	for (int i = 0; i < 100; i++)
		late[i] = TlsAlloc();
	FACT(late[99] != TLS_OUT_OF_INDEXES && late[99] >= 64);
	fls = FlsAlloc(on_fls);
	FACT(fls != FLS_OUT_OF_INDEXES);
	TlsSetValue(early, (PVOID)77);
	for (ULONG_PTR i = 0; i < THREADS; i++)
		threads[i] = CreateThread(NULL, 0, thread, (PVOID)(i + 1), 0, NULL);
	FACT(WaitForMultipleObjects(THREADS, threads, TRUE, 20000) == WAIT_OBJECT_0);
	for (int i = 0; i < THREADS; i++) {
		GetExitCodeThread(threads[i], &code);
		sum += code;
		CloseHandle(threads[i]);
	}
	FACT(sum == THREADS);
	FACT(attached == THREADS && detached == THREADS);
	FACT(fls_calls == THREADS);
	FACT(TlsGetValue(early) == (PVOID)77);
	FACT(TlsFree(late[99]) && !TlsFree(late[99]) && GetLastError() == ERROR_INVALID_PARAMETER);
	FACT(FlsFree(fls));
	return failures;
}
