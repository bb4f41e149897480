// SPDX-License-Identifier: MIT
/* The writing half of the line discipline: output processing (OPOST), echo, and the visible side of line editing.
 * Echo that the driver has no room for is dropped, never waited for. */
#include "tty_ldisc.h"

/* ---- output ---- */
void ldisc_put(struct ldisc *l, const char *bytes, size_t n)
{
	if (l->driver->room(l) >= n)
		l->driver->put(l, (const u8 *)bytes, n);
}

static size_t put_tab(struct ldisc *l, size_t room)
{
	u32 spaces = TAB_STOP - l->column % TAB_STOP;

	if ((l->termios.oflag & TABDLY) == XTABS) {
		if (room < spaces)
			return 0;
		ldisc_put(l, "        ", spaces);
	} else {
		ldisc_put(l, "\t", 1);
	}
	l->column += spaces;
	return 1;
}

static size_t put_newline(struct ldisc *l, size_t room)
{
	if (!o_flag(l, ONLCR)) {
		if (o_flag(l, ONLRET))
			l->column = 0;
		ldisc_put(l, "\n", 1);
		return 1;
	}
	if (room < 2)
		return 0;
	l->column = l->canon_column = 0;
	ldisc_put(l, "\r\n", 2);
	return 1;
}

static size_t put_return(struct ldisc *l)
{
	if (o_flag(l, ONOCR) && l->column == 0)
		return 1;
	if (o_flag(l, OCRNL)) {
		if (o_flag(l, ONLRET))
			l->column = 0;
		ldisc_put(l, "\n", 1);
		return 1;
	}
	l->column = l->canon_column = 0;
	ldisc_put(l, "\r", 1);
	return 1;
}

/* One processed byte; 0 when the driver has no room for all of it. */
static size_t put_processed(struct ldisc *l, u8 c)
{
	size_t room = l->driver->room(l);

	if (room == 0)
		return 0;
	switch (c) {
	case '\n':
		return put_newline(l, room);
	case '\r':
		return put_return(l);
	case '\t':
		return put_tab(l, room);
	case '\b':
		l->column -= l->column > 0;
		break;
	default:
		if (is_control(c))
			break;
		if (o_flag(l, OLCUC) && c >= 'a' && c <= 'z')
			c -= 32;
		l->column += !is_continuation(l, c);
	}
	ldisc_put(l, (const char *)&c, 1);
	return 1;
}

/* Length of the run that OPOST would not change. */
static size_t plain_run(const struct ldisc *l, const u8 *bytes, size_t n)
{
	size_t i = 0;

	if (o_flag(l, OLCUC))
		return 0;
	while (i < n && bytes[i] >= ' ' && bytes[i] < DELETE)
		i++;
	return i;
}

size_t ldisc_write(struct ldisc *l, const u8 *bytes, size_t n)
{
	size_t done = 0;

	if (l->stopped)
		return 0;
	if (!o_flag(l, OPOST)) {
		done = MIN(n, l->driver->room(l));
		if (done)
			l->driver->put(l, bytes, done);
		return done;
	}
	while (done < n) {
		size_t run = MIN(plain_run(l, bytes + done, n - done), l->driver->room(l));

		if (run) {
			l->driver->put(l, bytes + done, run);
			l->column += (u32)run;
			done += run;
		} else if (put_processed(l, bytes[done])) {
			done++;
		} else {
			break;
		}
	}
	return done;
}

/* ---- echo ---- */
void ldisc_echo_raw(struct ldisc *l, u8 c)
{
	if (o_flag(l, OPOST))
		put_processed(l, c);
	else
		ldisc_put(l, (const char *)&c, 1);
}

void ldisc_echo_char(struct ldisc *l, u8 c)
{
	char caret[2] = { '^', (char)(c ^ 0100) };

	if (l_flag(l, ECHOCTL) && is_control(c) && c != '\t') {
		ldisc_put(l, caret, 2);
		l->column += 2;
	} else {
		ldisc_echo_raw(l, c);
	}
}

void ldisc_finish_erasing(struct ldisc *l)
{
	if (l->erasing)
		ldisc_echo_raw(l, '/');
	l->erasing = false;
}

/* The column just after the echo of the pending line, from where that echo began. */
static u32 pending_column(const struct ldisc *l)
{
	u32 column = l->canon_column;

	for (u64 at = l->canon_head; at != l->head; at++) {
		u8 c = l->buffer[at & MASK];

		if (c == '\t')
			column += TAB_STOP - column % TAB_STOP;
		else if (is_control(c))
			column += l_flag(l, ECHOCTL) ? 2 : 0;
		else
			column += !is_continuation(l, c);
	}
	return column;
}

/* Moves the cursor left over n blanks. */
static void rub_out(struct ldisc *l, u32 n)
{
	while (n--) {
		ldisc_put(l, "\b \b", 3);
		l->column -= l->column > 0;
	}
}

/* The echo of removing byte c, which head has just left; `first` of a multi-byte character only. */
static void echo_erased(struct ldisc *l, u8 c, bool is_erase)
{
	u32 target;

	if (l_flag(l, ECHOPRT)) {
		if (!l->erasing)
			ldisc_echo_raw(l, '\\');
		l->erasing = true;
		ldisc_echo_char(l, c);
	} else if (is_erase && !l_flag(l, ECHOE)) {
		ldisc_echo_char(l, l->termios.cc[VERASE]);
	} else if (c == '\t') {
		target = pending_column(l);
		for (; l->column > target; l->column--)
			ldisc_put(l, "\b", 1);
	} else if (is_control(c)) {
		rub_out(l, l_flag(l, ECHOCTL) ? 2 : 0);
	} else {
		rub_out(l, 1);
	}
}

/* Steps head back over one character (all bytes of a UTF-8 one) and returns its first byte. */
static u8 step_back(struct ldisc *l)
{
	u8 c;

	do
		c = l->buffer[--l->head & MASK];
	while (is_continuation(l, c) && l->head != l->canon_head);
	return c;
}

void ldisc_kill_line(struct ldisc *l)
{
	if (l_flag(l, ECHO) && l_flag(l, ECHOK) && l_flag(l, ECHOKE) && l_flag(l, ECHOE)) {
		while (l->head != l->canon_head)
			echo_erased(l, step_back(l), false);
		ldisc_finish_erasing(l);
		return;
	}
	l->head = l->canon_head;
	if (!l_flag(l, ECHO))
		return;
	ldisc_finish_erasing(l);
	ldisc_echo_char(l, l->termios.cc[VKILL]);
	if (l_flag(l, ECHOK))
		ldisc_echo_raw(l, '\n');
}

void ldisc_erase_char(struct ldisc *l)
{
	u8 c;

	if (l->head == l->canon_head)
		return;
	c = step_back(l);
	if (l_flag(l, ECHO))
		echo_erased(l, c, true);
	if (l->head == l->canon_head && l_flag(l, ECHO))
		ldisc_finish_erasing(l);
}

void ldisc_erase_word(struct ldisc *l)
{
	bool seen_word = false;

	while (l->head != l->canon_head) {
		u64 before = l->head;
		u8 c = step_back(l);

		if (!is_word(c) && seen_word) {
			l->head = before;
			break;
		}
		seen_word |= is_word(c);
		if (l_flag(l, ECHO))
			echo_erased(l, c, false);
	}
	if (l->head == l->canon_head && l_flag(l, ECHO))
		ldisc_finish_erasing(l);
}

void ldisc_reprint(struct ldisc *l)
{
	ldisc_finish_erasing(l);
	ldisc_echo_char(l, l->termios.cc[VREPRINT]);
	ldisc_echo_raw(l, '\n');
	l->canon_column = l->column;
	for (u64 at = l->canon_head; at != l->head; at++)
		ldisc_echo_char(l, l->buffer[at & MASK]);
}
