/* SPDX-License-Identifier: MIT */
/* epoll instances as kernel objects, for linux/epoll.c. */
#ifndef AMBOS_KERNEL_EPOLL_H
#define AMBOS_KERNEL_EPOLL_H

#include "file.h"
#include "linux/epoll.h"

struct file *epoll_create_file(void);                 /* NULL = no memory */
bool epoll_is(const struct file *f);
status_t epoll_add(struct file *epoll, struct file *target, int fd, const struct epoll_event_k *event) MUST_CHECK;
status_t epoll_modify(struct file *epoll, struct file *target, int fd, const struct epoll_event_k *event) MUST_CHECK;
status_t epoll_remove(struct file *epoll, struct file *target, int fd) MUST_CHECK;
/* Up to `max` events into `out`; 0 at the deadline (0 = only look), ERR_INTR. */
u32 epoll_ready_count(struct file *epoll); /* at this moment */
s64 epoll_wait_events(struct file *epoll, struct epoll_event_k *out, u32 max, u64 deadline_ns) MUST_CHECK;

#endif
