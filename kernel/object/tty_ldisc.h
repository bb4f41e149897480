/* SPDX-License-Identifier: MIT */
/* Shared by the two halves of the line discipline: tty_ldisc.c (input, reading) and tty_echo.c (output, echo, erasing). */
#ifndef AMBOS_KERNEL_TTY_LDISC_H
#define AMBOS_KERNEL_TTY_LDISC_H

#include "ldisc.h"

#define MASK (LDISC_BUFFER - 1)
#define DELETE 0x7f
#define BELL 0x07
#define TAB_STOP 8
#define BAUD_DEFAULT B38400 /* what a Linux pty reports */
#define DISABLED 0          /* _POSIX_VDISABLE: this control character does not exist */

static inline bool i_flag(const struct ldisc *l, u32 flag) { return l->termios.iflag & flag; }
static inline bool o_flag(const struct ldisc *l, u32 flag) { return l->termios.oflag & flag; }
static inline bool l_flag(const struct ldisc *l, u32 flag) { return l->termios.lflag & flag; }
static inline bool is_cc(const struct ldisc *l, u8 c, int index) { return c == l->termios.cc[index] && c != DISABLED; }
static inline bool is_control(u8 c) { return c < ' ' || c == DELETE; }
static inline bool is_continuation(const struct ldisc *l, u8 c) { return i_flag(l, IUTF8) && (c & 0xc0) == 0x80; }
/* Bytes of multi-byte characters count as letters. */
static inline bool is_word(u8 c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c >= 0x80; }

static inline bool is_marked(const struct ldisc *l, u64 at) { return l->line_end[(at & MASK) / 64] & BIT(at % 64); }
static inline void mark(struct ldisc *l, u64 at) { l->line_end[(at & MASK) / 64] |= BIT(at % 64); }
static inline void unmark(struct ldisc *l, u64 at) { l->line_end[(at & MASK) / 64] &= ~BIT(at % 64); }

/* tty_echo.c */
void ldisc_put(struct ldisc *l, const char *bytes, size_t n); /* all or nothing */
void ldisc_echo_raw(struct ldisc *l, u8 c);    /* through output processing */
void ldisc_echo_char(struct ldisc *l, u8 c);   /* control characters as ^X under ECHOCTL */
void ldisc_finish_erasing(struct ldisc *l);    /* ends an ECHOPRT run */
void ldisc_kill_line(struct ldisc *l);
void ldisc_erase_char(struct ldisc *l);
void ldisc_erase_word(struct ldisc *l);
void ldisc_reprint(struct ldisc *l);

#endif
