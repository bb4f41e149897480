// SPDX-License-Identifier: MIT
/* Bitmaps of 32-bit words. Every search goes through next_run; the hint of the Find*AndSet family is where it starts,
 * and it wraps around once. */
#include "rtl.h"

#define NOT_FOUND 0xffffffffu
typedef struct _RTL_BITMAP_RUN { ULONG StartingIndex, NumberOfBits; } RTL_BITMAP_RUN;

void NTAPI RtlInitializeBitMap(PRTL_BITMAP map, PULONG bits, ULONG count)
{
	map->SizeOfBitMap = count;
	map->Buffer = bits;
}

static bool bit(PCRTL_BITMAP map, ULONG i) { return map->Buffer[i / 32] >> (i & 31) & 1; }
static SIZE_T words(PCRTL_BITMAP map) { return ((SIZE_T)map->SizeOfBitMap + 31) / 32; }
void NTAPI RtlSetAllBits(PRTL_BITMAP map) { memset(map->Buffer, 0xff, words(map) * 4); }
void NTAPI RtlClearAllBits(PRTL_BITMAP map) { memset(map->Buffer, 0, words(map) * 4); }
BOOLEAN NTAPI RtlTestBit(PCRTL_BITMAP map, ULONG i) { return i < map->SizeOfBitMap && bit(map, i); }
void NTAPI RtlSetBit(PRTL_BITMAP map, ULONG i) { if (i < map->SizeOfBitMap) map->Buffer[i / 32] |= 1u << (i & 31); }
void NTAPI RtlClearBit(PRTL_BITMAP map, ULONG i) { if (i < map->SizeOfBitMap) map->Buffer[i / 32] &= ~(1u << (i & 31)); }

static bool outside(PCRTL_BITMAP map, ULONG start, ULONG count)
{
	return !count || start >= map->SizeOfBitMap || count > map->SizeOfBitMap - start;
}

static void change(PRTL_BITMAP map, ULONG start, ULONG count, bool set)
{
	while (count) {
		ULONG shift = start & 31, here = 32 - shift < count ? 32 - shift : count;
		ULONG mask = (here == 32 ? 0xffffffffu : (1u << here) - 1) << shift;
		if (set)
			map->Buffer[start / 32] |= mask;
		else
			map->Buffer[start / 32] &= ~mask;
		start += here, count -= here;
	}
}

void NTAPI RtlSetBits(PRTL_BITMAP map, ULONG start, ULONG count)
{
	if (!outside(map, start, count))
		change(map, start, count, true);
}

void NTAPI RtlClearBits(PRTL_BITMAP map, ULONG start, ULONG count)
{
	if (!outside(map, start, count))
		change(map, start, count, false);
}

/* How many bits from start on have the value, at most limit. */
static ULONG run_length(PCRTL_BITMAP map, ULONG start, ULONG limit, bool value)
{
	ULONG i = start, end = map->SizeOfBitMap - start < limit ? map->SizeOfBitMap : start + limit;
	while (i < end) {
		ULONG word = map->Buffer[i / 32] >> (i & 31), here = 32 - (i & 31), same;
		if (value)
			word = ~word;
		same = word ? (ULONG)__builtin_ctz(word) : 32;
		if (same < here) {
			i += same;
			break;
		}
		i += here;
	}
	return (i < end ? i : end) - start;
}

BOOLEAN NTAPI RtlAreBitsSet(PCRTL_BITMAP map, ULONG start, ULONG count)
{
	return !outside(map, start, count) && run_length(map, start, count, true) == count;
}

BOOLEAN NTAPI RtlAreBitsClear(PCRTL_BITMAP map, ULONG start, ULONG count)
{
	return !outside(map, start, count) && run_length(map, start, count, false) == count;
}

/* The next run of the value at or after start; its length is 0 when there is none. */
static RTL_BITMAP_RUN next_run(PCRTL_BITMAP map, ULONG start, bool value)
{
	RTL_BITMAP_RUN run = { start, 0 };
	if (start >= map->SizeOfBitMap)
		return run;
	run.StartingIndex += run_length(map, start, NOT_FOUND, !value);
	if (run.StartingIndex < map->SizeOfBitMap)
		run.NumberOfBits = run_length(map, run.StartingIndex, NOT_FOUND, value);
	return run;
}

static ULONG search(PCRTL_BITMAP map, ULONG start, ULONG end, ULONG count, bool value)
{
	while (start < end) {
		RTL_BITMAP_RUN run = next_run(map, start, value);
		if (!run.NumberOfBits || run.StartingIndex >= end)
			break;
		if (run.NumberOfBits >= count)
			return run.StartingIndex;
		start = run.StartingIndex + run.NumberOfBits;
	}
	return NOT_FOUND;
}

static ULONG find_bits(PCRTL_BITMAP map, ULONG count, ULONG hint, bool value)
{
	ULONG found;
	if (hint >= map->SizeOfBitMap)
		hint = 0;
	if (!count)
		return hint & ~7u;
	if (count > map->SizeOfBitMap)
		return NOT_FOUND;
	found = search(map, hint, map->SizeOfBitMap, count, value);
	return found == NOT_FOUND && hint ? search(map, 0, hint, count, value) : found;
}

ULONG NTAPI RtlFindSetBits(PCRTL_BITMAP map, ULONG count, ULONG hint) { return find_bits(map, count, hint, true); }
ULONG NTAPI RtlFindClearBits(PCRTL_BITMAP map, ULONG count, ULONG hint) { return find_bits(map, count, hint, false); }

ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP map, ULONG count, ULONG hint)
{
	ULONG found = find_bits(map, count, hint, true);
	if (found != NOT_FOUND)
		RtlClearBits(map, found, count);
	return found;
}

ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP map, ULONG count, ULONG hint)
{
	ULONG found = find_bits(map, count, hint, false);
	if (found != NOT_FOUND)
		RtlSetBits(map, found, count);
	return found;
}

ULONG NTAPI RtlNumberOfSetBits(PCRTL_BITMAP map)
{
	ULONG count = 0, i;
	for (i = 0; i < map->SizeOfBitMap / 32; i++) {
		ULONG v = map->Buffer[i];
		v -= v >> 1 & 0x55555555;
		v = (v & 0x33333333) + (v >> 2 & 0x33333333);
		count += ((v + (v >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
	}
	for (i *= 32; i < map->SizeOfBitMap; i++)
		count += bit(map, i);
	return count;
}

ULONG NTAPI RtlNumberOfClearBits(PCRTL_BITMAP map) { return map->SizeOfBitMap - RtlNumberOfSetBits(map); }

static ULONG forward_run(PCRTL_BITMAP map, ULONG start, PULONG position, bool value)
{
	RTL_BITMAP_RUN run = next_run(map, start, value);
	*position = run.NumberOfBits ? run.StartingIndex : start;
	return run.NumberOfBits;
}
ULONG NTAPI RtlFindNextForwardRunSet(PCRTL_BITMAP map, ULONG start, PULONG position) { return forward_run(map, start, position, true); }
ULONG NTAPI RtlFindNextForwardRunClear(PCRTL_BITMAP map, ULONG start, PULONG position)
{
	return forward_run(map, start, position, false);
}

static ULONG backward_run(PCRTL_BITMAP map, ULONG from, PULONG position, bool value)
{
	ULONG end;
	if (from >= map->SizeOfBitMap)
		return 0;
	while (bit(map, from) != value)
		if (!from--)
			return 0;
	end = from;
	while (from && bit(map, from - 1) == value)
		from--;
	*position = from;
	return end - from + 1;
}
ULONG NTAPI RtlFindLastBackwardRunSet(PCRTL_BITMAP map, ULONG from, PULONG position) { return backward_run(map, from, position, true); }
ULONG NTAPI RtlFindLastBackwardRunClear(PCRTL_BITMAP map, ULONG from, PULONG position)
{
	return backward_run(map, from, position, false);
}

/* Up to room runs: the first ones as they lie, or the longest ones, longest first. */
static ULONG find_runs(PCRTL_BITMAP map, RTL_BITMAP_RUN *runs, ULONG room, BOOLEAN longest, bool value)
{
	ULONG count = 0, start = 0;
	while (room) {
		RTL_BITMAP_RUN run = next_run(map, start, value);
		ULONG at;
		if (!run.NumberOfBits || (!longest && count == room))
			break;
		start = run.StartingIndex + run.NumberOfBits;
		at = count;
		if (longest) {
			while (at && runs[at - 1].NumberOfBits < run.NumberOfBits)
				at--;
			if (at == room)
				continue;
			if (count == room)
				count--;
			memmove(runs + at + 1, runs + at, (count - at) * sizeof(*runs));
		}
		runs[at] = run;
		count++;
	}
	return count;
}
ULONG NTAPI RtlFindSetRuns(PCRTL_BITMAP map, RTL_BITMAP_RUN *runs, ULONG room, BOOLEAN longest)
{
	return find_runs(map, runs, room, longest, true);
}
ULONG NTAPI RtlFindClearRuns(PCRTL_BITMAP map, RTL_BITMAP_RUN *runs, ULONG room, BOOLEAN longest)
{
	return find_runs(map, runs, room, longest, false);
}

static ULONG longest_run(PCRTL_BITMAP map, PULONG position, bool value)
{
	RTL_BITMAP_RUN run;
	if (!find_runs(map, &run, 1, TRUE, value))
		return 0;
	if (position)
		*position = run.StartingIndex;
	return run.NumberOfBits;
}
ULONG NTAPI RtlFindLongestRunSet(PCRTL_BITMAP map, PULONG position) { return longest_run(map, position, true); }
ULONG NTAPI RtlFindLongestRunClear(PCRTL_BITMAP map, PULONG position) { return longest_run(map, position, false); }

CCHAR NTAPI RtlFindMostSignificantBit(ULONGLONG value) { return value ? (CCHAR)(63 - __builtin_clzll(value)) : -1; }
CCHAR NTAPI RtlFindLeastSignificantBit(ULONGLONG value) { return value ? (CCHAR)__builtin_ctzll(value) : -1; }
