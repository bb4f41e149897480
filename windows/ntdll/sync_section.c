// SPDX-License-Identifier: MIT
/* Critical sections. LockCount is -1 when free, else the number of entries and waiters less one; a leaver with waiters
 * puts a token (1) into LockSemaphore, which one waiter takes. Upper DLLs write into DebugInfo, so it is allocated. */
#include <ntdll.h>

#define NO_DEBUG_INFO ((PRTL_CRITICAL_SECTION_DEBUG)~(ULONG_PTR)0)
#define SPIN_MASK 0x00ffffffu

static HANDLE own_thread(void) { return current_teb()->ClientId.UniqueThread; }
static volatile LONG *token_of(RTL_CRITICAL_SECTION *section) { return (volatile LONG *)&section->LockSemaphore; }

NTSTATUS NTAPI RtlInitializeCriticalSectionEx(RTL_CRITICAL_SECTION *section, ULONG spins, ULONG flags)
{
	section->DebugInfo = NO_DEBUG_INFO;
	if (!(flags & RTL_CRITICAL_SECTION_FLAG_NO_DEBUG_INFO) && current_peb()->ProcessHeap) {
		RTL_CRITICAL_SECTION_DEBUG *debug = heap_allocate_zeroed(sizeof(*debug));
		if (debug) {
			debug->CriticalSection = section;
			debug->ProcessLocksList.Flink = debug->ProcessLocksList.Blink = &debug->ProcessLocksList;
			section->DebugInfo = debug;
		}
	}
	section->LockCount = -1;
	section->RecursionCount = 0;
	section->OwningThread = NULL;
	section->LockSemaphore = NULL;
	section->SpinCount = current_peb()->NumberOfProcessors > 1 ? spins & SPIN_MASK : 0;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(RTL_CRITICAL_SECTION *section, ULONG spins);
NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(RTL_CRITICAL_SECTION *section, ULONG spins)
{
	return RtlInitializeCriticalSectionEx(section, spins, 0);
}
NTSTATUS NTAPI RtlInitializeCriticalSection(RTL_CRITICAL_SECTION *section)
{
	return RtlInitializeCriticalSectionEx(section, 0, 0);
}
ULONG NTAPI RtlSetCriticalSectionSpinCount(RTL_CRITICAL_SECTION *section, ULONG spins);
ULONG NTAPI RtlSetCriticalSectionSpinCount(RTL_CRITICAL_SECTION *section, ULONG spins)
{
	ULONG old = (ULONG)section->SpinCount;
	section->SpinCount = current_peb()->NumberOfProcessors > 1 ? spins & SPIN_MASK : 0;
	return old;
}
NTSTATUS NTAPI RtlDeleteCriticalSection(RTL_CRITICAL_SECTION *section)
{
	RTL_CRITICAL_SECTION_DEBUG *debug = section->DebugInfo;
	/* A non-zero spare word: the owner's static structure (EntryCount and ContentionCount lie in front of it). */
	if (debug && debug != NO_DEBUG_INFO && !*(const ULONG64 *)((const char *)debug + 0x28))
		heap_free(debug);
	section->DebugInfo = NULL;
	section->LockCount = -1;
	section->RecursionCount = 0;
	section->OwningThread = NULL;
	section->LockSemaphore = NULL;
	return STATUS_SUCCESS;
}
static void wait_for_token(RTL_CRITICAL_SECTION *section)
{
	volatile LONG *token = token_of(section);
	LONG none = 0;
	for (;;) {
		LONG one = 1;
		if (__atomic_compare_exchange_n(token, &one, 0, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		RtlWaitOnAddress((const void *)token, &none, sizeof(none), NULL);
	}
}
static bool try_free(RTL_CRITICAL_SECTION *section)
{
	LONG expected = -1;
	return __atomic_compare_exchange_n(&section->LockCount, &expected, 0, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}
NTSTATUS NTAPI RtlEnterCriticalSection(RTL_CRITICAL_SECTION *section)
{
	HANDLE self = own_thread();
	bool taken = try_free(section);
	if (!taken && section->OwningThread == self) {
		__atomic_add_fetch(&section->LockCount, 1, __ATOMIC_RELAXED);
		section->RecursionCount++;
		return STATUS_SUCCESS;
	}
	for (ULONG_PTR spins = section->SpinCount; !taken && spins; spins--) {
		__builtin_ia32_pause();
		taken = section->LockCount == -1 && try_free(section);
	}
	if (!taken && __atomic_add_fetch(&section->LockCount, 1, __ATOMIC_ACQUIRE))
		wait_for_token(section);
	section->OwningThread = self;
	section->RecursionCount = 1;
	return STATUS_SUCCESS;
}
BOOL NTAPI RtlTryEnterCriticalSection(RTL_CRITICAL_SECTION *section)
{
	if (try_free(section)) {
		section->OwningThread = own_thread();
		section->RecursionCount = 1;
		return TRUE;
	}
	if (section->OwningThread != own_thread())
		return FALSE;
	__atomic_add_fetch(&section->LockCount, 1, __ATOMIC_RELAXED);
	section->RecursionCount++;
	return TRUE;
}
NTSTATUS NTAPI RtlLeaveCriticalSection(RTL_CRITICAL_SECTION *section)
{
	LONG left = --section->RecursionCount;
	if (left > 0)
		__atomic_sub_fetch(&section->LockCount, 1, __ATOMIC_RELAXED);
	if (left) /* below 0: it was not held, and the next entry puts the count right */
		return STATUS_SUCCESS;
	section->OwningThread = NULL;
	if (__atomic_sub_fetch(&section->LockCount, 1, __ATOMIC_RELEASE) >= 0) {
		__atomic_store_n(token_of(section), 1, __ATOMIC_RELEASE);
		RtlWakeAddressSingle((const void *)token_of(section));
	}
	return STATUS_SUCCESS;
}
ULONG NTAPI RtlIsCriticalSectionLocked(RTL_CRITICAL_SECTION *section);
ULONG NTAPI RtlIsCriticalSectionLocked(RTL_CRITICAL_SECTION *section)
{
	return section->RecursionCount != 0;
}
ULONG NTAPI RtlIsCriticalSectionLockedByThread(RTL_CRITICAL_SECTION *section);
ULONG NTAPI RtlIsCriticalSectionLockedByThread(RTL_CRITICAL_SECTION *section)
{
	return section->OwningThread == own_thread() && section->RecursionCount;
}
