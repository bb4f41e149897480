// SPDX-License-Identifier: MIT
// Routed calls, the caller's side: submit, direct hand-off, wait, cancel; and the queues' bookkeeping.
// Invariants: kernel/include/service.h. Receivers: receive.c.
#include "ipc_internal.h"
#include "file.h"
#include "sched.h"
#include "../../lib/base/string.h"

#define NESTED_STEP_BITS 10 /* IPC_STEP_MAX */
_Static_assert(CALL_ID_SHIFT == 2 * NESTED_STEP_BITS, "two levels of nesting below a kernel call");

u64 call_counter;

/* First level steps go to the upper ten bits below the counter, second level to the lower: a repeat of the parent
 * gives the same ids. 0: too deep, the caller takes a fresh id. */
u64 call_id_nested(const struct call *parent, u32 step)
{
	u64 below = parent->id & (BIT(CALL_ID_SHIFT) - 1);
	if (step == 0 || step > IPC_STEP_MAX || (below & IPC_STEP_MAX))
		return 0;
	return parent->id | (below ? (u64)step : (u64)step << NESTED_STEP_BITS);
}

void call_prepare(struct call *c, struct service *s, struct route_request *r, u32 op, u64 id, struct call *parent)
{
	struct thread *t = thread_current();
	const struct cred *cred = t->cred;
	c->service = s;
	c->request = r;
	c->caller = t;
	c->server = NULL;
	c->parent = parent;
	c->status = ERR_IO;
	c->deaths = c->kills = c->lent_count = 0;
	c->retry = c->cancelled = c->cancel_queued = false;
	c->with_request = r != NULL;
	c->id = id ? id : call_id_fresh();
	c->message.call_id = c->id;
	c->message.op = op;
	c->message.flags = (u16)((parent ? IPC_NESTED : 0) | (r ? IPC_LONG : 0));
	c->message.caller.pid = t->process ? t->process->pid : 0;
	c->message.caller.tid = t->tid;
	c->message.caller.uid = cred ? cred->fsuid : 0;
	c->message.caller.gid = cred ? cred->fsgid : 0;
	c->message.caller.capabilities = cred ? cred->cap_effective : 0;
	c->message.attached_fd = -1;
	c->message.payload_size = r ? r->payload_size : 0;
	c->message.payload2_size = r ? r->payload2_size : 0;
	c->message.reply_capacity = r ? r->reply_capacity : 0;
	c->reply.args_size = c->reply.payload_size = 0;
}

/* Assigns to an idle receiver (its thread, referenced) or queues (NULL); done at once when rootd gave the service up. The
 * caller is wait_prepare'd afterwards, or will not sleep. */
static struct thread *call_submit(struct service *s, struct call *c)
{
	struct thread *to = NULL;
	spin_lock(&s->lock);
	s->calls++;
	if (unlikely(s->died_ns) && list_empty(&s->pending) && list_empty(&s->executing))
		s->died_ns = time_now_ns(); /* nobody waited until now: the restart is measured from here */
	if (unlikely(s->given_up)) {
		c->status = ERR_IO;
		c->state = CALL_DONE;
		s->failed_calls++;
		spin_unlock(&s->lock);
		wait_finish();
		return NULL;
	}
	struct list_node *n = list_pop_front(&s->idle);
	if (n) {
		struct receiver *rx = list_entry(n, struct receiver, link);
		c->state = CALL_EXECUTING;
		c->server = to = rx->thread;
		thread_get(to);
		list_push_back(&s->executing, &c->link);
		__atomic_store_n(&rx->call, c, __ATOMIC_RELEASE);
	} else {
		c->state = CALL_PENDING;
		queue_add(s, &s->pending, &c->link);
	}
	wait_prepare();
	spin_unlock(&s->lock);
	return to;
}

struct thread *receiver_poke_locked(struct service *s)
{
	struct list_node *n = list_pop_front(&s->idle);
	if (!n)
		return NULL;
	struct receiver *rx = list_entry(n, struct receiver, link);
	thread_get(rx->thread);
	struct thread *to = rx->thread;
	__atomic_store_n(&rx->poked, true, __ATOMIC_RELEASE);
	return to;
}

/* A signal reached the caller. True: the call never reached a service and is withdrawn. Otherwise the service is told
 * once, and the caller goes on waiting for its answer. */
static bool call_interrupted(struct service *s, struct call *c)
{
	struct thread *to = NULL;
	bool withdrawn = false;
	spin_lock(&s->lock);
	if (c->state == CALL_PENDING && !c->retry) {
		queue_remove(s, &c->link);
		c->state = CALL_DONE;
		withdrawn = true;
	} else if (c->state != CALL_DONE && !c->cancelled) {
		c->cancelled = true;
		if (c->state == CALL_EXECUTING) {
			c->cancel_queued = true;
			queue_add(s, &s->cancels, &c->cancel_link);
			to = receiver_poke_locked(s);
		}
	}
	spin_unlock(&s->lock);
	if (to) {
		thread_wake(to);
		thread_put(to);
	}
	return withdrawn;
}

s64 call_wait_more(struct service *s, struct call *c, status_t st, enum wait_flags flags)
{
	while (!call_is_done(c)) {
		if (st) {
			if (call_interrupted(s, c)) {
				c->status = ERR_RESTART;
				break;
			}
			flags = WAIT_UNINTERRUPTIBLE;
		}
		wait_prepare();
		if (call_is_done(c))
			break;
		st = wait_sleep(DEADLINE_NEVER, flags);
	}
	wait_finish();
	return c->status == ERR_INTR ? ERR_RESTART : c->status;
}

static s64 call_wait(struct service *s, struct call *c, struct thread *to, enum wait_flags flags)
{
	status_t st;
	if (to) {
		st = sched_handoff(to, flags);
		thread_put(to);
	} else {
		st = wait_sleep(DEADLINE_NEVER, flags);
	}
	return call_wait_more(s, c, st, flags);
}

s64 call_run(struct service *s, struct call *c, enum wait_flags flags)
{
	struct thread *t = thread_current();
	struct call *outer = t->call;
	t->call = c;
	s64 status = call_wait(s, c, call_submit(s, c), flags);
	t->call = outer;
	return status;
}

s64 call_short_rest(struct service *s, struct call *c, bool assigned)
{
	status_t st = thread_signal_pending(thread_current()) ? ERR_INTR : OK;
	s64 result = assigned ? call_wait_more(s, c, st, WAIT_INTERRUPTIBLE) : call_run(s, c, WAIT_INTERRUPTIBLE);
	return result == ERR_RESTART ? ERR_INTR : result;
}

s64 route_call(struct route_request *r)
{
	struct service *s = service_get(r->service);
	struct call c;
	if (unlikely(!s))
		return FAIL(ERR_NOSYS, "service is not defined");
	if (unlikely(r->args_size > IPC_ARGS_BYTES || (u64)r->payload_size + r->payload2_size > IPC_PAYLOAD_BYTES))
		return FAIL(ERR_2BIG, "call input");
	hop_record(r->cause);
	call_prepare(&c, s, r, r->op, r->call_id, r->parent);
	c.message.args_size = (u16)r->args_size;
	if (r->args_size)
		memcpy(c.message.args, r->args, r->args_size);
	c.reply_size = MIN(r->reply_size, (u32)IPC_ARGS_BYTES);
	r->call_id = c.id;
	r->reply_length = 0;
	s64 status = call_run(s, &c, r->killable_only ? WAIT_KILLABLE : WAIT_INTERRUPTIBLE);
	r->reply_args_length = MIN(c.reply.args_size, c.reply_size);
	if (r->reply_args_length)
		memcpy(r->reply, c.reply.args, r->reply_args_length);
	return status;
}

struct call *call_executing_find(struct service *s, u64 id)
{
	list_for_each(c, &s->executing, struct call, link)
		if (c->id == id)
			return c;
	return NULL;
}

status_t call_lend(struct call *c, struct file *f, s32 *fd)
{
	if (c->lent_count == CALL_LENT_MAX)
		return FAIL(ERR_MFILE, "too many files lent to one call");
	int n = fdtable_install(c->service->fds, f, 0, 0);
	if (n < 0)
		return n;
	c->lent[c->lent_count++] = *fd = n;
	return OK;
}

static void lent_close(struct service *s, struct call *c)
{
	while (c->lent_count)
		if (fdtable_close(s->fds, c->lent[--c->lent_count])) { /* the service closed it itself */ }
}

static void restart_measured(struct service *s)
{
	s->last_restart_ns = time_now_ns() - s->died_ns;
	s->died_ns = 0;
}

struct thread *call_finish(struct service *s, struct call *c, s64 status)
{
	if (c->lent_count)
		lent_close(s, c);
	struct thread *caller = c->caller;
	u64 restart_ns = 0;
	thread_get(caller);
	c->status = status;
	spin_lock(&s->lock);
	list_remove(&c->link);
	if (unlikely(c->cancel_queued))
		queue_remove(s, &c->cancel_link);
	if (unlikely(s->died_ns && s->process)) {
		restart_measured(s);
		restart_ns = s->last_restart_ns;
	}
	if (c->parent)
		c->parent->deaths = 0; /* a nested reply is progress */
	__atomic_store_n(&c->state, CALL_DONE, __ATOMIC_RELEASE);
	spin_unlock(&s->lock);
	if (unlikely(restart_ns))
		klog(LOG_INFO, "service %s: %llu us from death to first reply", s->name,
			(unsigned long long)(restart_ns / 1000));
	return caller;
}

/* True: the call is at its end. Counts only against calls that a thread was working on. */
static bool call_gives_up(struct call *c, bool by_kill)
{
	if (!c->server)
		return false;
	if (by_kill)
		return ++c->kills > CALL_KILLS_MAX;
	return ++c->deaths >= CALL_DEATHS_MAX;
}

static void call_requeue(struct service *s, struct call *c)
{
	spin_lock(&s->lock);
	list_remove(&c->link);
	if (c->cancel_queued)
		queue_remove(s, &c->cancel_link);
	c->cancel_queued = false;
	c->server = NULL;
	c->retry = true;
	c->message.flags |= IPC_RETRY;
	c->message.attached_fd = -1;
	c->state = CALL_PENDING;
	s->retries++;
	queue_add(s, s->pending.next, &c->link);
	spin_unlock(&s->lock);
}

#define WAIT_STATUS_SIGKILL 9
u32 service_requeue_calls(struct service *s, s32 wait_status)
{
	struct list_node dead = LIST_INIT(dead);
	u32 working = 0;
	spin_lock(&s->lock);
	list_splice_back(&dead, &s->executing);
	spin_unlock(&s->lock);
	while (!list_empty(&dead)) {
		struct call *c = list_entry(dead.prev, struct call, link); /* last first: pending keeps their order */
		working += c->server != NULL;
		lent_close(s, c);
		if (c->request && c->request->exec)
			exec_session_reset(c->request->exec);
		if (!call_gives_up(c, (wait_status & 0x7f) == WAIT_STATUS_SIGKILL)) {
			call_requeue(s, c);
			continue;
		}
		klog(LOG_ERROR, "service %s: call %llu op %u ended with an error after it died twice", s->name,
		     (unsigned long long)c->id, c->message.op);
		s->failed_calls++;
		struct thread *caller = call_finish(s, c, ERR_IO);
		thread_wake(caller);
		thread_put(caller);
	}
	s->deaths_in_call += working != 0;
	return working;
}

status_t service_give_up(struct service *s)
{
	spin_lock(&s->lock);
	bool runs = s->process != NULL;
	s->given_up |= !runs;
	while (!runs && !list_empty(&s->pending)) {
		struct call *c = list_entry(s->pending.next, struct call, link);
		queue_remove(s, &c->link);
		list_push_back(&s->executing, &c->link);
		c->state = CALL_EXECUTING; /* its caller cannot take it back any more */
		s->failed_calls++;
		spin_unlock(&s->lock);
		struct thread *caller = call_finish(s, c, ERR_IO);
		thread_wake(caller);
		thread_put(caller);
		spin_lock(&s->lock);
	}
	spin_unlock(&s->lock);
	return runs ? FAIL(ERR_BUSY, "service runs") : OK;
}

void service_notify(enum service_id id, u32 op, const void *args, u32 size)
{
	struct service *s = service_get(id);
	struct notice *n = s && size <= IPC_ARGS_BYTES ? kzalloc(sizeof(*n)) : NULL;
	if (!n) {
		klog(LOG_ERROR, "notification %u lost", op);
		return;
	}
	n->op = op;
	n->size = size;
	memcpy(n->args, args, size);
	spin_lock(&s->lock);
	struct thread *to = NULL;
	if (likely(!s->given_up)) {
		queue_add(s, &s->notices, &n->link);
		to = receiver_poke_locked(s);
		n = NULL;
	}
	spin_unlock(&s->lock);
	kfree(n);
	if (to) {
		thread_wake(to);
		thread_put(to);
	}
}
