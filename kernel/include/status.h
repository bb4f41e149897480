/* SPDX-License-Identifier: MIT */
/* Kernel view of status codes, assertions and the log.
 * FAIL(status, why) returns a status and leaves file:line and text in the thread's error ring. */
#ifndef AMBOS_KERNEL_STATUS_H
#define AMBOS_KERNEL_STATUS_H

#include "../../abi/core/status.h"
#include "../../lib/base/base.h"

/* Records where and why a status arose (ring per thread, read by panic, trace and the log); returns `st`. */
s64 error_note(s64 st, const char *where, const char *why);
#define FAIL_STR2(x) #x
#define FAIL_STR(x) FAIL_STR2(x)
#define FAIL(st, why) error_note((st), __FILE__ ":" FAIL_STR(__LINE__), (why))

/* The log goes to the log port (serial or virtio, chosen at boot) and a ring in memory. Levels as in syslog(2). */
enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };
void klog(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
void panic(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#define ASSERT(cond) do { if (unlikely(!(cond))) panic("assertion failed: %s at %s:%d", #cond, __FILE__, __LINE__); } while (0)
#ifdef AMBOS_DEBUG
#define DEBUG_ASSERT(cond) ASSERT(cond)
#else
#define DEBUG_ASSERT(cond) do { (void)sizeof(cond); } while (0)
#endif

#endif
