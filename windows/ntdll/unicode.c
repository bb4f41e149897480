// SPDX-License-Identifier: MIT
/* Properties of code points: look-ups in the tables that build/unicode_tables.py makes. */
#include "unicode.h"

#include "unicode_tables.h"

#define LOOK_UP(table, c)                                                                        \
	((c) < table##_END ? table##_data[((size_t)table##_index[(c) >> table##_SHIFT] << table##_SHIFT) | \
			((c) & ((1u << table##_SHIFT) - 1))] : 0u)
#define PAIRS (sizeof(pair_first) / sizeof(pair_first[0]))
#define FIRST_MAPPED 0xa0u /* no mapping of NFD or NFKD is below */

enum { S_BASE = 0xac00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11a7, L_COUNT = 19, V_COUNT = 21, T_COUNT = 28,
	S_COUNT = L_COUNT * V_COUNT * T_COUNT };

static const uint16_t *string_at(size_t place, size_t *length)
{
	*length = unicode_strings[place];
	return &unicode_strings[place + 1];
}

const uint16_t *unicode_canonical(uint32_t c, size_t *length)
{
	return string_at(c < FIRST_MAPPED ? 0 : LOOK_UP(canonical, c), length);
}

const uint16_t *unicode_compatible(uint32_t c, size_t *length)
{
	return string_at(c < FIRST_MAPPED ? 0 : LOOK_UP(compatible, c), length);
}

const uint16_t *unicode_folded(uint32_t c, size_t *length)
{
	return string_at(LOOK_UP(folded, c), length);
}

unsigned unicode_class(uint32_t c)
{
	return class_kinds[LOOK_UP(classes, c)];
}

unsigned unicode_idn_properties(uint32_t c)
{
	return LOOK_UP(properties, c);
}

uint32_t unicode_compose(uint32_t first, uint32_t second)
{
	size_t low = 0, high = PAIRS;
	if (first - L_BASE < L_COUNT && second - V_BASE < V_COUNT)
		return S_BASE + ((first - L_BASE) * V_COUNT + second - V_BASE) * T_COUNT;
	if (first - S_BASE < S_COUNT)
		return (first - S_BASE) % T_COUNT || second <= T_BASE || second >= T_BASE + T_COUNT ? 0 : first + second - T_BASE;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (pair_first[middle] == first && pair_second[middle] == second)
			return pair_composed[middle];
		if (pair_first[middle] < first || (pair_first[middle] == first && pair_second[middle] < second))
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}
