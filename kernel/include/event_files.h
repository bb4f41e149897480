/* SPDX-License-Identifier: MIT */
/* Small event objects behind descriptors: eventfd, timerfd, signalfd, pidfd. */
#ifndef AMBOS_KERNEL_EVENT_FILES_H
#define AMBOS_KERNEL_EVENT_FILES_H

#include "file.h"

struct file *eventfd_create(u64 count, bool semaphore, u32 flags);
enum timerfd_clock { TIMERFD_MONOTONIC, TIMERFD_REALTIME };
struct file *timerfd_create(enum timerfd_clock clock, u32 flags);
bool timerfd_is(const struct file *f);
/* first_ns 0 disarms. Absolute times are of the timer's clock. `old_*` as timerfd_gettime gives them. */
/* `flags` are TFD_TIMER_*. ERR_CANCELED: set, but the clock was set since the last read of one that is cancelled by that. */
status_t timerfd_set(struct file *f, u64 first_ns, u64 interval_ns, u32 flags, u64 *old_left_ns, u64 *old_interval_ns) MUST_CHECK;
void timerfd_get(struct file *f, u64 *left_ns, u64 *interval_ns);
struct file *signalfd_create(sigset_t_k set, u32 flags);
status_t signalfd_change(struct file *f, sigset_t_k set) MUST_CHECK; /* ERR_INVAL: not a signalfd */
/* pidfd_create and pidfd_process are in process.h. */

#endif
