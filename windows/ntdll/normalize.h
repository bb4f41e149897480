/* SPDX-License-Identifier: MIT */
/* Normalisation forms (UAX 15), character by character: normalize_put takes code points, `out` gets the result's. A run of
 * characters that act on each other is kept in chars[], which `grow` makes larger; what is outside the run is not kept. */
#ifndef AMBOS_NTDLL_NORMALIZE_H
#define AMBOS_NTDLL_NORMALIZE_H

#include "unicode.h"

#define NORMALIZE_RUN 64 /* characters of the first buffer of a run; longer ones are not text */

struct normalizer {
	bool compose, compatible;
	bool old;                 /* Unicode 3.2: what it does not have stands for itself */
	uint32_t *chars;          /* 2 * room: the second half is for sorting */
	size_t count, room;
	bool (*grow)(struct normalizer *); /* more room, chars kept; NULL or false: normalize_put fails */
	bool (*out)(struct normalizer *, uint32_t c); /* false: normalize_put and normalize_end fail */
};

bool normalize_put(struct normalizer *, uint32_t c);
bool normalize_end(struct normalizer *);

/* Whole texts (normalize_text.c). Forms are numbered as in winnls.h. `in` and `out` do not overlap. What comes back:
 * OK: *used is what the result needs; only `room` units are stored.
 * BAD: half of a surrogate pair or a noncharacter at *used of `in` (for a first half the unit behind). FULL: the same, but the
 * room was full before. */
enum normalize_status { NORMALIZE_OK, NORMALIZE_BAD, NORMALIZE_FULL, NORMALIZE_NO_MEMORY };
enum normalize_form { NORMALIZE_C = 1, NORMALIZE_D = 2, NORMALIZE_KC = 5, NORMALIZE_KD = 6 };
#define NORMALIZE_DECOMPOSED 2u
#define NORMALIZE_COMPATIBLE 4u
enum normalize_status normalize_text(unsigned form, const uint16_t *in, size_t length, uint16_t *out, size_t room, size_t *used);
enum normalize_status normalize_check(unsigned form, const uint16_t *in, size_t length, bool *normal);

/* What the user of normalize_text.c has: memory for runs over NORMALIZE_RUN; NULL: there is none. */
void *normalize_allocate(size_t bytes);
void normalize_free(void *);

#endif
