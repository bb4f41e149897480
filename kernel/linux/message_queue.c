// SPDX-License-Identifier: MIT
/* Linux rows of POSIX message queues. mq_send, mq_receive, mq_getattr and mq_setattr of the C library are built on these.
 * SIGEV_THREAD is refused: the C library needs a netlink socket for it. */
#include "message_queue.h"

#include "linux.h"
#include "signal.h"

struct queue_attributes { s64 flags, max_messages, message_size, messages, unused[4]; }; /* struct mq_attr */
enum { EVENT_SIGNAL = 0, EVENT_NONE = 1, EVENT_THREAD = 2 };
struct event_user { u64 value; s32 signo, notify; u8 unused[48]; };
_Static_assert(sizeof(struct event_user) == 64 && sizeof(struct queue_attributes) == 64, "Linux layout");

LINUX_HANDLER(mq_open)
{
	struct queue_attributes wanted;
	struct message_limits limits;
	struct file *f = NULL;
	char *name;
	status_t st = a3 ? COPY_IN(&wanted, user_ptr(a3)) : OK;
	int fd;

	if (!st)
		st = path_copy_in(user_ptr(a0), &name);
	if (st)
		return st;
	if (a3)
		limits = (struct message_limits){ wanted.max_messages, wanted.message_size };
	st = message_queue_open(name, (u32)a1, (u32)a2 & ~thread_current()->fs->umask, a3 ? &limits : NULL, &f);
	path_free(name);
	if (st)
		return st;
	fd = fdtable_install(thread_current()->fds, f, 0, FD_CLOEXEC_K); /* always, mq_open(3) */
	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(mq_unlink)
{
	char *name;
	status_t st = path_copy_in(user_ptr(a0), &name);

	if (st)
		return st;
	st = message_queue_unlink(name);
	path_free(name);
	return st;
}

/* The queue of a descriptor that may be used so; NULL: ERR_BADF, nothing borrowed. */
static struct file *queue_borrow(u64 fd, bool reads, bool writes, bool *held)
{
	struct file *f = fd_borrow((int)fd, held);

	if (!f || (message_queue_is(f) && (!reads || FILE_CAN_READ(f)) && (!writes || FILE_CAN_WRITE(f))))
		return f;
	fd_return(f, *held);
	return NULL;
}

static status_t deadline_in(u64 user, u64 *deadline_ns)
{
	u64 ns;
	status_t st;

	*deadline_ns = DEADLINE_NEVER;
	if (!user)
		return OK;
	st = timespec_in(user_ptr(user), &ns);
	if (!st)
		*deadline_ns = deadline_on_wall(ns);
	return st;
}

static s64 send_to(struct file *f, u64 from, u64 size, u32 priority, u64 deadline_ns)
{
	struct message *m;
	status_t st;

	if (size > (u64)message_queue_limits(f).size)
		return ERR_MSGSIZE;
	m = kmalloc(sizeof(*m) + size);
	if (!m)
		return ERR_NOMEM;
	m->priority = priority;
	m->size = size;
	st = copy_in(m->bytes, user_ptr(from), size);
	if (!st)
		st = message_queue_send(f, m, deadline_ns);
	if (st)
		kfree(m);
	return st;
}

LINUX_HANDLER(mq_timedsend)
{
	u64 deadline_ns;
	struct file *f;
	bool held;
	s64 result = deadline_in(a4, &deadline_ns);

	if (result)
		return result;
	if ((u32)a3 >= MESSAGE_PRIORITIES)
		return ERR_INVAL;
	f = queue_borrow(a0, false, true, &held);
	if (!f)
		return ERR_BADF;
	result = send_to(f, a1, a2, (u32)a3, deadline_ns);
	fd_return(f, held);
	return result;
}

static s64 receive_from(struct file *f, u64 to, u64 size, u64 priority_to, u64 deadline_ns)
{
	struct message *m;
	s64 result;

	if (size < (u64)message_queue_limits(f).size)
		return ERR_MSGSIZE;
	result = message_queue_receive(f, &m, deadline_ns);
	if (result)
		return result;
	if ((priority_to && COPY_OUT(user_ptr(priority_to), &m->priority)) || copy_out(user_ptr(to), m->bytes, m->size))
		result = ERR_FAULT;
	else
		result = (s64)m->size;
	kfree(m);
	return result;
}

LINUX_HANDLER(mq_timedreceive)
{
	u64 deadline_ns;
	struct file *f;
	bool held;
	s64 result = deadline_in(a4, &deadline_ns);

	if (result)
		return result;
	f = queue_borrow(a0, true, false, &held);
	if (!f)
		return ERR_BADF;
	result = receive_from(f, a1, a2, a3, deadline_ns);
	fd_return(f, held);
	return result;
}

static status_t event_in(u64 user, struct message_event *e)
{
	struct event_user in;
	status_t st = COPY_IN(&in, user_ptr(user));

	if (st)
		return st;
	if (in.notify == EVENT_THREAD)
		return FAIL(ERR_INVAL, "mq_notify by netlink");
	if ((in.notify != EVENT_NONE && in.notify != EVENT_SIGNAL) || (in.notify == EVENT_SIGNAL && (u32)in.signo > SIGNAL_MAX))
		return ERR_INVAL;
	*e = (struct message_event){ .signals = in.notify == EVENT_SIGNAL, .signo = in.signo, .value = in.value };
	return OK;
}

LINUX_HANDLER(mq_notify)
{
	struct message_event event;
	struct file *f;
	bool held;
	s64 result = a1 ? event_in(a1, &event) : OK;

	if (result)
		return result;
	f = queue_borrow(a0, false, false, &held);
	if (!f)
		return ERR_BADF;
	result = message_queue_notify(f, a1 ? &event : NULL);
	fd_return(f, held);
	return result;
}

static struct queue_attributes attributes_of(const struct file *f)
{
	struct message_limits limits = message_queue_limits(f);

	return (struct queue_attributes){ .flags = f->flags & O_NONBLOCK_K, .max_messages = limits.count, .message_size = limits.size,
		.messages = message_queue_count(f) };
}

LINUX_HANDLER(mq_getsetattr)
{
	struct queue_attributes new, old;
	struct file *f;
	bool held;
	status_t st = a1 ? COPY_IN(&new, user_ptr(a1)) : OK;

	if (!st && a1 && (new.flags & ~(s64)O_NONBLOCK_K))
		st = ERR_INVAL;
	if (st)
		return st;
	f = queue_borrow(a0, false, false, &held);
	if (!f)
		return ERR_BADF;
	old = attributes_of(f);
	if (a1)
		st = (status_t)file_fcntl_flags(f, (f->flags & ~(u32)O_NONBLOCK_K) | ((u32)new.flags & O_NONBLOCK_K));
	fd_return(f, held);
	return !st && a2 ? COPY_OUT(user_ptr(a2), &old) : st;
}
