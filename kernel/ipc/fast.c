// SPDX-License-Identifier: MIT
// The hot path of IPC: a call that carries arguments only, and the answer to one. Each is a list of refusals that fall
// to the general path (outcall.c, receive.c), then one hand-off of the CPU. entry.S comes here directly; the
// capability is therefore checked here. Counts: docs/design/ipc-cost.md. Invariants: service.h.
#include "ipc_internal.h"
#include "native.h"
#include "user_ptr.h"

#define SHORT_RESERVED 0xffff0000u   /* bits of IPC_SHORT_CALL that are zero */
#define SHORT_SKIPPED_BYTES offsetof(struct ipc_message, call_id)
#define SHORT_HEADER_BYTES (offsetof(struct ipc_message, args) - SHORT_SKIPPED_BYTES)
#define SHORT_DELIVERED_MAX (COPY_SHORT_MAX - SHORT_HEADER_BYTES)

static bool short_call_allowed(const struct service *self, const struct service *target)
{
	if (likely(self))
		return target->rank < self->rank && (self->manifest.capabilities & AMBOS_CAP_IPC_CALL);
	return native_tests_enabled && target->id == SERVICE_TOYD;
}

/* Gives the call to an idle receiver that this CPU can run now: its thread, claimed. NULL: not possible. */
static inline struct thread *call_assign(struct service *s, struct call *c)
{
	struct thread *to = NULL;
	spin_lock(&s->lock);
	struct list_node *n = s->idle.next;
	struct receiver *rx = list_entry(n, struct receiver, link);
	if (likely(n != &s->idle && !s->died_ns && sched_handoff_claim(rx->thread))) {
		to = rx->thread;
		list_remove(n);
		s->calls++;
		c->state = CALL_EXECUTING;
		c->server = to;
		list_push_back(&s->executing, &c->link);
		rx->call = c;
		thread_current()->wake_token = 0; /* the locked exchange of the hand-off comes before it is read again */
	}
	spin_unlock(&s->lock);
	return to;
}

static s64 short_call(struct service *s, u64 word, u64 args, u64 reply_args, struct call *parent)
{
	struct call c;
	u32 size = word >> 5 & 0x78;
	call_prepare(&c, s, NULL, word >> 32 & 0xffff, parent ? call_id_nested(parent, (u32)(word >> 48)) : 0, parent);
	c.message.args_size = (u16)size;
	c.reply_size = word >> 9 & 0x78;
	if (unlikely(copy_short_in(c.message.args, args, size)))
		return ERR_FAULT;
	struct thread *to = call_assign(s, &c);
	s64 result;
	if (likely(to)) {
		status_t st = sched_handoff_claimed(to, WAIT_INTERRUPTIBLE);
		result = likely(call_is_done(&c)) ? c.status : call_wait_more(s, &c, st, WAIT_INTERRUPTIBLE);
	} else {
		result = call_run(s, &c, WAIT_INTERRUPTIBLE);
	}
	if (likely(result >= 0) && unlikely(copy_short_out(reply_args, c.reply.args, MIN(c.reply.args_size, c.reply_size))))
		return ERR_FAULT;
	return unlikely(result == ERR_RESTART) ? ERR_INTR : result;
}

NATIVE_HANDLER(ipc_call_short)
{
	struct thread *t = thread_current();
	u64 id = a0 & 0xff;
	t->syscall_nr = UINT64_MAX; /* hops of page faults count for no row */
	if (unlikely(id >= SERVICE_COUNT || !__atomic_load_n(&services[id].defined, __ATOMIC_ACQUIRE)))
		return FAIL(ERR_SRCH, "no such service");
	struct service *s = &services[id];
	if (unlikely(!short_call_allowed(t->process->service, s)))
		return FAIL(ERR_PERM, "short call");
	if (unlikely(a0 & SHORT_RESERVED))
		return FAIL(ERR_INVAL, "short call");
	if (likely(!a3))
		return short_call(s, a0, a1, a2, NULL);
	struct call *parent = call_claim_current();
	s64 result = parent && parent->id == a3 ? short_call(s, a0, a1, a2, parent)
						: FAIL(ERR_SRCH, "parent call is not served by this thread");
	__atomic_store_n(&t->serving, parent, __ATOMIC_RELEASE);
	return result;
}

/* Takes the call off the service and puts its thread in the idle list: the caller, claimed. NULL: something else is to
 * be done as well. */
static inline struct thread *call_answer(struct service *s, struct call *c, struct receiver *rx)
{
	struct thread *to = NULL;
	spin_lock(&s->lock);
	bool more = !list_empty(&s->cancels) || !list_empty(&s->notices) || !list_empty(&s->pending);
	if (likely(!more && !c->cancel_queued && !s->died_ns && sched_handoff_claim(c->caller))) {
		to = c->caller;
		list_remove(&c->link);
		if (c->parent)
			c->parent->deaths = 0; /* a nested reply is progress */
		list_push_front(&s->idle, &rx->link);
		thread_current()->wake_token = 0;
		__atomic_store_n(&c->state, CALL_DONE, __ATOMIC_RELEASE);
	}
	spin_unlock(&s->lock);
	return to;
}

static s64 deliver_short(struct call *c, u64 message)
{
	if (unlikely(copy_short_out(message + SHORT_SKIPPED_BYTES, &c->message.call_id,
				    SHORT_HEADER_BYTES + c->message.args_size)))
		return ERR_FAULT;
	__atomic_store_n(&thread_current()->serving, c, __ATOMIC_RELEASE);
	return OK;
}

NATIVE_HANDLER(ipc_answer)
{
	struct thread *t = thread_current();
	struct service *s = t->process->service;
	struct call *c = t->serving ? __atomic_exchange_n(&t->serving, NULL, __ATOMIC_ACQ_REL) : NULL;
	const struct receive_args a = { .message = a0, .buffer = a1, .size = IPC_PAYLOAD_BYTES };
	struct receiver rx = { .thread = t };
	t->syscall_nr = UINT64_MAX;
	if (unlikely(!c || c->id != a5)) {
		__atomic_store_n(&t->serving, c, __ATOMIC_RELEASE);
		return s ? FAIL(ERR_SRCH, "answer to a call that this thread does not serve") : ERR_PERM;
	}
	c->status = (s64)a2;
	c->reply.args_size = (u32)a4;
	if (unlikely(a4 > IPC_ARGS_BYTES || copy_short_in(c->reply.args, a3, MIN((u32)a4, c->reply_size))))
		c->status = reply_bad(c, ERR_INVAL);
	struct thread *to = likely(!c->lent_count) ? call_answer(s, c, &rx) : NULL;
	if (unlikely(!to))
		return receive_after_answer(s, c, c->status, &a);
	status_t st = sched_handoff_claimed(to, WAIT_INTERRUPTIBLE);
	c = __atomic_load_n(&rx.call, __ATOMIC_ACQUIRE);
	if (unlikely(!c || c->request || c->cancelled || c->message.args_size > SHORT_DELIVERED_MAX))
		return receive_slept(s, &rx, st, &a);
	return deliver_short(c, a0);
}
