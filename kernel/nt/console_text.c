// SPDX-License-Identifier: MIT
/* What a Windows program's text becomes on a terminal when it changed the output mode: without processing, control
 * characters are glyphs of code page 437; without escape sequences, ESC is one; a line feed may keep its column. */
#include "console.h"

#define GLYPH_BYTES 3u

/* Unicode of the glyphs that code page 437 has for 0 to 31. */
static const u16 glyphs[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

bool nt_console_mode_is_plain(u32 mode)
{
	const u32 told = OUTPUT_PROCESSED | OUTPUT_VT | OUTPUT_PLAIN_NEWLINE;
	return (mode & told) == (OUTPUT_PROCESSED | OUTPUT_VT);
}

static u32 put_glyph(u8 c, char *out)
{
	u32 g = glyphs[c], n = 0;
	if (g < 0x80) {
		out[n++] = (char)g;
	} else if (g < 0x800) {
		out[n++] = (char)(0xc0 | g >> 6);
		out[n++] = (char)(0x80 | (g & 63));
	} else {
		out[n++] = (char)(0xe0 | g >> 12);
		out[n++] = (char)(0x80 | (g >> 6 & 63));
		out[n++] = (char)(0x80 | (g & 63));
	}
	return n;
}

u32 nt_console_expand(u32 mode, const char *bytes, u32 n, char *out)
{
	_Static_assert(GLYPH_BYTES == CONSOLE_EXPAND, "a glyph is the longest");
	u32 put = 0;
	for (u32 i = 0; i < n; i++) {
		u8 c = (u8)bytes[i];
		bool shown = c < 32 && (!(mode & OUTPUT_PROCESSED) || (c == 27 && !(mode & OUTPUT_VT)));
		if (shown) {
			put += put_glyph(c, out + put);
		} else if (c == '\n' && (mode & OUTPUT_PLAIN_NEWLINE)) {
			out[put++] = '\033'; /* IND: down, in this column */
			out[put++] = 'D';
		} else {
			out[put++] = (char)c;
		}
	}
	return put;
}
