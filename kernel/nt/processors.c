// SPDX-License-Identifier: MIT
/* SystemLogicalProcessorInformation(Ex): one core per processor in one package, one node, one group; caches as CPUID tells
 * them (leaf 4, or AMD's 0x8000001d of the same form, else AMD's 0x80000005 and 6). */
#include "nt_internal.h"

#include "string.h"
#include "../arch/x86_64/arch.h"

enum { RELATION_CORE = 0, RELATION_NODE = 1, RELATION_CACHE = 2, RELATION_PACKAGE = 3, RELATION_GROUP = 4, RELATION_ALL = 0xffff };
enum { LEAF_CACHES = 4, LEAF_EXTENDED = 0x80000000u, LEAF_AMD_L1 = 0x80000005u, LEAF_AMD_L2_L3 = 0x80000006u,
	LEAF_AMD_CACHES = 0x8000001du };
enum { CACHE_UNIFIED = 0, CACHE_INSTRUCTION = 1, CACHE_DATA = 2 };
#define CACHES_MAX 8u                  /* kinds of caches of a processor */
#define FULLY_ASSOCIATIVE 0xffu
#define L3_UNIT (u32)KIB(512)            /* of leaf 0x80000006 */

struct cache { u8 level, ways; u16 line; u32 size, type; u32 sharing; };
struct group_affinity { u64 mask; u16 group, reserved[3]; };
struct logical_processor { u64 mask; u32 relationship, unused; u8 value[16]; };
struct record { u32 relation, size; };
struct core_record { struct record head; u8 flags, efficiency, reserved[20]; u16 groups; struct group_affinity affinity; };
struct node_record { struct record head; u32 node; u8 reserved[18]; u16 groups; struct group_affinity affinity; };
struct cache_record { struct record head; u8 level, ways; u16 line; u32 size, type; u8 reserved[18]; u16 groups;
	struct group_affinity affinity; };
struct group_record { struct record head; u16 maximum_groups, active_groups; u8 reserved[20], maximum, active, reserved2[38]; u64 mask; };
_Static_assert(sizeof(struct logical_processor) == 32 && sizeof(struct core_record) == 48 && sizeof(struct node_record) == 48 &&
	sizeof(struct cache_record) == 56 && sizeof(struct group_record) == 80, "SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX");

static u64 all_processors(void) { return cpu_count >= 64 ? UINT64_MAX : (1ull << cpu_count) - 1; }

/* ---- caches ---- */
static u32 listed_caches(u32 leaf, struct cache *c)
{
	u32 r[4], count = 0;
	for (u32 i = 0; i < CACHES_MAX; i++) {
		cpuid(leaf, i, r);
		u32 kind = r[0] & 0x1f, ways = (r[1] >> 22) + 1, parts = (r[1] >> 12 & 0x3ff) + 1, line = (r[1] & 0xfff) + 1;
		if (!kind)
			break;
		c[count++] = (struct cache){ .level = (u8)(r[0] >> 5 & 7), .ways = (u8)(r[0] & 1 << 9 ? FULLY_ASSOCIATIVE : MIN(ways, 0xfeu)),
			.line = (u16)line, .size = ways * parts * line * (r[2] + 1),
			.type = kind == 1 ? CACHE_DATA : kind == 2 ? CACHE_INSTRUCTION : CACHE_UNIFIED, .sharing = (r[0] >> 14 & 0xfff) + 1 };
	}
	return count;
}

static u8 amd_ways(u32 code)
{
	static const u8 ways[16] = { 0, 1, 2, 0, 4, 0, 8, 0, 16, 0, 32, 48, 64, 96, 128, FULLY_ASSOCIATIVE };
	return ways[code & 15];
}

static u32 amd_caches(struct cache *c)
{
	u32 r[4], count = 0;
	cpuid(LEAF_AMD_L1, 0, r);
	for (u32 i = 2; i < 4; i++)
		if (r[i] >> 24)
			c[count++] = (struct cache){ 1, (u8)(r[i] >> 16), (u16)(r[i] & 0xff), (u32)KIB(r[i] >> 24),
				i == 2 ? CACHE_DATA : CACHE_INSTRUCTION, 1 };
	cpuid(LEAF_AMD_L2_L3, 0, r);
	if (r[2] >> 16)
		c[count++] = (struct cache){ 2, amd_ways(r[2] >> 12), (u16)(r[2] & 0xff), (u32)KIB(r[2] >> 16), CACHE_UNIFIED, 1 };
	if (r[3] >> 18)
		c[count++] = (struct cache){ 3, amd_ways(r[3] >> 12), (u16)(r[3] & 0xff), (r[3] >> 18) * L3_UNIT, CACHE_UNIFIED, cpu_count };
	return count;
}

static u32 find_caches(struct cache *c)
{
	u32 r[4], count = 0;
	cpuid(0, 0, r);
	if (r[0] >= LEAF_CACHES)
		count = listed_caches(LEAF_CACHES, c);
	cpuid(LEAF_EXTENDED, 0, r);
	if (!count && r[0] >= LEAF_AMD_CACHES)
		count = listed_caches(LEAF_AMD_CACHES, c);
	return !count && r[0] >= LEAF_AMD_L2_L3 ? amd_caches(c) : count;
}

/* The processors that share the cache of this kind with processor `first`, the first of them. Caches below level 3 are
 * a core's own, and each processor is shown as a core. */
static u64 sharers(const struct cache *c, u32 first)
{
	u32 n = c->level < 3 ? 1 : MAX(c->sharing, 1u);
	u64 mask = n >= 64 ? UINT64_MAX : ((1ull << n) - 1) << first;
	return first % n ? 0 : mask & all_processors();
}

/* ---- answers ---- */
s64 nt_query_logical_processors(u64 va, u64 length, u64 return_va)
{
	struct cache caches[CACHES_MAX];
	u32 kinds = find_caches(caches), count = 0;
	struct logical_processor *p = kzalloc((cpu_count * (1 + kinds) + 2) * sizeof(*p));
	if (!p)
		return ERR_NOMEM;
	for (u32 i = 0; i < cpu_count; i++)
		p[count++] = (struct logical_processor){ .mask = 1ull << i, .relationship = RELATION_CORE };
	for (u32 i = 0; i < cpu_count * kinds; i++) {
		const struct cache *c = &caches[i % kinds];
		struct { u8 level, ways; u16 line; u32 size, type; } value = { c->level, c->ways, c->line, c->size, c->type };
		p[count] = (struct logical_processor){ .mask = sharers(c, i / kinds), .relationship = RELATION_CACHE };
		memcpy(p[count].value, &value, sizeof(value));
		count += p[count].mask != 0;
	}
	p[count++] = (struct logical_processor){ .mask = all_processors(), .relationship = RELATION_NODE };
	p[count++] = (struct logical_processor){ .mask = all_processors(), .relationship = RELATION_PACKAGE };
	s64 st = nt_query_out(va, length, return_va, p, count * (u32)sizeof(*p), false);
	kfree(p);
	return st;
}

static u32 put_core(u8 *out, u32 relation, u64 mask)
{
	struct core_record r = { .head = { relation, sizeof(r) }, .groups = 1, .affinity = { .mask = mask } };
	memcpy(out, &r, sizeof(r));
	return sizeof(r);
}

static u32 put_node(u8 *out)
{
	struct node_record r = { .head = { RELATION_NODE, sizeof(r) }, .affinity = { .mask = all_processors() } };
	memcpy(out, &r, sizeof(r));
	return sizeof(r);
}

static u32 put_group(u8 *out)
{
	struct group_record r = { .head = { RELATION_GROUP, sizeof(r) }, .maximum_groups = 1, .active_groups = 1, .maximum = (u8)cpu_count,
		.active = (u8)cpu_count, .mask = all_processors() };
	memcpy(out, &r, sizeof(r));
	return sizeof(r);
}

static u32 put_caches(u8 *out, const struct cache *caches, u32 kinds)
{
	u32 size = 0;
	for (u32 i = 0; i < cpu_count * kinds; i++) {
		const struct cache *c = &caches[i % kinds];
		struct cache_record r = { .head = { RELATION_CACHE, sizeof(r) }, .level = c->level, .ways = c->ways, .line = c->line,
			.size = c->size, .type = c->type, .groups = 1, .affinity = { .mask = sharers(c, i / kinds) } };
		if (!r.affinity.mask)
			continue;
		memcpy(out + size, &r, sizeof(r));
		size += sizeof(r);
	}
	return size;
}

s64 nt_query_logical_processors_ex(u32 wanted, u64 va, u64 length, u64 return_va)
{
	struct cache caches[CACHES_MAX];
	u32 kinds = find_caches(caches), size = 0;
	bool all = wanted == RELATION_ALL;
	if (wanted > RELATION_GROUP && !all)
		return NT(INVALID_PARAMETER);
	u8 *out = kmalloc(cpu_count * (sizeof(struct core_record) + kinds * sizeof(struct cache_record)) + 2 * sizeof(struct core_record) +
		sizeof(struct group_record));
	if (!out)
		return ERR_NOMEM;
	for (u32 i = 0; i < cpu_count && (wanted == RELATION_CORE || all); i++)
		size += put_core(out + size, RELATION_CORE, 1ull << i);
	if (wanted == RELATION_NODE || all)
		size += put_node(out + size);
	if (wanted == RELATION_CACHE || all)
		size += put_caches(out + size, caches, kinds);
	if (wanted == RELATION_PACKAGE || all)
		size += put_core(out + size, RELATION_PACKAGE, all_processors());
	if (wanted == RELATION_GROUP || all)
		size += put_group(out + size);
	s64 st = nt_query_out(va, length, return_va, out, size, false);
	kfree(out);
	return st;
}
