// SPDX-License-Identifier: MIT
/* Consoles: \Device\ConDrv over a terminal of the kernel (tty). A handle to a tty, however it was opened, is a console
 * handle. The terminal keeps the screen; here are the modes, the attributes and title a program set, the conversion of
 * UTF-16, and input records made from bytes. Control codes: the facts of 64-bit kernelbase's ConDrv protocol. */
#include "console.h"

#include "nt_text.h"
#include "string.h"
#include "../object/tty.h"
#include "../vfs/vfs_internal.h"

#define CODE(n, access) (0x500000u | (access) << 14 | (n) << 2)
#define TEXT_CHUNK 256u             /* UTF-16 units converted at a time */
#define TITLE_UNITS_MAX 256u
#define CONSOLES_MAX 64u            /* terminals with Windows programs at once; beyond: the oldest starts afresh */
#define BUFFER_ROWS 9001            /* what a screen buffer claims as its height would be; the window is the terminal */
enum { ACCESS_ANY = 0, ACCESS_READ = 1, ACCESS_WRITE = 2 };
enum condrv_code { CONDRV_GET_MODE = 0, CONDRV_SET_MODE = 1, CONDRV_IS_UNIX = 2, CONDRV_READ_CONSOLE = 10, CONDRV_READ_FILE = 11,
	CONDRV_READ_INPUT = 12, CONDRV_WRITE_INPUT = 13, CONDRV_PEEK = 14, CONDRV_GET_INPUT_INFO = 15, CONDRV_SET_INPUT_INFO = 16,
	CONDRV_GET_TITLE = 17, CONDRV_SET_TITLE = 18, CONDRV_CTRL_EVENT = 19, CONDRV_BEEP = 20, CONDRV_FLUSH = 21,
	CONDRV_GET_WINDOW = 22, CONDRV_GET_PROCESS_LIST = 23, CONDRV_WRITE_CONSOLE = 30, CONDRV_WRITE_FILE = 31,
	CONDRV_WRITE_OUTPUT = 33, CONDRV_GET_OUTPUT_INFO = 34, CONDRV_SET_OUTPUT_INFO = 35, CONDRV_ACTIVATE = 36,
	CONDRV_FILL_OUTPUT = 37, CONDRV_SCROLL = 38, CONDRV_BIND_PID = 51 };
enum input_mode { INPUT_PROCESSED = 1, INPUT_LINE = 2, INPUT_ECHO = 4, INPUT_DEFAULT = 0x1f7 };
enum { OUTPUT_LVB_GRID = 0x10 };
enum output_field { OUTPUT_CURSOR_GEOMETRY = 1, OUTPUT_CURSOR_POSITION = 2, OUTPUT_SIZE = 4, OUTPUT_ATTRIBUTE = 8,
	OUTPUT_DISPLAY_WINDOW = 0x10, OUTPUT_MAX_SIZE = 0x20, OUTPUT_POPUP_ATTRIBUTE = 0x40, OUTPUT_FONT = 0x80 };

/* Locks: [c] console_lock. */
struct console {
	u64 tty_ino;                 /* which terminal; 0: free */
	u64 used;
	u32 input_mode, output_mode;
	u16 attribute;
	u32 input_code_page, output_code_page;
	u16 title[TITLE_UNITS_MAX];
	u32 title_units;
	struct console_run run;      /* count 0: none */
};
static struct console consoles[CONSOLES_MAX];
static u64 console_clock;
static struct spinlock console_lock = SPINLOCK_INIT(RANK_OBJECT);

bool nt_console_is(struct file *f) { return f->ops == &tty_ops; }

static struct console *console_locked(struct file *f)
{
	struct tty *t = f->object;
	struct console *c = &consoles[0];
	for (u32 i = 0; i < CONSOLES_MAX; i++) {
		if (consoles[i].tty_ino == t->ino) {
			consoles[i].used = ++console_clock;
			return &consoles[i];
		}
		if (consoles[i].used < c->used)
			c = &consoles[i];
	}
	*c = (struct console){ .tty_ino = t->ino, .used = ++console_clock, .input_mode = INPUT_DEFAULT, .output_mode = OUTPUT_DEFAULT,
		.attribute = 7, .input_code_page = 65001, .output_code_page = 65001 };
	return c;
}

/* ---- opening ---- */
s64 nt_console_open(const struct nt_open_request *r, const struct nt_object_attributes *oa, const struct nt_target *t)
{
	static const struct { const char *name; bool input; } names[] = { { "input", true }, { "currentin", true }, { "conin$", true },
		{ "output", false }, { "currentout", false }, { "screenbuffer", false }, { "connection", false }, { "server", false },
		{ "console", false }, { "reference", false }, { "con", false }, { "conout$", false } };
	bool input = false;
	struct file *f;
	bool known = !t->rest_count;
	const u16 *text = t->rest;
	u32 count = t->rest_count;
	if (count && *text == '\\') {
		text++;
		count--;
	}
	for (u32 i = 0; i < ARRAY_SIZE(names) && !known; i++) {
		u32 n = nt_prefix(text, count, names[i].name);
		known = n && n == count;
		input = known && names[i].input;
	}
	if (!known)
		return NT(OBJECT_NAME_NOT_FOUND);
	s64 st = vfs_open(AT_FDCWD_K, "/dev/tty", 2 | O_NOCTTY_K, 0, &f);
	if (st)
		return st == ERR_NXIO || st == ERR_NOENT ? NT(INVALID_HANDLE) : st; /* no terminal: no console */
	f->nt_open = nt_open_new(r);
	if (!f->nt_open) {
		file_put(f);
		return ERR_NOMEM;
	}
	if (input)
		f->nt_open->options |= FILE_CONSOLE_INPUT;
	return nt_open_finish(f, r, oa->attributes, FILE_OPENED);
}

s64 nt_console_put(struct file *f, const char *bytes, u64 n)
{
	struct io_buf from;
	io_buf_init_kernel(&from, (void *)(uintptr_t)bytes, n);
	s64 done = f->ops->write(f, &from, NULL);
	return done < 0 ? done : 0;
}

void nt_console_run_set(struct file *f, const struct console_run *run)
{
	spin_lock(&console_lock);
	console_locked(f)->run = run ? *run : (struct console_run){ 0 };
	spin_unlock(&console_lock);
}

bool nt_console_run_get(struct file *f, struct console_run *run)
{
	spin_lock(&console_lock);
	*run = console_locked(f)->run;
	spin_unlock(&console_lock);
	return run->count;
}

/* ---- modes ---- */
static void apply_input_mode(struct tty *t, u32 mode)
{
	struct termios_k k;
	mutex_lock(&t->mutex);
	k = t->ldisc.termios;
	k.lflag &= ~(u32)(ISIG | ICANON | ECHO | IEXTEN);
	k.iflag &= ~(u32)ICRNL;
	if (mode & INPUT_PROCESSED)
		k.lflag |= ISIG;
	if (mode & INPUT_LINE) {
		k.lflag |= ICANON | IEXTEN;
		k.iflag |= ICRNL;
	}
	if (mode & INPUT_ECHO)
		k.lflag |= ECHO;
	k.cc[VMIN] = 1;
	k.cc[VTIME] = 0;
	ldisc_set_termios(&t->ldisc, &k);
	mutex_unlock(&t->mutex);
}

/* Input or output side? Opened by name it is known; of an inherited terminal handle 4 (descriptor 0) is input. */
static bool is_input(const struct file *f, u64 handle)
{
	return f->nt_open ? f->nt_open->options & FILE_CONSOLE_INPUT : handle == WINDOWS_HANDLE_OF_FD(0);
}

static s64 get_mode(struct nt_io *io, const u64 *a, bool input)
{
	u32 mode;
	if ((u32)a[9] < 4)
		return NT(INVALID_PARAMETER);
	spin_lock(&console_lock);
	struct console *c = console_locked(io->file);
	mode = input ? c->input_mode : c->output_mode;
	spin_unlock(&console_lock);
	io->information = 4;
	return copy_out(user_ptr(a[8]), &mode, 4);
}

static s64 set_mode(struct nt_io *io, const u64 *a, bool input)
{
	u32 mode;
	if ((u32)a[7] != 4)
		return NT(INVALID_PARAMETER);
	s64 st = copy_in(&mode, user_ptr(a[6]), 4);
	if (st)
		return st;
	if (input ? mode & ~0x3ffu : mode & ~0x1fu)
		return NT(INVALID_PARAMETER);
	if (!input && (mode & OUTPUT_LVB_GRID))
		return NT(NOT_SUPPORTED); /* lines around cells: terminals have none */
	if (input && (mode & (INPUT_ECHO | INPUT_LINE)) == INPUT_ECHO)
		return NT(INVALID_PARAMETER);
	spin_lock(&console_lock);
	struct console *c = console_locked(io->file);
	bool wrap = !input && ((c->output_mode ^ mode) & OUTPUT_WRAP);
	bool changed = input && ((c->input_mode ^ mode) & (INPUT_PROCESSED | INPUT_LINE | INPUT_ECHO));
	if (input)
		c->input_mode = mode;
	else
		c->output_mode = mode;
	spin_unlock(&console_lock);
	if (changed)
		apply_input_mode(io->file->object, mode);
	return wrap ? nt_console_put(io->file, mode & OUTPUT_WRAP ? "\033[?7h" : "\033[?7l", 5) : 0;
}

/* ---- text ---- */
static s64 write_text(struct file *f, const char *bytes, u32 n)
{
	char out[TEXT_CHUNK * CONSOLE_EXPAND];
	s64 st = 0;
	spin_lock(&console_lock);
	struct console *c = console_locked(f);
	u32 mode = c->output_mode;
	c->run.count = 0;
	spin_unlock(&console_lock);
	if (nt_console_mode_is_plain(mode))
		return nt_console_put(f, bytes, n);
	for (u32 done = 0; done < n && !st;) {
		u32 piece = MIN(n - done, TEXT_CHUNK);
		st = nt_console_put(f, out, nt_console_expand(mode, bytes + done, piece, out));
		done += piece;
	}
	return st;
}

static s64 write_wide(struct nt_io *io, u64 va, u32 bytes)
{
	u16 wide[TEXT_CHUNK];
	char out[TEXT_CHUNK * 3];
	if (bytes & 1)
		return NT(INVALID_PARAMETER);
	for (u32 done = 0; done < bytes;) {
		u32 n = MIN(bytes - done, (u32)sizeof(wide));
		s64 st = copy_in(wide, user_ptr(va + done), n);
		if (st)
			return st;
		bool split = wide[n / 2 - 1] >= 0xd800 && wide[n / 2 - 1] < 0xdc00 && n > 2 && done + n < bytes;
		if (split)
			n -= 2; /* the pair goes with the next chunk */
		s64 length = nt_to_utf8(wide, n / 2, out, sizeof(out));
		st = length < 0 ? length : write_text(io->file, out, (u32)length);
		if (st)
			return st;
		done += n;
	}
	io->information = bytes;
	return 0;
}

/* One read of the terminal; a line ends in CR LF as Windows programs expect it. */
static s64 read_text(struct file *f, char *buf, u32 room)
{
	struct io_buf to;
	u32 limit = room > 1 ? room - 1 : room;
	io_buf_init_kernel(&to, buf, limit);
	s64 n = f->ops->read(f, &to, NULL);
	bool line = ((struct tty *)f->object)->ldisc.termios.lflag & ICANON;
	if (n > 0 && line && buf[n - 1] == '\n' && (u32)n < room) {
		buf[n - 1] = '\r';
		buf[n++] = '\n';
	}
	return n;
}

s64 nt_console_read(struct nt_io *io)
{
	u32 room = MIN(io->length, (u32)PAGE_SIZE);
	char *buf = kmalloc(PAGE_SIZE);
	s64 n = buf ? room ? read_text(io->file, buf, room) : 0 : ERR_NOMEM, st = n < 0 ? n : 0;
	if (!st && n && copy_out(user_ptr(io->buffer), buf, (u64)n))
		st = NT(ACCESS_VIOLATION);
	kfree(buf);
	return nt_io_finish(io, st, n > 0 ? (u64)n : 0);
}

static s64 read_wide(struct nt_io *io, const u64 *a)
{
	u32 room = MIN((u32)a[9], (u32)PAGE_SIZE) / 2;
	char *buf = kmalloc(PAGE_SIZE);
	u16 *wide = kmalloc(PAGE_SIZE);
	s64 n = !room ? NT(INVALID_PARAMETER) : buf && wide ? read_text(io->file, buf, room) : ERR_NOMEM, st = 0;
	if (n < 0 || !room)
		st = n;
	else
		n = nt_from_utf8(buf, (u32)n, wide, PAGE_SIZE / 2);
	if (!st && copy_out(user_ptr(a[8]), wide, (u64)n * 2))
		st = NT(ACCESS_VIOLATION);
	if (!st)
		io->information = (u64)n * 2;
	kfree(buf);
	kfree(wide);
	return st;
}

/* ---- output information ---- */
static u32 sgr_colour(u32 nibble) /* blue, green, red, bright to the order of ANSI */
{
	return (nibble & 1 ? 4u : 0) | (nibble & 2) | (nibble & 4 ? 1u : 0);
}

u32 nt_console_sgr(u16 attribute, char text[SGR_TEXT_BYTES])
{
	u32 fore = attribute & 15, back = attribute >> 4 & 15;
	if (attribute == 7)
		return (u32)str_copy(text, "\033[0m", SGR_TEXT_BYTES);
	return (u32)fmt_snprintf(text, SGR_TEXT_BYTES, "\033[0;%u;%um%s", sgr_colour(fore) + (fore & 8 ? 90u : 30u),
			sgr_colour(back) + (back & 8 ? 100u : 40u), attribute & 0x4000 ? "\033[7m" : "");
}

static s64 set_attribute(struct file *f, u16 attribute)
{
	char text[SGR_TEXT_BYTES];
	spin_lock(&console_lock);
	console_locked(f)->attribute = attribute;
	spin_unlock(&console_lock);
	return nt_console_put(f, text, nt_console_sgr(attribute, text));
}

void nt_console_info(struct file *f, struct output_info *o)
{
	static const u32 colours[16] = { 0, 0x800000, 0x8000, 0x808000, 0x80, 0x800080, 0x8080, 0xc0c0c0, 0x808080, 0xff0000, 0xff00,
		0xffff00, 0xff, 0xff00ff, 0xffff, 0xffffff };
	struct tty *t = f->object;
	struct winsize_k size = t->size;
	s16 width = size.columns ? (s16)size.columns : 80, height = size.rows ? (s16)size.rows : 25;
	spin_lock(&console_lock);
	u16 attribute = console_locked(f)->attribute;
	spin_unlock(&console_lock);
	*o = (struct output_info){ .cursor_size = 25, .cursor_visible = 1, .width = width, .height = height, .attribute = (s16)attribute,
		.popup_attribute = 0xf5, .window_right = (s16)(width - 1), .window_bottom = (s16)(height - 1), .max_width = width,
		.max_height = height, .font_width = 8, .font_height = 16, .font_weight = 400 };
	o->cursor_x = (s16)MIN(t->ldisc.column, (u32)width - 1);
	o->cursor_y = (s16)(height - 1); /* text flows at the bottom of a terminal */
	memcpy(o->colours, colours, sizeof(colours));
}

static s64 get_output_info(struct nt_io *io, const u64 *a)
{
	struct output_info o;
	u32 n = MIN((u32)a[9], (u32)sizeof(o));
	nt_console_info(io->file, &o);
	io->information = n;
	return copy_out(user_ptr(a[8]), &o, n);
}

static bool size_stays(struct file *f, u32 mask, const struct output_info *n)
{
	struct output_info o;
	nt_console_info(f, &o);
	return !(mask & (OUTPUT_FONT | OUTPUT_POPUP_ATTRIBUTE)) &&
		(!(mask & OUTPUT_SIZE) || (n->width == o.width && n->height == o.height)) &&
		(!(mask & OUTPUT_DISPLAY_WINDOW) || (n->window_left == 0 && n->window_top == 0 && n->window_right == o.window_right &&
		 n->window_bottom == o.window_bottom));
}

static s64 set_output_info(struct nt_io *io, const u64 *a)
{
	struct { u32 mask; struct output_info info; } p;
	char text[32];
	s64 st = (u32)a[7] < sizeof(p) ? NT(INVALID_PARAMETER) : copy_in(&p, user_ptr(a[6]), sizeof(p));
	if (!st && !size_stays(io->file, p.mask, &p.info))
		st = NT(NOT_SUPPORTED); /* sizes and fonts belong to the terminal */
	if (!st && (p.mask & OUTPUT_ATTRIBUTE))
		st = set_attribute(io->file, (u16)p.info.attribute);
	if (!st && (p.mask & OUTPUT_CURSOR_POSITION)) {
		int n = fmt_snprintf(text, sizeof(text), "\033[%d;%dH", p.info.cursor_y + 1, p.info.cursor_x + 1);
		st = nt_console_put(io->file, text, (u64)n);
	}
	if (!st && (p.mask & OUTPUT_CURSOR_GEOMETRY))
		st = nt_console_put(io->file, p.info.cursor_visible ? "\033[?25h" : "\033[?25l", 6);
	return st;
}

/* ---- title, code pages ---- */
/* Count of units and the units; the size told is that of kernelbase's structure, with its padding behind the count, and it takes
 * so many bytes off again. */
static s64 get_title(struct nt_io *io, const u64 *a)
{
	u16 title[TITLE_UNITS_MAX];
	const u32 padded = 8;
	spin_lock(&console_lock);
	struct console *c = console_locked(io->file);
	u32 units = c->title_units;
	memcpy(title, c->title, units * 2);
	spin_unlock(&console_lock);
	u32 room = (u32)a[9];
	if (room < padded)
		return NT(INVALID_PARAMETER);
	u32 n = MIN(units * 2, room - padded);
	io->information = padded + n;
	if (copy_out(user_ptr(a[8]), &units, 4) || copy_out(user_ptr(a[8] + 4), title, n))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static s64 set_title(struct nt_io *io, const u64 *a)
{
	u16 title[TITLE_UNITS_MAX];
	char text[TITLE_UNITS_MAX * 3 + 8] = "\033]2;";
	u32 bytes = MIN((u32)a[7], (u32)sizeof(title)) & ~1u;
	s64 st = copy_in(title, user_ptr(a[6]), bytes);
	if (st)
		return st;
	spin_lock(&console_lock);
	struct console *c = console_locked(io->file);
	memcpy(c->title, title, bytes);
	c->title_units = bytes / 2;
	spin_unlock(&console_lock);
	for (u32 i = 0; i < bytes / 2; i++)
		if (title[i] < 32)
			title[i] = ' ';
	s64 n = nt_to_utf8(title, bytes / 2, text + 4, TITLE_UNITS_MAX * 3);
	text[4 + n] = '\007';
	return nt_console_put(io->file, text, (u64)n + 5);
}

static s64 input_info(struct nt_io *io, const u64 *a, bool set)
{
	struct { u32 input_code_page, output_code_page, input_count; } info;
	struct { u32 mask, input_code_page, output_code_page, input_count; } change;
	struct tty *t = io->file->object;
	s64 st = !set ? 0 : (u32)a[7] < sizeof(change) ? NT(INVALID_PARAMETER) : copy_in(&change, user_ptr(a[6]), sizeof(change));
	if (st)
		return st;
	spin_lock(&console_lock);
	struct console *c = console_locked(io->file);
	if (set && (change.mask & 1))
		c->input_code_page = change.input_code_page;
	if (set && (change.mask & 2))
		c->output_code_page = change.output_code_page;
	info.input_code_page = c->input_code_page;
	info.output_code_page = c->output_code_page;
	spin_unlock(&console_lock);
	info.input_count = (u32)ldisc_available(&t->ldisc);
	if (set)
		return 0;
	io->information = MIN((u32)a[9], (u32)sizeof(info));
	return copy_out(user_ptr(a[8]), &info, io->information);
}

static s64 process_list(struct nt_io *io, const u64 *a)
{
	u32 pid = process_current()->pid;
	if ((u32)a[9] < 4)
		return NT(BUFFER_TOO_SMALL);
	io->information = 4;
	return copy_out(user_ptr(a[8]), &pid, 4);
}

static s64 ctrl_event(struct nt_io *io, const u64 *a)
{
	struct { s32 event; u32 group; } e;
	s64 st = (u32)a[7] != sizeof(e) ? NT(INVALID_PARAMETER) : copy_in(&e, user_ptr(a[6]), sizeof(e));
	if (st)
		return st;
	if (e.event < 0 || e.event > 1)
		return NT(INVALID_PARAMETER);
	if (e.group)
		return signal_send_group(e.group, e.event ? SIGQUIT : SIGINT, NULL) ? 0 : NT(INVALID_PARAMETER);
	tty_signal_foreground(io->file->object, e.event ? SIGQUIT : SIGINT);
	return 0;
}

static s64 flush_input(struct nt_io *io)
{
	struct tty *t = io->file->object;
	mutex_lock(&t->mutex);
	ldisc_flush_input(&t->ldisc);
	mutex_unlock(&t->mutex);
	return 0;
}

/* Bytes of a user buffer; gives how many, or an error when there were none. */
static s64 write_user(struct file *f, u64 va, u32 length)
{
	char bytes[TEXT_CHUNK];
	s64 st = 0;
	u32 done = 0;
	while (done < length && !st) {
		u32 n = MIN(length - done, (u32)sizeof(bytes));
		st = copy_in(bytes, user_ptr(va + done), n);
		if (!st)
			st = write_text(f, bytes, n);
		if (!st)
			done += n;
	}
	return done ? done : st;
}

static s64 copy_text(struct nt_io *io, const u64 *a)
{
	s64 n = write_user(io->file, a[6], (u32)a[7]);
	io->information = n < 0 ? 0 : (u64)n;
	return n < 0 ? n : 0;
}

s64 nt_console_write(struct nt_io *io)
{
	s64 n = write_user(io->file, io->buffer, io->length);
	return nt_io_finish(io, n < 0 ? n : 0, n < 0 ? 0 : (u64)n);
}

s64 nt_console_control(struct nt_io *io, u32 code, const u64 *a)
{
	bool input = is_input(io->file, a[0]);
	if (code >> 16 != 0x50)
		return NT(INVALID_DEVICE_REQUEST);
	switch ((code & 0x3fff) >> 2) {
	case CONDRV_GET_MODE:
		return get_mode(io, a, input);
	case CONDRV_SET_MODE:
		return set_mode(io, a, input);
	case CONDRV_READ_CONSOLE:
		return read_wide(io, a);
	case CONDRV_READ_FILE:
		io->buffer = a[8];
		io->length = (u32)a[9];
		return NT(NOT_SUPPORTED);
	case CONDRV_READ_INPUT:
	case CONDRV_PEEK:
		return nt_console_records(io, a, (code & 0x3fff) >> 2 == CONDRV_PEEK);
	case CONDRV_GET_INPUT_INFO:
	case CONDRV_SET_INPUT_INFO:
		return input_info(io, a, (code & 0x3fff) >> 2 == CONDRV_SET_INPUT_INFO);
	case CONDRV_GET_TITLE:
		return get_title(io, a);
	case CONDRV_SET_TITLE:
		return set_title(io, a);
	case CONDRV_CTRL_EVENT:
		return ctrl_event(io, a);
	case CONDRV_BEEP:
		return nt_console_put(io->file, "\007", 1);
	case CONDRV_FLUSH:
		return flush_input(io);
	case CONDRV_GET_PROCESS_LIST:
		return process_list(io, a);
	case CONDRV_WRITE_CONSOLE:
		return write_wide(io, a[6], (u32)a[7]);
	case CONDRV_WRITE_FILE:
		return copy_text(io, a);
	case CONDRV_GET_OUTPUT_INFO:
		return get_output_info(io, a);
	case CONDRV_SET_OUTPUT_INFO:
		return set_output_info(io, a);
	case CONDRV_FILL_OUTPUT:
		return nt_console_fill(io, a);
	case CONDRV_WRITE_OUTPUT:
		return nt_console_draw(io, a);
	case CONDRV_SCROLL:
		return nt_console_scroll(io, a);
	case CONDRV_BIND_PID:
	case CONDRV_ACTIVATE:
		return 0; /* one terminal, one buffer: it is the active one, and processes belong to its session */
	default:
		return NT(NOT_SUPPORTED);
	}
}
