// SPDX-License-Identifier: MIT
/* Normalisation forms (UAX 15): decomposition, canonical order, composition. A run is what lies between two places over which
 * nothing acts: before a starter, for composition one that is never a second. Hangul is by algorithm (Unicode 3.12). */
#include "normalize.h"

enum { S_BASE = 0xac00, L_BASE = 0x1100, V_BASE = 0x1161, T_BASE = 0x11a7, V_COUNT = 21, T_COUNT = 28, S_COUNT = 11172 };
#define CLASSES 256

static unsigned class_of(const struct normalizer *n, uint32_t c)
{
	unsigned class = unicode_class(c);
	return class && n->old && (unicode_idn_properties(c) & IDN_UNASSIGNED) ? 0 : class;
}

/* Stable and linear, however long the run of marks is. */
static void sort_marks(const struct normalizer *n, uint32_t *marks, size_t count)
{
	uint32_t *sorted = n->chars + n->room;
	size_t starts[CLASSES + 1] = { 0 };
	unsigned last = 0;
	bool sort = false;
	for (size_t i = 0; i < count; i++) {
		unsigned class = class_of(n, marks[i]) & UNICODE_CLASS;
		sort |= class < last;
		last = class;
		starts[class + 1]++;
	}
	if (!sort)
		return;
	for (unsigned class = 0; class < CLASSES; class++)
		starts[class + 1] += starts[class];
	for (size_t i = 0; i < count; i++)
		sorted[starts[class_of(n, marks[i]) & UNICODE_CLASS]++] = marks[i];
	for (size_t i = 0; i < count; i++)
		marks[i] = sorted[i];
}

static void order(const struct normalizer *n)
{
	size_t from = 0;
	for (size_t i = 0; i <= n->count; i++) {
		if (i < n->count && (class_of(n, n->chars[i]) & UNICODE_CLASS))
			continue;
		if (i - from > 1)
			sort_marks(n, n->chars + from, i - from);
		from = i + 1;
	}
}

/* A character composes with the last starter unless one between them is a starter or of its class or a higher one. */
static void compose(struct normalizer *n)
{
	size_t used = 0, starter = SIZE_MAX;
	unsigned last = 0;
	for (size_t i = 0; i < n->count; i++) {
		uint32_t c = n->chars[i];
		unsigned kind = class_of(n, c), class = kind & UNICODE_CLASS;
		bool adjacent = starter != SIZE_MAX && used == starter + 1;
		if (starter != SIZE_MAX && (kind & UNICODE_SECOND) && (adjacent || last < class)) {
			uint32_t composed = unicode_compose(n->chars[starter], c);
			if (composed) {
				n->chars[starter] = composed;
				continue;
			}
		}
		if (!class)
			starter = used;
		last = class;
		n->chars[used++] = c;
	}
	n->count = used;
}

bool normalize_end(struct normalizer *n)
{
	if (n->count > 1) {
		order(n);
		if (n->compose)
			compose(n);
	}
	for (size_t i = 0; i < n->count; i++)
		if (!n->out(n, n->chars[i]))
			return false;
	n->count = 0;
	return true;
}

/* c is not to be decomposed any more. */
static bool add(struct normalizer *n, uint32_t c)
{
	unsigned kind = class_of(n, c);
	if (!(n->compose ? kind : kind & UNICODE_CLASS) && !normalize_end(n))
		return false;
	if (n->count == n->room && !(n->grow && n->grow(n)))
		return false;
	n->chars[n->count++] = c;
	return true;
}

static bool add_hangul(struct normalizer *n, uint32_t c)
{
	uint32_t place = c - S_BASE;
	return add(n, L_BASE + place / (V_COUNT * T_COUNT)) && add(n, V_BASE + place / T_COUNT % V_COUNT) &&
		(place % T_COUNT == 0 || add(n, T_BASE + place % T_COUNT));
}

bool normalize_put(struct normalizer *n, uint32_t c)
{
	size_t length = 0;
	const uint16_t *mapped = NULL;
	if (c >= S_BASE && c < S_BASE + S_COUNT)
		return add_hangul(n, c);
	if (!n->old || !(unicode_idn_properties(c) & IDN_UNASSIGNED)) {
		if (n->compatible)
			mapped = unicode_compatible(c, &length);
		if (!length)
			mapped = unicode_canonical(c, &length);
	}
	if (!length)
		return add(n, c);
	for (size_t at = 0; at < length;)
		if (!add(n, utf16_next(mapped, length, &at)))
			return false;
	return true;
}
