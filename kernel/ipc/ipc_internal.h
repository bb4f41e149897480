/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/ipc. */
#ifndef AMBOS_KERNEL_IPC_INTERNAL_H
#define AMBOS_KERNEL_IPC_INTERNAL_H

#include "exec.h"
#include "native.h"
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

/* Calls without request: what IPC_SHORT_CALL() says. */
#define SHORT_REFUSED 0xff8787c000000000ull /* sizes that are no multiple of 8 or more than 120; services above 63 */
#define SHORT_MESSAGE 0xffff0000ffffffffull /* op and args_size of struct ipc_message; flags between them */
static inline u8 short_service(u64 word) { return (u8)(word >> 32); }
static inline u8 short_reply_bytes(u64 word) { return (u8)(word >> 40); }
static inline u16 short_args_bytes(u64 word) { return (u16)(word >> 48); }
/* Two levels of nesting below a kernel call; port.c. */
#define CALL_ID_SHIFT 20
extern u64 call_counter;
static inline u64 call_id_fresh(void) { return __atomic_add_fetch(&call_counter, 1, __ATOMIC_RELAXED) << CALL_ID_SHIFT; }
/* The hot path gave c to a thread (or could not: !assigned), and it is not done. */
s64 call_short_rest(struct service *s, struct call *c, bool assigned);

/* receive.c: `rx` slept in s->idle and something else than a short call woke it; and: answers c, which is claimed, then
 * receives, by the general path. */
s64 receive_slept(struct service *s, struct receiver *rx, u64 message, u64 buffer);
s64 receive_after_answer(struct service *s, struct call *c, s64 status, u64 message, u64 buffer);

/* Adds to cancels, notices or pending, and takes out; lock held. */
static inline void queue_add(struct service *s, struct list_node *at, struct list_node *n)
{
	list_insert_before(at, n);
	s->queued++;
}
static inline void queue_remove(struct service *s, struct list_node *n)
{
	list_remove(n);
	s->queued--;
}

/* Puts the calls that a dead instance executed back in front of the queue, or ends those that killed it too often.
 * Returns how many a thread was working on. */
u32 service_requeue_calls(struct service *s, s32 wait_status);
/* Ends an executing call: closes lent fds, stores DONE, wakes nobody. The caller's thread, referenced. */
struct thread *call_finish(struct service *s, struct call *c, s64 status);
/* Wakes one idle receiver so that it looks at the queues; lock held. Referenced thread or NULL. */
struct thread *receiver_poke_locked(struct service *s);

#endif
