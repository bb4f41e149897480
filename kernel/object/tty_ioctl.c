// SPDX-License-Identifier: MIT
/* Terminal settings: termios, window size, flushing, flow. ioctl_tty(2). Both ends of a pty come here.
 * Changes from a background process raise SIGTTOU first, as tcsetattr(3) says. */
#include "tty.h"

#include "base/string.h"
#include "linux/ioctl.h"

enum { TCSET_NOW, TCSET_DRAIN, TCSET_FLUSH };
enum { FLUSH_INPUT, FLUSH_OUTPUT, FLUSH_BOTH };
enum { FLOW_OUTPUT_OFF, FLOW_OUTPUT_ON, FLOW_INPUT_OFF, FLOW_INPUT_ON };

static s64 get_termios(struct tty *t, u64 arg, bool extended)
{
	struct termios2_k value;

	mutex_lock(&t->mutex);
	value.base = t->ldisc.termios;
	value.input_speed = t->input_speed;
	value.output_speed = t->output_speed;
	mutex_unlock(&t->mutex);
	return copy_out(user_ptr(arg), &value, extended ? sizeof(value) : sizeof(value.base));
}

/* Output is handed to the driver as it is written, so there is nothing to drain but the pty ring, which Linux does not
 * wait for either. */
static void apply_termios(struct tty *t, struct termios2_k *value, bool extended, int when)
{
	mutex_lock(&t->mutex);
	if (when == TCSET_FLUSH)
		ldisc_flush_input(&t->ldisc);
	if (t->pty) /* a pty is always 8 bits, no parity */
		value->base.cflag = (value->base.cflag & ~(u32)(CSIZE | 0400)) | CS8 | CREAD;
	ldisc_set_termios(&t->ldisc, &value->base);
	if (extended) {
		t->input_speed = value->input_speed;
		t->output_speed = value->output_speed;
	}
	mutex_unlock(&t->mutex);
	tty_wake_after_input(t);
	if (t->driver->input_drained)
		t->driver->input_drained(t);
}

static s64 set_termios(struct tty *t, u64 arg, bool extended, int when)
{
	struct termios2_k value = { 0 };
	status_t st = tty_check_background(t, SIGTTOU);

	if (!st)
		st = copy_in(&value, user_ptr(arg), extended ? sizeof(value) : sizeof(value.base));
	if (!st)
		apply_termios(t, &value, extended, when);
	return st;
}

static s64 get_termio(struct tty *t, u64 arg)
{
	struct termio_k value = { 0 };
	const struct termios_k *from = &t->ldisc.termios;

	mutex_lock(&t->mutex);
	value.iflag = (u16)from->iflag;
	value.oflag = (u16)from->oflag;
	value.cflag = (u16)from->cflag;
	value.lflag = (u16)from->lflag;
	value.line = from->line;
	memcpy(value.cc, from->cc, sizeof(value.cc));
	mutex_unlock(&t->mutex);
	return COPY_OUT(user_ptr(arg), &value);
}

static u32 low_half(u32 old, u16 value) { return (old & 0xffff0000u) | value; }

static s64 set_termio(struct tty *t, u64 arg, int when)
{
	struct termio_k value;
	struct termios2_k now;
	status_t st = tty_check_background(t, SIGTTOU);

	if (!st)
		st = COPY_IN(&value, user_ptr(arg));
	if (st)
		return st;
	mutex_lock(&t->mutex);
	now.base = t->ldisc.termios;
	mutex_unlock(&t->mutex);
	now.base.iflag = low_half(now.base.iflag, value.iflag);
	now.base.oflag = low_half(now.base.oflag, value.oflag);
	now.base.cflag = low_half(now.base.cflag, value.cflag);
	now.base.lflag = low_half(now.base.lflag, value.lflag);
	now.base.line = value.line;
	memcpy(now.base.cc, value.cc, sizeof(value.cc));
	apply_termios(t, &now, false, when);
	return OK;
}

/* N_TTY is the only line discipline. */
static s64 set_discipline(u64 arg)
{
	int number;
	status_t st = COPY_IN(&number, user_ptr(arg));

	return st ? st : number ? ERR_INVAL : OK;
}

static void tty_hangup_line(struct tty *t)
{
	tty_hangup(t);
	if (t->driver->input_drained)
		t->driver->input_drained(t);
}

void tty_hangup_current(void)
{
	struct tty *t = tty_of_current();

	if (!t)
		return;
	tty_hangup_line(t);
	tty_put(t);
}

static s64 hang_up(struct tty *t)
{
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		return ERR_PERM;
	tty_hangup_line(t);
	return OK;
}

void tty_set_size(struct tty *t, const struct winsize_k *size)
{
	bool changed;

	mutex_lock(&t->mutex);
	changed = memcmp(&t->size, size, sizeof(*size)) != 0;
	t->size = *size;
	mutex_unlock(&t->mutex);
	if (changed)
		tty_signal_foreground(t, SIGWINCH);
}

static s64 set_size(struct tty *t, u64 arg)
{
	struct winsize_k size;
	status_t st = COPY_IN(&size, user_ptr(arg));

	if (st == OK)
		tty_set_size(t, &size);
	return st;
}

static s64 flush(struct tty *t, u64 which)
{
	status_t st = tty_check_background(t, SIGTTOU);

	if (st)
		return st;
	if (which > FLUSH_BOTH)
		return ERR_INVAL;
	mutex_lock(&t->mutex);
	if (which != FLUSH_OUTPUT)
		ldisc_flush_input(&t->ldisc);
	if (which != FLUSH_INPUT)
		t->driver->ldisc.flush_output(&t->ldisc);
	mutex_unlock(&t->mutex);
	if (t->driver->input_drained)
		t->driver->input_drained(t);
	return OK;
}

static s64 flow(struct tty *t, u64 action)
{
	status_t st = tty_check_background(t, SIGTTOU);
	u8 c;

	if (st)
		return st;
	if (action > FLOW_INPUT_ON)
		return ERR_INVAL;
	mutex_lock(&t->mutex);
	if (action <= FLOW_OUTPUT_ON) {
		ldisc_stop(&t->ldisc, action == FLOW_OUTPUT_OFF);
	} else {
		c = t->ldisc.termios.cc[action == FLOW_INPUT_OFF ? VSTOP : VSTART];
		if (c && t->driver->ldisc.room(&t->ldisc))
			t->driver->ldisc.put(&t->ldisc, &c, 1);
	}
	mutex_unlock(&t->mutex);
	return OK;
}

static s64 put_int(u64 arg, int value) { return COPY_OUT(user_ptr(arg), &value); }

static s64 bytes_readable(struct tty *t, u64 arg)
{
	int n;

	mutex_lock(&t->mutex);
	n = (int)ldisc_available(&t->ldisc);
	mutex_unlock(&t->mutex);
	return put_int(arg, n);
}

/* TIOCSTI: a byte as if typed; only into the own terminal or with privilege, as on Linux. */
static s64 simulate_input(struct tty *t, u64 arg)
{
	struct tty *own = tty_of_current();
	bool allowed = own == t || cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN);
	u8 c;
	status_t st;

	if (own)
		tty_put(own);
	if (!allowed)
		return ERR_PERM;
	st = COPY_IN(&c, user_ptr(arg));
	if (st == OK)
		tty_input(t, &c, 1);
	return st;
}

s64 tty_ioctl_common(struct tty *t, u32 command, u64 arg, bool is_master)
{
	switch (command) {
	case TCGETS_K: case TCGETS2_K:
		return get_termios(t, arg, command == TCGETS2_K);
	case TCSETS_K: case TCSETS2_K:
		return set_termios(t, arg, command == TCSETS2_K, TCSET_NOW);
	case TCSETSW_K: case TCSETSW2_K:
		return set_termios(t, arg, command == TCSETSW2_K, TCSET_DRAIN);
	case TCSETSF_K: case TCSETSF2_K:
		return set_termios(t, arg, command == TCSETSF2_K, TCSET_FLUSH);
	case TCGETA_K:
		return get_termio(t, arg);
	case TCSETA_K: case TCSETAW_K: case TCSETAF_K:
		return set_termio(t, arg, TCSET_NOW + (int)(command - TCSETA_K));
	case TIOCGWINSZ_K:
		return COPY_OUT(user_ptr(arg), &t->size);
	case TIOCSWINSZ_K:
		return set_size(t, arg);
	case TCFLSH_K:
		return flush(t, arg);
	case TCXONC_K:
		return flow(t, arg);
	case TCSBRK_K: case TCSBRKP_K: case TIOCSBRK_K: case TIOCCBRK_K: /* no line to break; a drain has nothing to wait for */
		return tty_check_background(t, SIGTTOU);
	case FIONREAD_K:
		return bytes_readable(t, arg);
	case TIOCOUTQ_K:
		return put_int(arg, 0);
	case TIOCSTI_K:
		return simulate_input(t, arg);
	case TIOCGETD_K:
		return put_int(arg, 0); /* N_TTY */
	case TIOCSETD_K:
		return set_discipline(arg);
	case TIOCVHANGUP_K:
		return is_master ? ERR_NOTTY : hang_up(t);
	case TIOCEXCL_K: case TIOCNXCL_K:
		t->exclusive = command == TIOCEXCL_K;
		return OK;
	case TIOCGEXCL_K:
		return put_int(arg, t->exclusive);
	case TIOCGDEV_K:
		return put_int(arg, (int)tty_rdev(t));
	default:
		return tty_session_ioctl(t, command, arg, is_master);
	}
}
