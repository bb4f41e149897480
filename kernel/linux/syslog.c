// SPDX-License-Identifier: MIT
/* syslog(2): the kernel's log as text, "<6>[seconds] line". Reading all of it and asking for its size is for everybody, as
 * with kernel.dmesg_restrict 0; the rest needs CAP_SYSLOG. /dev/kmsg is object/kmsg.c. */
#include "debug.h"
#include "linux.h"

#include "../../lib/base/string.h"

enum syslog_type { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, CONSOLE_OFF, CONSOLE_ON, CONSOLE_LEVEL, SIZE_UNREAD, SIZE_BUFFER };
#define LEVEL_MIN 1
#define LEVEL_MAX 8
#define PREFIX "<6>" /* lines do not keep their level */
#define PREFIX_BYTES (sizeof(PREFIX) - 1)
#define POLL_NS (200 * NSEC_PER_MSEC) /* the log wakes nobody: how often a blocked reader looks */

static u64 read_at, cleared_at; /* atomic: places in the log */
static u32 level_before_off;    /* atomic; 0: the console is on */

struct log_copy { char *raw; u64 from, bytes; };

static status_t log_copy_from(u64 at, struct log_copy *c)
{
	c->raw = kmalloc(LOG_RING_BYTES);
	if (!c->raw)
		return ERR_NOMEM;
	c->bytes = (u64)log_read(c->raw, LOG_RING_BYTES, &at);
	c->from = at - c->bytes;
	return OK;
}

/* Bytes of the line at `i` with its newline. */
static u64 line_bytes(const struct log_copy *c, u64 i)
{
	u64 n = 0;
	while (i + n < c->bytes && c->raw[i + n++] != '\n') {}
	return n;
}

static u64 text_bytes(const struct log_copy *c)
{
	u64 total = 0;
	for (u64 i = 0, n; i < c->bytes; i += n) {
		n = line_bytes(c, i);
		total += n + PREFIX_BYTES;
	}
	return total;
}

/* Copies out whole lines from *i on while they fit; *i moves behind them. Bytes written. */
static s64 lines_out(const struct log_copy *c, u64 *i, u64 va, u64 room)
{
	u64 done = 0;
	for (u64 n; *i < c->bytes; *i += n, done += n + PREFIX_BYTES) {
		n = line_bytes(c, *i);
		if (done + PREFIX_BYTES + n > room)
			break;
		if (copy_out(user_ptr(va + done), PREFIX, PREFIX_BYTES) || copy_out(user_ptr(va + done + PREFIX_BYTES), c->raw + *i, n))
			return ERR_FAULT;
	}
	return (s64)done;
}

/* The newest lines that fit. */
static s64 read_all(u64 va, u64 room, bool clear)
{
	struct log_copy c;
	status_t st = log_copy_from(__atomic_load_n(&cleared_at, __ATOMIC_RELAXED), &c);
	if (st)
		return st;
	u64 i = 0, left = text_bytes(&c);
	for (u64 n; left > room; left -= n + PREFIX_BYTES, i += n)
		n = line_bytes(&c, i);
	s64 result = lines_out(&c, &i, va, room);
	if (clear && result >= 0)
		__atomic_store_n(&cleared_at, c.from + i, __ATOMIC_RELAXED);
	kfree(c.raw);
	return result;
}

static s64 unread(void)
{
	struct log_copy c;
	status_t st = log_copy_from(__atomic_load_n(&read_at, __ATOMIC_RELAXED), &c);
	if (st)
		return st;
	s64 bytes = (s64)text_bytes(&c);
	kfree(c.raw);
	return bytes;
}

/* The oldest unread lines; waits for one. */
static s64 read_next(u64 va, u64 room)
{
	struct log_copy c;
	status_t st;
	while (!(st = log_copy_from(__atomic_load_n(&read_at, __ATOMIC_RELAXED), &c)) && !c.bytes) {
		kfree(c.raw);
		wait_prepare();
		st = wait_sleep(time_now_ns() + POLL_NS, WAIT_INTERRUPTIBLE);
		wait_finish();
		if (st == ERR_INTR)
			return ERR_RESTART;
	}
	if (st)
		return st;
	u64 i = 0;
	s64 result = lines_out(&c, &i, va, room);
	if (result >= 0)
		__atomic_store_n(&read_at, c.from + i, __ATOMIC_RELAXED);
	kfree(c.raw);
	return result;
}

static s64 console_set(u32 type, s32 level)
{
	u32 now = log_level(), before = __atomic_load_n(&level_before_off, __ATOMIC_RELAXED);
	if (type == CONSOLE_LEVEL && (level < LEVEL_MIN || level > LEVEL_MAX))
		return ERR_INVAL;
	if (type == CONSOLE_OFF && !before)
		__atomic_store_n(&level_before_off, now + 1, __ATOMIC_RELAXED);
	else if (type != CONSOLE_OFF)
		__atomic_store_n(&level_before_off, 0, __ATOMIC_RELAXED);
	/* level n shows what is below n */
	if (type == CONSOLE_LEVEL)
		log_set_level((enum log_level)(level - 1));
	else if (type == CONSOLE_OFF)
		log_set_level((enum log_level)(LEVEL_MIN - 1));
	else if (before)
		log_set_level((enum log_level)(before - 1));
	return OK;
}

LINUX_HANDLER(syslog)
{
	u32 type = (u32)a0;
	s32 length = (s32)a2;
	if (type != READ_ALL && type != SIZE_BUFFER && !cred_has_cap(thread_current()->cred, CAP_SYSLOG) &&
	    !cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		return ERR_PERM;
	switch (type) {
	case CLOSE:
	case OPEN:
		return OK;
	case READ:
	case READ_ALL:
	case READ_CLEAR:
		if (!a1 || length < 0)
			return ERR_INVAL;
		if (!length)
			return 0;
		return type == READ ? read_next(a1, (u64)length) : read_all(a1, (u64)length, type == READ_CLEAR);
	case CLEAR:
		__atomic_store_n(&cleared_at, log_end(), __ATOMIC_RELAXED);
		return OK;
	case CONSOLE_OFF:
	case CONSOLE_ON:
	case CONSOLE_LEVEL:
		return console_set(type, length);
	case SIZE_UNREAD:
		return unread();
	case SIZE_BUFFER:
		return LOG_RING_BYTES;
	default:
		return ERR_INVAL;
	}
}
