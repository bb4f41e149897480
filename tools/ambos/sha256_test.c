// SPDX-License-Identifier: MIT
// SHA-256 against the examples of FIPS 180-4.
// LINK: tools/ambos/sha256.c
#include <stdio.h>
#include <string.h>

#include "sha256.h"

static int failures;

static void check(const char *name, const char *text, u32 times, const char *want)
{
	struct sha256 sum;
	u8 digest[32];
	char have[65];
	sha256_start(&sum);
	for (u32 i = 0; i < times; i++)
		sha256_add(&sum, text, strlen(text));
	sha256_finish(&sum, digest);
	for (u32 i = 0; i < 32; i++)
		sprintf(have + 2 * i, "%02x", digest[i]);
	printf("%s %s\n", strcmp(have, want) ? "FAIL" : "ok", name);
	failures += strcmp(have, want) != 0;
}

int main(void)
{
	check("empty", "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check("two_blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
	      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check("million_a", "aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	return failures != 0;
}
