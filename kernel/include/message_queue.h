/* SPDX-License-Identifier: MIT */
/* POSIX message queues, mq_overview(7): named, with priorities, limits and one notification. Names live until mq_unlink,
 * queues until the last descriptor and the name are gone. */
#ifndef AMBOS_KERNEL_MESSAGE_QUEUE_H
#define AMBOS_KERNEL_MESSAGE_QUEUE_H

#include "file.h"

#define MESSAGE_PRIORITIES 32768u    /* MQ_PRIO_MAX */
#define MESSAGE_QUEUE_DEPTH 10       /* fs/mqueue/msg_max and msg_default */
#define MESSAGE_QUEUE_SIZE 8192      /* fs/mqueue/msgsize_max and msgsize_default */

struct message {
	struct list_node link;
	u32 priority;
	u64 size;
	u8 bytes[];
};

struct message_limits { s64 count, size; };
struct message_event { bool signals; s32 signo; u64 value; };

/* flags are those of open(2); `limits` NULL: the defaults. The name has no slash in front. */
status_t message_queue_open(const char *name, u32 flags, u32 mode, const struct message_limits *limits, struct file **out) MUST_CHECK;
status_t message_queue_unlink(const char *name) MUST_CHECK;
bool message_queue_is(const struct file *f);
struct message_limits message_queue_limits(const struct file *f);
u32 message_queue_count(const struct file *f);
status_t message_queue_send(struct file *f, struct message *m, u64 deadline_ns) MUST_CHECK; /* OK: m is taken over; of wait_sleep_until */
status_t message_queue_receive(struct file *f, struct message **m, u64 deadline_ns) MUST_CHECK;
status_t message_queue_notify(struct file *f, const struct message_event *e) MUST_CHECK; /* NULL: no more */

#endif
