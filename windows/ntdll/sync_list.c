// SPDX-License-Identifier: MIT
/* Interlocked singly linked lists: 16-byte heads changed by one compare-and-swap. First word: depth (16 bits) and a sequence
 * number that each change counts; second word: the first entry (16-byte aligned). */
#include <ntdll.h>

#define DEPTH 0xffffull
#define SEQUENCE_ONE 0x10000ull
struct head { ULONG64 count, first; };

static bool swap_head(SLIST_HEADER *list, struct head *old, struct head fresh)
{
	bool done;
	__asm__ volatile("lock cmpxchg16b %1"
		: "=@ccz"(done), "+m"(*(volatile struct head *)list), "+a"(old->count), "+d"(old->first)
		: "b"(fresh.count), "c"(fresh.first)
		: "memory");
	return done;
}
static struct head read_head(const SLIST_HEADER *list)
{
	const volatile struct head *head = (const volatile void *)list;
	return (struct head){ head->count, head->first };
}
void NTAPI RtlInitializeSListHead(SLIST_HEADER *list);
void NTAPI RtlInitializeSListHead(SLIST_HEADER *list)
{
	*(struct head *)list = (struct head){ 0, 0 };
}
WORD NTAPI RtlQueryDepthSList(SLIST_HEADER *list);
WORD NTAPI RtlQueryDepthSList(SLIST_HEADER *list)
{
	return (WORD)read_head(list).count;
}
SLIST_ENTRY *NTAPI RtlFirstEntrySList(const SLIST_HEADER *list);
SLIST_ENTRY *NTAPI RtlFirstEntrySList(const SLIST_HEADER *list)
{
	return (SLIST_ENTRY *)read_head(list).first;
}
static ULONG64 counted(ULONG64 count, LONG change)
{
	return ((count + SEQUENCE_ONE) & ~DEPTH) | ((count + (ULONG64)(LONG64)change) & DEPTH);
}
SLIST_ENTRY *NTAPI RtlInterlockedPushListSListEx(SLIST_HEADER *list, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count);
SLIST_ENTRY *NTAPI RtlInterlockedPushListSListEx(SLIST_HEADER *list, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count)
{
	struct head old = read_head(list);
	do
		last->Next = (SLIST_ENTRY *)old.first;
	while (!swap_head(list, &old, (struct head){ counted(old.count, (LONG)count), (ULONG64)(ULONG_PTR)first }));
	return (SLIST_ENTRY *)old.first;
}
SLIST_ENTRY *NTAPI RtlInterlockedPushListSList(SLIST_HEADER *list, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count);
SLIST_ENTRY *NTAPI RtlInterlockedPushListSList(SLIST_HEADER *list, SLIST_ENTRY *first, SLIST_ENTRY *last, ULONG count)
{
	return RtlInterlockedPushListSListEx(list, first, last, count);
}
SLIST_ENTRY *NTAPI RtlInterlockedPushEntrySList(SLIST_HEADER *list, SLIST_ENTRY *entry);
SLIST_ENTRY *NTAPI RtlInterlockedPushEntrySList(SLIST_HEADER *list, SLIST_ENTRY *entry)
{
	return RtlInterlockedPushListSListEx(list, entry, entry, 1);
}
SLIST_ENTRY *NTAPI RtlInterlockedPopEntrySList(SLIST_HEADER *list);
SLIST_ENTRY *NTAPI RtlInterlockedPopEntrySList(SLIST_HEADER *list)
{
	struct head old = read_head(list);
	do {
		if (!old.first)
			return NULL;
	} while (!swap_head(list, &old, (struct head){ counted(old.count, -1), (ULONG64)(ULONG_PTR)((SLIST_ENTRY *)old.first)->Next }));
	return (SLIST_ENTRY *)old.first;
}
SLIST_ENTRY *NTAPI RtlInterlockedFlushSList(SLIST_HEADER *list);
SLIST_ENTRY *NTAPI RtlInterlockedFlushSList(SLIST_HEADER *list)
{
	struct head old = read_head(list);
	do {
		if (!old.first)
			return NULL;
	} while (!swap_head(list, &old, (struct head){ (old.count + SEQUENCE_ONE) & ~DEPTH, 0 }));
	return (SLIST_ENTRY *)old.first;
}
