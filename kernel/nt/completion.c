// SPDX-License-Identifier: MIT
/* Completion ports and wait completion packets. A port is a semaphore of queued packets: waiting for its handle consumes
 * nothing of the queue, removing does. A wait packet posts to a port when an object becomes signalled; the object is
 * consumed as by a wait. */
#include "nt_internal.h"
#include "../../lib/base/string.h"

#define REMOVE_MAX 1024u /* packets of one call; more than any program asks for */

struct packet { struct list_node link; u64 key, value; u32 status; u64 information; };
struct port { struct nt_dispatcher d; struct list_node packets; u32 depth; }; /* all under nt_dispatcher_lock */
struct packet_info { u64 key, value, status, information; }; /* FILE_IO_COMPLETION_INFORMATION */

static struct nt_dispatcher *port_dispatcher(struct file *f) { return &((struct port *)f->object)->d; }
static u32 port_poll(struct file *f, struct poll_table *table) { return nt_dispatcher_poll(port_dispatcher(f), table); }

static void port_release(struct file *f)
{
	struct port *p = f->object;
	while (!list_empty(&p->packets)) {
		struct packet *k = list_first(&p->packets, struct packet, link);
		list_remove(&k->link);
		kfree(k);
	}
	kfree(p);
}

static const struct file_ops port_ops = {
	.name = "nt-completion", .nt_type = NT_TYPE_IO_COMPLETION, .dispatcher = port_dispatcher, .poll = port_poll, .release = port_release,
};

NT_HANDLER(CreateIoCompletion)
{
	struct port *p = kzalloc(sizeof(*p));
	struct file *f = p ? file_create(&port_ops, p, 2) : NULL;
	if (!f) {
		kfree(p);
		return ERR_NOMEM;
	}
	nt_dispatcher_init(&p->d, NT_SEMAPHORE_KIND, 0);
	list_init(&p->packets);
	return nt_object_create(f, a);
}
NT_HANDLER(OpenIoCompletion) { return nt_object_open(a, NT_TYPE_IO_COMPLETION); }

static void post_locked(struct port *p, struct packet *k)
{
	list_push_back(&p->packets, &k->link);
	p->depth++;
	p->d.state++;
	nt_hand_over_locked(&p->d);
}

s64 nt_completion_post(struct file *port, u64 key, u64 value, u32 status, u64 information)
{
	struct packet *k = kmalloc(sizeof(*k));
	if (!k)
		return ERR_NOMEM;
	*k = (struct packet){ .key = key, .value = value, .status = status, .information = information };
	spin_lock(&nt_dispatcher_lock);
	post_locked(port->object, k);
	spin_unlock(&nt_dispatcher_lock);
	return OK;
}

static s64 set_call(u64 handle, u64 key, u64 value, u64 status, u64 information)
{
	struct file *f;
	s64 st = nt_handle_get(handle, NT_TYPE_IO_COMPLETION, 2, &f);
	if (st)
		return st;
	st = nt_completion_post(f, key, value, (u32)status, information);
	file_put(f);
	return st;
}

NT_HANDLER(SetIoCompletion) { return set_call(a[0], a[1], a[2], a[3], a[4]); }
/* a[1] is a reserve object: memory that posting then cannot lack. Ours comes from the heap. */
NT_HANDLER(SetIoCompletionEx) { return a[1] ? NT(NOT_SUPPORTED) : set_call(a[0], a[2], a[3], a[4], a[5]); }

/* One token of the semaphore was consumed: its packet. NULL: another thread's token took it (it posts its own wait again). */
static struct packet *take_locked(struct port *p)
{
	if (list_empty(&p->packets))
		return NULL;
	struct packet *k = list_first(&p->packets, struct packet, link);
	list_remove(&k->link);
	p->depth--;
	return k;
}

static u32 take_more(struct port *p, struct packet **out, u32 have, u32 room)
{
	spin_lock(&nt_dispatcher_lock);
	while (have < room && p->d.state > 0 && (out[have] = take_locked(p))) {
		p->d.state--;
		have++;
	}
	spin_unlock(&nt_dispatcher_lock);
	return have;
}

/* Waits for the first packet, then takes what else is there. */
static s64 remove_packets(struct file *f, struct packet **out, u32 room, u32 *got, bool alertable, u64 deadline)
{
	struct port *p = f->object;
	*got = 0;
	do {
		s64 st = nt_wait_file(f, alertable, deadline);
		if (st)
			return st;
		spin_lock(&nt_dispatcher_lock);
		out[0] = take_locked(p);
		spin_unlock(&nt_dispatcher_lock);
	} while (!out[0]);
	*got = take_more(p, out, 1, room);
	return 0;
}

/* (port, key out, value out, status block out, timeout) */
NT_HANDLER(RemoveIoCompletion)
{
	struct file *f;
	struct packet *k;
	u64 deadline;
	u32 got;
	s64 st = nt_deadline_in(a[4], &deadline);
	if (!st)
		st = nt_handle_get(a[0], NT_TYPE_IO_COMPLETION, 2, &f);
	if (st)
		return st;
	st = remove_packets(f, &k, 1, &got, false, deadline);
	file_put(f);
	if (st)
		return st;
	u64 block[2] = { k->status, k->information };
	if (COPY_OUT(user_ptr(a[1]), &k->key) || COPY_OUT(user_ptr(a[2]), &k->value) || COPY_OUT(user_ptr(a[3]), &block))
		st = NT(ACCESS_VIOLATION);
	kfree(k);
	return st;
}

/* (port, array out, room, count out, timeout, alertable) */
static s64 remove_many(struct file *f, struct packet **packets, u32 room, const u64 *a)
{
	u64 deadline;
	u32 got = 0;
	s64 st = nt_deadline_in(a[4], &deadline);
	if (!st)
		st = remove_packets(f, packets, room, &got, (u8)a[5], deadline);
	for (u32 i = 0; i < got; i++) {
		struct packet_info info = { packets[i]->key, packets[i]->value, packets[i]->status, packets[i]->information };
		if (!st && copy_out(user_ptr(a[1] + i * sizeof(info)), &info, sizeof(info)))
			st = NT(ACCESS_VIOLATION);
		kfree(packets[i]);
	}
	if (st)
		got = st == NT(TIMEOUT) || st == NT(USER_APC) ? 1 : 0; /* as Windows leaves it */
	return a[3] && COPY_OUT(user_ptr(a[3]), &got) ? NT(ACCESS_VIOLATION) : st;
}

NT_HANDLER(RemoveIoCompletionEx)
{
	struct file *f;
	u32 room = MIN((u32)a[2], REMOVE_MAX);
	if (!room)
		return NT(INVALID_PARAMETER);
	s64 st = nt_handle_get(a[0], NT_TYPE_IO_COMPLETION, 2, &f);
	if (st)
		return st;
	struct packet **packets = kmalloc(room * sizeof(*packets));
	st = packets ? remove_many(f, packets, room, a) : ERR_NOMEM;
	kfree(packets);
	file_put(f);
	return st;
}

NT_HANDLER(QueryIoCompletion)
{
	struct file *f;
	if ((u32)a[1] != 0)
		return NT(INVALID_INFO_CLASS);
	s64 st = nt_handle_get(a[0], NT_TYPE_IO_COMPLETION, 1, &f);
	if (st)
		return st;
	u32 depth = ((struct port *)f->object)->depth;
	file_put(f);
	return NT_INFORMATION_OF(depth, a);
}

/* ---- wait completion packets ---- */
struct wait_packet {
	struct waiter waiter;      /* on the target's queue of pollers */
	struct packet *packet;     /* prepared; NULL when posted or idle */
	struct file *port, *target;
	bool associated;
};

/* Under the dispatcher lock (the target's wake) or at association. */
static bool fire_locked(struct wait_packet *w)
{
	struct nt_dispatcher *d = nt_file_dispatcher(w->target);
	if (!w->packet || d->state <= 0)
		return false;
	if (d->kind != NT_NOTIFICATION)
		d->state--;
	post_locked(w->port->object, w->packet);
	w->packet = NULL;
	return true;
}

static bool wait_packet_wake(struct waiter *w, u64 key UNUSED) { return fire_locked(w->arg); }

static void packet_detach(struct wait_packet *w)
{
	if (!w->associated)
		return;
	waiter_remove(&w->waiter);
	file_put(w->port);
	file_put(w->target);
	kfree(w->packet);
	w->packet = NULL;
	w->associated = false;
}

static void wait_packet_release(struct file *f)
{
	packet_detach(f->object);
	kfree(f->object);
}
static const struct file_ops wait_packet_ops = { .name = "nt-wait-packet", .nt_type = NT_TYPE_WAIT_PACKET, .release = wait_packet_release };

NT_HANDLER(CreateWaitCompletionPacket)
{
	struct wait_packet *w = kzalloc(sizeof(*w));
	struct file *f = w ? file_create(&wait_packet_ops, w, 2) : NULL;
	if (!f) {
		kfree(w);
		return ERR_NOMEM;
	}
	return nt_object_create(f, a);
}

static s64 associate(struct wait_packet *w, struct file *port, struct file *target, const u64 *a)
{
	struct packet *k = kmalloc(sizeof(*k));
	u8 already;
	if (!k)
		return ERR_NOMEM;
	*k = (struct packet){ .key = a[3], .value = a[4], .status = (u32)a[5], .information = a[6] };
	packet_detach(w);
	file_get(port);
	file_get(target);
	w->port = port;
	w->target = target;
	w->packet = k;
	w->associated = true;
	waiter_init(&w->waiter);
	w->waiter.fn = wait_packet_wake;
	w->waiter.arg = w;
	waiter_add(&nt_file_dispatcher(target)->pollers, &w->waiter);
	spin_lock(&nt_dispatcher_lock);
	already = fire_locked(w);
	spin_unlock(&nt_dispatcher_lock);
	return a[7] && COPY_OUT(user_ptr(a[7]), &already) ? NT(ACCESS_VIOLATION) : 0;
}

/* (packet, port, target, key, value, status, information, already signalled out) */
NT_HANDLER(AssociateWaitCompletionPacket)
{
	struct file *f = NULL, *port = NULL, *target = NULL;
	s64 st = nt_handle_get(a[0], NT_TYPE_WAIT_PACKET, 1, &f);
	if (!st)
		st = nt_handle_get(a[1], NT_TYPE_IO_COMPLETION, 2, &port);
	if (!st)
		st = nt_handle_get(a[2], NT_TYPE_ANY, NT_SYNCHRONIZE, &target);
	if (!st && (!nt_file_dispatcher(target) || nt_file_dispatcher(target)->kind == NT_MUTANT_KIND))
		st = NT(INVALID_PARAMETER_3);
	struct wait_packet *w = st ? NULL : f->object;
	if (w && w->packet)
		st = NT(INVALID_PARAMETER_1);
	if (!st)
		st = associate(w, port, target, a);
	if (target)
		file_put(target);
	if (port)
		file_put(port);
	if (f)
		file_put(f);
	return st;
}

/* (packet, remove a posted one). Without a pending wait: CANCELLED, and a packet that is in the port stays. */
NT_HANDLER(CancelWaitCompletionPacket)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_WAIT_PACKET, 1, &f);
	if (st)
		return st;
	struct wait_packet *w = f->object;
	spin_lock(&nt_dispatcher_lock);
	bool pending = w->packet;
	spin_unlock(&nt_dispatcher_lock);
	if (pending)
		packet_detach(w);
	file_put(f);
	return pending ? 0 : NT(CANCELLED);
}
