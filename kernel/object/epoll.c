// SPDX-License-Identifier: MIT
/* epoll: watched files put themselves on a ready list through waiter callbacks, so a wait costs by what is ready and
 * not by what is watched.
 * Invariants: (1) an item is in its instance's tree and on its file's epoll_links from add to remove. (2) `ready` is
 * true exactly while the item is on the ready list; it is cleared before the file is polled, so an event during the
 * poll puts the item back. (3) waiters are removed before the item leaves its file, and a dying file removes its items
 * before its release, so a callback never sees a dead item or queue.
 * Lock order: epoll->lock, links_lock, a wait queue, epoll->ready_lock (ranks in lock_rank.h). */
#include "epoll.h"

#include "../include/vfs.h"
#include "base/text.h"
#include "poll.h"

#define NEST_MAX 5            /* epolls in a chain that watch each other, epoll_ctl(2) ELOOP */
#define NEST_VISITS 512       /* bound of the loop search; a larger web is refused like a loop */
#define ALWAYS (POLL_ERR | POLL_HUP)
#define PRIVATE_BITS (EPOLLEXCLUSIVE_K | EPOLLWAKEUP_K | EPOLLONESHOT_K | EPOLLET_K)
#define EXCLUSIVE_ALLOWED (POLL_IN | POLL_OUT | ALWAYS | EPOLLWAKEUP_K | EPOLLET_K | EPOLLEXCLUSIVE_K)

/* Locks: [l] lock, [k] links_lock, [r] ready_lock, [I] immutable. */
struct epoll {
	u32 refs;                    /* [a] the file, and removers that came from a watched file */
	struct spinlock lock;        /* RANK_EPOLL */
	struct rb_root items;        /* [l] by (file, fd) */
	struct spinlock ready_lock;  /* RANK_EPOLL_READY */
	struct list_node ready;      /* [r] */
	u32 ready_count;             /* [r] */
	struct list_node sleepers;   /* [r] threads in epoll_wait, first to wake first */
	struct wait_queue pollers;   /* who polls the epoll file itself */
	struct list_node nested;     /* [k] items that watch another epoll */
	struct file *file;           /* [I] its own; valid while an item is linked */
};
struct item {
	struct rb_node node;         /* [l] */
	struct epoll *epoll;         /* [I] */
	struct file *file;           /* [I] not referenced: the file's release removes the item */
	int fd;                      /* [I] */
	u32 events;                  /* [l]; read by the callback */
	u64 data;                    /* [l] */
	struct list_node file_link;  /* [k] */
	struct list_node nested_link;/* [k] */
	struct list_node ready_link; /* [r] */
	bool ready;                  /* [r] */
	u32 waiter_count;            /* [l] */
	struct waiter waiters[POLL_QUEUES_MAX]; /* [l] */
};
struct sleeper { struct list_node link; struct thread *thread; };

static struct spinlock links_lock = SPINLOCK_INIT(RANK_EPOLL_LINKS);
static const struct file_ops epoll_ops;
static struct slab_cache *item_cache;

bool epoll_is(const struct file *f) { return f->ops == &epoll_ops; }

/* ---- ready list ---- */
static void wake_pollers(struct epoll *ep)
{
	struct wait_queue *q = &ep->pollers;

	if (list_empty(&q->waiters))
		return;
	/* Called under the queue of a watched file: the same rank, ordered because epolls form no loops. */
	spin_lock_nested(&q->lock);
	list_for_each_safe(w, &q->waiters, struct waiter, link)
		w->fn(w, POLL_IN | POLL_RDNORM);
	spin_unlock(&q->lock);
}

/* Wakes the thread that has waited longest and takes it off, so that the next event finds another. */
static bool wake_sleeper_locked(struct epoll *ep)
{
	struct sleeper *s;

	if (list_empty(&ep->sleepers))
		return false;
	s = list_first(&ep->sleepers, struct sleeper, link);
	list_remove(&s->link);
	thread_wake(s->thread);
	return true;
}

static bool mark_ready_locked(struct item *i)
{
	if (i->ready)
		return false;
	i->ready = true;
	list_push_back(&i->epoll->ready, &i->ready_link);
	i->epoll->ready_count++;
	return true;
}

static void unmark_ready_locked(struct item *i)
{
	if (!i->ready)
		return;
	i->ready = false;
	list_remove(&i->ready_link);
	i->epoll->ready_count--;
}

static bool item_event(struct waiter *w, u64 key)
{
	struct item *i = w->arg;
	struct epoll *ep = i->epoll;
	u32 events = i->events;
	bool woken = false;

	if (!(events & ~PRIVATE_BITS) || (key && !(key & events)))
		return false;
	spin_lock(&ep->ready_lock);
	if (mark_ready_locked(i) || (events & EPOLLET_K))
		woken = wake_sleeper_locked(ep);
	spin_unlock(&ep->ready_lock);
	wake_pollers(ep);
	return (events & EPOLLEXCLUSIVE_K) ? woken : true;
}

/* ---- items ---- */
struct item_table { struct poll_table table; struct item *item; };

static status_t item_add_queue(struct poll_table *table, struct wait_queue *q)
{
	struct item *i = container_of(table, struct item_table, table)->item;
	struct waiter *w;

	DEBUG_ASSERT(i->waiter_count < POLL_QUEUES_MAX);
	if (i->waiter_count == POLL_QUEUES_MAX)
		return ERR_NOMEM;
	w = &i->waiters[i->waiter_count++];
	waiter_init(w);
	w->fn = item_event;
	w->thread = NULL;
	w->arg = i;
	w->exclusive = i->events & EPOLLEXCLUSIVE_K;
	waiter_add(q, w);
	return OK;
}

static int compare(const struct item *i, const struct file *file, int fd)
{
	if (i->file != file)
		return (u64)i->file < (u64)file ? -1 : 1;
	return i->fd < fd ? -1 : i->fd > fd;
}

static struct item *find_locked(struct epoll *ep, const struct file *file, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct item *i = rb_entry(n, struct item, node);
		int order = compare(i, file, fd);

		if (order == 0)
			return i;
		n = order < 0 ? n->right : n->left;
	}
	return NULL;
}

/* Any item that watches `file`. */
static struct item *find_file_locked(struct epoll *ep, const struct file *file)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct item *i = rb_entry(n, struct item, node);

		if (i->file == file)
			return i;
		n = (u64)i->file < (u64)file ? n->right : n->left;
	}
	return NULL;
}

static void insert_locked(struct epoll *ep, struct item *i)
{
	struct rb_node **slot = &ep->items.node, *parent = NULL;

	while (*slot) {
		parent = *slot;
		slot = compare(rb_entry(parent, struct item, node), i->file, i->fd) < 0 ? &parent->right : &parent->left;
	}
	rb_insert(&ep->items, &i->node, parent, slot);
}

static void remove_locked(struct item *i)
{
	struct epoll *ep = i->epoll;

	for (u32 n = 0; n < i->waiter_count; n++)
		waiter_remove(&i->waiters[n]);
	spin_lock(&ep->ready_lock);
	unmark_ready_locked(i);
	spin_unlock(&ep->ready_lock);
	rb_remove(&ep->items, &i->node);
	spin_lock(&links_lock);
	list_remove(&i->nested_link);
	list_remove(&i->file_link); /* last touch of the file */
	spin_unlock(&links_lock);
	slab_free(item_cache, i);
}

/* Epolls in the longest chain downwards from ep, or NEST_MAX + 1 when `target` or too much is found. */
static u32 depth_below(struct epoll *ep, const struct epoll *target, u32 level, u32 *visits)
{
	u32 depth = 1;

	if (ep == target || level > NEST_MAX || ++*visits > NEST_VISITS)
		return NEST_MAX + 1;
	list_for_each(i, &ep->nested, struct item, nested_link)
		depth = MAX(depth, 1 + depth_below(i->file->object, target, level + 1, visits));
	return MIN(depth, NEST_MAX + 1u);
}

/* The same upwards: the epolls that watch ep. */
static u32 depth_above(const struct epoll *ep, u32 level, u32 *visits)
{
	u32 depth = 1;

	if (level > NEST_MAX || ++*visits > NEST_VISITS)
		return NEST_MAX + 1;
	list_for_each(i, &ep->file->epoll_links, struct item, file_link)
		depth = MAX(depth, 1 + depth_above(i->epoll, level + 1, visits));
	return MIN(depth, NEST_MAX + 1u);
}

static status_t link_item(struct epoll *ep, struct item *i)
{
	status_t st = OK;
	u32 down = 0, up = 0;

	spin_lock(&links_lock);
	if (epoll_is(i->file)) {
		if (depth_below(i->file->object, ep, 1, &down) + depth_above(ep, 1, &up) > NEST_MAX)
			st = FAIL(ERR_LOOP, "epoll loop or depth");
		else
			list_push_back(&ep->nested, &i->nested_link);
	}
	if (st == OK)
		list_push_back(&i->file->epoll_links, &i->file_link);
	spin_unlock(&links_lock);
	return st;
}

/* Registers on the file's queues and takes what is ready already. */
static void arm_locked(struct item *i, bool first)
{
	struct item_table t = { .table = { .add = item_add_queue, .mask = i->events, .long_lived = true }, .item = i };
	struct epoll *ep = i->epoll;
	u32 events = file_poll(i->file, first ? &t.table : NULL) & i->events & ~PRIVATE_BITS;

	if (!events || !(i->events & ~PRIVATE_BITS))
		return;
	spin_lock(&ep->ready_lock);
	mark_ready_locked(i);
	wake_sleeper_locked(ep);
	spin_unlock(&ep->ready_lock);
}

status_t epoll_add(struct file *epoll, struct file *target, int fd, const struct epoll_event_k *event)
{
	struct epoll *ep = epoll->object;
	struct item *i;
	status_t st;

	if (epoll == target)
		return ERR_INVAL;
	if (!target->ops->poll)
		return FAIL(ERR_PERM, "file has no readiness");
	if ((event->events & EPOLLEXCLUSIVE_K) && ((event->events & ~EXCLUSIVE_ALLOWED) || epoll_is(target)))
		return ERR_INVAL;
	i = slab_alloc(item_cache);
	if (!i)
		return ERR_NOMEM;
	memset(i, 0, sizeof(*i));
	i->epoll = ep;
	i->file = target;
	i->fd = fd;
	i->events = event->events | ALWAYS;
	i->data = event->data;
	list_init(&i->file_link);
	list_init(&i->nested_link);
	list_init(&i->ready_link);
	spin_lock(&ep->lock);
	st = find_locked(ep, target, fd) ? ERR_EXIST : link_item(ep, i);
	if (st == OK) {
		insert_locked(ep, i);
		arm_locked(i, true);
	}
	spin_unlock(&ep->lock);
	if (st)
		slab_free(item_cache, i);
	else if (ep->ready_count)
		wake_pollers(ep);
	return st;
}

status_t epoll_modify(struct file *epoll, struct file *target, int fd, const struct epoll_event_k *event)
{
	struct epoll *ep = epoll->object;
	struct item *i;
	status_t st = OK;

	spin_lock(&ep->lock);
	i = find_locked(ep, target, fd);
	if (!i)
		st = ERR_NOENT;
	else if ((i->events | event->events) & EPOLLEXCLUSIVE_K)
		st = ERR_INVAL;
	else {
		i->data = event->data;
		__atomic_store_n(&i->events, event->events | ALWAYS, __ATOMIC_RELEASE);
		spin_lock(&ep->ready_lock);
		unmark_ready_locked(i);
		spin_unlock(&ep->ready_lock);
		arm_locked(i, false);
	}
	spin_unlock(&ep->lock);
	if (st == OK && ep->ready_count)
		wake_pollers(ep);
	return st;
}

status_t epoll_remove(struct file *epoll, struct file *target, int fd)
{
	struct epoll *ep = epoll->object;
	struct item *i;

	spin_lock(&ep->lock);
	i = find_locked(ep, target, fd);
	if (i)
		remove_locked(i);
	spin_unlock(&ep->lock);
	return i ? OK : ERR_NOENT;
}

static void epoll_drop(struct epoll *ep)
{
	if (__atomic_sub_fetch(&ep->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(ep);
}

/* A linked item holds its instance alive: release drops the file's reference only after it has removed all items. */
void epoll_file_released(struct file *f)
{
	for (;;) {
		struct epoll *ep = NULL;
		struct item *i;

		spin_lock(&links_lock);
		if (!list_empty(&f->epoll_links)) {
			ep = list_first(&f->epoll_links, struct item, file_link)->epoll;
			__atomic_add_fetch(&ep->refs, 1, __ATOMIC_RELAXED);
		}
		spin_unlock(&links_lock);
		if (!ep)
			return;
		spin_lock(&ep->lock);
		i = find_file_locked(ep, f);
		if (i)
			remove_locked(i);
		spin_unlock(&ep->lock);
		epoll_drop(ep);
	}
}

/* ---- waiting ---- */
static struct item *next_ready(struct epoll *ep)
{
	struct item *i = NULL;

	spin_lock(&ep->ready_lock);
	if (!list_empty(&ep->ready)) {
		i = list_first(&ep->ready, struct item, ready_link);
		unmark_ready_locked(i);
	}
	spin_unlock(&ep->ready_lock);
	return i;
}

/* Polls each item that was ready at the start once. Level-triggered items go back to the end of the list. */
static u32 harvest(struct epoll *ep, struct epoll_event_k *out, u32 max)
{
	u32 found = 0, left;
	struct item *i;

	spin_lock(&ep->lock);
	for (left = ep->ready_count; left && found < max && (i = next_ready(ep)); left--) {
		u32 events = i->events & ~PRIVATE_BITS ? file_poll(i->file, NULL) & i->events & ~PRIVATE_BITS : 0;

		if (!events)
			continue;
		out[found++] = (struct epoll_event_k){ .events = events, .data = i->data };
		if (i->events & EPOLLONESHOT_K) {
			i->events &= PRIVATE_BITS;
		} else if (!(i->events & EPOLLET_K)) {
			spin_lock(&ep->ready_lock);
			mark_ready_locked(i);
			spin_unlock(&ep->ready_lock);
		}
	}
	spin_unlock(&ep->lock);
	return found;
}

/* Again after each wake-up, which took the sleeper off. */
static void join_sleepers(struct epoll *ep, struct sleeper *s)
{
	spin_lock(&ep->ready_lock);
	if (list_empty(&s->link))
		list_push_back(&ep->sleepers, &s->link);
	spin_unlock(&ep->ready_lock);
}

/* Others may have been passed over by a wake-up that this thread got. */
static void leave_sleepers(struct epoll *ep, struct sleeper *s)
{
	spin_lock(&ep->ready_lock);
	list_remove(&s->link);
	if (ep->ready_count)
		wake_sleeper_locked(ep);
	spin_unlock(&ep->ready_lock);
}

u32 epoll_ready_count(struct file *epoll) { return ((struct epoll *)epoll->object)->ready_count; }

s64 epoll_wait_events(struct file *epoll, struct epoll_event_k *out, u32 max, u64 deadline_ns)
{
	struct epoll *ep = epoll->object;
	struct sleeper s = { .thread = thread_current() };
	status_t st = OK;
	u32 found = ep->ready_count ? harvest(ep, out, max) : 0;

	if (found || deadline_ns == 0)
		return found;
	list_init(&s.link);
	for (;;) {
		wait_prepare();
		join_sleepers(ep, &s);
		if (ep->ready_count && (found = harvest(ep, out, max)))
			break;
		st = wait_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
		if (st) {
			found = ep->ready_count ? harvest(ep, out, max) : 0;
			break;
		}
	}
	wait_finish();
	leave_sleepers(ep, &s);
	if (found || st == ERR_TIMEDOUT)
		return found;
	return st;
}

/* ---- the epoll file ---- */
static u32 epoll_poll(struct file *f, struct poll_table *table)
{
	struct epoll *ep = f->object;
	u32 events = 0, left;
	struct item *i;

	poll_wait(table, &ep->pollers);
	if (!ep->ready_count)
		return 0;
	spin_lock_nested(&ep->lock);
	for (left = ep->ready_count; left && !events && (i = next_ready(ep)); left--) {
		events = i->events & ~PRIVATE_BITS ? file_poll(i->file, NULL) & i->events & ~PRIVATE_BITS : 0;
		if (events) { /* only looked: it stays ready */
			spin_lock(&ep->ready_lock);
			mark_ready_locked(i);
			spin_unlock(&ep->ready_lock);
		}
	}
	spin_unlock(&ep->lock);
	return events ? POLL_IN | POLL_RDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->object;

	for (;;) {
		struct rb_node *n;

		spin_lock(&ep->lock);
		n = rb_first(&ep->items);
		if (n)
			remove_locked(rb_entry(n, struct item, node));
		spin_unlock(&ep->lock);
		if (!n)
			break;
		preempt_point();
	}
	epoll_drop(ep);
}

static void epoll_info(struct file *f, struct text *w)
{
	struct epoll *ep = f->object;

	spin_lock(&ep->lock);
	for (struct rb_node *n = rb_first(&ep->items); n && !text_full(w); n = rb_next(n)) {
		const struct item *i = rb_entry(n, struct item, node);
		const struct node *at = i->file->where.node;

		text_print(w, "tfd: %8d events: %8x data: %16llx  pos:%llu ino:%llx sdev:%llx\n", i->fd, i->events,
			   (unsigned long long)i->data, (unsigned long long)i->file->pos,
			   (unsigned long long)(at ? at->ino : i->file->ino), (unsigned long long)(at ? at->fs->dev : 0));
	}
	spin_unlock(&ep->lock);
}

static const struct file_ops epoll_ops = {
	.name = "eventpoll", .poll = epoll_poll, .release = epoll_release, .info = epoll_info,
};

struct file *epoll_create_file(void)
{
	struct epoll *ep;
	struct file *f;

	if (!item_cache)
		item_cache = slab_create("epoll_item", sizeof(struct item), 64);
	ep = item_cache ? kzalloc(sizeof(*ep)) : NULL;
	f = ep ? file_create(&epoll_ops, ep, 2 /* O_RDWR */) : NULL;
	if (!f) {
		kfree(ep);
		return NULL;
	}
	ep->refs = 1;
	spin_init(&ep->lock, RANK_EPOLL);
	spin_init(&ep->ready_lock, RANK_EPOLL_READY);
	list_init(&ep->ready);
	list_init(&ep->sleepers);
	list_init(&ep->nested);
	wait_queue_init(&ep->pollers);
	f->ino = file_new_ino();
	ep->file = f;
	return f;
}
