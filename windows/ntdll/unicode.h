/* SPDX-License-Identifier: MIT */
/* Properties of code points (unicode.c over a generated header). No part of it depends on Windows: the host tests it. */
#ifndef AMBOS_NTDLL_UNICODE_H
#define AMBOS_NTDLL_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_MAPPING_MAX 18 /* the longest mapping, U+FDFA's, in units */

/* Units of UTF-16, *length of them; *length 0: c stands for itself. Hangul syllables are left to the caller. */
const uint16_t *unicode_canonical(uint32_t c, size_t *length);  /* NFD of c */
const uint16_t *unicode_compatible(uint32_t c, size_t *length); /* NFKD of c where it is not NFD of c */
const uint16_t *unicode_folded(uint32_t c, size_t *length);     /* RFC 3454 table B.2 */

/* The canonical combining class, and whether some character composes with c behind it. */
#define UNICODE_CLASS 0xffu
#define UNICODE_SECOND 0x100u
unsigned unicode_class(uint32_t c);
uint32_t unicode_compose(uint32_t first, uint32_t second); /* 0: they do not compose */

/* RFC 3454 as RFC 3491 uses it; the values are build/unicode_tables.py's. */
#define IDN_UNASSIGNED 1u /* A.1: not in Unicode 3.2 */
#define IDN_PROHIBITED 2u /* C.1.2, C.2.2, C.3 to C.9 */
#define IDN_RIGHT 4u      /* D.1: RandALCat */
#define IDN_LEFT 8u       /* D.2: LCat */
#define IDN_NOTHING 16u   /* B.1: mapped to nothing */
unsigned unicode_idn_properties(uint32_t c);

/* UTF-16. Reading gives UNICODE_BAD and the place after it for a half of a pair alone; writing gives the count of units. */
#define UNICODE_BAD 0xffffffffu
static inline uint32_t utf16_next(const uint16_t *text, size_t length, size_t *at)
{
	uint32_t c = text[(*at)++];
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || *at == length || text[*at] < 0xdc00 || text[*at] > 0xdfff)
		return UNICODE_BAD;
	return 0x10000 + ((c & 0x3ff) << 10) + (text[(*at)++] & 0x3ffu);
}
static inline size_t utf16_put(uint32_t c, uint16_t units[2])
{
	units[0] = (uint16_t)(c > 0xffff ? 0xd7c0 + (c >> 10) : c);
	units[1] = (uint16_t)(0xdc00 | (c & 0x3ff));
	return c > 0xffff ? 2 : 1;
}

#endif
