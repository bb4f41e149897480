/* SPDX-License-Identifier: MIT */
/* The line discipline (N_TTY of termios(3)) as a pure object: bytes in, bytes out, no locks, no sleeping, no kernel
 * headers; tty.c wraps it, the host test drives it alone. */
#ifndef AMBOS_KERNEL_LDISC_H
#define AMBOS_KERNEL_LDISC_H

#include "../../lib/base/base.h"

#define TERMIOS_CC_COUNT 19
#define TERMIO_CC_COUNT 8
struct termios_k { u32 iflag, oflag, cflag, lflag; u8 line; u8 cc[TERMIOS_CC_COUNT]; };
struct termio_k { u16 iflag, oflag, cflag, lflag; u8 line; u8 cc[TERMIO_CC_COUNT]; }; /* System V's: the low halves */
struct termios2_k { struct termios_k base; u32 input_speed, output_speed; };
_Static_assert(sizeof(struct termio_k) == 18, "struct termio");
_Static_assert(sizeof(struct termios_k) == 36 && sizeof(struct termios2_k) == 44, "struct termios, termios2");

enum { VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 };
enum termios_iflag {
	IGNBRK = 01, BRKINT = 02, IGNPAR = 04, PARMRK = 010, INPCK = 020, ISTRIP = 040, INLCR = 0100, IGNCR = 0200,
	ICRNL = 0400, IUCLC = 01000, IXON = 02000, IXANY = 04000, IXOFF = 010000, IMAXBEL = 020000, IUTF8 = 040000,
};
enum termios_oflag { OPOST = 01, OLCUC = 02, ONLCR = 04, OCRNL = 010, ONOCR = 020, ONLRET = 040, TABDLY = 014000, XTABS = 014000 };
enum termios_cflag { CSIZE = 060, CS8 = 060, CREAD = 0200, HUPCL = 02000, CBAUD = 010017, B38400 = 017 };
enum termios_lflag {
	ISIG = 01, ICANON = 02, ECHO = 010, ECHOE = 020, ECHOK = 040, ECHONL = 0100, NOFLSH = 0200, TOSTOP = 0400,
	ECHOCTL = 01000, ECHOPRT = 02000, ECHOKE = 04000, FLUSHO = 010000, PENDIN = 040000, IEXTEN = 0100000, EXTPROC = 0200000,
};

#define LDISC_BUFFER 4096 /* bytes of pending input; a canonical line holds 4095, termios(3) */
struct ldisc;
struct ldisc_driver {
	size_t (*room)(struct ldisc *l);                          /* output bytes that `put` will take now */
	void (*put)(struct ldisc *l, const u8 *bytes, size_t n);  /* n <= room */
	void (*signal)(struct ldisc *l, int signo);               /* to the foreground group */
	void (*flush_output)(struct ldisc *l);                    /* drop what was not sent (signal characters) */
	void (*flow)(struct ldisc *l, bool stopped);              /* output stopped or started by IXON or TCXONC */
};
/* Input ring by counters: tail <= canon_head <= head <= tail + LDISC_BUFFER. In canonical mode bytes below canon_head
 * are complete lines, each ended by a byte whose bit in `line_end` is set; an end-of-file is a marked NUL. */
struct ldisc {
	const struct ldisc_driver *driver;
	struct termios_k termios;
	u8 buffer[LDISC_BUFFER];
	u64 line_end[LDISC_BUFFER / 64];
	u64 head, canon_head, tail;
	u32 column, canon_column;   /* of the output cursor; where the echo of this line began */
	bool literal_next, erasing, stopped;
};

void ldisc_init(struct ldisc *l, const struct ldisc_driver *driver);
/* Bytes from the terminal: returns how many were taken; fewer only when the reader must drain first. */
size_t ldisc_receive(struct ldisc *l, const u8 *bytes, size_t n);
/* Does a read return lines? EXTPROC leaves the editing to the other end, so its bytes are passed as they come. */
static inline bool ldisc_has_lines(const struct ldisc *l) { return (l->termios.lflag & (ICANON | EXTPROC)) == ICANON; }
/* Room for raw input; the writer of a pty master waits for it. */
size_t ldisc_input_room(const struct ldisc *l);
/* Bytes from the program: processed (OPOST) and put; returns how many were consumed, 0 when stopped or no room. */
size_t ldisc_write(struct ldisc *l, const u8 *bytes, size_t n);
/* Takes bytes for a reader. Canonical: at most to the end of one line, *line_done set when it ended (also by EOF, which
 * may give 0 bytes). Raw: what there is. */
size_t ldisc_read(struct ldisc *l, u8 *out, size_t n, bool *line_done);
bool ldisc_readable(const struct ldisc *l);       /* a read would return at once (MIN and TIME considered) */
size_t ldisc_available(const struct ldisc *l);    /* FIONREAD */
void ldisc_set_termios(struct ldisc *l, const struct termios_k *t);
void ldisc_flush_input(struct ldisc *l);
void ldisc_stop(struct ldisc *l, bool stopped);   /* TCXONC */

#endif
