// SPDX-License-Identifier: MIT
/* eventfd(2): a 64-bit counter. Never holds UINT64_MAX; a write that would reach it waits. */
#include "event_files.h"

#include "base/text.h"

#define COUNT_MAX (UINT64_MAX - 1)

/* Locks: [o] lock, [I] immutable. */
struct event {
	struct spinlock lock;       /* RANK_OBJECT */
	u64 count;                  /* [o] */
	bool semaphore;             /* [I] */
	struct wait_queue read_wait, write_wait;
};

static bool take(struct event *e, u64 *value)
{
	spin_lock(&e->lock);
	*value = e->semaphore ? e->count > 0 : e->count;
	e->count -= *value;
	spin_unlock(&e->lock);
	return *value != 0;
}

static bool add(struct event *e, u64 value)
{
	bool fits;

	spin_lock(&e->lock);
	fits = value <= COUNT_MAX - e->count;
	if (fits)
		e->count += value;
	spin_unlock(&e->lock);
	return fits;
}

static s64 eventfd_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct event *e = f->object;
	u64 value;

	if (to->remaining < sizeof(value))
		return ERR_INVAL;
	while (!take(e, &value)) {
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		if (WAIT_EVENT(&e->read_wait, e->count, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			return ERR_RESTART;
	}
	if (!list_empty(&e->write_wait.waiters))
		wait_queue_wake(&e->write_wait, UINT32_MAX, POLL_OUT | POLL_WRNORM);
	return io_buf_put(to, &value, sizeof(value)) == sizeof(value) ? (s64)sizeof(value) : ERR_FAULT;
}

static s64 eventfd_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	struct event *e = f->object;
	u64 value;

	if (from->remaining < sizeof(value))
		return ERR_INVAL;
	if (io_buf_take(from, &value, sizeof(value)) != sizeof(value))
		return ERR_FAULT;
	if (value == UINT64_MAX)
		return ERR_INVAL;
	while (!add(e, value)) {
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		if (WAIT_EVENT(&e->write_wait, value <= COUNT_MAX - e->count, DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			return ERR_RESTART;
	}
	if (!list_empty(&e->read_wait.waiters))
		wait_queue_wake(&e->read_wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *table)
{
	struct event *e = f->object;

	poll_wait(table, &e->read_wait);
	poll_wait(table, &e->write_wait);
	return (e->count ? POLL_IN | POLL_RDNORM : 0) | (e->count < COUNT_MAX ? POLL_OUT | POLL_WRNORM : 0);
}

static void eventfd_release(struct file *f) { kfree(f->object); }

static void eventfd_info(struct file *f, struct text *w)
{
	const struct event *e = f->object;

	text_print(w, "eventfd-count: %16llx\neventfd-semaphore: %d\n", (unsigned long long)e->count, e->semaphore);
}

static const struct file_ops eventfd_ops = {
	.name = "eventfd", .read = eventfd_read, .write = eventfd_write, .poll = eventfd_poll, .release = eventfd_release,
	.info = eventfd_info,
};

struct file *eventfd_create(u64 count, bool semaphore, u32 flags)
{
	struct event *e = kzalloc(sizeof(*e));
	struct file *f = e ? file_create(&eventfd_ops, e, flags | 2) : NULL;

	if (!f) {
		kfree(e);
		return NULL;
	}
	f->ino = file_new_ino();
	spin_init(&e->lock, RANK_OBJECT);
	e->count = count;
	e->semaphore = semaphore;
	wait_queue_init(&e->read_wait);
	wait_queue_init(&e->write_wait);
	return f;
}
