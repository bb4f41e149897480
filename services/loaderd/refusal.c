// SPDX-License-Identifier: MIT
// The line of a refused file. A program that tries damaged files by the thousand would push everything else out of the
// log: beyond a burst they are counted, and the count is told with the next line.
#include "plan.h"

#include <pthread.h>
#include <stdarg.h>

#include "../../lib/base/string.h"

#define REFUSAL_BURST 32u                       /* more than a person starts by hand */
#define REFUSAL_WINDOW_NS (10 * NSEC_PER_SEC)
#define REFUSAL_LINE_BYTES 1024u

static pthread_mutex_t refusal_lock = PTHREAD_MUTEX_INITIALIZER;
static u64 window_start;
static u32 window_lines;
static u64 suppressed;

/* May this one be logged? *missed: how many were not since the last that was. */
static bool admit(u64 *missed)
{
	u64 now = service_time_ns();
	pthread_mutex_lock(&refusal_lock);
	if (now - window_start >= REFUSAL_WINDOW_NS) {
		window_start = now;
		window_lines = 0;
	}
	bool yes = window_lines < REFUSAL_BURST;
	window_lines += yes;
	suppressed += !yes;
	*missed = yes ? suppressed : 0;
	if (yes)
		suppressed = 0;
	pthread_mutex_unlock(&refusal_lock);
	return yes;
}

void log_refusal(bool to_launcher, const char *fmt, ...)
{
	char line[REFUSAL_LINE_BYTES];
	u64 missed;
	va_list ap;
	if (!admit(&missed))
		return;
	va_start(ap, fmt);
	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (missed)
		service_log("%llu more refused files were not logged", (unsigned long long)missed);
	if (to_launcher)
		service_warn("%s", line);
	else
		service_log("%s", line);
}
