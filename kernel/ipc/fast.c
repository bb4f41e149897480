// SPDX-License-Identifier: MIT
// The hot path of IPC: a call that carries arguments only, and the answer to one. Each is a list of refusals that fall
// to the general path (port.c, receive.c), then one hand-off of the CPU. entry.S comes here directly on CPUs with
// cpu_direct_switch; calls.def has the general forms. Counts: docs/design/ipc-cost.md. Invariants: service.h.
#include "handoff.h"
#include "ipc_internal.h"
#include "native.h"
#include "user_ptr.h"

#define SHORT_SKIPPED_BYTES offsetof(struct ipc_message, call_id)
#define SHORT_HEADER_BYTES (offsetof(struct ipc_message, args) - SHORT_SKIPPED_BYTES)
#define SHORT_DELIVERED_MAX (COPY_SHORT_MAX - SHORT_HEADER_BYTES)
/* No array here is written with a size that is not checked two lines before; the guard would be 12 of 700 instructions. */
#define HOT __attribute__((no_stack_protector))

/* What call_prepare does, for a call without request and parent. */
static inline void prepare_short(struct call *c, struct thread *t, struct service *s, u64 word)
{
	const struct cred *cred = t->cred;
	u64 head = word & SHORT_MESSAGE;
	c->service = s;
	c->request = NULL;
	c->caller = t;
	c->parent = NULL;
	c->reply_size = short_reply_bytes(word);
	c->deaths = c->kills = 0;
	c->lent_count = 0;
	c->marks = 0;
	c->id = c->message.call_id = call_id_fresh();
	__builtin_memcpy(&c->message.op, &head, sizeof(head));
	c->message.caller.pid = t->process->pid;
	c->message.caller.tid = t->tid;
	__builtin_memcpy(&c->message.caller.uid, &cred->fsuid, 2 * sizeof(u32));
	c->message.caller.capabilities = cred->cap_effective;
}

/* Gives the call to an idle receiver that this CPU can run now: its thread, claimed. NULL: not possible. */
static inline struct thread *call_assign(struct cpu *cpu, struct service *s, struct call *c)
{
	struct thread *to = NULL;
	spin_lock(&s->lock);
	struct list_node *n = s->idle.next;
	struct receiver *rx = list_entry(n, struct receiver, link);
	if (likely(n != &s->idle) && likely(!s->died_ns) && handoff_claim(cpu, rx->thread)) {
		to = rx->thread;
		list_unlink(n);
		s->calls++;
		c->state = CALL_EXECUTING;
		c->server = to;
		list_push_back(&s->executing, &c->link);
		rx->call = c;
		c->caller->wake_token = 0; /* the locked exchange of the hand-off comes before it is read again */
	}
	spin_unlock(&s->lock);
	return to;
}

HOT static inline __attribute__((always_inline)) s64 call_short(struct thread *t, struct service *s, u64 word, u64 args, u64 reply_args)
{
	struct cpu *cpu = cpu_this();
	struct call c;
	prepare_short(&c, t, s, word);
	if (unlikely(args > USER_TOP - COPY_SHORT_MAX || copy_short(c.message.args, (const void *)args, short_args_bytes(word))))
		return ERR_FAULT;
	struct thread *to = call_assign(cpu, s, &c);
	if (likely(to))
		handoff_direct(cpu, t, to, true);
	s64 result = likely(to && call_is_done(&c)) ? c.status : call_short_rest(s, &c, to);
	u32 size = MIN(c.reply.args_size, c.reply_size);
	if (likely(result >= 0) && size && unlikely(copy_short_out(reply_args, c.reply.args, size)))
		return ERR_FAULT;
	return result;
}

HOT s64 ipc_call_fast(u64 word, u64 args, u64 reply_args, u64 parent_id, u64 step)
{
	struct thread *t = thread_current();
	u64 id = short_service(word);
	struct service *s = &services[id];
	t->syscall_nr = UINT64_MAX; /* hops of page faults count for no row */
	if (unlikely(!(t->process->call_targets >> (id & 63) & 1)) || unlikely((word & SHORT_REFUSED) | parent_id))
		return ipc_call_short(word, args, reply_args, parent_id, step, 0);
	return call_short(t, s, word, args, reply_args);
}

/* Takes the call off the service and puts its thread in the idle list: the caller, claimed. NULL: there is more to do. */
static inline struct thread *call_answer(struct cpu *cpu, struct service *s, struct call *c, struct receiver *rx)
{
	struct thread *to = NULL;
	spin_lock(&s->lock);
	if (likely(!s->queued) && likely(!s->died_ns) && handoff_claim(cpu, c->caller)) {
		to = c->caller;
		list_unlink(&c->link);
		if (c->parent)
			c->parent->deaths = 0; /* a nested reply is progress */
		list_push_front(&s->idle, &rx->link);
		rx->thread->wake_token = 0;
		__atomic_store_n(&c->state, CALL_DONE, __ATOMIC_RELEASE);
	}
	spin_unlock(&s->lock);
	return to;
}

static inline s64 deliver_short(struct thread *t, struct call *c, u64 message)
{
	if (unlikely(copy_short_out(message + SHORT_SKIPPED_BYTES, &c->message.call_id,
				    (u32)SHORT_HEADER_BYTES + c->message.args_size)))
		return ERR_FAULT;
	__atomic_store_n(&t->serving, c, __ATOMIC_RELEASE);
	return OK;
}

HOT s64 ipc_answer_fast(u64 message, u64 buffer, u64 status, u64 args, u64 args_size, u64 call_id)
{
	struct cpu *cpu = cpu_this();
	struct thread *t = cpu->current;
	struct service *s = t->process->service;
	struct receiver rx;
	struct call *c = t->serving;
	t->syscall_nr = UINT64_MAX;
	/* The claim: from here nobody else answers c. */
	if (unlikely(!c || !__atomic_compare_exchange_n(&t->serving, &c, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)))
		return ipc_answer(message, buffer, status, args, args_size, call_id);
	u32 size = MIN((u32)args_size, c->reply_size);
	if (unlikely(c->id != call_id || c->lent_count || args_size > IPC_ARGS_BYTES ||
		     (size && copy_short_in(c->reply.args, args, size)))) {
		__atomic_store_n(&t->serving, c, __ATOMIC_RELEASE);
		return ipc_answer(message, buffer, status, args, args_size, call_id);
	}
	c->status = (s64)status;
	c->reply.args_size = (u32)args_size;
	rx.thread = t;
	rx.call = NULL;
	rx.poked = 0;
	struct thread *to = call_answer(cpu, s, c, &rx);
	if (unlikely(!to))
		return receive_after_answer(s, c, (s64)status, message, buffer);
	handoff_direct(cpu, t, to, false);
	c = __atomic_load_n(&rx.call, __ATOMIC_ACQUIRE);
	if (unlikely(!c || c->marks || c->message.args_size > SHORT_DELIVERED_MAX))
		return receive_slept(s, &rx, message, buffer);
	return deliver_short(t, c, message);
}
