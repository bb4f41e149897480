// SPDX-License-Identifier: MIT
// Unit test of 8.3 names: which names have one, what form it has, that the look-up by it agrees.
// LINK: kernel/nt/short_name.c kernel/nt/text.c
// CFLAGS: -Ikernel/include -Ilib/base
#include "nt_text.h"

#include <stdio.h>
#include <string.h>

static int failures;
static void check(const char *what, const char *name, int holds)
{
	if (holds)
		return;
	printf("FAIL %s: %s\n", what, name);
	failures++;
}

static void is_one_itself(const char *name)
{
	char out[NT_SHORT_NAME_MAX];
	check("needs no other name", name, !nt_short_name(name, (u32)strlen(name), out));
}

/* form: '#' stands for a character of the hash. */
static void has(const char *name, const char *form)
{
	char out[NT_SHORT_NAME_MAX], again[NT_SHORT_NAME_MAX];
	u32 bytes = (u32)strlen(name), n = nt_short_name(name, bytes, out);
	bool same = n == strlen(form);
	for (u32 i = 0; same && i < n; i++)
		same = form[i] == '#' ? (out[i] >= '0' && out[i] <= '9') || (out[i] >= 'A' && out[i] <= 'Z') : out[i] == form[i];
	check(form, name, same);
	check("is a short name", name, nt_may_be_short_name(out, n) && !nt_short_name(out, n, again));
	check("is found by it", name, nt_has_short_name(name, bytes, out, n));
	for (u32 i = 0; i < n; i++)
		out[i] = out[i] >= 'A' && out[i] <= 'Z' ? (char)(out[i] + 32) : out[i];
	check("is found by it in small letters", name, nt_has_short_name(name, bytes, out, n));
}

int main(void)
{
	const char *own[] = { "a", "README", "readme.txt", "a.b", "12345678.123", "a~1", "{x}.c", ".", ".." };
	for (u32 i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		is_one_itself(own[i]);
	has("Program Files", "PR####~1");
	has("123456789", "12####~1");
	has("index.html", "IN####~1.HTM");
	has("a.b.c", "AB####~1.C");
	has("a b", "AB####~1");
	has(".git", "GI####~1");
	has("a.", "A####~1");
	has("a+b", "A_####~1");
	has("\xc3\xa9", "####~1");
	has("\xff\xfe.\xff", "####~1");
	has("x.t t", "X####~1.TT");
	for (u32 seed = 1; seed < 20000; seed++) { /* any bytes: a form that is its own, and no byte too many */
		char name[24], out[NT_SHORT_NAME_MAX + 1];
		u32 bytes = seed % sizeof(name);
		for (u32 i = 0; i < bytes; i++)
			name[i] = (char)(seed * 2654435761u >> (i * 5 & 24) ^ i * 37);
		out[NT_SHORT_NAME_MAX] = '!';
		u32 n = nt_short_name(name, bytes, out);
		check("stays within its room", "any", n <= NT_SHORT_NAME_MAX && out[NT_SHORT_NAME_MAX] == '!');
		check("has the form", "any", !n || nt_may_be_short_name(out, n));
	}
	const char *others[] = { "a~2", "abc", "~1" };
	for (u32 i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check("is of another form", others[i], !nt_may_be_short_name(others[i], (u32)strlen(others[i])));
	return failures != 0;
}
