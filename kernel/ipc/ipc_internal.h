/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/ipc. */
#ifndef AMBOS_KERNEL_IPC_INTERNAL_H
#define AMBOS_KERNEL_IPC_INTERNAL_H

#include "exec.h"
#include "service.h"

/* The caller's three steps. The arguments go to call->message.args between the first two; r NULL: arguments only. */
void call_prepare(struct call *c, struct service *s, struct route_request *r, u32 op, u64 id, struct call *parent);
s64 call_run(struct service *s, struct call *c, enum wait_flags flags);
/* Goes on waiting for a call after the first sleep, which ended with st. */
s64 call_wait_more(struct service *s, struct call *c, status_t st, enum wait_flags flags);
static inline bool call_is_done(const struct call *c)
{
	return __atomic_load_n(&c->state, __ATOMIC_ACQUIRE) == CALL_DONE;
}

/* What a service thread was woken for; receive.c. */
struct receive_args { u64 message, buffer, size; };
/* `rx` slept in s->idle, and the sleep ended with st. Delivers what there is, or waits for it. */
s64 receive_slept(struct service *s, struct receiver *rx, status_t st, const struct receive_args *a);
/* Answers c (claimed) and receives the next message, by the general path. */
s64 receive_after_answer(struct service *s, struct call *c, s64 status, const struct receive_args *a);
s64 deliver_call(struct service *s, struct call *c, const struct receive_args *a);
status_t reply_bad(struct call *c, status_t st);

/* Puts the calls that a dead instance executed back in front of the queue, or ends those that killed it too often.
 * Returns how many a thread was working on. */
u32 service_requeue_calls(struct service *s, s32 wait_status);
/* Ends an executing call: closes lent fds, stores DONE, wakes nobody. The caller's thread, referenced. */
struct thread *call_finish(struct service *s, struct call *c, s64 status);
/* Wakes one idle receiver so that it looks at the queues; lock held. Referenced thread or NULL. */
struct thread *receiver_poke_locked(struct service *s);

#endif
