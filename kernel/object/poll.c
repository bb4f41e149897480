// SPDX-License-Identifier: MIT
/* poll_files: looks first without registering anything (the common case and the whole cost when something is ready
 * or the caller only asks), then registers one waiter per queue and sleeps.
 * While registered each file is referenced, because its wait queues live as long as it does. */
#include "poll.h"

struct poll_set {
	struct poll_table table;
	struct waiter *waiters;
	struct file **files;
	u32 used, capacity, file_count;
	struct waiter inline_waiters[POLL_INLINE * POLL_QUEUES_MAX];
	struct file *inline_files[POLL_INLINE];
};

static u32 look_once(struct pollfd_k *fds, u32 count)
{
	struct fdtable *table = thread_current()->fds;
	bool held = __atomic_load_n(&table->refs, __ATOMIC_RELAXED) != 1; /* as fd_borrow, decided once */
	u32 ready = 0;

	for (u32 i = 0; i < count; i++) {
		struct pollfd_k *p = &fds[i];
		struct file *f;
		u32 events;

		p->revents = 0;
		if (p->fd < 0)
			continue;
		if (unlikely(held))
			f = fd_borrow_slow(table, p->fd);
		else
			f = (u32)p->fd < table->capacity ? table->files[p->fd] : NULL;
		if (unlikely(!f || (f->flags & O_PATH_K))) {
			if (f)
				fd_return(f, held);
			p->revents = POLL_NVAL;
			ready++;
			continue;
		}
		events = file_poll(f, NULL) & ((u16)p->events | POLL_ERR | POLL_HUP);
		fd_return(f, held);
		p->revents = (s16)events;
		ready += events != 0;
	}
	return ready;
}

static status_t set_add(struct poll_table *table, struct wait_queue *q)
{
	struct poll_set *set = container_of(table, struct poll_set, table);
	struct waiter *w;

	if (set->used == set->capacity)
		return ERR_NOMEM;
	w = &set->waiters[set->used++];
	waiter_init(w);
	waiter_add(q, w);
	return OK;
}

static status_t set_init(struct poll_set *set, u32 count)
{
	set->table = (struct poll_table){ .add = set_add };
	set->used = set->file_count = 0;
	set->capacity = count * POLL_QUEUES_MAX;
	set->waiters = set->inline_waiters;
	set->files = set->inline_files;
	if (count <= POLL_INLINE)
		return OK;
	set->waiters = kmalloc(set->capacity * sizeof(struct waiter));
	set->files = kmalloc(count * sizeof(struct file *));
	if (set->waiters && set->files)
		return OK;
	kfree(set->waiters);
	kfree(set->files);
	return ERR_NOMEM;
}

static void set_done(struct poll_set *set)
{
	for (u32 i = 0; i < set->used; i++)
		waiter_remove(&set->waiters[i]);
	for (u32 i = 0; i < set->file_count; i++)
		file_put(set->files[i]);
	if (set->waiters != set->inline_waiters) {
		kfree(set->waiters);
		kfree(set->files);
	}
}

static void register_all(struct poll_set *set, const struct pollfd_k *fds, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		struct file *f = fds[i].fd < 0 ? NULL : fd_get(fds[i].fd);

		if (!f)
			continue;
		set->files[set->file_count++] = f;
		set->table.mask = (u16)fds[i].events | POLL_ERR | POLL_HUP;
		if (!(f->flags & O_PATH_K))
			file_poll(f, &set->table);
	}
}

static __attribute__((noinline)) s64 wait_for_events(struct pollfd_k *fds, u32 count, u64 deadline_ns)
{
	struct poll_set set;
	u32 ready;
	status_t st = set_init(&set, count);

	if (st)
		return st;
	register_all(&set, fds, count);
	for (;;) {
		wait_prepare();
		ready = look_once(fds, count);
		if (ready)
			break;
		st = wait_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
		if (st) {
			ready = look_once(fds, count);
			break;
		}
	}
	wait_finish();
	set_done(&set);
	if (ready || st == ERR_TIMEDOUT)
		return ready;
	return st;
}

s64 poll_files(struct pollfd_k *fds, u32 count, u64 deadline_ns)
{
	u32 ready = look_once(fds, count);

	if (ready || deadline_ns == 0)
		return ready;
	return wait_for_events(fds, count, deadline_ns);
}
