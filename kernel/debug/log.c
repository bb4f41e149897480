// SPDX-License-Identifier: MIT
/* The log: COM1 and a ring in memory, and the ring of FAIL records. log=quiet|warn|info|debug on the command line,
 * warn by default: polling a UART costs milliseconds of boot.
 * Entry points: klog, error_note (status.h), log_read (debug.h). Any context. */
#include "boot_option.h"
#include "debug.h"
#include "serial.h"
#include "process.h"
#include "sched_internal.h"
#include "string.h"

#define LINE_MAX 512
#define LOG_EMERGENCY ((enum log_level)0)
#define ERRORS_MAX 64    /* FAIL records kept, system-wide */

static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG);
static char ring[LOG_RING_BYTES];
static u64 ring_end; /* bytes ever written */
static enum log_level console_level = LOG_WARN;

struct error_record { s64 status; const char *where, *why; u32 tid; u64 time_ns; };
static struct error_record errors[ERRORS_MAX];
static u32 errors_next;

void log_set_level(enum log_level level) { console_level = level; }
enum log_level log_get_level(void) { return console_level; }

void log_break_locks(void)
{
	spin_init(&log_lock, RANK_LOG);
	serial_break_lock();
}

void log_init(void)
{
	char value[16];
	if (!boot_option("log", value, sizeof(value)))
		return;
	if (strcmp(value, "quiet") == 0)
		console_level = LOG_EMERGENCY;
	else if (strcmp(value, "info") == 0)
		console_level = LOG_INFO;
	else if (strcmp(value, "debug") == 0)
		console_level = LOG_DEBUG;
}

static void ring_put(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ring[(ring_end + i) % LOG_RING_BYTES] = text[i];
	ring_end += size;
}

void klog(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	u64 now = time_now_ns();
	int n = fmt_snprintf(line, sizeof(line), "[%5llu.%06llu] ", (unsigned long long)(now / NSEC_PER_SEC),
			     (unsigned long long)(now % NSEC_PER_SEC / NSEC_PER_USEC));
	va_list ap;
	va_start(ap, fmt);
	n += fmt_vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	n = MIN(n, LINE_MAX - 2);
	line[n++] = '\n';
	spin_lock(&log_lock);
	ring_put(line, (size_t)n);
	spin_unlock(&log_lock);
	if (level <= console_level)
		serial_write(line, (size_t)n);
}

void log_print_tail(u32 lines)
{
	u64 start = ring_end, oldest = ring_end > LOG_RING_BYTES ? ring_end - LOG_RING_BYTES : 0;
	if (console_level >= LOG_INFO)
		return; /* they are there already */
	while (start > oldest && (lines > 0 || ring[(start - 1) % LOG_RING_BYTES] != '\n'))
		if (ring[--start % LOG_RING_BYTES] == '\n' && start + 1 != ring_end)
			lines--;
	for (u64 at = start; at < ring_end; at++)
		serial_write(&ring[at % LOG_RING_BYTES], 1);
}

s64 log_read(char *buffer, size_t size, u64 *position)
{
	spin_lock(&log_lock);
	if (ring_end > LOG_RING_BYTES && *position < ring_end - LOG_RING_BYTES)
		*position = ring_end - LOG_RING_BYTES;
	size_t n = MIN(size, ring_end - MIN(*position, ring_end));
	for (size_t i = 0; i < n; i++)
		buffer[i] = ring[(*position + i) % LOG_RING_BYTES];
	*position += n;
	spin_unlock(&log_lock);
	return (s64)n;
}

s64 error_note(s64 st, const char *where, const char *why)
{
	struct error_record *e = &errors[__atomic_fetch_add(&errors_next, 1, __ATOMIC_RELAXED) % ERRORS_MAX];
	*e = (struct error_record){ st, where, why, thread_current()->tid, time_now_ns() };
	return st;
}

/* For the panic screen: the last few, newest first. */
void errors_print(u32 count)
{
	for (u32 i = 0; i < count && i < errors_next && i < ERRORS_MAX; i++) {
		const struct error_record *e = &errors[(errors_next - 1 - i) % ERRORS_MAX];
		klog(LOG_ERROR, "  failed: %d %s (%s, tid %u)", (int)e->status, e->why, e->where, e->tid);
	}
}
