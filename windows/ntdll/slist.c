// SPDX-License-Identifier: MIT
/* Interlocked singly linked lists and small thread odds. The header is two words changed as one (cmpxchg16b):
 * depth (16 bits) and sequence, then the first entry. A pop reads the next pointer of an entry that another thread may
 * have taken meanwhile; the sequence makes that attempt fail. MSDN, "Interlocked Singly Linked Lists". */
#include "sync.h"

struct header { uint64_t depth_sequence, next; };
#define DEPTH_MASK 0xffffu
#define SEQUENCE_ONE 0x10000u

void NTAPI RtlInitializeSListHead(PSLIST_HEADER);
WORD NTAPI RtlQueryDepthSList(PSLIST_HEADER);
PSLIST_ENTRY NTAPI RtlFirstEntrySList(const SLIST_HEADER *);
PSLIST_ENTRY NTAPI RtlInterlockedFlushSList(PSLIST_HEADER);
PSLIST_ENTRY NTAPI RtlInterlockedPushEntrySList(PSLIST_HEADER, PSLIST_ENTRY);
PSLIST_ENTRY NTAPI RtlInterlockedPopEntrySList(PSLIST_HEADER);
PSLIST_ENTRY NTAPI RtlInterlockedPushListSListEx(PSLIST_HEADER, PSLIST_ENTRY, PSLIST_ENTRY, ULONG);
PSLIST_ENTRY NTAPI RtlInterlockedPushListSList(PSLIST_HEADER, PSLIST_ENTRY, PSLIST_ENTRY, ULONG);

static bool exchange(PSLIST_HEADER list, struct header *expected, struct header desired)
{
	bool done;
	__asm__ volatile("lock cmpxchg16b %1" : "=@ccz"(done), "+m"(*(struct header *)(void *)list), "+a"(expected->depth_sequence),
			 "+d"(expected->next) : "b"(desired.depth_sequence), "c"(desired.next) : "memory");
	return done;
}

static struct header load(PSLIST_HEADER list)
{
	volatile uint64_t *words = (volatile uint64_t *)(void *)list;
	return (struct header){ words[0], words[1] }; /* torn reads fail in the exchange */
}

static struct header changed(struct header h, int64_t depth, uint64_t next)
{
	uint64_t count = (h.depth_sequence + (uint64_t)depth) & DEPTH_MASK;
	return (struct header){ (((h.depth_sequence & ~(uint64_t)DEPTH_MASK) + SEQUENCE_ONE)) | count, next };
}

void NTAPI RtlInitializeSListHead(PSLIST_HEADER list)
{
	*(struct header *)(void *)list = (struct header){ 0, 0 };
}
WORD NTAPI RtlQueryDepthSList(PSLIST_HEADER list) { return (WORD)load(list).depth_sequence; }
PSLIST_ENTRY NTAPI RtlFirstEntrySList(const SLIST_HEADER *list) { return (PSLIST_ENTRY)((const struct header *)(const void *)list)->next; }

PSLIST_ENTRY NTAPI RtlInterlockedFlushSList(PSLIST_HEADER list)
{
	struct header old = load(list);
	while (old.next && !exchange(list, &old, (struct header){ (old.depth_sequence & ~(uint64_t)DEPTH_MASK) + SEQUENCE_ONE, 0 }))
		continue;
	return (PSLIST_ENTRY)old.next;
}

PSLIST_ENTRY NTAPI RtlInterlockedPushListSListEx(PSLIST_HEADER list, PSLIST_ENTRY first, PSLIST_ENTRY last, ULONG count)
{
	struct header old = load(list);
	do
		last->Next = (PSLIST_ENTRY)old.next;
	while (!exchange(list, &old, changed(old, count, (uint64_t)(uintptr_t)first)));
	return (PSLIST_ENTRY)old.next;
}
PSLIST_ENTRY NTAPI RtlInterlockedPushListSList(PSLIST_HEADER list, PSLIST_ENTRY first, PSLIST_ENTRY last, ULONG count)
{
	return RtlInterlockedPushListSListEx(list, first, last, count);
}
PSLIST_ENTRY NTAPI RtlInterlockedPushEntrySList(PSLIST_HEADER list, PSLIST_ENTRY entry)
{
	return RtlInterlockedPushListSListEx(list, entry, entry, 1);
}

PSLIST_ENTRY NTAPI RtlInterlockedPopEntrySList(PSLIST_HEADER list)
{
	struct header old = load(list);
	while (old.next) {
		struct header next = changed(old, -1, (uint64_t)(uintptr_t)((volatile SLIST_ENTRY *)(uintptr_t)old.next)->Next);
		if (exchange(list, &old, next))
			return (PSLIST_ENTRY)old.next;
	}
	return NULL;
}

/* ---- threads: error mode, processors ---- */
DWORD NTAPI RtlGetThreadErrorMode(void);
NTSTATUS NTAPI RtlSetThreadErrorMode(DWORD mode, DWORD *old);
BOOLEAN NTAPI RtlIsProcessorFeaturePresent(ULONG feature);
void NTAPI RtlGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER number);
ULONG NTAPI NtGetCurrentProcessorNumber(void);
#define ERROR_MODES 0x70u      /* SEM_NOGPFAULTERRORBOX and its neighbours, shifted */
#define FEATURES ((const volatile BYTE *)0x7ffe0274)
#define FEATURE_COUNT 64u

DWORD NTAPI RtlGetThreadErrorMode(void) { return current_teb()->HardErrorDisabled; }
NTSTATUS NTAPI RtlSetThreadErrorMode(DWORD mode, DWORD *old)
{
	if (mode & ~ERROR_MODES)
		return STATUS_INVALID_PARAMETER_1;
	if (old)
		*old = current_teb()->HardErrorDisabled;
	current_teb()->HardErrorDisabled = mode;
	return STATUS_SUCCESS;
}
BOOLEAN NTAPI RtlIsProcessorFeaturePresent(ULONG feature) { return feature < FEATURE_COUNT && FEATURES[feature]; }
void NTAPI RtlGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER number)
{
	*number = (PROCESSOR_NUMBER){ .Number = (BYTE)NtGetCurrentProcessorNumber() };
}
