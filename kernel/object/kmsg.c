// SPDX-License-Identifier: MIT
/* /dev/kmsg: the log as records, "level,sequence,microseconds,-;text", one per read. The sequence is the line's place in
 * the log, so it grows but is not dense. Writing adds a line. */
#include "file.h"

#include "base/string.h"
#include "debug.h"

#define LINE_BYTES 512u                      /* longest line, read or written */
#define RECORD_BYTES (LINE_BYTES + 64u)
#define WAIT_NS (200 * NSEC_PER_MSEC)        /* the log wakes nobody: how often a blocked reader looks */
enum { SEEK_TO_SET, SEEK_TO_CURRENT, SEEK_TO_END, SEEK_TO_DATA };

static u64 place_of(const struct file *f) { return (u64)f->private_data; }

/* Waits for a line and copies it without its newline. Its length, with *at behind it, or an error. */
static s64 next_line(struct file *f, char *line, u64 *at)
{
	s64 n, length = 0;
	status_t st;

	for (;;) {
		*at = place_of(f);
		n = log_read(line, LINE_BYTES - 1, at);
		if (n > 0)
			break;
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		wait_prepare();
		st = wait_sleep(time_now_ns() + WAIT_NS, WAIT_INTERRUPTIBLE);
		wait_finish();
		if (st == ERR_INTR)
			return ERR_RESTART;
	}
	while (length < n && line[length] != '\n')
		length++;
	*at -= (u64)(n - length);
	*at += length < n;
	line[length] = 0;
	return length;
}

static u64 number_at(const char **text)
{
	u64 value = 0;

	while (**text && (**text < '0' || **text > '9'))
		(*text)++;
	while (**text >= '0' && **text <= '9')
		value = value * 10 + (u64)(*(*text)++ - '0');
	return value;
}

static s64 kmsg_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	char line[LINE_BYTES], record[RECORD_BYTES];
	const char *text = line;
	u64 at, micros = 0;
	s64 n = next_line(f, line, &at);

	if (n < 0)
		return n;
	if (*text == '[') { /* "[seconds.micros] " */
		micros = number_at(&text) * (NSEC_PER_SEC / NSEC_PER_USEC);
		micros += number_at(&text);
		text += *text == ']';
		text += *text == ' ';
	}
	n = fmt_snprintf(record, sizeof(record), "6,%lu,%lu,-;%s\n", at, micros, text);
	n = MIN(n, (s64)sizeof(record) - 1);
	if (to->remaining < (u64)n)
		return ERR_INVAL;
	f->private_data = (void *)at;
	return io_buf_put(to, record, (size_t)n) == (size_t)n ? n : ERR_FAULT;
}

/* A "<level>" prefix is dropped: the level of programs is always info. */
static s64 kmsg_write(struct file *f UNUSED, struct io_buf *from, u64 *pos UNUSED)
{
	char line[LINE_BYTES];
	s64 total = (s64)from->remaining;
	size_t n = io_buf_take(from, line, MIN(from->remaining, sizeof(line) - 1));
	char *text = line, *close;

	if (!n)
		return total ? ERR_FAULT : 0;
	line[n] = 0;
	if (line[0] == '<' && (close = strchr(line, '>')))
		text = close + 1;
	if (line[n - 1] == '\n')
		line[n - 1] = 0;
	klog(LOG_INFO, "kmsg: %s", text);
	return total;
}

static s64 kmsg_seek(struct file *f, s64 offset, int whence)
{
	char line[LINE_BYTES];
	u64 at = 0;

	if (offset != 0)
		return ERR_SPIPE;
	if (whence == SEEK_TO_CURRENT)
		return ERR_INVAL;
	if (whence == SEEK_TO_END)
		while (log_read(line, sizeof(line), &at) > 0) {}
	f->private_data = (void *)at;
	return 0;
}

static u32 kmsg_poll(struct file *f, struct poll_table *table UNUSED)
{
	char byte;
	u64 at = place_of(f);

	return log_read(&byte, 1, &at) ? POLL_IN | POLL_RDNORM : 0;
}

const struct file_ops kmsg_ops = {
	.name = "kmsg", .read = kmsg_read, .write = kmsg_write, .seek = kmsg_seek, .poll = kmsg_poll,
};
