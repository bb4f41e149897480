// SPDX-License-Identifier: MIT
/* Character devices by number: memory devices, the log, and the doors to terminals. Entry point: chardev_open, which
 * gives a half-made file its operations. Numbers are those of Linux's devices.txt. */
#include "tty.h"

#include "base/string.h"
#include "random.h"

#define RANDOM_CHUNK 256u       /* key stream per step, on the stack */
#define ENTROPY_BITS 256        /* what /proc/sys/kernel/random/entropy_avail says, too */
#define PREEMPT_BYTES KIB(64)   /* between preemption points of a long read */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

static s64 seek_nowhere(struct file *f UNUSED, s64 offset UNUSED, int whence UNUSED) { return 0; }
static s64 read_nothing(struct file *f UNUSED, struct io_buf *to UNUSED, u64 *pos UNUSED) { return 0; }

static s64 write_nothing(struct file *f UNUSED, struct io_buf *from, u64 *pos UNUSED)
{
	s64 n = (s64)from->remaining;

	from->remaining = 0;
	return n;
}

/* Gives `to` its bytes in steps of PREEMPT_BYTES, so a huge read can be interrupted. */
static s64 read_in_steps(struct io_buf *to, size_t (*step)(struct io_buf *to, size_t n))
{
	u64 total = 0;

	while (to->remaining) {
		u64 want = MIN(to->remaining, PREEMPT_BYTES);
		size_t n = step(to, want);

		total += n;
		if (n < want)
			return total ? (s64)total : ERR_FAULT;
		if (to->remaining) {
			preempt_point();
			if (thread_signal_pending(thread_current()))
				break;
		}
	}
	return (s64)total;
}

static s64 read_zeros(struct file *f UNUSED, struct io_buf *to, u64 *pos UNUSED) { return read_in_steps(to, io_buf_zero); }

static size_t random_step(struct io_buf *to, size_t n)
{
	u8 chunk[RANDOM_CHUNK];
	size_t done = 0;

	while (done < n) {
		size_t want = MIN(n - done, RANDOM_CHUNK), moved;

		random_bytes(chunk, want);
		moved = io_buf_put(to, chunk, want);
		done += moved;
		if (moved < want)
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	return done;
}

static s64 read_random(struct file *f UNUSED, struct io_buf *to, u64 *pos UNUSED) { return read_in_steps(to, random_step); }

static s64 write_random(struct file *f UNUSED, struct io_buf *from, u64 *pos UNUSED)
{
	u8 chunk[RANDOM_CHUNK];
	s64 total = 0;

	while (from->remaining) {
		size_t n = io_buf_take(from, chunk, MIN(from->remaining, RANDOM_CHUNK));

		if (!n)
			return total ? total : ERR_FAULT;
		random_add_entropy(chunk, n);
		total += (s64)n;
		preempt_point();
	}
	return total;
}

static u32 poll_ready(struct file *f UNUSED, struct poll_table *table UNUSED)
{
	return POLL_IN | POLL_OUT | POLL_RDNORM | POLL_WRNORM;
}

static s64 write_full(struct file *f UNUSED, struct io_buf *from UNUSED, u64 *pos UNUSED) { return ERR_NOSPC; }

/* Private anonymous memory, or a fresh shared object: what a NULL object asks of the address space. */
static status_t map_zeros(struct file *f UNUSED, struct map_request *r)
{
	r->obj = NULL;
	return OK;
}

static const struct file_ops null_ops = { .name = "null", .read = read_nothing, .write = write_nothing, .seek = seek_nowhere };
static const struct file_ops zero_ops = { .name = "zero", .read = read_zeros,
	.write = write_nothing, .seek = seek_nowhere, .map = map_zeros };
static const struct file_ops full_ops = { .name = "full", .read = read_zeros, .write = write_full, .seek = seek_nowhere };
static s64 random_ioctl(struct file *f UNUSED, u32 command, u64 arg)
{
	const u32 get_count = 0x80045200; /* RNDGETENTCNT, random(4) */
	s32 bits = ENTROPY_BITS;

	return command == get_count ? COPY_OUT(user_ptr(arg), &bits) : ERR_NOTTY;
}

static const struct file_ops random_ops = {
	.name = "random", .read = read_random, .write = write_random, .seek = seek_nowhere, .poll = poll_ready,
	.ioctl = random_ioctl,
};

static status_t open_tty(struct tty *t, struct file *f)
{
	status_t st = t ? tty_open_file(t, f) : ERR_NXIO;

	if (t)
		tty_put(t);
	return st;
}

static const struct { u64 rdev; const struct file_ops *ops; } memory_devices[] = {
	{ DEVICE(1, 3), &null_ops }, { DEVICE(1, 5), &zero_ops }, { DEVICE(1, 7), &full_ops },
	{ DEVICE(1, 8), &random_ops }, { DEVICE(1, 9), &random_ops }, { DEVICE(1, 11), &kmsg_ops },
};

status_t chardev_open(u64 rdev, struct file *f)
{
	u32 major = (u32)(rdev >> 8) & 0xfff, minor = (u32)(rdev & 0xff) | (u32)((rdev >> 12) & ~0xffull);

	for (size_t i = 0; i < ARRAY_SIZE(memory_devices); i++)
		if (memory_devices[i].rdev == rdev) {
			f->ops = memory_devices[i].ops;
			return OK;
		}
	if (rdev == DEVICE(5, 0)) {
		f->flags |= O_NOCTTY_K;
		return open_tty(tty_of_current(), f);
	}
	if (rdev == DEVICE(5, 1) || rdev == DEVICE(4, 64))
		return open_tty(console_get(), f);
	if (rdev == DEVICE(5, 2))
		return pty_open_master(f);
	if (major == 136)
		return pty_open_slave_file(minor, f);
	return FAIL(ERR_NXIO, "no such character device");
}
