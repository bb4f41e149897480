// SPDX-License-Identifier: MIT
// The service's side of a call: IPC_RECEIVE (answer, then wait for the next message), IPC_REPLY.
// Order of service: cancellations, notices, pending calls; else the thread stands in service->idle and a caller
// hands it a call directly.
#include "ipc_internal.h"
#include "file.h"
#include "native.h"
#include "sched.h"
#include "user_ptr.h"
#include "../../lib/base/string.h"

#define LONG_HEADER_BYTES offsetof(struct ipc_message, args)
#define SHORT_SKIPPED_BYTES offsetof(struct ipc_message, call_id)
#define REPLY_HEADER_BYTES offsetof(struct ipc_reply, args)

/* A call kept for later, or one whose thread is still on its way back to keep it, claimed for this thread's answer.
 * thread->serving is the claim: who takes it away (atomically) answers. */
static struct call *reply_claim_kept(struct service *s, u64 id)
{
	spin_lock(&s->lock);
	struct call *c = call_executing_find(s, id), *claim = c;
	if (c && c->server && !__atomic_compare_exchange_n(&c->server->serving, &claim, NULL, false,
		__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		c = NULL;
	if (c)
		c->server = thread_current();
	spin_unlock(&s->lock);
	return c;
}

/* The variable part goes to the caller's kernel buffer; it is whole or the call fails. */
static status_t reply_payload(struct route_request *r, const struct ipc_reply *h)
{
	if (!r || h->payload_size > r->reply_capacity)
		return FAIL(ERR_INVAL, "reply larger than asked for");
	status_t st = copy_in(r->reply_payload, user_ptr(h->payload), h->payload_size);
	if (!st)
		r->reply_length = h->payload_size;
	return st;
}

static status_t reply_bad(struct call *c, status_t st)
{
	klog(LOG_ERROR, "service %s: bad reply to op %u: %d", c->service->name, c->message.op, st);
	c->reply.status = ERR_IO;
	c->reply.args_size = 0;
	return st;
}

static status_t reply_accept_kept(struct service *s, u64 reply_va, struct call **out)
{
	u64 id = 0;
	status_t st = copy_in(&id, user_ptr(reply_va), sizeof(id));
	if (st)
		return st;
	*out = reply_claim_kept(s, id);
	if (!*out)
		return FAIL(ERR_SRCH, "reply to a call that is not executing");
	return copy_in(&(*out)->reply, user_ptr(reply_va), REPLY_HEADER_BYTES + (*out)->reply_size) ? ERR_FAULT : OK;
}

/* Header and arguments come in one copy: struct ipc_reply lies whole in the service. */
static status_t reply_accept(struct service *s, u64 reply_va, struct thread **caller)
{
	struct thread *t = thread_current();
	struct call *own = t->serving ? __atomic_exchange_n(&t->serving, NULL, __ATOMIC_ACQ_REL) : NULL, *c = own;
	status_t st = OK;
	if (likely(c))
		st = copy_in(&c->reply, user_ptr(reply_va), REPLY_HEADER_BYTES + c->reply_size);
	if (unlikely(!c || (!st && c->reply.call_id != c->id))) { /* not the call that this thread serves */
		c = NULL;
		__atomic_store_n(&t->serving, own, __ATOMIC_RELEASE);
		st = reply_accept_kept(s, reply_va, &c);
		if (!c)
			return st;
	}
	if (unlikely(st || c->reply.call_id != c->id || c->reply.args_size > IPC_ARGS_BYTES))
		st = reply_bad(c, st ? st : ERR_INVAL);
	else if (unlikely(c->reply.payload_size)) {
		st = reply_payload(c->request, &c->reply);
		if (st)
			st = reply_bad(c, st);
	}
	*caller = call_finish(s, c, c->reply.status);
	return OK;
}

static void call_take_locked(struct service *s, struct call *c)
{
	c->state = CALL_EXECUTING;
	c->server = thread_current();
	list_push_back(&s->executing, &c->link);
}

struct receive_args { u64 message, buffer, size; };
struct received {
	struct call *call;
	struct notice *notice;
	u64 cancelled_id;
};
/* Takes what is queued, oldest urgency first. Lock held. */
static bool take_queued_locked(struct service *s, struct received *got)
{
	if (!list_empty(&s->cancels)) {
		struct call *c = list_entry(s->cancels.next, struct call, cancel_link);
		queue_remove(s, &c->cancel_link);
		c->cancel_queued = false;
		got->cancelled_id = c->id;
		return true;
	}
	if (!list_empty(&s->notices)) {
		got->notice = list_entry(s->notices.next, struct notice, link);
		queue_remove(s, &got->notice->link);
		return true;
	}
	if (list_empty(&s->pending))
		return false;
	got->call = list_entry(s->pending.next, struct call, link);
	queue_remove(s, &got->call->link);
	call_take_locked(s, got->call);
	return true;
}

static bool receiver_woken(const struct receiver *rx)
{
	return __atomic_load_n(&rx->call, __ATOMIC_ACQUIRE) || __atomic_load_n(&rx->poked, __ATOMIC_ACQUIRE);
}

/* The sleep ended with st: sleeps on until there is a reason, then leaves the idle list. False: nothing was handed over. */
static bool idle_end(struct service *s, struct receiver *rx, struct received *got, status_t *st)
{
	while (!receiver_woken(rx) && !*st) {
		wait_prepare();
		if (receiver_woken(rx))
			break;
		*st = wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	if (unlikely(!rx->call)) {
		spin_lock(&s->lock);
		if (!rx->call && !rx->poked)
			list_remove(&rx->link);
		spin_unlock(&s->lock);
	}
	got->call = rx->call;
	return got->call;
}

/* `wake` is the caller just answered: it runs at once on this CPU if there is nothing else to do. */
static status_t receive_wait(struct service *s, struct received *got, struct thread *wake)
{
	struct receiver rx = { .thread = thread_current() };
	for (;;) {
		spin_lock(&s->lock);
		s->received = true;
		if (take_queued_locked(s, got)) {
			spin_unlock(&s->lock);
			if (wake)
				thread_wake(wake);
			return OK;
		}
		rx.call = NULL;
		rx.poked = false;
		list_push_front(&s->idle, &rx.link);
		wait_prepare();
		spin_unlock(&s->lock);
		status_t st = wake ? sched_handoff(wake, WAIT_INTERRUPTIBLE) : wait_sleep(DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
		wake = NULL;
		if (likely(idle_end(s, &rx, got, &st)))
			return OK;
		if (st)
			return ERR_INTR;
	}
}

static void call_repeat_cancel(struct service *s, struct call *c)
{
	spin_lock(&s->lock);
	if (!c->cancel_queued) {
		c->cancel_queued = true;
		queue_add(s, &s->cancels, &c->cancel_link);
	}
	spin_unlock(&s->lock);
}

static status_t deliver_request(struct call *c, const struct receive_args *a)
{
	const struct route_request *r = c->request;
	status_t st = (u64)r->payload_size + r->payload2_size > a->size ? ERR_MSGSIZE : OK;
	if (!st && r->attach) {
		file_get(r->attach);
		st = call_lend(c, r->attach, &c->message.attached_fd);
		if (st)
			file_put(r->attach);
	}
	if (!st && r->payload_size)
		st = copy_out(user_ptr(a->buffer), r->payload, r->payload_size);
	if (!st && r->payload2_size)
		st = copy_out(user_ptr(a->buffer + r->payload_size), r->payload2, r->payload2_size);
	return st;
}

static s64 deliver_call(struct service *s, struct call *c, const struct receive_args *a)
{
	status_t st = OK;
	u32 skip = c->request ? 0 : SHORT_SKIPPED_BYTES;
	if (c->request)
		st = deliver_request(c, a);
	if (!st)
		st = copy_out(user_ptr(a->message + skip), (u8 *)&c->message + skip, LONG_HEADER_BYTES - skip + c->message.args_size);
	if (unlikely(c->cancelled) && !st)
		call_repeat_cancel(s, c);
	/* Last: from here another thread may answer the call, and then its memory is gone. */
	if (likely(!st))
		__atomic_store_n(&thread_current()->serving, c, __ATOMIC_RELEASE);
	if (unlikely(st)) {
		struct thread *caller = call_finish(s, c, ERR_IO);
		thread_wake(caller);
		thread_put(caller);
	}
	return st;
}

static s64 deliver_event(const struct received *got, const struct receive_args *a)
{
	struct ipc_message m;
	memset(&m, 0, sizeof(m));
	m.attached_fd = -1;
	if (got->notice) {
		m.flags = IPC_NOTIFY | IPC_LONG;
		m.op = got->notice->op;
		m.args_size = (u16)got->notice->size;
		memcpy(m.args, got->notice->args, got->notice->size);
		kfree(got->notice);
	} else {
		m.flags = IPC_CANCEL | IPC_LONG;
		m.call_id = got->cancelled_id;
	}
	return copy_out(user_ptr(a->message), &m, sizeof(m));
}

/* The thread goes back for more without having answered: the service keeps the call. */
static void call_keep(struct service *s)
{
	spin_lock(&s->lock);
	struct call *c = __atomic_exchange_n(&thread_current()->serving, NULL, __ATOMIC_ACQ_REL);
	if (c)
		c->server = NULL;
	spin_unlock(&s->lock);
}

static s64 receive_deliver(struct service *s, const struct received *got, const struct receive_args *a)
{
	return got->call ? deliver_call(s, got->call, a) : deliver_event(got, a);
}

s64 receive_slept(struct service *s, struct receiver *rx, u64 message, u64 buffer)
{
	const struct receive_args a = { .message = message, .buffer = buffer, .size = IPC_PAYLOAD_BYTES };
	struct received got = { 0 };
	status_t st = thread_signal_pending(thread_current()) ? ERR_INTR : OK;
	if (idle_end(s, rx, &got, &st))
		st = OK;
	else
		st = st ? ERR_INTR : receive_wait(s, &got, NULL);
	return st ? st : receive_deliver(s, &got, &a);
}

static s64 receive_next(struct service *s, struct thread *answered, const struct receive_args *a)
{
	struct received got = { 0 };
	status_t st = receive_wait(s, &got, answered);
	if (answered)
		thread_put(answered);
	return st ? st : receive_deliver(s, &got, a);
}

s64 receive_after_answer(struct service *s, struct call *c, s64 status, u64 message, u64 buffer)
{
	const struct receive_args a = { .message = message, .buffer = buffer, .size = IPC_PAYLOAD_BYTES };
	return receive_next(s, call_finish(s, c, status), &a);
}

NATIVE_HANDLER(ipc_answer)
{
	struct thread *t = thread_current();
	struct call *c = t->serving ? __atomic_exchange_n(&t->serving, NULL, __ATOMIC_ACQ_REL) : NULL;
	if (!c || c->id != a5) {
		__atomic_store_n(&t->serving, c, __ATOMIC_RELEASE);
		return t->process->service ? FAIL(ERR_SRCH, "answer to a call that this thread does not serve") : ERR_PERM;
	}
	c->reply.args_size = (u32)a4;
	if (a4 > IPC_ARGS_BYTES || copy_in(c->reply.args, user_ptr(a3), MIN((u32)a4, c->reply_size))) {
		reply_bad(c, ERR_INVAL);
		a2 = (u64)ERR_IO;
	}
	return receive_after_answer(t->process->service, c, (s64)a2, a0, a1);
}

NATIVE_HANDLER(ipc_receive)
{
	struct thread *t = thread_current();
	struct service *s = t->process->service;
	const struct receive_args a = { .message = a0, .buffer = a1, .size = a2 };
	struct thread *caller = NULL;
	if (a4)
		return FAIL(ERR_INVAL, "receive flags");
	if (a3) {
		status_t st = reply_accept(s, a3, &caller);
		if (st)
			return st;
	} else if (t->serving) {
		call_keep(s);
	}
	return receive_next(s, caller, &a);
}

NATIVE_HANDLER(ipc_reply_only)
{
	struct thread *caller = NULL;
	status_t st = reply_accept(process_current()->service, a0, &caller);
	if (st)
		return st;
	thread_wake(caller);
	thread_put(caller);
	return OK;
}
