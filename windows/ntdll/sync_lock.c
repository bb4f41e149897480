// SPDX-License-Identifier: MIT
/* Slim reader-writer locks, condition variables, one-time initialisation, interlocked lists.
 * An SRW lock's word: bits 0-15 owners (OWNED_EXCLUSIVE or readers), 16-31 waiting writers, 32-63 waiting readers. New readers
 * let waiting writers pass. */
#include <ntdll.h>

#define OWNERS 0xffffull
#define OWNED_EXCLUSIVE 0xffffull
#define WRITER_WAITS (1ull << 16)
#define WRITERS (0xffffull << 16)
#define READER_WAITS (1ull << 32)

static volatile ULONG64 *word_of(void *lock) { return (volatile ULONG64 *)lock; }
static bool swap(volatile ULONG64 *word, ULONG64 *expected, ULONG64 wanted)
{
	return __atomic_compare_exchange_n(word, expected, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
void NTAPI RtlInitializeSRWLock(RTL_SRWLOCK *lock);
void NTAPI RtlInitializeSRWLock(RTL_SRWLOCK *lock)
{
	lock->Ptr = NULL;
}
BOOLEAN NTAPI RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *lock);
BOOLEAN NTAPI RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	ULONG64 state = *word;
	while (!(state & OWNERS))
		if (swap(word, &state, state | OWNED_EXCLUSIVE))
			return TRUE;
	return FALSE;
}
void NTAPI RtlAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	ULONG64 state = 0;
	if (swap(word, &state, OWNED_EXCLUSIVE))
		return;
	state = __atomic_add_fetch(word, WRITER_WAITS, __ATOMIC_ACQ_REL);
	for (;;) {
		if (!(state & OWNERS)) {
			if (swap(word, &state, (state - WRITER_WAITS) | OWNED_EXCLUSIVE))
				return;
			continue;
		}
		RtlWaitOnAddress((const void *)word, &state, sizeof(state), NULL);
		state = *word;
	}
}
static bool reader_may_enter(ULONG64 state)
{
	return (state & OWNERS) < OWNED_EXCLUSIVE - 1 && !(state & WRITERS);
}
BOOLEAN NTAPI RtlTryAcquireSRWLockShared(RTL_SRWLOCK *lock);
BOOLEAN NTAPI RtlTryAcquireSRWLockShared(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	ULONG64 state = *word;
	while (reader_may_enter(state))
		if (swap(word, &state, state + 1))
			return TRUE;
	return FALSE;
}
void NTAPI RtlAcquireSRWLockShared(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	if (RtlTryAcquireSRWLockShared(lock))
		return;
	ULONG64 state = __atomic_add_fetch(word, READER_WAITS, __ATOMIC_ACQ_REL);
	for (;;) {
		if (reader_may_enter(state)) {
			if (swap(word, &state, state - READER_WAITS + 1))
				return;
			continue;
		}
		RtlWaitOnAddress((const void *)word, &state, sizeof(state), NULL);
		state = *word;
	}
}
static void released(volatile ULONG64 *word, ULONG64 state)
{
	if (!(state & OWNERS) && (state & ~OWNERS))
		RtlWakeAddressAll((const void *)word);
}
void NTAPI RtlReleaseSRWLockExclusive(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	released(word, __atomic_sub_fetch(word, OWNED_EXCLUSIVE, __ATOMIC_ACQ_REL));
}
void NTAPI RtlReleaseSRWLockShared(RTL_SRWLOCK *lock)
{
	volatile ULONG64 *word = word_of(lock);
	released(word, __atomic_sub_fetch(word, 1, __ATOMIC_ACQ_REL));
}

/* A condition variable is a counter of wakes. */
void NTAPI RtlInitializeConditionVariable(RTL_CONDITION_VARIABLE *variable);
void NTAPI RtlInitializeConditionVariable(RTL_CONDITION_VARIABLE *variable)
{
	variable->Ptr = NULL;
}
void NTAPI RtlWakeConditionVariable(RTL_CONDITION_VARIABLE *variable);
void NTAPI RtlWakeConditionVariable(RTL_CONDITION_VARIABLE *variable)
{
	__atomic_add_fetch((ULONG *)&variable->Ptr, 1, __ATOMIC_ACQ_REL);
	RtlWakeAddressSingle(variable);
}
void NTAPI RtlWakeAllConditionVariable(RTL_CONDITION_VARIABLE *variable);
void NTAPI RtlWakeAllConditionVariable(RTL_CONDITION_VARIABLE *variable)
{
	__atomic_add_fetch((ULONG *)&variable->Ptr, 1, __ATOMIC_ACQ_REL);
	RtlWakeAddressAll(variable);
}
NTSTATUS NTAPI RtlSleepConditionVariableCS(RTL_CONDITION_VARIABLE *variable, RTL_CRITICAL_SECTION *section, const LARGE_INTEGER *timeout);
NTSTATUS NTAPI RtlSleepConditionVariableCS(RTL_CONDITION_VARIABLE *variable, RTL_CRITICAL_SECTION *section, const LARGE_INTEGER *timeout)
{
	ULONG seen = *(volatile ULONG *)&variable->Ptr;
	RtlLeaveCriticalSection(section);
	NTSTATUS status = RtlWaitOnAddress(variable, &seen, sizeof(seen), timeout);
	RtlEnterCriticalSection(section);
	return status;
}
NTSTATUS NTAPI RtlSleepConditionVariableSRW(RTL_CONDITION_VARIABLE *variable, RTL_SRWLOCK *lock, const LARGE_INTEGER *timeout, ULONG flags);
NTSTATUS NTAPI RtlSleepConditionVariableSRW(RTL_CONDITION_VARIABLE *variable, RTL_SRWLOCK *lock, const LARGE_INTEGER *timeout, ULONG flags)
{
	bool shared = flags & CONDITION_VARIABLE_LOCKMODE_SHARED;
	ULONG seen = *(volatile ULONG *)&variable->Ptr;
	if (shared)
		RtlReleaseSRWLockShared(lock);
	else
		RtlReleaseSRWLockExclusive(lock);
	NTSTATUS status = RtlWaitOnAddress(variable, &seen, sizeof(seen), timeout);
	if (shared)
		RtlAcquireSRWLockShared(lock);
	else
		RtlAcquireSRWLockExclusive(lock);
	return status;
}

/* One-time initialisation: low bits of the word say the state, the rest is the context. */
enum { ONCE_NONE, ONCE_RUNNING, ONCE_DONE, ONCE_RUNNING_ASYNC, ONCE_BITS = 3 };
#define ONCE_CHECK_ONLY 1u
#define ONCE_ASYNC 2u
#define ONCE_FAILED 4u
typedef ULONG(CALLBACK *once_function)(RTL_RUN_ONCE *, PVOID, PVOID *);
void NTAPI RtlRunOnceInitialize(RTL_RUN_ONCE *once);
void NTAPI RtlRunOnceInitialize(RTL_RUN_ONCE *once)
{
	once->Ptr = NULL;
}
ULONG NTAPI RtlRunOnceBeginInitialize(RTL_RUN_ONCE *once, ULONG flags, PVOID *context);
ULONG NTAPI RtlRunOnceBeginInitialize(RTL_RUN_ONCE *once, ULONG flags, PVOID *context)
{
	volatile ULONG64 *word = word_of(once);
	if (flags & ONCE_CHECK_ONLY) {
		ULONG64 state = *word;
		if (flags & ONCE_ASYNC)
			return (ULONG)STATUS_INVALID_PARAMETER;
		if ((state & ONCE_BITS) != ONCE_DONE)
			return (ULONG)STATUS_UNSUCCESSFUL;
		if (context)
			*context = (PVOID)(state & ~(ULONG64)ONCE_BITS);
		return STATUS_SUCCESS;
	}
	for (;;) {
		ULONG64 state = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		switch (state & ONCE_BITS) {
		case ONCE_NONE:
			if (swap(word, &state, flags & ONCE_ASYNC ? ONCE_RUNNING_ASYNC : ONCE_RUNNING))
				return STATUS_PENDING;
			break;
		case ONCE_RUNNING:
			if (flags & ONCE_ASYNC)
				return (ULONG)STATUS_INVALID_PARAMETER;
			RtlWaitOnAddress((const void *)word, &state, sizeof(state), NULL);
			break;
		case ONCE_RUNNING_ASYNC:
			return flags & ONCE_ASYNC ? STATUS_PENDING : (ULONG)STATUS_INVALID_PARAMETER;
		default:
			if (context)
				*context = (PVOID)(state & ~(ULONG64)ONCE_BITS);
			return STATUS_SUCCESS;
		}
	}
}
DWORD NTAPI RtlRunOnceComplete(RTL_RUN_ONCE *once, ULONG flags, PVOID context);
DWORD NTAPI RtlRunOnceComplete(RTL_RUN_ONCE *once, ULONG flags, PVOID context)
{
	volatile ULONG64 *word = word_of(once);
	if (((ULONG_PTR)context & ONCE_BITS) || ((flags & ONCE_FAILED) && (context || (flags & ONCE_ASYNC))))
		return (DWORD)STATUS_INVALID_PARAMETER;
	ULONG64 wanted = flags & ONCE_FAILED ? ONCE_NONE : (ULONG_PTR)context | ONCE_DONE, state = *word;
	for (;;) {
		if ((state & ONCE_BITS) == ONCE_NONE || (state & ONCE_BITS) == ONCE_DONE)
			return (DWORD)STATUS_UNSUCCESSFUL;
		if (!(flags & ONCE_ASYNC) != ((state & ONCE_BITS) == ONCE_RUNNING))
			return (DWORD)STATUS_INVALID_PARAMETER;
		if (swap(word, &state, wanted))
			break;
	}
	RtlWakeAddressAll((const void *)word);
	return STATUS_SUCCESS;
}
DWORD NTAPI RtlRunOnceExecuteOnce(RTL_RUN_ONCE *once, once_function function, PVOID parameter, PVOID *context);
DWORD NTAPI RtlRunOnceExecuteOnce(RTL_RUN_ONCE *once, once_function function, PVOID parameter, PVOID *context)
{
	PVOID unwanted = NULL;
	DWORD status = RtlRunOnceBeginInitialize(once, 0, context);
	if (status != STATUS_PENDING)
		return status;
	if (!context)
		context = &unwanted;
	if (!function(once, parameter, context)) {
		RtlRunOnceComplete(once, ONCE_FAILED, NULL);
		return (DWORD)STATUS_UNSUCCESSFUL;
	}
	return RtlRunOnceComplete(once, 0, *context);
}
