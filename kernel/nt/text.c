// SPDX-License-Identifier: MIT
/* UTF-16 and UTF-8, upper case, name patterns. Pure functions; see nt_text.h. The case table holds the simple
 * upper-case pairs of the Basic Multilingual Plane as runs: code points first, first + step, ... last move by delta. */
#include "nt_text.h"

#include "string.h"
#include "status.h"

struct case_run { u16 first, last; u16 step; s32 delta; };
static const struct case_run case_runs[] = {
	{ 0x00e0, 0x00f6, 1, -32 }, { 0x00f8, 0x00fe, 1, -32 }, { 0x00ff, 0x00ff, 1, 121 }, { 0x0101, 0x012f, 2, -1 },
	{ 0x0133, 0x0137, 2, -1 }, { 0x013a, 0x0148, 2, -1 }, { 0x014b, 0x0177, 2, -1 }, { 0x017a, 0x017e, 2, -1 },
	{ 0x0180, 0x0180, 1, 195 }, { 0x0183, 0x0185, 2, -1 }, { 0x0188, 0x0188, 1, -1 }, { 0x018c, 0x018c, 1, -1 },
	{ 0x0192, 0x0192, 1, -1 }, { 0x0195, 0x0195, 1, 97 }, { 0x0199, 0x0199, 1, -1 }, { 0x019a, 0x019a, 1, 163 },
	{ 0x019e, 0x019e, 1, 130 }, { 0x01a1, 0x01a5, 2, -1 }, { 0x01a8, 0x01a8, 1, -1 }, { 0x01ad, 0x01ad, 1, -1 },
	{ 0x01b0, 0x01b0, 1, -1 }, { 0x01b4, 0x01b6, 2, -1 }, { 0x01b9, 0x01b9, 1, -1 }, { 0x01bd, 0x01bd, 1, -1 },
	{ 0x01bf, 0x01bf, 1, 56 }, { 0x01c5, 0x01c5, 1, -1 }, { 0x01c6, 0x01c6, 1, -2 }, { 0x01c8, 0x01c8, 1, -1 },
	{ 0x01c9, 0x01c9, 1, -2 }, { 0x01cb, 0x01cb, 1, -1 }, { 0x01cc, 0x01cc, 1, -2 }, { 0x01ce, 0x01dc, 2, -1 },
	{ 0x01dd, 0x01dd, 1, -79 }, { 0x01df, 0x01ef, 2, -1 }, { 0x01f2, 0x01f2, 1, -1 }, { 0x01f3, 0x01f3, 1, -2 },
	{ 0x01f5, 0x01f5, 1, -1 }, { 0x01f9, 0x021f, 2, -1 }, { 0x0223, 0x0233, 2, -1 }, { 0x023c, 0x023c, 1, -1 },
	{ 0x023f, 0x0240, 1, 10815 }, { 0x0242, 0x0242, 1, -1 }, { 0x0247, 0x024f, 2, -1 }, { 0x0250, 0x0250, 1, 10783 },
	{ 0x0251, 0x0251, 1, 10780 }, { 0x0252, 0x0252, 1, 10782 }, { 0x0253, 0x0253, 1, -210 }, { 0x0254, 0x0254, 1, -206 },
	{ 0x0256, 0x0257, 1, -205 }, { 0x0259, 0x0259, 1, -202 }, { 0x025b, 0x025b, 1, -203 }, { 0x025c, 0x025c, 1, 42319 },
	{ 0x0260, 0x0260, 1, -205 }, { 0x0261, 0x0261, 1, 42315 }, { 0x0263, 0x0263, 1, -207 }, { 0x0265, 0x0265, 1, 42280 },
	{ 0x0266, 0x0266, 1, 42308 }, { 0x0268, 0x0268, 1, -209 }, { 0x0269, 0x0269, 1, -211 }, { 0x026a, 0x026a, 1, 42308 },
	{ 0x026b, 0x026b, 1, 10743 }, { 0x026c, 0x026c, 1, 42305 }, { 0x026f, 0x026f, 1, -211 }, { 0x0271, 0x0271, 1, 10749 },
	{ 0x0272, 0x0272, 1, -213 }, { 0x0275, 0x0275, 1, -214 }, { 0x027d, 0x027d, 1, 10727 }, { 0x0280, 0x0280, 1, -218 },
	{ 0x0282, 0x0282, 1, 42307 }, { 0x0283, 0x0283, 1, -218 }, { 0x0287, 0x0287, 1, 42282 }, { 0x0288, 0x0288, 1, -218 },
	{ 0x0289, 0x0289, 1, -69 }, { 0x028a, 0x028b, 1, -217 }, { 0x028c, 0x028c, 1, -71 }, { 0x0292, 0x0292, 1, -219 },
	{ 0x029d, 0x029d, 1, 42261 }, { 0x029e, 0x029e, 1, 42258 }, { 0x0371, 0x0373, 2, -1 }, { 0x0377, 0x0377, 1, -1 },
	{ 0x037b, 0x037d, 1, 130 }, { 0x03ac, 0x03ac, 1, -38 }, { 0x03ad, 0x03af, 1, -37 }, { 0x03b1, 0x03c1, 1, -32 },
	{ 0x03c2, 0x03c2, 1, -31 }, { 0x03c3, 0x03cb, 1, -32 }, { 0x03cc, 0x03cc, 1, -64 }, { 0x03cd, 0x03ce, 1, -63 },
	{ 0x03d0, 0x03d0, 1, -62 }, { 0x03d1, 0x03d1, 1, -57 }, { 0x03d5, 0x03d5, 1, -47 }, { 0x03d6, 0x03d6, 1, -54 },
	{ 0x03d7, 0x03d7, 1, -8 }, { 0x03d9, 0x03ef, 2, -1 }, { 0x03f0, 0x03f0, 1, -86 }, { 0x03f1, 0x03f1, 1, -80 },
	{ 0x03f2, 0x03f2, 1, 7 }, { 0x03f3, 0x03f3, 1, -116 }, { 0x03f5, 0x03f5, 1, -96 }, { 0x03f8, 0x03f8, 1, -1 },
	{ 0x03fb, 0x03fb, 1, -1 }, { 0x0430, 0x044f, 1, -32 }, { 0x0450, 0x045f, 1, -80 }, { 0x0461, 0x0481, 2, -1 },
	{ 0x048b, 0x04bf, 2, -1 }, { 0x04c2, 0x04ce, 2, -1 }, { 0x04cf, 0x04cf, 1, -15 }, { 0x04d1, 0x052f, 2, -1 },
	{ 0x0561, 0x0586, 1, -48 }, { 0x10d0, 0x10fa, 1, 3008 }, { 0x10fd, 0x10ff, 1, 3008 }, { 0x13f8, 0x13fd, 1, -8 },
	{ 0x1c80, 0x1c80, 1, -6254 }, { 0x1c81, 0x1c81, 1, -6253 }, { 0x1c82, 0x1c82, 1, -6244 }, { 0x1c83, 0x1c84, 1, -6242 },
	{ 0x1c85, 0x1c85, 1, -6243 }, { 0x1c86, 0x1c86, 1, -6236 }, { 0x1c87, 0x1c87, 1, -6181 }, { 0x1c88, 0x1c88, 1, 35266 },
	{ 0x1d79, 0x1d79, 1, 35332 }, { 0x1d7d, 0x1d7d, 1, 3814 }, { 0x1d8e, 0x1d8e, 1, 35384 }, { 0x1e01, 0x1e95, 2, -1 },
	{ 0x1ea1, 0x1eff, 2, -1 }, { 0x1f00, 0x1f07, 1, 8 }, { 0x1f10, 0x1f15, 1, 8 }, { 0x1f20, 0x1f27, 1, 8 }, { 0x1f30, 0x1f37, 1, 8 },
	{ 0x1f40, 0x1f45, 1, 8 }, { 0x1f51, 0x1f57, 2, 8 }, { 0x1f60, 0x1f67, 1, 8 }, { 0x1f70, 0x1f71, 1, 74 },
	{ 0x1f72, 0x1f75, 1, 86 }, { 0x1f76, 0x1f77, 1, 100 }, { 0x1f78, 0x1f79, 1, 128 }, { 0x1f7a, 0x1f7b, 1, 112 },
	{ 0x1f7c, 0x1f7d, 1, 126 }, { 0x1fb0, 0x1fb1, 1, 8 }, { 0x1fd0, 0x1fd1, 1, 8 }, { 0x1fe0, 0x1fe1, 1, 8 },
	{ 0x1fe5, 0x1fe5, 1, 7 }, { 0x214e, 0x214e, 1, -28 }, { 0x2170, 0x217f, 1, -16 }, { 0x2184, 0x2184, 1, -1 },
	{ 0x24d0, 0x24e9, 1, -26 }, { 0x2c30, 0x2c5f, 1, -48 }, { 0x2c61, 0x2c61, 1, -1 }, { 0x2c65, 0x2c65, 1, -10795 },
	{ 0x2c66, 0x2c66, 1, -10792 }, { 0x2c68, 0x2c6c, 2, -1 }, { 0x2c73, 0x2c73, 1, -1 }, { 0x2c76, 0x2c76, 1, -1 },
	{ 0x2c81, 0x2ce3, 2, -1 }, { 0x2cec, 0x2cee, 2, -1 }, { 0x2cf3, 0x2cf3, 1, -1 }, { 0x2d00, 0x2d25, 1, -7264 },
	{ 0x2d27, 0x2d27, 1, -7264 }, { 0x2d2d, 0x2d2d, 1, -7264 }, { 0xa641, 0xa66d, 2, -1 }, { 0xa681, 0xa69b, 2, -1 },
	{ 0xa723, 0xa72f, 2, -1 }, { 0xa733, 0xa76f, 2, -1 }, { 0xa77a, 0xa77c, 2, -1 }, { 0xa77f, 0xa787, 2, -1 },
	{ 0xa78c, 0xa78c, 1, -1 }, { 0xa791, 0xa793, 2, -1 }, { 0xa794, 0xa794, 1, 48 }, { 0xa797, 0xa7a9, 2, -1 },
	{ 0xa7b5, 0xa7c3, 2, -1 }, { 0xa7c8, 0xa7ca, 2, -1 }, { 0xa7d1, 0xa7d1, 1, -1 }, { 0xa7d7, 0xa7d9, 2, -1 },
	{ 0xa7f6, 0xa7f6, 1, -1 }, { 0xab53, 0xab53, 1, -928 }, { 0xab70, 0xabbf, 1, -38864 }, { 0xff41, 0xff5a, 1, -32 },
};

u32 nt_upcase(u32 c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	u32 low = 0, high = ARRAY_SIZE(case_runs);
	while (low < high) { /* the last run that begins at or before c */
		u32 middle = (low + high) / 2;
		if (case_runs[middle].first <= c)
			low = middle + 1;
		else
			high = middle;
	}
	const struct case_run *r = low ? &case_runs[low - 1] : NULL;
	if (!r || c > r->last || (c - r->first) % r->step)
		return c;
	return (u32)((s32)c + r->delta);
}

static u32 encode(u32 c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c >= 0xdc80 && c <= 0xdcff) { /* a byte that was no UTF-8 */
		out[0] = (char)(c - 0xdc00);
		return 1;
	}
	u32 n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const u8 lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (u32 i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

s64 nt_to_utf8(const u16 *text, u32 count, char *out, u32 size)
{
	u32 used = 0;
	for (u32 i = 0; i < count; i++) {
		u32 c = text[i];
		if (c >= 0xd800 && c < 0xdc00 && i + 1 < count && text[i + 1] >= 0xdc00 && text[i + 1] < 0xe000)
			c = 0x10000 + ((c - 0xd800) << 10) + (text[++i] - 0xdc00u);
		char bytes[4];
		u32 n = encode(c, bytes);
		if (used + n > size)
			return ERR_NAMETOOLONG;
		for (u32 k = 0; k < n; k++)
			out[used++] = bytes[k];
	}
	return used;
}

/* One code point at text[*at]; an ill-formed byte stands for itself as U+DC80.. */
static u32 decode(const char *text, u32 bytes, u32 *at)
{
	u8 lead = (u8)text[*at];
	u32 n = lead < 0x80 ? 1 : lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
	u32 c = n == 1 ? lead : n ? lead & (0x7fu >> n) : 0;
	bool well = n && lead < 0xf5 && *at + n <= bytes;
	for (u32 i = 1; well && i < n; i++) {
		u8 next = (u8)text[*at + i];
		well = (next & 0xc0) == 0x80;
		c = c << 6 | (next & 0x3f);
	}
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	if (!well || c < least[n] || c > 0x10ffff || (c >= 0xdc80 && c <= 0xdcff)) {
		*at += 1;
		return 0xdc00u + lead;
	}
	*at += n;
	return c;
}

s64 nt_from_utf8(const char *text, u32 bytes, u16 *out, u32 room)
{
	u32 used = 0;
	for (u32 at = 0; at < bytes;) {
		u32 c = decode(text, bytes, &at);
		if (used + (c > 0xffff ? 2 : 1) > room)
			return ERR_NAMETOOLONG;
		if (c > 0xffff) {
			out[used++] = (u16)(0xd800 + ((c - 0x10000) >> 10));
			out[used++] = (u16)(0xdc00 + ((c - 0x10000) & 0x3ff));
		} else {
			out[used++] = (u16)c;
		}
	}
	return used;
}

s64 nt_path_from_utf8(const char *path, u32 bytes, u16 *out, u32 room)
{
	s64 n = nt_from_utf8(path, bytes, out, room);
	for (s64 i = 0; i < n; i++)
		if (out[i] == '/')
			out[i] = '\\';
	return n;
}

bool nt_names_equal(const char *a, u32 a_bytes, const char *b, u32 b_bytes)
{
	u32 i = 0, k = 0;
	while (i < a_bytes && k < b_bytes)
		if (nt_upcase(decode(a, a_bytes, &i)) != nt_upcase(decode(b, b_bytes, &k)))
			return false;
	return i == a_bytes && k == b_bytes;
}

u32 nt_name_hash(const char *name, u32 bytes)
{
	u32 h = 0x811c9dc5u;
	for (u32 i = 0; i < bytes;)
		h = (h ^ nt_upcase(decode(name, bytes, &i))) * 0x01000193u;
	return h ^ h >> 15;
}

static u32 lower_ascii(u32 c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

u32 nt_prefix(const u16 *text, u32 count, const char *prefix)
{
	u32 i = 0;
	for (; prefix[i]; i++) {
		if (i >= count)
			return 0;
		if (lower_ascii(text[i]) != lower_ascii((u8)prefix[i]))
			return 0;
	}
	return i;
}

/* Patterns: all positions of the pattern that the name read so far can have reached, so a pattern of stars costs its
 * length times the name's and no more. DOS_STAR (<) takes up to and with the last period, DOS_QM (>) one character but
 * none at a period or the end, DOS_DOT (") a period or nothing at the end. A period before a star is a DOS_DOT: Windows'
 * FindFirstFile asks with one, Wine's with the period itself, and both mean that "a.*" finds "a" and "*.*" everything. */
static bool is_dos_dot(const u16 *p, u32 pn, u32 at)
{
	return p[at] == '"' || (p[at] == '.' && at + 1 < pn && p[at + 1] == '*');
}

/* Adds the positions that are reached without a character; `next` is the name's next one, 0 at its end. */
static void match_skip(const u16 *p, u32 pn, u8 *reached, u16 next)
{
	for (u32 i = 0; i < pn; i++)
		if (reached[i] && (p[i] == '*' || p[i] == '<' || (p[i] == '>' && (!next || next == '.')) || (is_dos_dot(p, pn, i) && !next)))
			reached[i + 1] = 1;
}

/* The positions after one more character; last_period: it is the name's last. */
static bool match_step(const u16 *p, u32 pn, const u8 *reached, u8 *after, u16 c, bool last_period)
{
	u16 upper = nt_upcase(c);
	bool any = false;
	memset(after, 0, pn + 1);
	for (u32 i = 0; i < pn; i++) {
		if (!reached[i])
			continue;
		u32 to = i + 1;
		if (p[i] == '*' || (p[i] == '<' && !last_period))
			to = i;
		else if (p[i] == '"' ? c != '.' : p[i] == '>' ? c == '.' : p[i] != '?' && p[i] != '<' && nt_upcase(p[i]) != upper)
			continue;
		after[to] = 1;
		any = true;
	}
	return any;
}

bool nt_match(const u16 *pattern, u32 pattern_count, const u16 *name, u32 name_count)
{
	u8 sets[2][NT_PATTERN_MAX + 1];
	u32 last_period = name_count, i;
	if (!pattern_count || (pattern_count == 1 && *pattern == '*'))
		return true;
	if (pattern_count > NT_PATTERN_MAX)
		return false;
	for (i = 0; i < name_count; i++)
		if (name[i] == '.')
			last_period = i;
	memset(sets[0], 0, sizeof(sets[0]));
	sets[0][0] = 1;
	for (i = 0; i < name_count; i++) {
		match_skip(pattern, pattern_count, sets[i % 2], name[i]);
		if (!match_step(pattern, pattern_count, sets[i % 2], sets[(i + 1) % 2], name[i], i == last_period))
			return false;
	}
	match_skip(pattern, pattern_count, sets[i % 2], 0);
	return sets[i % 2][pattern_count];
}
