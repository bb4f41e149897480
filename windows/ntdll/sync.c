// SPDX-License-Identifier: MIT
/* WaitOnAddress, critical sections, SRW locks, condition variables, RunOnce. The kernel only alerts threads by id; who
 * waits where is a table of lists here. Fast paths are one interlocked instruction.
 * Semantics: MSDN, "Synchronization Functions". */
#include "sync.h"

NTSTATUS NTAPI NtQuerySystemTime(PLARGE_INTEGER);

/* ---- the table of waiting threads ---- */
#define BUCKETS 64u
struct waiter {
	struct waiter *next, *previous;
	const volatile void *key;
	HANDLE thread;
	volatile LONG woken;
};
struct bucket { volatile LONG lock; struct waiter *first, *last; };
static struct bucket buckets[BUCKETS];

static struct bucket *bucket_of(const volatile void *key) { return &buckets[((uintptr_t)key >> 2 ^ (uintptr_t)key >> 12) % BUCKETS]; }

static void bucket_lock(struct bucket *b)
{
	for (unsigned spins = 0; __atomic_exchange_n(&b->lock, 1, __ATOMIC_ACQUIRE); spins++) {
		if (spins % 64 == 63)
			NtYieldExecution();
		__builtin_ia32_pause();
	}
}

static void bucket_unlock(struct bucket *b) { __atomic_store_n(&b->lock, 0, __ATOMIC_RELEASE); }

static void unlink_waiter(struct bucket *b, struct waiter *w)
{
	*(w->previous ? &w->previous->next : &b->first) = w->next;
	*(w->next ? &w->next->previous : &b->last) = w->previous;
}

static void link_waiter(struct bucket *b, struct waiter *w)
{
	w->next = NULL;
	w->previous = b->last;
	*(b->last ? &b->last->next : &b->first) = w;
	b->last = w;
}

const LARGE_INTEGER *deadline_fix(const LARGE_INTEGER *timeout, LARGE_INTEGER *store)
{
	LARGE_INTEGER now;
	if (!timeout || timeout->QuadPart >= 0)
		return timeout;
	if (timeout->QuadPart == INT64_MIN)
		return NULL;
	NtQuerySystemTime(&now);
	store->QuadPart = now.QuadPart - timeout->QuadPart;
	return store;
}

static NTSTATUS wait_linked(struct bucket *b, struct waiter *w, const LARGE_INTEGER *timeout)
{
	LARGE_INTEGER store;
	const LARGE_INTEGER *deadline = deadline_fix(timeout, &store);
	NTSTATUS status = STATUS_SUCCESS;
	while (!__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE) && status != STATUS_TIMEOUT)
		status = NtWaitForAlertByThreadId((const void *)w->key, deadline);
	if (__atomic_load_n(&w->woken, __ATOMIC_ACQUIRE))
		return STATUS_SUCCESS;
	bucket_lock(b);
	bool late = w->woken;
	if (!late)
		unlink_waiter(b, w);
	bucket_unlock(b);
	return late ? STATUS_SUCCESS : STATUS_TIMEOUT;
}

NTSTATUS address_wait(const volatile void *key, const volatile LONG *value, LONG compare, const LARGE_INTEGER *timeout)
{
	struct bucket *b = bucket_of(key);
	struct waiter w = { .key = key, .thread = current_teb()->ClientId.UniqueThread };
	bucket_lock(b);
	if (__atomic_load_n(value, __ATOMIC_SEQ_CST) != compare) {
		bucket_unlock(b);
		return STATUS_SUCCESS;
	}
	link_waiter(b, &w);
	bucket_unlock(b);
	return wait_linked(b, &w, timeout);
}

#define WAKE_BATCH 32u
void address_wake(const volatile void *key, bool all)
{
	struct bucket *b = bucket_of(key);
	HANDLE threads[WAKE_BATCH];
	unsigned count;
	do {
		count = 0;
		bucket_lock(b);
		for (struct waiter *w = b->first, *next; w && count < (all ? WAKE_BATCH : 1); w = next) {
			next = w->next;
			if (w->key != key)
				continue;
			unlink_waiter(b, w);
			threads[count++] = w->thread;
			__atomic_store_n(&w->woken, 1, __ATOMIC_RELEASE); /* from here its stack may be gone */
		}
		bucket_unlock(b);
		for (unsigned i = 0; i < count; i++)
			NtAlertThreadByThreadId(threads[i]);
	} while (count == WAKE_BATCH);
}

static bool differs(const void *address, const void *compare, SIZE_T size)
{
	switch (size) {
	case 1: return *(const volatile uint8_t *)address != *(const uint8_t *)compare;
	case 2: return *(const volatile uint16_t *)address != *(const uint16_t *)compare;
	case 4: return *(const volatile uint32_t *)address != *(const uint32_t *)compare;
	default: return *(const volatile uint64_t *)address != *(const uint64_t *)compare;
	}
}

NTSTATUS NTAPI RtlWaitOnAddress(const void *address, const void *compare, SIZE_T size, const LARGE_INTEGER *timeout)
{
	struct bucket *b = bucket_of(address);
	struct waiter w = { .key = address, .thread = current_teb()->ClientId.UniqueThread };
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return STATUS_INVALID_PARAMETER;
	bucket_lock(b);
	if (differs(address, compare, size)) {
		bucket_unlock(b);
		return STATUS_SUCCESS;
	}
	link_waiter(b, &w);
	bucket_unlock(b);
	return wait_linked(b, &w, timeout);
}
void NTAPI RtlWakeAddressAll(const void *address) { if (address) address_wake(address, true); }
void NTAPI RtlWakeAddressSingle(const void *address) { if (address) address_wake(address, false); }

/* ---- critical sections ----
 * LockCount: -1 free, else waiting threads. LockSemaphore's low half counts hand-overs that no waiter took yet. */
#define FLAG_NO_DEBUG_INFO 0x01000000u
#define FLAG_DYNAMIC_SPIN 0x02000000u
#define FLAG_STATIC_INIT 0x04000000u
#define FLAG_FORCE_DEBUG_INFO 0x10000000u
#define FLAGS_KNOWN 0xff000000u
#define SPIN_MASK 0x00ffffffu
#define NO_DEBUG_INFO ((RTL_CRITICAL_SECTION_DEBUG *)~(ULONG_PTR)0)

static HANDLE thread_id(void) { return current_teb()->ClientId.UniqueThread; }
static volatile LONG *hand_overs(RTL_CRITICAL_SECTION *s) { return (volatile LONG *)&s->LockSemaphore; }

NTSTATUS NTAPI RtlInitializeCriticalSectionEx(RTL_CRITICAL_SECTION *s, ULONG spins, ULONG flags)
{
	if ((flags & ~FLAGS_KNOWN) || (spins & ~SPIN_MASK & 0x7f000000u))
		return STATUS_INVALID_PARAMETER_3;
	*s = (RTL_CRITICAL_SECTION){ .DebugInfo = NO_DEBUG_INFO, .LockCount = -1 };
	if (!(flags & FLAG_NO_DEBUG_INFO) && current_peb()->ProcessHeap) {
		RTL_CRITICAL_SECTION_DEBUG *d = RtlAllocateHeap(current_peb()->ProcessHeap, HEAP_ZERO_MEMORY, sizeof(*d));
		if (d) {
			d->CriticalSection = s;
			d->ProcessLocksList.Blink = d->ProcessLocksList.Flink = &d->ProcessLocksList;
			s->DebugInfo = d;
		}
	}
	s->SpinCount = current_peb()->NumberOfProcessors > 1 ? spins & SPIN_MASK : 0;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(RTL_CRITICAL_SECTION *s, ULONG spins)
{
	return RtlInitializeCriticalSectionEx(s, spins & SPIN_MASK, 0);
}
NTSTATUS NTAPI RtlInitializeCriticalSection(RTL_CRITICAL_SECTION *s) { return RtlInitializeCriticalSectionEx(s, 0, 0); }

ULONG NTAPI RtlSetCriticalSectionSpinCount(RTL_CRITICAL_SECTION *s, ULONG spins)
{
	ULONG old = (ULONG)s->SpinCount;
	s->SpinCount = current_peb()->NumberOfProcessors > 1 ? spins & SPIN_MASK : 0;
	return old;
}

NTSTATUS NTAPI RtlDeleteCriticalSection(RTL_CRITICAL_SECTION *s)
{
	RTL_CRITICAL_SECTION_DEBUG *d = s->DebugInfo;
	*s = (RTL_CRITICAL_SECTION){ .LockCount = -1 };
	if (d && d != NO_DEBUG_INFO && d->CriticalSection == s && !d->Flags && !d->CreatorBackTraceIndex) {
		d->CriticalSection = NULL;
		RtlFreeHeap(current_peb()->ProcessHeap, 0, d);
	}
	return STATUS_SUCCESS;
}

static void section_wait(RTL_CRITICAL_SECTION *s)
{
	volatile LONG *tokens = hand_overs(s);
	for (;;) {
		LONG have = __atomic_load_n(tokens, __ATOMIC_ACQUIRE);
		if (have > 0) {
			if (__atomic_compare_exchange_n(tokens, &have, have - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				return;
			continue;
		}
		address_wait(tokens, tokens, 0, NULL);
	}
}

BOOL NTAPI RtlTryEnterCriticalSection(RTL_CRITICAL_SECTION *s)
{
	LONG free = -1;
	if (__atomic_compare_exchange_n(&s->LockCount, &free, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		s->OwningThread = thread_id();
		s->RecursionCount = 1;
		return TRUE;
	}
	if (s->OwningThread != thread_id())
		return FALSE;
	__atomic_add_fetch(&s->LockCount, 1, __ATOMIC_RELAXED);
	s->RecursionCount++;
	return TRUE;
}

NTSTATUS NTAPI RtlEnterCriticalSection(RTL_CRITICAL_SECTION *s)
{
	for (ULONG_PTR spins = s->SpinCount; spins && s->OwningThread != thread_id(); spins--) {
		if (s->LockCount > 0)
			break; /* somebody sleeps already: no turn before it */
		if (s->LockCount == -1 && RtlTryEnterCriticalSection(s))
			return STATUS_SUCCESS;
		__builtin_ia32_pause();
	}
	if (__atomic_add_fetch(&s->LockCount, 1, __ATOMIC_ACQ_REL)) {
		if (s->OwningThread == thread_id()) {
			s->RecursionCount++;
			return STATUS_SUCCESS;
		}
		section_wait(s);
	}
	s->OwningThread = thread_id();
	s->RecursionCount = 1;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlLeaveCriticalSection(RTL_CRITICAL_SECTION *s)
{
	if (--s->RecursionCount) {
		if (s->RecursionCount > 0)
			__atomic_sub_fetch(&s->LockCount, 1, __ATOMIC_RELAXED);
		else
			s->RecursionCount = 0; /* left more often than entered: Windows breaks, we keep it free */
		return STATUS_SUCCESS;
	}
	s->OwningThread = NULL;
	if (__atomic_sub_fetch(&s->LockCount, 1, __ATOMIC_ACQ_REL) >= 0) {
		__atomic_add_fetch(hand_overs(s), 1, __ATOMIC_RELEASE);
		address_wake(hand_overs(s), false);
	}
	return STATUS_SUCCESS;
}

BOOL NTAPI RtlIsCriticalSectionLocked(RTL_CRITICAL_SECTION *s) { return s->RecursionCount > 0; }
BOOL NTAPI RtlIsCriticalSectionLockedByThread(RTL_CRITICAL_SECTION *s) { return s->OwningThread == thread_id() && s->RecursionCount; }

/* ---- SRW locks: state is EXCLUSIVE or the number of readers; writers that wait keep new readers out ---- */
#define EXCLUSIVE 0x40000000
struct srw { volatile LONG state, writers; };
_Static_assert(sizeof(struct srw) == sizeof(RTL_SRWLOCK), "SRWLOCK");

static struct srw *srw_of(RTL_SRWLOCK *lock) { return (struct srw *)(void *)lock; }
void NTAPI RtlInitializeSRWLock(RTL_SRWLOCK *lock) { lock->Ptr = NULL; }

BOOLEAN NTAPI RtlTryAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
{
	LONG free = 0;
	return __atomic_compare_exchange_n(&srw_of(lock)->state, &free, EXCLUSIVE, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static bool try_shared(struct srw *s, bool past_writers)
{
	LONG state = __atomic_load_n(&s->state, __ATOMIC_RELAXED);
	while (!(state & EXCLUSIVE) && (past_writers || !__atomic_load_n(&s->writers, __ATOMIC_RELAXED)))
		if (__atomic_compare_exchange_n(&s->state, &state, state + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}
BOOLEAN NTAPI RtlTryAcquireSRWLockShared(RTL_SRWLOCK *lock) { return try_shared(srw_of(lock), false); }

void NTAPI RtlAcquireSRWLockExclusive(RTL_SRWLOCK *lock)
{
	struct srw *s = srw_of(lock);
	if (RtlTryAcquireSRWLockExclusive(lock))
		return;
	__atomic_add_fetch(&s->writers, 1, __ATOMIC_SEQ_CST);
	while (!RtlTryAcquireSRWLockExclusive(lock)) {
		LONG state = __atomic_load_n(&s->state, __ATOMIC_SEQ_CST);
		if (state)
			address_wait(&s->writers, &s->state, state, NULL);
	}
	__atomic_sub_fetch(&s->writers, 1, __ATOMIC_SEQ_CST);
}

/* Readers wait on the address of the state, writers on the address of their count. */
void NTAPI RtlAcquireSRWLockShared(RTL_SRWLOCK *lock)
{
	struct srw *s = srw_of(lock);
	while (!try_shared(s, false)) {
		LONG state = __atomic_load_n(&s->state, __ATOMIC_SEQ_CST);
		if (state)
			address_wait(&s->state, &s->state, state, NULL);
		else
			NtYieldExecution(); /* free, and a writer is about to take it */
	}
}

/* The lock became free: one writer goes, or without any all readers. A writer that was just passed over wakes later. */
static void srw_wake(struct srw *s)
{
	if (__atomic_load_n(&s->writers, __ATOMIC_SEQ_CST))
		address_wake(&s->writers, false);
	address_wake(&s->state, true);
}

void NTAPI RtlReleaseSRWLockExclusive(RTL_SRWLOCK *lock)
{
	struct srw *s = srw_of(lock);
	__atomic_store_n(&s->state, 0, __ATOMIC_SEQ_CST);
	srw_wake(s);
}
void NTAPI RtlReleaseSRWLockShared(RTL_SRWLOCK *lock)
{
	struct srw *s = srw_of(lock);
	if (__atomic_sub_fetch(&s->state, 1, __ATOMIC_SEQ_CST) == 0)
		srw_wake(s);
	else if (__atomic_load_n(&s->writers, __ATOMIC_SEQ_CST))
		address_wake(&s->writers, false); /* what the writer compares with has changed */
}

/* ---- condition variables: a sequence number ---- */
struct condition { volatile LONG sequence, waiters; };
static struct condition *condition_of(RTL_CONDITION_VARIABLE *c) { return (struct condition *)(void *)c; }
void NTAPI RtlInitializeConditionVariable(RTL_CONDITION_VARIABLE *c) { c->Ptr = NULL; }

static void condition_wake(struct condition *c, bool all)
{
	__atomic_add_fetch(&c->sequence, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->waiters, __ATOMIC_SEQ_CST))
		address_wake(&c->sequence, all);
}
void NTAPI RtlWakeConditionVariable(RTL_CONDITION_VARIABLE *c) { condition_wake(condition_of(c), false); }
void NTAPI RtlWakeAllConditionVariable(RTL_CONDITION_VARIABLE *c) { condition_wake(condition_of(c), true); }

NTSTATUS NTAPI RtlSleepConditionVariableCS(RTL_CONDITION_VARIABLE *variable, RTL_CRITICAL_SECTION *s, const LARGE_INTEGER *timeout)
{
	struct condition *c = condition_of(variable);
	__atomic_add_fetch(&c->waiters, 1, __ATOMIC_SEQ_CST);
	LONG sequence = c->sequence;
	RtlLeaveCriticalSection(s);
	NTSTATUS status = address_wait(&c->sequence, &c->sequence, sequence, timeout);
	__atomic_sub_fetch(&c->waiters, 1, __ATOMIC_SEQ_CST);
	RtlEnterCriticalSection(s);
	return status;
}

NTSTATUS NTAPI RtlSleepConditionVariableSRW(RTL_CONDITION_VARIABLE *variable, RTL_SRWLOCK *lock, const LARGE_INTEGER *timeout, ULONG flags)
{
	struct condition *c = condition_of(variable);
	bool shared = flags & RTL_CONDITION_VARIABLE_LOCKMODE_SHARED;
	__atomic_add_fetch(&c->waiters, 1, __ATOMIC_SEQ_CST);
	LONG sequence = c->sequence;
	shared ? RtlReleaseSRWLockShared(lock) : RtlReleaseSRWLockExclusive(lock);
	NTSTATUS status = address_wait(&c->sequence, &c->sequence, sequence, timeout);
	__atomic_sub_fetch(&c->waiters, 1, __ATOMIC_SEQ_CST);
	shared ? RtlAcquireSRWLockShared(lock) : RtlAcquireSRWLockExclusive(lock);
	return status;
}

/* ---- RunOnce: context with the state in its two low bits ---- */
enum { ONCE_NONE, ONCE_RUNNING, ONCE_DONE, ONCE_ASYNC, ONCE_MASK = 3 };

void NTAPI RtlRunOnceInitialize(RTL_RUN_ONCE *once) { once->Ptr = NULL; }

DWORD NTAPI RtlRunOnceBeginInitialize(RTL_RUN_ONCE *once, ULONG flags, void **context)
{
	bool async = flags & RTL_RUN_ONCE_ASYNC;
	ULONG_PTR value = (ULONG_PTR)__atomic_load_n(&once->Ptr, __ATOMIC_ACQUIRE);
	if ((flags & RTL_RUN_ONCE_CHECK_ONLY) && async)
		return (DWORD)STATUS_INVALID_PARAMETER;
	for (;; value = (ULONG_PTR)__atomic_load_n(&once->Ptr, __ATOMIC_ACQUIRE)) {
		ULONG_PTR state = value & ONCE_MASK;
		if (state == ONCE_DONE) {
			if (context)
				*context = (void *)(value & ~(ULONG_PTR)ONCE_MASK);
			return STATUS_SUCCESS;
		}
		if (flags & RTL_RUN_ONCE_CHECK_ONLY)
			return (DWORD)STATUS_UNSUCCESSFUL;
		if (state == ONCE_NONE) {
			void *none = NULL;
			if (__atomic_compare_exchange_n(&once->Ptr, &none, (void *)(ULONG_PTR)(async ? ONCE_ASYNC : ONCE_RUNNING), false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				return STATUS_PENDING;
			continue;
		}
		if ((state == ONCE_ASYNC) != async)
			return (DWORD)STATUS_INVALID_PARAMETER;
		if (async)
			return STATUS_PENDING;
		address_wait(once, (const volatile LONG *)(void *)once, (LONG)value, NULL);
	}
}

DWORD NTAPI RtlRunOnceComplete(RTL_RUN_ONCE *once, ULONG flags, void *context)
{
	bool async = flags & RTL_RUN_ONCE_ASYNC, failed = flags & RTL_RUN_ONCE_INIT_FAILED;
	if (((ULONG_PTR)context & ONCE_MASK) || (failed && (context || async)))
		return (DWORD)STATUS_INVALID_PARAMETER;
	void *next = failed ? NULL : (void *)((ULONG_PTR)context | ONCE_DONE), *value = __atomic_load_n(&once->Ptr, __ATOMIC_ACQUIRE);
	switch ((ULONG_PTR)value & ONCE_MASK) {
	case ONCE_RUNNING:
		if (async)
			return (DWORD)STATUS_INVALID_PARAMETER;
		__atomic_store_n(&once->Ptr, next, __ATOMIC_SEQ_CST);
		address_wake(once, true);
		return STATUS_SUCCESS;
	case ONCE_ASYNC:
		if (!async)
			return (DWORD)STATUS_INVALID_PARAMETER;
		return __atomic_compare_exchange_n(&once->Ptr, &value, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) ? STATUS_SUCCESS :
			(DWORD)STATUS_UNSUCCESSFUL;
	default: return (DWORD)STATUS_UNSUCCESSFUL;
	}
}

DWORD NTAPI RtlRunOnceExecuteOnce(RTL_RUN_ONCE *once, PRTL_RUN_ONCE_INIT_FN function, void *parameter, void **context)
{
	void *result = NULL;
	DWORD status = RtlRunOnceBeginInitialize(once, 0, context);
	if (status != STATUS_PENDING)
		return status;
	if (!function(once, parameter, context ? context : &result)) {
		RtlRunOnceComplete(once, RTL_RUN_ONCE_INIT_FAILED, NULL);
		return (DWORD)STATUS_UNSUCCESSFUL;
	}
	return RtlRunOnceComplete(once, 0, context ? *context : result);
}
