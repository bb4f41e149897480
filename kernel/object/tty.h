/* SPDX-License-Identifier: MIT */
/* A terminal: line discipline, size, session and foreground group, and a driver (pty ring or serial console).
 * It is a kernel object: it lives while any file, master or slave, is open, whoever holds them.
 * Locks: [m] mutex, [s] tty_lock (spin, all ttys), [a] atomic, [I] immutable. */
#ifndef AMBOS_KERNEL_TTY_H
#define AMBOS_KERNEL_TTY_H

#include "file.h"
#include "ldisc.h"
#include "vfs.h"

struct winsize_k { u16 rows, columns, x_pixels, y_pixels; };

struct tty_driver {
	const char *name;
	u32 major;
	struct ldisc_driver ldisc;
	void (*input_drained)(struct tty *t);   /* the reader made room; may be NULL */
	void (*input_wanted)(struct tty *t);    /* somebody reads or polls; may be NULL */
	void (*destroy)(struct tty *t);
};

struct pty;
struct tty {
	u32 refs;                       /* [a] files and the registry of its driver */
	const struct tty_driver *driver;/* [I] */
	u32 index;                      /* [I] minor number */
	u64 ino;                        /* [I] */
	struct mutex mutex;
	struct ldisc ldisc;             /* [m] */
	u32 input_speed, output_speed;  /* [m] termios2, not used otherwise */
	struct winsize_k size;          /* [m] */
	u32 session, foreground;        /* [s] sid and pgid, 0 = none */
	u32 open_count;                 /* [m] slave files that are not hung up */
	u32 hangups;                    /* [a] files opened before the last one are dead */
	bool exclusive;                 /* [m] TIOCEXCL */
	struct wait_queue read_wait, write_wait; /* slave side */
	struct list_node all_link;      /* [s] */
	struct pty *pty;                /* [I] NULL: console */
	u32 owner_uid, owner_gid;       /* [I] who made it */
};

extern struct spinlock tty_lock;
extern const struct file_ops tty_ops;

struct tty *tty_create(const struct tty_driver *driver, u32 index); /* refs 1; NULL = no memory */
static inline void tty_get(struct tty *t) { __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED); }
void tty_put(struct tty *t);
/* A slave file on `t`; becomes the controlling terminal of a session leader without one unless O_NOCTTY. */
struct file *tty_open(struct tty *t, u32 flags, status_t *st);
/* The same for a half-made file (chardev_open). */
status_t tty_open_file(struct tty *t, struct file *f) MUST_CHECK;
void tty_input(struct tty *t, const u8 *bytes, size_t n);           /* from hardware: what does not fit is lost */
void tty_wake_after_input(struct tty *t);
u64 tty_rdev(const struct tty *t);
void tty_hangup(struct tty *t);                                     /* all slave files die; session gets SIGHUP */
static inline bool tty_is_hung(const struct file *f)
{
	const struct tty *t = f->object;

	return (u64)f->private_data != __atomic_load_n(&t->hangups, __ATOMIC_RELAXED);
}

extern const struct file_ops kmsg_ops;                              /* kmsg.c */
/* pty.c, console.c: for chardev_open. */
status_t pty_open_master(struct file *f) MUST_CHECK;
status_t pty_open_slave_file(u32 number, struct file *f) MUST_CHECK;
struct tty *console_get(void);                                      /* referenced; NULL = no memory */

/* tty_session.c */
status_t tty_check_background(struct tty *t, int signo) MUST_CHECK; /* SIGTTIN for reads, SIGTTOU for changes */
/* A Windows program knows no job control: its read waits until the terminal is its own again, or nobody's. A program that
 * it started (bash from cmd.exe) may have taken the foreground. ERR_RESTART: a signal came first. */
status_t tty_wait_foreground(struct file *f) MUST_CHECK;
void tty_signal_foreground(struct tty *t, int signo);
struct tty *tty_of_current(void);                                   /* controlling terminal, referenced, or NULL */
void tty_become_controlling(struct tty *t, bool noctty);
void tty_disassociate_session(struct tty *t);
s64 tty_session_ioctl(struct tty *t, u32 command, u64 arg, bool is_master); /* ERR_NOTTY: not one of its commands */
/* tty_ioctl.c; both sides of a pty use it on the slave's tty. */
s64 tty_ioctl_common(struct tty *t, u32 command, u64 arg, bool is_master);
void tty_set_size(struct tty *t, const struct winsize_k *size);

#endif
