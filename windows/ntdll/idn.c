// SPDX-License-Identifier: MIT
/* Names of the domain system: nameprep label by label, then the form that is asked for. Where RFC 3490 leaves it open: control
 * characters, and a dot that comes out of a mapping, make no name; a name that is ASCII throughout keeps its case. */
#include "idn.h"

#include "normalize.h"

#define IDN_RUN 256 /* a label of 63 characters is not longer decomposed */
#define ACE_PREFIX 4

struct label {
	struct normalizer normalizer; /* first: the functions get this one */
	uint32_t run[2 * IDN_RUN];
	size_t count;
	uint32_t chars[IDN_LABEL_MAX];
};

struct name { uint16_t *out; size_t room, used; };

static void put(struct name *name, uint32_t c)
{
	uint16_t units[2];
	size_t count = utf16_put(c, units);
	for (size_t i = 0; i < count; i++, name->used++)
		if (name->used < name->room)
			name->out[name->used] = units[i];
}

static uint32_t lower(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool is_dot(uint32_t c)
{
	return c == '.' || c == 0x3002 || c == 0xff0e || c == 0xff61;
}

static bool has_prefix(const uint32_t *chars, size_t count)
{
	return count >= ACE_PREFIX && lower(chars[0]) == 'x' && lower(chars[1]) == 'n' && chars[2] == '-' && chars[3] == '-';
}

static bool all_ascii(const uint32_t *chars, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (chars[i] > 0x7f)
			return false;
	return true;
}

static bool out_label(struct normalizer *n, uint32_t c)
{
	struct label *label = (struct label *)n;
	if (label->count == IDN_LABEL_MAX)
		return false;
	label->chars[label->count++] = c;
	return true;
}

static bool map_character(struct normalizer *n, uint32_t c)
{
	size_t length;
	const uint16_t *folded = unicode_folded(c, &length);
	if (unicode_idn_properties(c) & IDN_NOTHING)
		return true;
	if (!length)
		return normalize_put(n, c);
	for (size_t at = 0; at < length;)
		if (!normalize_put(n, utf16_next(folded, length, &at)))
			return false;
	return true;
}

/* RFC 3454 section 6: a label with characters from right to left has no others, and begins and ends with one. */
static bool direction_is_good(const struct label *label)
{
	unsigned all = 0, ends = IDN_RIGHT;
	for (size_t i = 0; i < label->count; i++)
		all |= unicode_idn_properties(label->chars[i]);
	if (!(all & IDN_RIGHT) || !label->count)
		return true;
	ends &= unicode_idn_properties(label->chars[0]) & unicode_idn_properties(label->chars[label->count - 1]);
	return ends && !(all & IDN_LEFT);
}

static bool std3_is_good(const struct label *label)
{
	for (size_t i = 0; i < label->count; i++) {
		uint32_t c = lower(label->chars[i]);
		if (c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return label->count && label->chars[0] != '-' && label->chars[label->count - 1] != '-';
}

static bool label_is_good(const struct label *label, unsigned flags)
{
	if (!label->count || ((flags & IDN_FLAG_STD3) && !std3_is_good(label)))
		return false;
	for (size_t i = 0; i < label->count; i++) {
		uint32_t c = label->chars[i];
		unsigned properties = unicode_idn_properties(c);
		if (c < ' ' || c == 0x7f || c == '.' || (properties & IDN_PROHIBITED))
			return false;
		if ((properties & IDN_UNASSIGNED) && !(flags & IDN_FLAG_UNASSIGNED))
			return false;
	}
	return direction_is_good(label);
}

static void start_label(struct label *label)
{
	struct normalizer *n = &label->normalizer;
	n->compose = n->compatible = n->old = true;
	n->chars = label->run;
	n->count = 0;
	n->room = IDN_RUN;
	n->grow = NULL;
	n->out = out_label;
	label->count = 0;
}

/* The label at *at, up to the dot or the end; `plain`: as it stands. */
static bool take_label(struct label *label, bool plain, unsigned flags, const uint16_t *in, size_t length, size_t *at)
{
	start_label(label);
	while (*at < length && !is_dot(in[*at])) {
		uint32_t c = utf16_next(in, length, at);
		if (c == UNICODE_BAD || !(plain ? out_label(&label->normalizer, c) : map_character(&label->normalizer, c)))
			return false;
	}
	return normalize_end(&label->normalizer) && label_is_good(label, flags);
}

/* ToASCII, step 3 on: of a prepared label into out[IDN_LABEL_MAX]. SIZE_MAX: it has no such form. */
static size_t label_to_ascii(const struct label *label, char *out)
{
	size_t count;
	if (all_ascii(label->chars, label->count)) {
		for (count = 0; count < label->count; count++)
			out[count] = (char)label->chars[count];
		return count;
	}
	if (has_prefix(label->chars, label->count))
		return SIZE_MAX;
	for (count = 0; count < ACE_PREFIX; count++)
		out[count] = "xn--"[count];
	count = punycode_encode(label->chars, label->count, out + ACE_PREFIX, IDN_LABEL_MAX - ACE_PREFIX);
	return count == SIZE_MAX ? count : count + ACE_PREFIX;
}

/* ToUnicode of a label that begins with the prefix: what it stands for, if ToASCII leads back. */
static size_t label_to_unicode(struct label *label, unsigned flags, uint32_t *out)
{
	char packed[IDN_LABEL_MAX], again[IDN_LABEL_MAX];
	size_t length = label->count, count, i;
	for (i = 0; i < length; i++)
		packed[i] = (char)lower(label->chars[i]);
	for (i = 0; i < length - ACE_PREFIX; i++)
		again[i] = (char)label->chars[ACE_PREFIX + i];
	count = punycode_decode(again, length - ACE_PREFIX, out, IDN_LABEL_MAX);
	if (count == SIZE_MAX)
		return count;
	start_label(label);
	for (i = 0; i < count; i++)
		if ((out[i] >= 0xd800 && out[i] <= 0xdfff) || !map_character(&label->normalizer, out[i]))
			return SIZE_MAX;
	if (!normalize_end(&label->normalizer) || !label_is_good(label, flags) || label_to_ascii(label, again) != length)
		return SIZE_MAX;
	for (i = 0; i < length; i++)
		if (lower((unsigned char)again[i]) != (unsigned char)packed[i])
			return SIZE_MAX;
	return count;
}

static bool put_ascii(struct name *name, const struct label *label)
{
	char packed[IDN_LABEL_MAX];
	size_t count = label_to_ascii(label, packed);
	if (count == SIZE_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		put(name, (unsigned char)packed[i]);
	return true;
}

static bool put_unicode(struct name *name, struct label *label, unsigned flags)
{
	uint32_t meant[IDN_LABEL_MAX];
	const uint32_t *chars = label->chars;
	size_t count = label->count;
	if (has_prefix(chars, count)) {
		count = label_to_unicode(label, flags, meant);
		chars = meant;
	}
	if (count == SIZE_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		put(name, chars[i]);
	return true;
}

static bool put_label(struct name *name, enum idn_operation operation, struct label *label, unsigned flags)
{
	if (operation == IDN_TO_ASCII)
		return put_ascii(name, label);
	if (operation == IDN_TO_UNICODE)
		return put_unicode(name, label, flags);
	for (size_t i = 0; i < label->count; i++)
		put(name, label->chars[i]);
	return true;
}

/* `in` without the NUL behind it. */
static bool convert(struct name *name, enum idn_operation operation, unsigned flags, const uint16_t *in, size_t length)
{
	struct label label;
	bool plain = true;
	for (size_t i = 0; i < length; i++)
		plain &= in[i] < 0x80;
	if (!plain && operation == IDN_TO_UNICODE)
		return false;
	for (size_t at = 0; at < length; at++) { /* over the dot */
		if (!take_label(&label, plain, flags, in, length, &at) || !put_label(name, operation, &label, flags))
			return false;
		if (at < length)
			put(name, '.');
		if (name->used > IDN_NAME_MAX)
			return false;
	}
	return length || operation == IDN_TO_UNICODE;
}

bool idn_convert(enum idn_operation operation, unsigned flags, const uint16_t *in, size_t length, uint16_t *out, size_t room, size_t *used)
{
	struct name name = { .out = out, .room = out ? room : 0 };
	bool ended = length && !in[length - 1];
	if (!convert(&name, operation, flags, in, length - ended))
		return false;
	if (ended)
		put(&name, 0);
	*used = name.used;
	return true;
}
