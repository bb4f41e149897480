/* SPDX-License-Identifier: MIT */
/* Prototypes of ntdll functions that mingw's headers lack and that more than one of our files calls. */
#ifndef AMBOS_WINDOWS_CALLS_H
#define AMBOS_WINDOWS_CALLS_H

typedef void(NTAPI *PAMBOS_APC_ROUTINE)(ULONG_PTR, ULONG_PTR, ULONG_PTR);

/* Calls of abi/nt/syscalls.def. */
NTSTATUS NTAPI NtReadFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtWriteFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, const void *, ULONG, PLARGE_INTEGER, PULONG);
NTSTATUS NTAPI NtQueryAttributesFile(const OBJECT_ATTRIBUTES *, FILE_BASIC_INFORMATION *);
NTSTATUS NTAPI NtQueryFullAttributesFile(const OBJECT_ATTRIBUTES *, FILE_NETWORK_OPEN_INFORMATION *);
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE, PVOID *, ULONG_PTR, SIZE_T *, ULONG, ULONG);
NTSTATUS NTAPI NtFreeVirtualMemory(HANDLE, PVOID *, SIZE_T *, ULONG);
NTSTATUS NTAPI NtProtectVirtualMemory(HANDLE, PVOID *, SIZE_T *, ULONG, PULONG);
NTSTATUS NTAPI NtReadVirtualMemory(HANDLE, const void *, PVOID, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtWriteVirtualMemory(HANDLE, PVOID, const void *, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtQueryVirtualMemory(HANDLE, const void *, ULONG, PVOID, SIZE_T, SIZE_T *);
NTSTATUS NTAPI CallQueryVirtualMemory(HANDLE, const void *, ULONG, PVOID, SIZE_T, SIZE_T *); /* the call itself */
NTSTATUS NTAPI CallQuerySystemInformation(ULONG, PVOID, ULONG, PULONG); /* the call itself */
NTSTATUS NTAPI NtCreateSection(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, const LARGE_INTEGER *, ULONG, ULONG, HANDLE);
NTSTATUS NTAPI NtOpenSection(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtQuerySection(HANDLE, ULONG, PVOID, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, PVOID *, ULONG_PTR, SIZE_T, const LARGE_INTEGER *, SIZE_T *, ULONG, ULONG, ULONG);
NTSTATUS NTAPI NtUnmapViewOfSection(HANDLE, PVOID);
NTSTATUS NTAPI NtTerminateProcess(HANDLE, NTSTATUS);
NTSTATUS NTAPI NtTerminateThread(HANDLE, NTSTATUS);
NTSTATUS NTAPI NtSuspendThread(HANDLE, PULONG);
NTSTATUS NTAPI NtResumeThread(HANDLE, PULONG);
NTSTATUS NTAPI NtGetContextThread(HANDLE, CONTEXT *);
NTSTATUS NTAPI NtSetContextThread(HANDLE, const CONTEXT *);
NTSTATUS NTAPI NtContinue(CONTEXT *, BOOLEAN);
NTSTATUS NTAPI NtRaiseException(EXCEPTION_RECORD *, CONTEXT *, BOOL);
NTSTATUS NTAPI NtDelayExecution(BOOLEAN, const LARGE_INTEGER *);
NTSTATUS NTAPI NtYieldExecution(void);
NTSTATUS NTAPI NtWaitForMultipleObjects(ULONG, const HANDLE *, BOOLEAN, BOOLEAN, const LARGE_INTEGER *);
NTSTATUS NTAPI NtWaitForAlertByThreadId(const void *, const LARGE_INTEGER *);
NTSTATUS NTAPI NtAlertThreadByThreadId(HANDLE);
NTSTATUS NTAPI NtCreateThreadEx(PHANDLE, ACCESS_MASK, OBJECT_ATTRIBUTES *, HANDLE, PVOID, PVOID, ULONG, ULONG_PTR, SIZE_T, SIZE_T, PVOID);
NTSTATUS NTAPI NtSetInformationThread(HANDLE, THREADINFOCLASS, const void *, ULONG);
NTSTATUS NTAPI NtCreateEvent(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG, BOOLEAN);
NTSTATUS NTAPI NtSetEvent(HANDLE, PLONG);
NTSTATUS NTAPI NtResetEvent(HANDLE, PLONG);
NTSTATUS NTAPI NtCreateSemaphore(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, LONG, LONG);
NTSTATUS NTAPI NtReleaseSemaphore(HANDLE, ULONG, PULONG);
NTSTATUS NTAPI NtReleaseMutant(HANDLE, PLONG);
NTSTATUS NTAPI NtQueryPerformanceCounter(PLARGE_INTEGER, PLARGE_INTEGER);
NTSTATUS NTAPI NtDuplicateObject(HANDLE, HANDLE, HANDLE, PHANDLE, ACCESS_MASK, ULONG, ULONG);
NTSTATUS NTAPI NtOpenKey(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtOpenKeyEx(PHANDLE, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG);
NTSTATUS NTAPI NtQueryValueKey(HANDLE, const UNICODE_STRING *, ULONG, void *, ULONG, ULONG *);
NTSTATUS NTAPI NtAmbosMissing(const char *text, SIZE_T bytes); /* one line for the log; returns */
NTSTATUS NTAPI NtAmbosCreateProcess(PVOID, PVOID, PVOID);
NTSTATUS NTAPI NtAmbosImageSection(PVOID, PVOID, PVOID, PVOID);

/* Heap (heap.c). */
PVOID NTAPI RtlReAllocateHeap(HANDLE, ULONG, PVOID, SIZE_T);
BOOLEAN NTAPI RtlFreeHeap(HANDLE, ULONG, PVOID);
HANDLE NTAPI RtlDestroyHeap(HANDLE);
SIZE_T NTAPI RtlSizeHeap(HANDLE, ULONG, const void *);
/* On the process heap. */
static inline void *heap_allocate(SIZE_T bytes) { return RtlAllocateHeap(current_peb()->ProcessHeap, 0, bytes); }
static inline void *heap_allocate_zeroed(SIZE_T bytes) { return RtlAllocateHeap(current_peb()->ProcessHeap, HEAP_ZERO_MEMORY, bytes); }
static inline void heap_free(void *block) { RtlFreeHeap(current_peb()->ProcessHeap, 0, block); }

/* C library part. */
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
size_t wcslen(const WCHAR *);
WCHAR *wcschr(const WCHAR *, WCHAR);
WCHAR *wcsrchr(const WCHAR *, WCHAR);
WCHAR *wcscpy(WCHAR *, const WCHAR *);
int wcscmp(const WCHAR *, const WCHAR *);
int _wcsicmp(const WCHAR *, const WCHAR *);
int _wcsnicmp(const WCHAR *, const WCHAR *, size_t);
int __cdecl _vsnprintf(char *, size_t, const char *, va_list);

/* Strings. */
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING, PCWSTR);
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING, PCWSTR);
NTSTATUS NTAPI RtlDuplicateUnicodeString(ULONG, const UNICODE_STRING *, UNICODE_STRING *);
NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING, PCWSTR);
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING, PCUNICODE_STRING);
BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING, PCUNICODE_STRING, BOOLEAN);
LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING, PCUNICODE_STRING, BOOLEAN);
LONG NTAPI RtlCompareUnicodeStrings(const WCHAR *, SIZE_T, const WCHAR *, SIZE_T, BOOLEAN);
WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR);
WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR);
NTSTATUS NTAPI RtlUnicodeToMultiByteN(LPSTR, DWORD, LPDWORD, LPCWSTR, DWORD);
NTSTATUS NTAPI RtlMultiByteToUnicodeN(LPWSTR, DWORD, LPDWORD, LPCSTR, DWORD);
NTSTATUS NTAPI RtlUnicodeToUTF8N(LPSTR, DWORD, LPDWORD, LPCWSTR, DWORD);
NTSTATUS NTAPI RtlUTF8ToUnicodeN(LPWSTR, DWORD, LPDWORD, LPCSTR, DWORD);
/* Called once by the process start when the PEB has its code page pointers (rtl_nls.c). */
void nls_start(void);

/* Bitmaps. */
void NTAPI RtlInitializeBitMap(PRTL_BITMAP, PULONG, ULONG);
ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP, ULONG, ULONG);
BOOLEAN NTAPI RtlAreBitsSet(PCRTL_BITMAP, ULONG, ULONG);
void NTAPI RtlSetBits(PRTL_BITMAP, ULONG, ULONG);
void NTAPI RtlClearBits(PRTL_BITMAP, ULONG, ULONG);

/* Locks (sync). */
NTSTATUS NTAPI RtlInitializeCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlInitializeCriticalSectionEx(RTL_CRITICAL_SECTION *, ULONG, ULONG);
NTSTATUS NTAPI RtlDeleteCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlEnterCriticalSection(RTL_CRITICAL_SECTION *);
BOOL NTAPI RtlTryEnterCriticalSection(RTL_CRITICAL_SECTION *);
NTSTATUS NTAPI RtlLeaveCriticalSection(RTL_CRITICAL_SECTION *);
void NTAPI RtlAcquireSRWLockExclusive(RTL_SRWLOCK *);
void NTAPI RtlReleaseSRWLockExclusive(RTL_SRWLOCK *);
void NTAPI RtlAcquireSRWLockShared(RTL_SRWLOCK *);
void NTAPI RtlReleaseSRWLockShared(RTL_SRWLOCK *);
NTSTATUS NTAPI RtlWaitOnAddress(const void *, const void *, SIZE_T, const LARGE_INTEGER *);
void NTAPI RtlWakeAddressAll(const void *);
void NTAPI RtlWakeAddressSingle(const void *);

/* Exceptions (exception.c, unwind.c). */
void NTAPI RtlRaiseStatus(NTSTATUS);
NTSTATUS NTAPI RtlRaiseException_status(EXCEPTION_RECORD *);

/* Threads, TLS, exit (start.c, tls.c, exit.c). */
void NTAPI LdrShutdownThread(void);
void NTAPI LdrShutdownProcess(void);
DECLSPEC_NORETURN void NTAPI RtlExitUserProcess(NTSTATUS);
DECLSPEC_NORETURN void NTAPI RtlExitUserThread(NTSTATUS);
NTSTATUS NTAPI RtlFlsGetValue(ULONG, PVOID *);

/* Loader (ldr_*.c). */
NTSTATUS NTAPI LdrLoadDll(const WCHAR *path, ULONG *flags, const UNICODE_STRING *name, HMODULE *module);
NTSTATUS NTAPI LdrUnloadDll(HMODULE);
NTSTATUS NTAPI LdrGetProcedureAddress(HMODULE, const ANSI_STRING *, ULONG, PVOID *);
NTSTATUS NTAPI LdrGetDllHandleEx(ULONG, const WCHAR *, ULONG *, const UNICODE_STRING *, HMODULE *);
NTSTATUS NTAPI LdrGetDllFullName(HMODULE, UNICODE_STRING *);
NTSTATUS NTAPI LdrFindEntryForAddress(const void *, PLDR_DATA_TABLE_ENTRY *);
NTSTATUS NTAPI LdrLockLoaderLock(ULONG, ULONG *, ULONG_PTR *);
NTSTATUS NTAPI LdrUnlockLoaderLock(ULONG, ULONG_PTR);
PIMAGE_NT_HEADERS NTAPI RtlImageNtHeader(HMODULE);
PVOID NTAPI RtlImageDirectoryEntryToData(HMODULE, BOOLEAN, WORD, ULONG *);
PIMAGE_SECTION_HEADER NTAPI RtlSectionTableFromVirtualAddress(const IMAGE_NT_HEADERS *, PVOID, ULONG);
PVOID NTAPI RtlAddressInSectionTable(const IMAGE_NT_HEADERS *, PVOID, ULONG);
PIMAGE_SECTION_HEADER NTAPI RtlImageRvaToSection(const IMAGE_NT_HEADERS *, HMODULE, DWORD);
PVOID NTAPI RtlImageRvaToVa(const IMAGE_NT_HEADERS *, HMODULE, DWORD, IMAGE_SECTION_HEADER **);
PVOID NTAPI RtlPcToFileHeader(PVOID, PVOID *);
NTSTATUS NTAPI LdrFindResource_U(HMODULE, const void *, ULONG, const IMAGE_RESOURCE_DATA_ENTRY **);
NTSTATUS NTAPI LdrAccessResource(HMODULE, const IMAGE_RESOURCE_DATA_ENTRY *, void **, ULONG *);

NTSTATUS NTAPI LdrGetDllPath(PCWSTR module, ULONG flags, PWSTR *path, PWSTR *unknown);
void NTAPI RtlReleasePath(PWSTR path);

/* Paths, environment, parameters (path.c, environment.c, parameters.c). */
BOOLEAN NTAPI RtlDosPathNameToNtPathName_U(PCWSTR, PUNICODE_STRING, PWSTR *, CURDIR *);
NTSTATUS NTAPI RtlDosPathNameToNtPathName_U_WithStatus(PCWSTR, PUNICODE_STRING, PWSTR *, CURDIR *);
ULONG NTAPI RtlGetFullPathName_U(PCWSTR, ULONG, PWSTR, PWSTR *);
ULONG NTAPI RtlDosSearchPath_U(PCWSTR, PCWSTR, PCWSTR, ULONG, PWSTR, PWSTR *);
ULONG NTAPI RtlIsDosDeviceName_U(PCWSTR);
ULONG NTAPI RtlGetCurrentDirectory_U(ULONG, PWSTR);
NTSTATUS NTAPI RtlQueryEnvironmentVariable_U(PWSTR, PUNICODE_STRING, PUNICODE_STRING);
PRTL_USER_PROCESS_PARAMETERS NTAPI RtlNormalizeProcessParams(RTL_USER_PROCESS_PARAMETERS *);
void NTAPI RtlAcquirePebLock(void);
void NTAPI RtlReleasePebLock(void);
void NTAPI RtlSetLastWin32Error(ULONG);

#endif
