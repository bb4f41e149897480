// SPDX-License-Identifier: MIT
/* 8.3 names of files, which Windows calls short or alternate names. Nothing stores them: one is made from the long name alone, so it
 * stays the same whatever else the directory holds, and programs that hand it on find the file again. Form of a name: MS-FSCC 2.1.5.2.1;
 * two characters, a hash in four, ~1: what NTFS falls back to when the plain numbers are used up. */
#include "nt_text.h"

#define BASE_MAX 8u
#define EXTENSION_MAX 3u
#define PREFIX_CHARS 2u  /* of the long name, then HASH_CHARS and "~1": BASE_MAX together */
#define HASH_CHARS 4u
#define HASH_RADIX 36u

static bool is_short_char(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	for (const char *p = "!#$%&'()-@^_`{}~"; *p; p++)
		if (c == *p)
			return true;
	return false;
}

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }

/* Where the extension's period is; `bytes` without one. A period in front is no extension's. */
static u32 last_period(const char *name, u32 bytes)
{
	for (u32 i = bytes; i-- > 1;)
		if (name[i] == '.')
			return i;
	return bytes;
}

static bool is_short(const char *name, u32 bytes)
{
	u32 period = last_period(name, bytes), extension = period < bytes ? bytes - period - 1 : 0;
	if (!period || period > BASE_MAX || extension > EXTENSION_MAX || (period < bytes && !extension))
		return false;
	for (u32 i = 0; i < bytes; i++)
		if (i != period && !is_short_char(name[i]))
			return false;
	return true;
}

/* The first `most` characters of [from, to) that a short name may have; what Windows forbids in it becomes '_'. */
static u32 take(const char *name, u32 from, u32 to, u32 most, char *out)
{
	u32 n = 0;
	for (u32 i = from; i < to && n < most; i++) {
		u8 c = (u8)name[i];
		if (c != ' ' && c != '.' && c < 0x80)
			out[n++] = is_short_char(name[i]) ? upper(name[i]) : '_';
	}
	return n;
}

u32 nt_short_name(const char *name, u32 bytes, char *out)
{
	bool dots = bytes && name[0] == '.' && (bytes == 1 || (bytes == 2 && name[1] == '.'));
	if (dots || is_short(name, bytes))
		return 0;
	u32 period = last_period(name, bytes), n = take(name, 0, period, PREFIX_CHARS, out), hash = nt_name_hash(name, bytes);
	for (u32 i = 0; i < HASH_CHARS; i++, hash /= HASH_RADIX)
		out[n++] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[hash % HASH_RADIX];
	out[n++] = '~';
	out[n++] = '1';
	out[n] = '.';
	u32 extension = period < bytes ? take(name, period + 1, bytes, EXTENSION_MAX, out + n + 1) : 0;
	return n + (extension ? extension + 1 : 0);
}

bool nt_may_be_short_name(const char *name, u32 bytes)
{
	u32 period = last_period(name, bytes);
	return is_short(name, bytes) && period > 2 && name[period - 2] == '~' && name[period - 1] == '1';
}

bool nt_has_short_name(const char *name, u32 bytes, const char *wanted, u32 wanted_bytes)
{
	char made[NT_SHORT_NAME_MAX];
	u32 n = nt_short_name(name, bytes, made);
	return n && nt_names_equal(made, n, wanted, wanted_bytes);
}
