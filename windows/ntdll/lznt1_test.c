// SPDX-License-Identifier: MIT
// Unit test of LZNT1: what is packed comes back, whole and in parts; broken input is refused.
// CFLAGS: -Iwindows/ntdll
#include "lznt1.h"
#include "../../tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 40000u
static struct lznt1_workspace workspace;
static uint8_t in[BYTES], packed[BYTES + 100], out[BYTES + 1], chunk[LZNT1_CHUNK];

static void comes_back(const char *what, size_t size)
{
	size_t used = 0, got = 0;
	check(what, lznt1_compress(in, size, packed, sizeof(packed), &workspace, &used) == LZNT1_OK);
	out[size] = 0x55;
	check(what, lznt1_expand(packed, used, out, size, &got) == LZNT1_OK && got == size && !memcmp(in, out, size) && out[size] == 0x55);
	for (size_t offset = 1; offset < size; offset += 1111) {
		size_t wanted = size - offset; /* a reference that goes beyond the room is refused */
		check(what, lznt1_expand_at(packed, used, offset, out, wanted, chunk, &got) == LZNT1_OK && got == wanted &&
			!memcmp(in + offset, out, wanted));
	}
	if (used > 2)
		check(what, lznt1_expand(packed, used - 1, out, sizeof(out), &got) == LZNT1_BAD);
}

int main(void)
{
	srand(1);
	for (size_t i = 0; i < BYTES; i++)
		in[i] = (uint8_t)rand();
	comes_back("noise", BYTES);
	for (size_t i = 0; i < BYTES; i++)
		in[i] = "a word, and a word again, "[i % 26];
	comes_back("text", BYTES);
	comes_back("one byte", 1);
	comes_back("a chunk and a byte", LZNT1_CHUNK + 1);
	memset(in, 0, sizeof(in));
	comes_back("zeros", BYTES);
	size_t used;
	check("zeros get small", lznt1_compress(in, BYTES, packed, 200, &workspace, &used) == LZNT1_OK);
	check("no room", lznt1_compress(in, BYTES, packed, 20, &workspace, &used) == LZNT1_NO_ROOM);
	static const uint8_t far[] = { 0x06, 0xb0, 0x10, 'a', 'b', 'c', 'd', 0x05, 0x40 };
	check("a reference before the start", lznt1_expand(far, sizeof(far), out, sizeof(out), &used) == LZNT1_BAD);
	check("an empty input", lznt1_expand(far, 0, out, sizeof(out), &used) == LZNT1_BAD);
	return failures != 0;
}
