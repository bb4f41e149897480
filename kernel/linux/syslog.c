// SPDX-License-Identifier: MIT
/* syslog(2): the log of /dev/kmsg as text with levels. What is read or cleared is one place for all programs. */
#include "debug.h"
#include "linux.h"
#include "../../lib/base/string.h"

enum syslog_action {
	ACTION_CLOSE = 0, ACTION_OPEN = 1, ACTION_READ = 2, ACTION_READ_ALL = 3, ACTION_READ_CLEAR = 4, ACTION_CLEAR = 5,
	ACTION_CONSOLE_OFF = 6, ACTION_CONSOLE_ON = 7, ACTION_CONSOLE_LEVEL = 8, ACTION_SIZE_UNREAD = 9, ACTION_SIZE_BUFFER = 10,
};
#define LINE_BYTES 512u
#define LEVEL "<6>"
#define LEVEL_BYTES 3u
#define WAIT_NS (200 * NSEC_PER_MSEC) /* the log wakes nobody: how often a reader looks */
#define CONSOLE_LEVEL_MAX 8

static u64 read_at, cleared_at;   /* [a] places in the log */
static u32 console_saved;         /* [a] the level that "off" took away; 0: it is on */

/* The line at *at with its level, and *at behind it; 0: none. */
static u64 line_at(char line[LEVEL_BYTES + LINE_BYTES], u64 *at)
{
	memcpy(line, LEVEL, LEVEL_BYTES);
	char *text = line + LEVEL_BYTES;
	s64 n = log_read(text, LINE_BYTES, at), length = 0;
	while (length < n && text[length] != '\n')
		length++;
	length += length < n;
	*at -= (u64)(n - length);
	return length ? LEVEL_BYTES + (u64)length : 0;
}

static u64 bytes_from(u64 at)
{
	char line[LEVEL_BYTES + LINE_BYTES];
	u64 bytes = 0, n;
	while ((n = line_at(line, &at)))
		bytes += n;
	return bytes;
}

/* Whole lines from *at into the buffer. */
static s64 copy_lines(u64 *at, u64 va, u64 size)
{
	char line[LEVEL_BYTES + LINE_BYTES];
	u64 done = 0, next = *at, n;
	while ((n = line_at(line, &next)) && n <= size - done) {
		if (copy_out(user_ptr(va + done), line, n))
			return done ? (s64)done : ERR_FAULT;
		done += n;
		*at = next;
	}
	return (s64)done;
}

static s64 read_next(u64 va, u64 size)
{
	for (;;) {
		u64 at = __atomic_load_n(&read_at, __ATOMIC_RELAXED);
		s64 n = copy_lines(&at, va, size);
		__atomic_store_n(&read_at, at, __ATOMIC_RELAXED);
		if (n || bytes_from(at))
			return n;
		wait_prepare();
		status_t st = wait_sleep(time_now_ns() + WAIT_NS, WAIT_INTERRUPTIBLE);
		wait_finish();
		if (st == ERR_INTR)
			return ERR_RESTART;
	}
}

/* The newest lines that fit. */
static s64 read_all(u64 va, u64 size, bool clear)
{
	char line[LEVEL_BYTES + LINE_BYTES];
	u64 at = __atomic_load_n(&cleared_at, __ATOMIC_RELAXED), bytes = bytes_from(at), n;
	while (bytes > size && (n = line_at(line, &at)))
		bytes -= n;
	s64 done = copy_lines(&at, va, size);
	if (clear && done >= 0)
		__atomic_store_n(&cleared_at, at, __ATOMIC_RELAXED);
	return done;
}

static void clear_all(void)
{
	char line[LEVEL_BYTES + LINE_BYTES];
	u64 at = __atomic_load_n(&cleared_at, __ATOMIC_RELAXED);
	while (line_at(line, &at))
		;
	__atomic_store_n(&cleared_at, at, __ATOMIC_RELAXED);
}

static s64 read_action(u32 action, u64 va, s32 size)
{
	if (!va || size < 0)
		return ERR_INVAL;
	if (!size)
		return 0;
	return action == ACTION_READ ? read_next(va, (u64)size) : read_all(va, (u64)size, action == ACTION_READ_CLEAR);
}

/* The console shows what is below `level`; 0: as it was. */
static void console_set(u32 level)
{
	if (level)
		log_set_level((enum log_level)(level - 1));
	__atomic_store_n(&console_saved, 0, __ATOMIC_RELAXED);
}

static void console_off(void)
{
	u32 none = 0, level = (u32)log_get_level() + 1;
	if (__atomic_compare_exchange_n(&console_saved, &none, level, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		log_set_level((enum log_level)0);
}

LINUX_HANDLER(syslog)
{
	const struct cred *c = thread_current()->cred;
	u32 action = (u32)a0;
	s32 length = (s32)a2;
	bool harmless = action == ACTION_READ_ALL || action == ACTION_SIZE_BUFFER;
	if (!harmless && !cred_has_cap(c, CAP_SYSLOG) && !cred_has_cap(c, CAP_SYS_ADMIN))
		return ERR_PERM;
	switch (action) {
	case ACTION_CLOSE:
	case ACTION_OPEN: return OK;
	case ACTION_READ:
	case ACTION_READ_ALL:
	case ACTION_READ_CLEAR: return read_action(action, a1, length);
	case ACTION_CLEAR: clear_all(); return OK;
	case ACTION_SIZE_UNREAD: return (s64)bytes_from(__atomic_load_n(&read_at, __ATOMIC_RELAXED));
	case ACTION_SIZE_BUFFER: return LOG_RING_BYTES;
	case ACTION_CONSOLE_LEVEL:
		if (length < 1 || length > CONSOLE_LEVEL_MAX)
			return ERR_INVAL;
		console_set((u32)length);
		return OK;
	case ACTION_CONSOLE_OFF: console_off(); return OK;
	case ACTION_CONSOLE_ON: console_set(__atomic_load_n(&console_saved, __ATOMIC_RELAXED)); return OK;
	default: return ERR_INVAL;
	}
}
