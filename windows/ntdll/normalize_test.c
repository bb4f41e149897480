// SPDX-License-Identifier: MIT
// Unit test of normalisation and IDN: all code points and random texts as python has them (tests/host/unicode_expect.py), known
// examples, and noise between guarded ends: nothing is read or written beyond them, what the forms promise holds.
// CFLAGS: -Iwindows/ntdll -Iout/windows/generated
// LINK: windows/ntdll/normalize.c windows/ntdll/normalize_text.c windows/ntdll/unicode.c windows/ntdll/idn.c windows/ntdll/punycode.c
// NEEDS: out/windows/generated/unicode_tables.h
#include "idn.h"
#include "normalize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNITS 20000
#define CODE_POINTS 0x110000
#define NOISE_TEXTS 60000
#define REFUSED 0xffff
enum { NAMEPREP = 4, TO_ASCII, TO_UNICODE, KINDS };
static const unsigned forms[] = { NORMALIZE_C, NORMALIZE_D, NORMALIZE_KC, NORMALIZE_KD };
static unsigned char changed[4][CODE_POINTS];
static unsigned long records[KINDS];
static int failures, no_memory;

void *normalize_allocate(size_t bytes)
{
	return no_memory ? NULL : malloc(bytes);
}

void normalize_free(void *memory)
{
	free(memory);
}

static void fail(const char *what, unsigned kind, const uint16_t *text, size_t length)
{
	if (failures++ > 20)
		return;
	printf("FAIL %s, kind %u:", what, kind);
	for (size_t i = 0; i < length && i < 40; i++)
		printf(" %04x", text[i]);
	printf("\n");
}

/* An exact copy in its own allocation, so that ASan sees each unit too many. */
static uint16_t *exact(const uint16_t *text, size_t length)
{
	uint16_t *copy = malloc(length * 2 + !length);
	memcpy(copy, text, length * 2);
	return copy;
}

/* One of the seven on a text; the result in an allocation of its size, *length REFUSED when there is none. */
static uint16_t *apply(unsigned kind, const uint16_t *text, size_t count, size_t *length)
{
	static const enum idn_operation operations[] = { IDN_PREPARE, IDN_TO_ASCII, IDN_TO_UNICODE };
	uint16_t *in = exact(text, count), *out = NULL;
	size_t needed = 0, again = 0;
	for (unsigned pass = 0; pass < 2; pass++) {
		bool good = kind < NAMEPREP ? normalize_text(forms[kind], in, count, out, needed, &again) == NORMALIZE_OK :
			idn_convert(operations[kind - NAMEPREP], IDN_FLAG_UNASSIGNED, in, count, out, needed, &again);
		if (!good) {
			needed = REFUSED;
			break;
		}
		if (!pass)
			out = malloc(again * 2 + !again);
		else if (again != needed)
			fail("another length the second time", kind, text, count);
		needed = again;
	}
	free(in);
	*length = needed;
	return out;
}

static void expect(unsigned kind, const uint16_t *text, size_t count, const uint16_t *wanted, size_t wanted_length)
{
	size_t length;
	uint16_t *out = apply(kind, text, count, &length);
	if (length != wanted_length || (length != REFUSED && memcmp(out, wanted, length * 2))) {
		fail("not what python says", kind, text, count);
		if (out && length != REFUSED)
			fail("  it is", kind, out, length);
		fail("  wanted", kind, wanted, wanted_length == REFUSED ? 0 : wanted_length);
	}
	free(out);
}

static size_t take(FILE *f, uint16_t *to)
{
	uint16_t length = 0;
	if (fread(&length, 2, 1, f) != 1 || (length != REFUSED && fread(to, 2, length, f) != length))
		fail("the file of python ends early", 0, NULL, 0);
	return length;
}

static void as_python_says(void)
{
	static uint16_t text[UNITS * 4], wanted[UNITS * 4];
	FILE *f = popen("python3 tests/host/unicode_expect.py", "r");
	uint16_t kind;
	while (f && fread(&kind, 2, 1, f) == 1 && kind < KINDS) {
		size_t count = take(f, text), length = take(f, wanted), at = 0;
		uint32_t c = count ? utf16_next(text, count, &at) : UNICODE_BAD;
		if (kind < NAMEPREP && c != UNICODE_BAD && at == count)
			changed[kind][c] |= length != count || memcmp(text, wanted, count * 2);
		records[kind]++;
		expect(kind, text, count, wanted, length);
	}
	if (!f || pclose(f))
		fail("python", 0, NULL, 0);
	for (unsigned i = 0; i < KINDS; i++)
		if (records[i] < 500)
			fail("too few records", i, NULL, 0);
}

static void the_others_stay(void)
{
	for (uint32_t c = 0; c < CODE_POINTS; c++) {
		uint16_t units[2], out[2];
		size_t count = utf16_put(c, units), used;
		bool refused = (c >= 0xd800 && c < 0xe000) || (c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef), normal;
		for (unsigned kind = 0; kind < 4; kind++) {
			enum normalize_status status = normalize_check(forms[kind], units, count, &normal);
			if (status != (refused ? NORMALIZE_BAD : NORMALIZE_OK) || (!refused && normal == changed[kind][c]))
				fail("is it normal", kind, units, count);
			if (!refused && !changed[kind][c] && (normalize_text(forms[kind], units, count, out, 2, &used) || used != count ||
					memcmp(units, out, count * 2)))
				fail("stays as it is", kind, units, count);
		}
	}
}

static uint32_t random_character(void)
{
	static const uint32_t from[] = { 0x20, 0xc0, 0x300, 0x300, 0x590, 0x900, 0x1100, 0x1e00, 0x3040, 0xac00, 0xd7f0, 0xf900, 0xfe00,
		0x11000, 0x1d150, 0x2f800 };
	if (rand() % 16 == 0)
		return (uint32_t)rand() % CODE_POINTS;
	return from[(size_t)rand() % (sizeof(from) / sizeof(from[0]))] + (uint32_t)rand() % 0xa0;
}

/* Idempotence and NFC(NFD(x)) == NFC(x), NFKC(NFD(x)) == NFKC(x). */
static void promises(const uint16_t *text, size_t count)
{
	size_t length[4], again, d;
	uint16_t *result[4] = { 0 };
	for (unsigned kind = 0; kind < 4; kind++)
		result[kind] = apply(kind, text, count, &length[kind]);
	for (unsigned kind = 0; kind < 4 && length[0] != REFUSED; kind++) {
		uint16_t *once = apply(kind, result[kind], length[kind], &again), *other = apply(kind, result[kind ^ 1], length[kind ^ 1], &d);
		bool normal;
		if (again != length[kind] || memcmp(once, result[kind], again * 2))
			fail("idempotence", kind, text, count);
		if (d != length[kind] || memcmp(other, result[kind], d * 2))
			fail("one form of the other", kind, text, count);
		if (normalize_check(forms[kind], result[kind], length[kind], &normal) || !normal)
			fail("a result is normal", kind, text, count);
		free(once);
		free(other);
	}
	for (unsigned kind = 0; kind < 4; kind++)
		free(result[kind]);
}

static void noise(void)
{
	static uint16_t text[UNITS];
	srand(15);
	for (unsigned i = 0; i < NOISE_TEXTS; i++) {
		size_t count = 0, wanted = (size_t)rand() % (i % 1000 == 0 ? UNITS / 8 : 24), length;
		unsigned how = (unsigned)rand() % 4;
		while (count < wanted) {
			if (how == 0)
				text[count++] = (uint16_t)(rand() % 4 ? rand() : 0xd800 + rand() % 0x800);
			else if (how == 1)
				text[count++] = (uint16_t)("xn--abz019-.A"[rand() % 13] + (rand() % 40 == 0 ? 0x100 : 0));
			else
				count += utf16_put(how == 2 && count ? 0x300 + (uint32_t)rand() % 0x70 : random_character(), text + count);
		}
		promises(text, count);
		for (unsigned kind = NAMEPREP; kind < KINDS; kind++)
			free(apply(kind, text, count, &length));
	}
}

static size_t wide(const char *from, uint16_t *to)
{
	size_t length = strlen(from);
	for (size_t i = 0; i < length; i++)
		to[i] = (unsigned char)from[i];
	return length;
}

static void idn_is(unsigned kind, const char *from, const char *wanted)
{
	uint16_t in[400], result[400];
	size_t count = wide(from, in);
	expect(kind, in, count, result, wanted ? wide(wanted, result) : REFUSED);
}

static void names(void)
{
	char longest[400];
	idn_is(TO_ASCII, "b\xfc\x63her.DE.", "xn--bcher-kva.de.");
	idn_is(TO_UNICODE, "xn--bcher-kva.de", "b\xfc\x63her.de");
	idn_is(TO_UNICODE, "XN--BCHER-KVA", "B\xfc" "CHER");
	idn_is(TO_ASCII, "fa\xdf", "fass");
	idn_is(TO_UNICODE, "xn--fa-hia", NULL); /* fass is what ToASCII makes of it */
	idn_is(TO_UNICODE, "xn--abc-", NULL);
	idn_is(TO_UNICODE, "xn--99999999", NULL);
	idn_is(TO_ASCII, "xn--\xe4", NULL);
	idn_is(TO_ASCII, "a..b", NULL);
	idn_is(TO_ASCII, ".", NULL);
	idn_is(TO_ASCII, "", NULL);
	idn_is(TO_UNICODE, "", "");
	for (unsigned length = 62; length < 66; length++) {
		memset(longest, 'a', length);
		longest[length] = 0;
		idn_is(TO_ASCII, longest, length <= 63 ? longest : NULL);
		idn_is(TO_UNICODE, longest, length <= 63 ? longest : NULL);
	}
	for (unsigned length = 250; length < 260; length++) {
		for (unsigned i = 0; i < length; i++)
			longest[i] = i % 60 == 30 ? '.' : 'a';
		longest[length] = 0;
		idn_is(TO_ASCII, longest, length <= IDN_NAME_MAX ? longest : NULL);
	}
}

static void flags(void)
{
	static const struct { uint16_t text[5]; unsigned count, flags; bool good; } rows[] = {
		{ { 'a', '_' }, 2, 0, true }, { { 'a', '_' }, 2, IDN_FLAG_STD3, false }, { { '-', 0xe4 }, 2, IDN_FLAG_STD3, false },
		{ { 0xe4, '-' }, 2, 0, true }, { { 0xe4, '-' }, 2, IDN_FLAG_STD3, false }, { { 0xe4, '-', 'b' }, 3, IDN_FLAG_STD3, true },
		{ { 'a', 0x221 }, 2, 0, false }, { { 'a', 0x221 }, 2, IDN_FLAG_UNASSIGNED, true }, { { 0xe000 }, 1, IDN_FLAG_UNASSIGNED, false },
		{ { 0x5d0, 'a' }, 2, 0, false }, { { 0x5d0, '1' }, 2, 0, false }, { { 0x5d0, '1', 0x5d1 }, 3, 0, true }, { { 0xad }, 1, 0, false },
		{ { 'a', 0xd800 }, 2, 0, false }, { { 0x2024, 0xe4 }, 2, 0, false }, { { 0xe4, 0x1f }, 2, 0, false },
	};
	uint16_t out[80];
	size_t used;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (idn_convert(IDN_TO_ASCII, rows[i].flags, rows[i].text, rows[i].count, out, 80, &used) != rows[i].good)
			fail("flags", i, rows[i].text, rows[i].count);
}

static void without_memory(void)
{
	uint16_t text[NORMALIZE_RUN * 2], out[NORMALIZE_RUN * 2];
	size_t used;
	for (unsigned i = 0; i < NORMALIZE_RUN * 2; i++)
		text[i] = 0x301;
	no_memory = 1;
	if (normalize_text(NORMALIZE_C, text, NORMALIZE_RUN * 2, out, NORMALIZE_RUN * 2, &used) != NORMALIZE_NO_MEMORY)
		fail("no memory", 0, text, 4);
	if (normalize_text(NORMALIZE_C, text, NORMALIZE_RUN, out, NORMALIZE_RUN, &used) != NORMALIZE_OK || used != NORMALIZE_RUN)
		fail("no memory is needed", 0, text, 4);
	no_memory = 0;
}

int main(void)
{
	as_python_says();
	the_others_stay();
	noise();
	names();
	flags();
	without_memory();
	return failures != 0;
}
