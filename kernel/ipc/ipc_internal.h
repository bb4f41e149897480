/* SPDX-License-Identifier: MIT */
/* Shared by the files of kernel/ipc. */
#ifndef AMBOS_KERNEL_IPC_INTERNAL_H
#define AMBOS_KERNEL_IPC_INTERNAL_H

#include "exec.h"
#include "service.h"

/* The caller's three steps. The arguments go to call->message.args between the first two; r NULL: arguments only. */
void call_prepare(struct call *c, struct service *s, struct route_request *r, u32 op, u64 id, struct call *parent);
s64 call_run(struct service *s, struct call *c, enum wait_flags flags);

/* Puts the calls that a dead instance executed back in front of the queue, or ends those that killed it too often.
 * Returns how many a thread was working on. */
u32 service_requeue_calls(struct service *s, s32 wait_status);
/* Ends an executing call: closes lent fds, stores DONE, wakes nobody. The caller's thread, referenced. */
struct thread *call_finish(struct service *s, struct call *c, s64 status);
/* Wakes one idle receiver so that it looks at the queues; lock held. Referenced thread or NULL. */
struct thread *receiver_poke_locked(struct service *s);

#endif
