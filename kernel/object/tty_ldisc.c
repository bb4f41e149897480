// SPDX-License-Identifier: MIT
/* N_TTY after termios(3): canonical and raw input, signals, flow control, reading. Pure: works on one struct ldisc and
 * calls only its driver. Input characters pass, in this order: literal-next, strip and case, flow control, signals,
 * CR/NL mapping, line editing, echo, store. */
#include "tty_ldisc.h"

#include "base/string.h"

enum { SIGNAL_INT = 2, SIGNAL_QUIT = 3, SIGNAL_TSTP = 20 }; /* signal(7); no kernel header here */
static const u8 default_cc[TERMIOS_CC_COUNT] = {
	[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
	[VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
};

void ldisc_init(struct ldisc *l, const struct ldisc_driver *driver)
{
	memset(l, 0, sizeof(*l));
	l->driver = driver;
	l->termios = (struct termios_k){
		.iflag = ICRNL | IXON, .oflag = OPOST | ONLCR, .cflag = BAUD_DEFAULT | CS8 | CREAD,
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	memcpy(l->termios.cc, default_cc, sizeof(default_cc));
}

/* ---- storing ---- */
static void store(struct ldisc *l, u8 c)
{
	unmark(l, l->head);
	l->buffer[l->head++ & MASK] = c;
}

static void store_line_end(struct ldisc *l, u8 c)
{
	store(l, c);
	mark(l, l->head - 1);
	l->canon_head = l->head;
}

size_t ldisc_input_room(const struct ldisc *l)
{
	size_t used = l->head - l->tail;
	size_t room = used < LDISC_BUFFER - 1 ? LDISC_BUFFER - 1 - used : 0; /* one slot is kept for the line end */

	/* A line that fills the buffer by itself: further bytes are thrown away, or nobody could ever end it. */
	if (room == 0 && ldisc_has_lines(l) && l->canon_head == l->tail)
		return 1;
	return room;
}

/* Data of the pending line: dropped with a bell when the buffer holds nothing but this line. */
static void store_data(struct ldisc *l, u8 c)
{
	if (l->head - l->tail < LDISC_BUFFER - 1)
		store(l, c);
	else if (i_flag(l, IMAXBEL))
		ldisc_put(l, "\a", 1);
}

static void store_plain(struct ldisc *l, u8 c)
{
	if (l_flag(l, ECHO)) {
		ldisc_finish_erasing(l);
		if (l->canon_head == l->head)
			l->canon_column = l->column;
		if (c == '\n')
			ldisc_echo_raw(l, c);
		else
			ldisc_echo_char(l, c);
	}
	if (i_flag(l, PARMRK) && c == 0xff)
		store_data(l, c);
	store_data(l, c);
}

/* ---- special characters: each returns true when it used the byte up ---- */
void ldisc_stop(struct ldisc *l, bool stopped)
{
	if (l->stopped == stopped)
		return;
	l->stopped = stopped;
	l->driver->flow(l, stopped);
}

static bool flow_control(struct ldisc *l, u8 c)
{
	if (!i_flag(l, IXON))
		return false;
	if (is_cc(l, c, VSTART)) {
		ldisc_stop(l, false);
		return true;
	}
	if (is_cc(l, c, VSTOP)) {
		ldisc_stop(l, true);
		return true;
	}
	if (l->stopped && i_flag(l, IXANY))
		ldisc_stop(l, false);
	return false;
}

void ldisc_flush_input(struct ldisc *l)
{
	l->tail = l->canon_head = l->head;
	l->literal_next = l->erasing = false;
	memset(l->line_end, 0, sizeof(l->line_end));
}

static bool signal_character(struct ldisc *l, u8 c)
{
	int signo = is_cc(l, c, VINTR) ? SIGNAL_INT : is_cc(l, c, VQUIT) ? SIGNAL_QUIT : is_cc(l, c, VSUSP) ? SIGNAL_TSTP : 0;

	if (!signo || !l_flag(l, ISIG))
		return false;
	if (!l_flag(l, NOFLSH)) {
		ldisc_flush_input(l);
		l->driver->flush_output(l);
	}
	if (i_flag(l, IXON))
		ldisc_stop(l, false);
	if (l_flag(l, ECHO))
		ldisc_echo_char(l, c);
	l->driver->signal(l, signo);
	return true;
}

static bool edit_character(struct ldisc *l, u8 c)
{
	bool extended = l_flag(l, IEXTEN);

	if (is_cc(l, c, VERASE))
		ldisc_erase_char(l);
	else if (is_cc(l, c, VKILL))
		ldisc_kill_line(l);
	else if (extended && is_cc(l, c, VWERASE))
		ldisc_erase_word(l);
	else if (extended && is_cc(l, c, VREPRINT) && l_flag(l, ECHO))
		ldisc_reprint(l);
	else if (extended && is_cc(l, c, VLNEXT)) {
		l->literal_next = true;
		if (l_flag(l, ECHO) && l_flag(l, ECHOCTL)) {
			ldisc_finish_erasing(l);
			ldisc_put(l, "^\b", 2);
		}
	} else
		return false;
	return true;
}

static bool line_end_character(struct ldisc *l, u8 c)
{
	if (c == '\n') {
		if (l_flag(l, ECHO) || l_flag(l, ECHONL)) {
			ldisc_finish_erasing(l);
			ldisc_echo_raw(l, c);
		}
		store_line_end(l, c);
		return true;
	}
	if (is_cc(l, c, VEOF)) {
		store_line_end(l, DISABLED);
		return true;
	}
	if (is_cc(l, c, VEOL) || (l_flag(l, IEXTEN) && is_cc(l, c, VEOL2))) {
		if (l_flag(l, ECHO)) {
			ldisc_finish_erasing(l);
			ldisc_echo_char(l, c);
		}
		store_line_end(l, c);
		return true;
	}
	return false;
}

static void receive_one(struct ldisc *l, u8 c)
{
	if (l->literal_next) {
		l->literal_next = false;
		store_plain(l, c);
		return;
	}
	if (i_flag(l, ISTRIP))
		c &= 0x7f;
	if (i_flag(l, IUCLC) && l_flag(l, IEXTEN) && c >= 'A' && c <= 'Z')
		c += 32;
	if (l_flag(l, EXTPROC)) {
		store_data(l, c);
		return;
	}
	if (flow_control(l, c) || signal_character(l, c))
		return;
	if (c == '\r') {
		if (i_flag(l, IGNCR))
			return;
		if (i_flag(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && i_flag(l, INLCR)) {
		c = '\r';
	}
	if (l_flag(l, ICANON) && (edit_character(l, c) || line_end_character(l, c)))
		return;
	store_plain(l, c);
}

/* Nothing interprets the bytes: copy them whole (raw mode of editors and of data transfers). */
static bool is_transparent(const struct ldisc *l)
{
	return !l->literal_next && !(l->termios.lflag & (ISIG | ICANON | ECHO | IEXTEN)) &&
	       !(l->termios.iflag & (ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | IXON | PARMRK));
}

size_t ldisc_receive(struct ldisc *l, const u8 *bytes, size_t n)
{
	size_t done = 0;

	if (is_transparent(l)) {
		n = MIN(n, ldisc_input_room(l));
		for (; done < n; done++)
			store(l, bytes[done]);
		return done;
	}
	while (done < n && ldisc_input_room(l))
		receive_one(l, bytes[done++]);
	return done;
}

/* ---- reading ---- */
static size_t read_raw(struct ldisc *l, u8 *out, size_t n)
{
	size_t done = 0;

	for (n = MIN(n, l->head - l->tail); done < n; done++)
		out[done] = l->buffer[l->tail++ & MASK];
	l->canon_head = l->tail;
	return done;
}

static size_t read_line(struct ldisc *l, u8 *out, size_t n, bool *line_done)
{
	size_t done = 0;

	while (l->tail != l->canon_head) {
		bool ends = is_marked(l, l->tail);
		u8 c = l->buffer[l->tail & MASK];
		bool end_of_file = ends && c == DISABLED;

		if (done == n && !end_of_file) /* an EOF right behind a full buffer goes with it */
			return done;
		if (!end_of_file)
			out[done++] = c;
		unmark(l, l->tail);
		l->tail++;
		if (ends) {
			*line_done = true;
			return done;
		}
	}
	return done;
}

size_t ldisc_read(struct ldisc *l, u8 *out, size_t n, bool *line_done)
{
	*line_done = false;
	return ldisc_has_lines(l) ? read_line(l, out, n, line_done) : read_raw(l, out, n);
}

bool ldisc_readable(const struct ldisc *l)
{
	size_t minimum = l->termios.cc[VTIME] || !l->termios.cc[VMIN] ? 1 : l->termios.cc[VMIN];

	if (ldisc_has_lines(l))
		return l->canon_head != l->tail;
	return l->head - l->tail >= minimum;
}

size_t ldisc_available(const struct ldisc *l)
{
	size_t marks = 0;

	if (!ldisc_has_lines(l))
		return l->head - l->tail;
	for (u64 at = l->tail; at != l->canon_head; at++)
		marks += is_marked(l, at) && l->buffer[at & MASK] == DISABLED;
	return l->canon_head - l->tail - marks;
}

void ldisc_set_termios(struct ldisc *l, const struct termios_k *t)
{
	bool mode_changed = (l->termios.lflag ^ t->lflag) & (ICANON | EXTPROC);
	u32 had_flow = l->termios.iflag & IXON;

	l->termios = *t;
	if (mode_changed) { /* what is pending becomes readable as it is */
		memset(l->line_end, 0, sizeof(l->line_end));
		l->canon_head = l->tail;
		if (l_flag(l, ICANON) && l->head != l->tail) {
			mark(l, l->head - 1);
			l->canon_head = l->head;
		}
		l->literal_next = l->erasing = false;
	}
	if (had_flow && !i_flag(l, IXON))
		ldisc_stop(l, false);
}
