// SPDX-License-Identifier: MIT
/* Normalisation of UTF-16: a text into another, or compared with itself. */
#include "normalize.h"

struct text {
	struct normalizer normalizer; /* first: the functions get this one */
	const uint16_t *in;
	uint16_t *out;                /* NULL: what comes is compared with `in` */
	size_t length, room, used;
	bool different;
	uint32_t *grown;
	uint32_t first[2 * NORMALIZE_RUN];
};

static bool out_text(struct normalizer *n, uint32_t c)
{
	struct text *text = (struct text *)n;
	uint16_t units[2];
	size_t count = utf16_put(c, units);
	for (size_t i = 0; i < count; i++, text->used++) {
		if (text->out && text->used < text->room)
			text->out[text->used] = units[i];
		else if (!text->out && (text->used >= text->length || text->in[text->used] != units[i]))
			text->different = true;
	}
	return true;
}

static bool grow_text(struct normalizer *n)
{
	struct text *text = (struct text *)n;
	size_t room = 2 * n->room;
	uint32_t *chars = normalize_allocate(2 * room * sizeof(uint32_t));
	if (!chars)
		return false;
	for (size_t i = 0; i < n->count; i++)
		chars[i] = n->chars[i];
	if (text->grown)
		normalize_free(text->grown);
	n->chars = text->grown = chars;
	n->room = room;
	return true;
}

static bool noncharacter(uint32_t c)
{
	return (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef);
}

static enum normalize_status run(struct text *text, unsigned form)
{
	struct normalizer *n = &text->normalizer;
	enum normalize_status status = NORMALIZE_OK;
	n->compose = !(form & NORMALIZE_DECOMPOSED);
	n->compatible = (form & NORMALIZE_COMPATIBLE) != 0;
	n->chars = text->first;
	n->room = NORMALIZE_RUN;
	n->grow = grow_text;
	n->out = out_text;
	for (size_t at = 0; at < text->length && !status;) {
		size_t from = at;
		uint32_t c = utf16_next(text->in, text->length, &at);
		if (c == UNICODE_BAD || noncharacter(c)) {
			normalize_end(n);
			status = text->out && text->used > text->room ? NORMALIZE_FULL : NORMALIZE_BAD;
			text->used = c == UNICODE_BAD && text->in[from] < 0xdc00 ? from + 1 : from;
		} else if (!normalize_put(n, c)) {
			status = NORMALIZE_NO_MEMORY;
		}
	}
	if (!status)
		normalize_end(n);
	if (text->grown)
		normalize_free(text->grown);
	return status;
}

enum normalize_status normalize_text(unsigned form, const uint16_t *in, size_t length, uint16_t *out, size_t room, size_t *used)
{
	struct text text = { .in = in, .length = length, .out = out, .room = room };
	enum normalize_status status = run(&text, form);
	*used = text.used;
	return status;
}

enum normalize_status normalize_check(unsigned form, const uint16_t *in, size_t length, bool *normal)
{
	struct text text = { .in = in, .length = length };
	enum normalize_status status = run(&text, form);
	*normal = !status && !text.different && text.used == length;
	return status;
}
