// SPDX-License-Identifier: MIT
/* What is drawn at a place of the console: FILL_OUTPUT, WRITE_OUTPUT, SCROLL, as sequences of ECMA-48. The terminal keeps the
 * screen, so nothing can be read back: attributes without characters are drawn only over the run that was drawn last. */
#include "console.h"

#include "nt_text.h"
#include "string.h"

enum cell_mode { CELL_TEXT, CELL_ATTRIBUTE, CELL_BOTH };
struct cell { u16 character, attribute; };
#define DRAW_BYTES_MAX MIB(1)       /* of one WRITE_OUTPUT: a screen of 500 x 500 cells */
#define CELL_BYTES 40u              /* longest text of one cell: its colours and three bytes of UTF-8 */
#define LINE_BYTES 2048u            /* gathered before it goes to the terminal */
#define SAVE "\0337"
#define RESTORE "\0338"

/* ---- text on its way to the terminal ---- */
struct draw { struct file *f; char *text; u32 used; s64 status; u32 attribute; };
#define NO_ATTRIBUTE 0x10000u

static void flush(struct draw *d)
{
	if (d->used && !d->status)
		d->status = nt_console_put(d->f, d->text, d->used);
	d->used = 0;
}

static void put(struct draw *d, const char *bytes, u32 n)
{
	if (d->used + n > LINE_BYTES)
		flush(d);
	memcpy(d->text + d->used, bytes, n);
	d->used += n;
}

static s64 draw_begin(struct draw *d, struct file *f)
{
	*d = (struct draw){ .f = f, .text = kmalloc(LINE_BYTES), .attribute = NO_ATTRIBUTE };
	if (!d->text)
		return ERR_NOMEM;
	put(d, SAVE, 2);
	return 0;
}

static s64 draw_end(struct draw *d)
{
	put(d, RESTORE, 2);
	flush(d);
	kfree(d->text);
	return d->status;
}

static void move_to(struct draw *d, s32 x, s32 y)
{
	char text[32];
	int n = fmt_snprintf(text, sizeof(text), "\033[%d;%dH", y + 1, x + 1);
	put(d, text, (u32)n);
}

static void use_attribute(struct draw *d, u16 attribute)
{
	char text[SGR_TEXT_BYTES];
	if (d->attribute == attribute)
		return;
	d->attribute = attribute;
	put(d, text, nt_console_sgr(attribute, text));
}

static void put_character(struct draw *d, u16 character)
{
	char text[4];
	u16 shown = character < 32 || character == 127 || (character >= 0xd800 && character < 0xe000) ? ' ' : character;
	s64 n = nt_to_utf8(&shown, 1, text, sizeof(text));
	put(d, text, n > 0 ? (u32)n : 0);
}

/* ---- FILL_OUTPUT ---- */
static u32 run_length(const struct output_info *o, s32 x, s32 y, u32 count, bool wrap)
{
	if (x < 0 || y < 0 || x >= o->width || y >= o->height)
		return 0;
	u32 to_line_end = (u32)(o->width - x), to_screen_end = (u32)(o->height - y - 1) * (u32)o->width + to_line_end;
	return MIN(count, wrap ? to_screen_end : to_line_end);
}

static s64 draw_run(struct file *f, const struct output_info *o, const struct console_run *run, const u16 *attribute)
{
	struct draw d;
	s64 st = draw_begin(&d, f);
	if (st)
		return st;
	s32 x = run->x, y = run->y;
	for (u32 i = 0; i < run->count; i++) {
		if (!i || !x)
			move_to(&d, x, y);
		if (attribute)
			use_attribute(&d, *attribute);
		put_character(&d, run->character);
		if (++x == o->width) {
			x = 0;
			y++;
		}
	}
	return draw_end(&d);
}

s64 nt_console_fill(struct nt_io *io, const u64 *a)
{
	struct { s32 x, y; u32 mode, count, wrap; u16 character, attribute; } p;
	struct output_info o;
	s64 st = (u32)a[7] < sizeof(p) ? NT(INVALID_PARAMETER) : copy_in(&p, user_ptr(a[6]), sizeof(p));
	if (st || p.mode > CELL_BOTH)
		return st ? st : NT(INVALID_PARAMETER);
	nt_console_info(io->file, &o);
	u32 count = run_length(&o, p.x, p.y, p.count, p.wrap);
	struct console_run run = { p.x, p.y, count, p.character }, last;
	if (p.mode == CELL_ATTRIBUTE) {
		bool known = nt_console_run_get(io->file, &last) && last.x == p.x && last.y == p.y && count <= last.count;
		if (count && !known)
			return NT(NOT_SUPPORTED); /* the characters are not known here */
		run.character = known ? last.character : ' ';
	}
	if (count)
		st = draw_run(io->file, &o, &run, p.mode == CELL_TEXT ? NULL : &p.attribute);
	if (!st)
		nt_console_run_set(io->file, count ? &run : NULL);
	if (!st && (u32)a[9] >= sizeof(count)) {
		io->information = sizeof(count);
		st = copy_out(user_ptr(a[8]), &count, sizeof(count));
	}
	return st;
}

/* ---- WRITE_OUTPUT ---- */
struct output_params { u32 x, y, mode, width; };

static struct cell cell_at(const u8 *data, u32 mode, u32 i)
{
	struct cell c = { 0, 0 };
	if (mode == CELL_TEXT)
		memcpy(&c.character, data + (u64)i * 2, 2);
	else
		memcpy(&c, data + (u64)i * 4, 4);
	return c;
}

/* Cells go right and wrap at `width` columns of the rectangle, or at the screen's edge. Gives how many were on the screen. */
static s64 draw_cells(struct file *f, const struct output_info *o, const struct output_params *p, const u8 *data, u32 count)
{
	struct draw d;
	s64 st = draw_begin(&d, f);
	u32 drawn = 0, stride = p->width ? p->width : (u32)o->width;
	if (st)
		return st;
	for (u32 i = 0; i < count; i++) {
		u32 at = i + (p->width ? 0 : p->x), x = p->width ? p->x + i % stride : at % stride, y = p->y + at / stride;
		if (x >= (u32)o->width || y >= (u32)o->height)
			continue;
		if (!i || !(at % stride))
			move_to(&d, (s32)x, (s32)y);
		struct cell c = cell_at(data, p->mode, i);
		if (p->mode == CELL_BOTH)
			use_attribute(&d, c.attribute);
		put_character(&d, c.character);
		drawn++;
	}
	st = draw_end(&d);
	return st ? st : (s64)drawn;
}

static s64 answer_drawn(struct nt_io *io, const u64 *a, const struct output_info *o, const struct output_params *p, u32 count, u32 drawn)
{
	if (!p->width) {
		io->information = sizeof(drawn);
		return (u32)a[9] < sizeof(drawn) ? NT(INVALID_PARAMETER) : copy_out(user_ptr(a[8]), &drawn, sizeof(drawn));
	}
	s16 region[4] = { (s16)p->x, (s16)p->y, (s16)(MIN(p->x + p->width, (u32)o->width) - 1),
		(s16)(MIN(p->y + count / p->width, (u32)o->height) - 1) };
	io->information = sizeof(region);
	return (u32)a[9] < sizeof(region) ? NT(INVALID_PARAMETER) : copy_out(user_ptr(a[8]), region, sizeof(region));
}

s64 nt_console_draw(struct nt_io *io, const u64 *a)
{
	struct output_params p;
	struct output_info o;
	u32 bytes = (u32)a[7] - (u32)sizeof(p);
	s64 st = (u32)a[7] < sizeof(p) || bytes > DRAW_BYTES_MAX ? NT(INVALID_PARAMETER) : copy_in(&p, user_ptr(a[6]), sizeof(p));
	if (!st && p.mode == CELL_ATTRIBUTE)
		st = NT(NOT_SUPPORTED);
	nt_console_info(io->file, &o);
	if (!st && (p.mode > CELL_BOTH || p.x >= (u32)o.width || p.y >= (u32)o.height || p.width > INT16_MAX))
		st = NT(INVALID_PARAMETER);
	u32 count = st ? 0 : bytes / (p.mode == CELL_TEXT ? 2 : 4);
	u8 *data = count ? kmalloc(bytes) : NULL;
	if (count && !data)
		st = ERR_NOMEM;
	if (!st && count)
		st = copy_in(data, user_ptr(a[6] + sizeof(p)), bytes);
	nt_console_run_set(io->file, NULL);
	s64 drawn = st || !count ? 0 : draw_cells(io->file, &o, &p, data, count);
	kfree(data);
	if (st || drawn < 0)
		return st ? st : drawn;
	return answer_drawn(io, a, &o, &p, count, (u32)drawn);
}

/* ---- SCROLL ---- */
struct rectangle { s16 left, top, right, bottom; };
struct scroll { struct rectangle from; s16 x, y; struct rectangle clip; struct cell fill; };
_Static_assert(sizeof(struct scroll) == 24, "condrv_scroll_params");

/* Whole lines that move up or down and leave blanks: what a terminal's scrolling region does. */
static bool is_line_scroll(const struct scroll *s, const struct output_info *o)
{
	const struct rectangle *c = &s->clip;
	s32 first = MIN(s->from.top, s->y), last = MAX(s->from.bottom, s->y + s->from.bottom - s->from.top);
	bool clipped = c->left > 0 || c->right < o->width - 1 || c->top > MAX(first, 0) || c->bottom < MIN(last, o->height - 1);
	return s->from.left <= 0 && s->from.right >= o->width - 1 && s->x == s->from.left && !clipped &&
		(s->fill.character == ' ' || !s->fill.character);
}

s64 nt_console_scroll(struct nt_io *io, const u64 *a)
{
	struct scroll s;
	struct output_info o;
	struct draw d;
	char text[48];
	s64 st = (u32)a[7] < sizeof(s) ? NT(INVALID_PARAMETER) : copy_in(&s, user_ptr(a[6]), sizeof(s));
	if (st)
		return st;
	nt_console_info(io->file, &o);
	if (s.from.top > s.from.bottom || s.from.left > s.from.right)
		return NT(INVALID_PARAMETER);
	if (!is_line_scroll(&s, &o))
		return NT(NOT_SUPPORTED);
	s32 by = s.from.top - s.y, last = MAX(s.from.bottom, s.from.bottom - by);
	s32 top = MAX(MIN(s.from.top, s.y), 0), bottom = MIN(last, o.height - 1);
	if (!by || top > bottom)
		return 0;
	st = draw_begin(&d, io->file);
	if (st)
		return st;
	use_attribute(&d, s.fill.attribute);
	int n = fmt_snprintf(text, sizeof(text), "\033[%d;%dr\033[%d%c\033[r", top + 1, bottom + 1, MIN(by < 0 ? -by : by, bottom - top + 1),
			by > 0 ? 'S' : 'T');
	put(&d, text, (u32)n);
	nt_console_run_set(io->file, NULL);
	return draw_end(&d);
}
