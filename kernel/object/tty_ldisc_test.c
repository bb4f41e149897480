// SPDX-License-Identifier: MIT
/* The line discipline alone: what a terminal shows and what a reader gets for given input, without a kernel. */
// LINK: kernel/object/tty_ldisc.c kernel/object/tty_echo.c
// CFLAGS: -Ikernel/include
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tty_ldisc.h"

static struct ldisc l;
static char out[100000];
static size_t out_length, out_room;
static int signals, last_signal, flushes, flow_changes;

static size_t room(struct ldisc *d) { return out_room - out_length; }
static void put(struct ldisc *d, const u8 *bytes, size_t n)
{
	if (n > out_room - out_length)
		abort();
	memcpy(out + out_length, bytes, n);
	out_length += n;
}
static void on_signal(struct ldisc *d, int signo) { signals++; last_signal = signo; }
static void on_flush(struct ldisc *d) { flushes++; }
static void on_flow(struct ldisc *d, bool stopped) { flow_changes++; }
static const struct ldisc_driver driver = { room, put, on_signal, on_flush, on_flow };

static int failures;
static void check(bool ok, const char *what, int line)
{
	if (!ok) {
		printf("line %d: %s\n", line, what);
		failures++;
	}
}
#define CHECK(c) check((c), #c, __LINE__)

static void reset(void)
{
	ldisc_init(&l, &driver);
	out_length = 0;
	out_room = sizeof(out);
	signals = flushes = flow_changes = 0;
}
static size_t type(const char *text) { return ldisc_receive(&l, (const u8 *)text, strlen(text)); }
static bool shows(const char *want)
{
	bool same = out_length == strlen(want) && !memcmp(out, want, out_length);
	out_length = 0;
	return same;
}
static bool gives(const char *want)
{
	u8 buf[5000];
	bool done;
	size_t n = ldisc_read(&l, buf, sizeof(buf), &done);
	return n == strlen(want) && !memcmp(buf, want, n);
}

static void canonical_lines(void)
{
	reset();
	type("ab");
	CHECK(!ldisc_readable(&l) && ldisc_available(&l) == 0);
	type("\x7f" "c\r");
	CHECK(ldisc_readable(&l) && ldisc_available(&l) == 3 && gives("ac\n") && shows("ab\b \bc\r\n"));
	type("a b\x17\x17z\n");
	CHECK(gives("z\n") && shows("a b\b \b\b \b\b \bz\r\n"));
	type("\x04");
	CHECK(ldisc_readable(&l) && gives("") && !ldisc_readable(&l));
	type("x\x04y\n");
	CHECK(gives("x") && gives("y\n"));
}
static void exact_read_takes_the_eof_with_it(void)
{
	u8 buf[3];
	bool done;
	reset();
	type("abc\x04");
	CHECK(ldisc_read(&l, buf, 3, &done) == 3 && done && !ldisc_readable(&l));
}
static void signals_flush_and_echo(void)
{
	reset();
	type("lost\x03");
	CHECK(signals == 1 && last_signal == 2 && flushes == 1 && shows("lost^C") && ldisc_available(&l) == 0);
	l.termios.lflag |= NOFLSH;
	type("kept\x1c\n");
	CHECK(last_signal == 3 && gives("kept\n"));
	l.termios.lflag &= ~(u32)ISIG;
	type("\x03\n");
	CHECK(signals == 2 && gives("\x03\n"));
}
static void output_processing(void)
{
	reset();
	CHECK(ldisc_write(&l, (const u8 *)"a\nb\tc", 5) == 5 && shows("a\r\nb\tc") && l.column == 9);
	l.termios.oflag |= XTABS;
	CHECK(ldisc_write(&l, (const u8 *)"\r\tx", 3) == 3 && shows("\r        x"));
	out_room = 4;
	CHECK(ldisc_write(&l, (const u8 *)"abc\n", 4) == 3); /* CR NL needs two */
	out_length = 0;
	CHECK(ldisc_write(&l, (const u8 *)"\n", 1) == 1 && shows("\r\n"));
	l.termios.oflag = 0;
	CHECK(ldisc_write(&l, (const u8 *)"\n\n\n\n\n", 5) == 4);
}
static void a_full_line_drops_and_can_still_end(void)
{
	static char big[6000];
	reset();
	l.termios.lflag &= ~(u32)ECHO;
	memset(big, 'x', sizeof(big));
	CHECK(ldisc_receive(&l, (const u8 *)big, sizeof(big)) == sizeof(big));
	CHECK(type("\n") == 1 && ldisc_available(&l) == LDISC_BUFFER);
	CHECK(type("more") == 0); /* the reader must drain first */
	u8 buf[LDISC_BUFFER];
	bool done;
	CHECK(ldisc_read(&l, buf, sizeof(buf), &done) == LDISC_BUFFER && done && buf[LDISC_BUFFER - 1] == '\n');
	CHECK(type("more\n") == 5 && gives("more\n"));
}
static void raw_mode_holds_back(void)
{
	struct termios_k t;
	static char big[6000];
	memset(big, 'y', sizeof(big));
	reset();
	t = l.termios;
	t.lflag = t.iflag = 0;
	t.cc[VMIN] = 1;
	type("pend");
	ldisc_set_termios(&l, &t);
	CHECK(ldisc_readable(&l) && gives("pend"));
	CHECK(ldisc_receive(&l, (const u8 *)big, sizeof(big)) == LDISC_BUFFER - 1 && ldisc_input_room(&l) == 0);
	t.lflag = ICANON;
	ldisc_set_termios(&l, &t);
	CHECK(ldisc_readable(&l) && ldisc_available(&l) == LDISC_BUFFER - 1);
}
static void flow_control(void)
{
	reset();
	type("\x13");
	CHECK(l.stopped && flow_changes == 1 && ldisc_write(&l, (const u8 *)"x", 1) == 0);
	type("\x11");
	CHECK(!l.stopped && ldisc_write(&l, (const u8 *)"x", 1) == 1);
}
/* Random input in random modes: the counters stay in order and nothing runs out of bounds (ASan, UBSan watch). */
static void random_bytes_keep_the_invariants(void)
{
	unsigned seed = 1;
	reset();
	for (int i = 0; i < 300000; i++) {
		u8 buf[64];
		bool done;
		seed = seed * 1103515245u + 12345u;
		for (size_t k = 0; k < sizeof(buf); k++)
			buf[k] = (u8)((seed >> (k % 17)) * (k + 3));
		out_length = 0;
		switch ((seed >> 16) % 8) {
		case 0: ldisc_read(&l, buf, (seed >> 8) % 64, &done); break;
		case 1: ldisc_write(&l, buf, (seed >> 8) % 64); break;
		case 2:
			if ((seed >> 20) % 8 == 0) {
				struct termios_k t = l.termios;
				t.lflag ^= 1u << ((seed >> 8) % 18);
				t.iflag ^= 1u << ((seed >> 13) % 15);
				t.oflag ^= 1u << ((seed >> 5) % 7);
				ldisc_set_termios(&l, &t);
			}
			break;
		default: ldisc_receive(&l, buf, (seed >> 8) % 64);
		}
		if (l.tail > l.canon_head || l.canon_head > l.head || l.head - l.tail > LDISC_BUFFER) {
			CHECK(!"counters in order");
			return;
		}
	}
}

int main(void)
{
	canonical_lines();
	exact_read_takes_the_eof_with_it();
	signals_flush_and_echo();
	output_processing();
	a_full_line_drops_and_can_still_end();
	raw_mode_holds_back();
	flow_control();
	random_bytes_keep_the_invariants();
	return failures != 0;
}
