// SPDX-License-Identifier: MIT
// libFuzzer harness of normalisation and IDN: any UTF-16 ends within its bounds; a result is normal; a name that became ASCII
// stays what it is, and what it means becomes the same ASCII again.
// LINK: windows/ntdll/normalize.c windows/ntdll/normalize_text.c windows/ntdll/unicode.c windows/ntdll/idn.c windows/ntdll/punycode.c
// CFLAGS: -Iwindows/ntdll -Iout/windows/generated
// NEEDS: out/windows/generated/unicode_tables.h
#include "idn.h"
#include "normalize.h"

#include <stdlib.h>
#include <string.h>

#define NAME_ROOM (IDN_NAME_MAX + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *normalize_allocate(size_t bytes)
{
	return malloc(bytes);
}

void normalize_free(void *memory)
{
	free(memory);
}

static void check(bool good)
{
	if (!good)
		abort();
}

static void texts(const uint16_t *in, size_t count, size_t room)
{
	static const unsigned forms[] = { NORMALIZE_C, NORMALIZE_D, NORMALIZE_KC, NORMALIZE_KD };
	for (unsigned i = 0; i < 4; i++) {
		size_t used = 0, needed = 0;
		bool normal = false;
		uint16_t *out = malloc(room * 2 + 1);
		enum normalize_status status = normalize_text(forms[i], in, count, out, room, &needed);
		free(out);
		if (status)
			continue;
		out = malloc(needed * 2 + 1);
		check(!normalize_text(forms[i], in, count, out, needed, &used) && used == needed);
		check(!normalize_check(forms[i], out, used, &normal) && normal);
		free(out);
	}
}

static void names(unsigned flags, const uint16_t *in, size_t count, size_t room)
{
	uint16_t ascii[NAME_ROOM], again[NAME_ROOM], *small = malloc(room * 2 + 1);
	size_t used = 0, length = 0, size = 0;
	(void)idn_convert(IDN_TO_UNICODE, flags, in, count, small, room, &used);
	(void)idn_convert(IDN_PREPARE, flags, in, count, small, room, &used);
	if (idn_convert(IDN_TO_ASCII, flags, in, count, small, room, &used)) {
		check(used <= NAME_ROOM && idn_convert(IDN_TO_ASCII, flags, in, count, ascii, NAME_ROOM, &used));
		check(idn_convert(IDN_TO_ASCII, flags, ascii, used, again, NAME_ROOM, &length));
		check(length == used && !memcmp(ascii, again, used * 2));
		if (idn_convert(IDN_TO_UNICODE, flags, ascii, used, again, NAME_ROOM, &length))
			check(length <= NAME_ROOM && idn_convert(IDN_TO_ASCII, flags, again, length, small, 0, &size) && size == used);
	}
	free(small);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = size > 1 ? (size - 1) / 2 : 0;
	uint16_t *in = malloc(count * 2 + 1);
	memcpy(in, data + (count ? 1 : 0), count * 2);
	texts(in, count, size ? data[0] : 0);
	names(size ? data[0] & 3u : 0, in, count, size ? data[0] / 4 : 0);
	free(in);
	return 0;
}
