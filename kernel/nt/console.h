/* SPDX-License-Identifier: MIT */
/* Inside the console: console.c (opening, modes, text, title, input information), console_screen.c (what is drawn at a place). */
#ifndef AMBOS_NT_CONSOLE_H
#define AMBOS_NT_CONSOLE_H

#include "file.h"

enum output_mode { OUTPUT_PROCESSED = 1, OUTPUT_WRAP = 2, OUTPUT_VT = 4, OUTPUT_PLAIN_NEWLINE = 8, OUTPUT_DEFAULT = 7 };
struct output_info { s16 cursor_size, cursor_visible, cursor_x, cursor_y, width, height, attribute, popup_attribute,
	window_left, window_top, window_right, window_bottom, max_width, max_height, font_width, font_height, font_weight, font_pitch;
	u32 colours[16]; };
_Static_assert(sizeof(struct output_info) == 100, "condrv_output_info");

/* The last run of one character that was drawn, while nothing else was: attributes may be given to it afterwards. */
struct console_run { s32 x, y; u32 count; u16 character; };

s64 nt_console_put(struct file *f, const char *bytes, u64 n) MUST_CHECK; /* to the terminal as it is */
void nt_console_info(struct file *f, struct output_info *o);
void nt_console_run_set(struct file *f, const struct console_run *run);  /* NULL: none */
bool nt_console_run_get(struct file *f, struct console_run *run);
#define SGR_TEXT_BYTES 48u
u32 nt_console_sgr(u16 attribute, char text[SGR_TEXT_BYTES]);

/* console_text.c: bytes to show in an output mode; `out` has room for CONSOLE_EXPAND bytes per byte. */
#define CONSOLE_EXPAND 3u
bool nt_console_mode_is_plain(u32 mode);
u32 nt_console_expand(u32 mode, const char *bytes, u32 n, char *out);

/* console_screen.c */
s64 nt_console_fill(struct nt_io *io, const u64 *a) MUST_CHECK;
s64 nt_console_draw(struct nt_io *io, const u64 *a) MUST_CHECK;
s64 nt_console_scroll(struct nt_io *io, const u64 *a) MUST_CHECK;

#endif
