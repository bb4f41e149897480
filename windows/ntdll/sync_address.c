// SPDX-License-Identifier: MIT
/* Waiting on an address: the base of all locks here. Waiters stand in hashed buckets; a waker takes one out and alerts its
 * thread (NtAlertThreadByThreadId). A waiter that was taken out by a waker has been woken, whatever its wait returned;
 * an alert that arrives late makes the thread's next wait return early, which every caller of these waits allows for. */
#include <ntdll.h>

struct waiter { LIST_ENTRY link; const void *address; HANDLE thread; };
#define BUCKETS 256u
#define SPINS_BEFORE_YIELD 64u
static struct bucket { volatile LONG lock; LIST_ENTRY waiters; } buckets[BUCKETS];

static struct bucket *bucket_of(const void *address)
{
	return &buckets[((ULONG_PTR)address >> 4 ^ (ULONG_PTR)address >> 12) % BUCKETS];
}
static void bucket_lock(struct bucket *bucket)
{
	for (unsigned spins = 0; __atomic_exchange_n(&bucket->lock, 1, __ATOMIC_ACQUIRE); spins++)
		if (spins % SPINS_BEFORE_YIELD == SPINS_BEFORE_YIELD - 1)
			NtYieldExecution();
		else
			__builtin_ia32_pause();
	if (!bucket->waiters.Flink)
		bucket->waiters.Flink = bucket->waiters.Blink = &bucket->waiters;
}
static void bucket_unlock(struct bucket *bucket)
{
	__atomic_store_n(&bucket->lock, 0, __ATOMIC_RELEASE);
}
static void unlink_waiter(struct waiter *waiter)
{
	waiter->link.Blink->Flink = waiter->link.Flink;
	waiter->link.Flink->Blink = waiter->link.Blink;
	waiter->address = NULL;
}
static bool still_equal(const void *address, const void *compare, SIZE_T bytes)
{
	switch (bytes) {
	case 1: return *(const volatile UCHAR *)address == *(const UCHAR *)compare;
	case 2: return *(const volatile USHORT *)address == *(const USHORT *)compare;
	case 4: return *(const volatile ULONG *)address == *(const ULONG *)compare;
	default: return *(const volatile ULONG64 *)address == *(const ULONG64 *)compare;
	}
}
NTSTATUS NTAPI RtlWaitOnAddress(const void *address, const void *compare, SIZE_T bytes, const LARGE_INTEGER *timeout)
{
	struct bucket *bucket = bucket_of(address);
	struct waiter waiter = { .address = address, .thread = current_teb()->ClientId.UniqueThread };
	if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)
		return STATUS_INVALID_PARAMETER;
	bucket_lock(bucket);
	if (!still_equal(address, compare, bytes)) {
		bucket_unlock(bucket);
		return STATUS_SUCCESS;
	}
	waiter.link.Flink = &bucket->waiters;
	waiter.link.Blink = bucket->waiters.Blink;
	bucket->waiters.Blink->Flink = &waiter.link;
	bucket->waiters.Blink = &waiter.link;
	bucket_unlock(bucket);
	NTSTATUS status = NtWaitForAlertByThreadId(address, timeout);
	bucket_lock(bucket);
	bool woken = !waiter.address;
	if (!woken)
		unlink_waiter(&waiter);
	bucket_unlock(bucket);
	return woken || status == STATUS_ALERTED ? STATUS_SUCCESS : status;
}
static HANDLE take_waiter(struct bucket *bucket, const void *address)
{
	for (LIST_ENTRY *link = bucket->waiters.Flink; link != &bucket->waiters; link = link->Flink) {
		struct waiter *waiter = CONTAINING_RECORD(link, struct waiter, link);
		if (waiter->address == address) {
			HANDLE thread = waiter->thread; /* the waiter's stack is its own again once it is unlinked */
			unlink_waiter(waiter);
			return thread;
		}
	}
	return NULL;
}
void NTAPI RtlWakeAddressSingle(const void *address)
{
	struct bucket *bucket = bucket_of(address);
	bucket_lock(bucket);
	HANDLE thread = take_waiter(bucket, address);
	bucket_unlock(bucket);
	if (thread)
		NtAlertThreadByThreadId(thread);
}
#define WAKE_BATCH 64u
void NTAPI RtlWakeAddressAll(const void *address)
{
	struct bucket *bucket = bucket_of(address);
	HANDLE threads[WAKE_BATCH];
	unsigned count;
	do {
		bucket_lock(bucket);
		for (count = 0; count < WAKE_BATCH && (threads[count] = take_waiter(bucket, address)); count++)
			;
		bucket_unlock(bucket);
		for (unsigned i = 0; i < count; i++)
			NtAlertThreadByThreadId(threads[i]);
	} while (count == WAKE_BATCH);
}
