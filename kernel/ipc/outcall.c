// SPDX-License-Identifier: MIT
// IPC_CALL: a service asks a service of lower rank (or, on kernels started with test_ipc, a program asks
// toyd). Arguments alone take the short way: one copy in, one copy out, no allocation.
#include "file.h"
#include "ipc_internal.h"
#include "mm.h"
#include "native.h"
#include "user_ptr.h"

#define SIGKILL_NUMBER 9

static status_t outcall_check(const struct ipc_outcall *o, const struct service *target, const struct service *self)
{
	if (unlikely(!target))
		return FAIL(ERR_SRCH, "no such service");
	bool test_door = o->service == SERVICE_TOYD || o->op == SERVICE_OP_TEST || o->op == SERVICE_OP_KILL;
	if (unlikely(self ? target->rank >= self->rank : !test_door))
		return FAIL(ERR_PERM, "a call may only go down in rank");
	if (unlikely(o->args_size > IPC_ARGS_BYTES || o->reply_args_size > IPC_ARGS_BYTES ||
		o->reply_capacity > IPC_PAYLOAD_BYTES ||
		     (u64)o->payload_size + o->payload2_size > IPC_PAYLOAD_BYTES))
		return FAIL(ERR_2BIG, "call size");
	return OK;
}

/* Kernel copies of what a call with payloads sends and takes. */
struct outcall_buffers {
	u8 *payload, *reply;
	u64 args[IPC_ARGS_BYTES / 8], reply_args[IPC_ARGS_BYTES / 8];
};
static status_t outcall_copy_in(const struct ipc_outcall *o, struct outcall_buffers *b, struct route_request *r)
{
	status_t st = o->args_size ? copy_in(b->args, user_ptr(o->args), o->args_size) : OK;
	u64 size = (u64)o->payload_size + o->payload2_size;
	if (!st && size) {
		b->payload = kmalloc(size);
		st = b->payload ? copy_in(b->payload, user_ptr(o->payload), o->payload_size) : ERR_NOMEM;
		if (!st && o->payload2_size)
			st = copy_in(b->payload + o->payload_size, user_ptr(o->payload2), o->payload2_size);
	}
	if (!st && o->reply_capacity) {
		b->reply = kmalloc(o->reply_capacity);
		st = b->reply ? OK : ERR_NOMEM;
	}
	if (!st && o->attached_fd >= 0) {
		r->attach = fd_get(o->attached_fd);
		st = r->attach ? OK : ERR_BADF;
	}
	return st;
}

static status_t outcall_copy_out(u64 va, const struct ipc_outcall *o, const struct outcall_buffers *b,
		const struct route_request *r)
{
	status_t st = OK;
	if (r->reply_args_length)
		st = copy_out(user_ptr(o->reply_args), b->reply_args, r->reply_args_length);
	if (!st && r->reply_length)
		st = copy_out(user_ptr(o->reply_payload), b->reply, r->reply_length);
	if (!st && o->reply_capacity)
		st = COPY_OUT(user_ptr(va + offsetof(struct ipc_outcall, reply_length)), &r->reply_length);
	return st;
}

static s64 outcall_run(u64 va, const struct ipc_outcall *o, struct call *parent)
{
	struct outcall_buffers b;
	struct route_request r = {
		.service = (enum service_id)o->service, .op = o->op, .cause = HOP_BY_DESIGN, .parent = parent,
		.call_id = parent ? call_id_nested(parent, o->step) : 0,
		.args = b.args, .args_size = o->args_size, .payload_size = o->payload_size, .payload2_size = o->payload2_size,
		.reply = b.reply_args, .reply_size = o->reply_args_size, .reply_capacity = o->reply_capacity,
	};
	b.payload = b.reply = NULL;
	status_t st = outcall_copy_in(o, &b, &r);
	s64 result = st;
	if (!st) {
		r.payload = b.payload;
		r.payload2 = b.payload ? b.payload + o->payload_size : NULL;
		r.reply_payload = b.reply;
		result = route_call(&r);
		if (result >= 0 && (st = outcall_copy_out(va, o, &b, &r)))
			result = st;
	}
	if (r.attach)
		file_put(r.attach);
	if (b.payload)
		kfree(b.payload);
	if (b.reply)
		kfree(b.reply);
	return result == ERR_RESTART ? ERR_INTR : result;
}

static status_t service_kill(struct service *s)
{
	spin_lock(&s->lock);
	struct process *p = s->process;
	if (p)
		process_get(p);
	spin_unlock(&s->lock);
	if (!p)
		return ERR_AGAIN;
	process_kill(p, SIGKILL_NUMBER);
	process_put(p);
	return OK;
}

static s64 outcall_short(struct service *target, const struct ipc_outcall *o, struct call *parent)
{
	struct call c;
	call_prepare(&c, target, NULL, o->op, parent ? call_id_nested(parent, o->step) : 0, parent);
	c.message.args_size = (u16)o->args_size;
	c.reply_size = o->reply_args_size;
	if (o->args_size && copy_in(c.message.args, user_ptr(o->args), o->args_size))
		return ERR_FAULT;
	hop_record(HOP_BY_DESIGN);
	s64 result = call_run(target, &c, WAIT_INTERRUPTIBLE);
	u32 n = MIN(c.reply.args_size, c.reply_size);
	if (result >= 0 && n && copy_out(user_ptr(o->reply_args), c.reply.args, n))
		return ERR_FAULT;
	return result == ERR_RESTART ? ERR_INTR : result;
}

static s64 outcall_any(u64 va, struct service *target, const struct ipc_outcall *o, struct call *parent)
{
	if (!(o->payload_size | o->payload2_size | o->reply_capacity) && o->attached_fd < 0)
		return outcall_short(target, o, parent);
	return outcall_run(va, o, parent);
}

static s64 outcall_start(u64 va, const struct ipc_outcall *o)
{
	struct service *self = process_current()->service, *target = service_get(o->service);
	status_t st = outcall_check(o, target, self);
	if (unlikely(st))
		return st;
	if (unlikely(!self && o->op == SERVICE_OP_KILL))
		return service_kill(target);
	if (!o->parent_id)
		return outcall_any(va, target, o, NULL);
	struct call *parent = call_claim_current();
	s64 result = parent && parent->id == o->parent_id ? outcall_any(va, target, o, parent)
							  : FAIL(ERR_SRCH, "parent call is not served by this thread");
	__atomic_store_n(&thread_current()->serving, parent, __ATOMIC_RELEASE);
	return result;
}

NATIVE_HANDLER(ipc_call)
{
	struct ipc_outcall o;
	status_t st = COPY_IN(&o, user_ptr(a0));
	return st ? st : outcall_start(a0, &o);
}

NATIVE_HANDLER(ipc_call_short)
{
	const struct ipc_outcall o = {
		.service = short_service(a0), .op = (u32)a0, .parent_id = a3, .step = (u32)a4, .attached_fd = -1,
		.args_size = short_args_bytes(a0), .reply_args_size = short_reply_bytes(a0), .args = a1, .reply_args = a2,
	};
	struct service *self = process_current()->service;
	if (self ? !(self->manifest.capabilities & AMBOS_CAP_IPC_CALL) : !native_tests_enabled)
		return FAIL(ERR_PERM, "short call without the capability");
	if (a0 & SHORT_REFUSED)
		return FAIL(ERR_INVAL, "short call");
	return outcall_start(0, &o);
}
