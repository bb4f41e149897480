// SPDX-License-Identifier: MIT
/* The log: a ring in memory, and the serial port for levels at or below the one on the command line
 * (log=quiet|warn|info|debug, default warn: polling a UART costs milliseconds of boot). */
#include "boot_option.h"
#include "serial.h"
#include "string.h"
#include "debug.h"

#define RING_BYTES 65536
#define LINE_BYTES 512

static char ring[RING_BYTES];
static u64 ring_written;
static struct spinlock lock = SPINLOCK_INIT(RANK_LOG);
static int serial_level = LOG_WARN;

void log_init(void)
{
	char v[16];
	if (!boot_option("log", v, sizeof(v)))
		return;
	serial_level = !strcmp(v, "quiet") ? -1 : !strcmp(v, "debug") ? LOG_DEBUG : !strcmp(v, "warn") ? LOG_WARN : LOG_INFO;
}

static void append(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[ring_written++ % RING_BYTES] = text[i];
}

void klog(enum log_level level, const char *fmt, ...)
{
	char line[LINE_BYTES];
	u64 us = time_now_ns() / NSEC_PER_USEC;
	int n = fmt_snprintf(line, sizeof(line), "[%5lu.%06lu] ", us / 1000000, us % 1000000);
	va_list ap;
	va_start(ap, fmt);
	n += fmt_vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	n = MIN(n, LINE_BYTES - 2);
	if (line[n - 1] != '\n')
		line[n++] = '\n';
	spin_lock(&lock);
	append(line, (size_t)n);
	if ((int)level <= serial_level)
		serial_write(line, (size_t)n);
	spin_unlock(&lock);
}

s64 log_read(char *buf, size_t size, u64 *at)
{
	u64 end = ring_written;
	if (end - *at > RING_BYTES)
		*at = end - RING_BYTES;
	size_t n = MIN(size, (size_t)(end - *at));
	for (size_t i = 0; i < n; i++)
		buf[i] = ring[(*at + i) % RING_BYTES];
	*at += n;
	return (s64)n;
}
