// SPDX-License-Identifier: MIT
/* The change-event hook of nodes; inotify (inotify(7)) and F_NOTIFY (fcntl(2)) on top of it.
 * node_notify tells the watches of the node itself and, with its name, those of the directories that name it.
 * Without any watch in the system a change costs one load (NOTIFY in vfs_internal.h).
 * watch_lock guards all watches and queues; events are copied to user memory outside it. */
#include "vfs_internal.h"

#include "base/text.h"
#include "async.h"
#include "watch.h"

#define QUEUE_MAX 16384u          /* fs.inotify.max_queued_events; then one IN_Q_OVERFLOW */
#define INSTANCES_MAX 128u        /* per user, fs.inotify.max_user_instances */
#define WATCHES_MAX 65536u        /* per instance, fs.inotify.max_user_watches */
#define IN_Q_OVERFLOW_K 0x4000u
#define IN_IGNORED_K 0x8000u
#define IN_ONLYDIR_K 0x01000000u
#define IN_DONT_FOLLOW_K 0x02000000u
#define IN_EXCL_UNLINK_K 0x04000000u
#define IN_MASK_CREATE_K 0x10000000u
#define IN_MASK_ADD_K 0x20000000u
#define IN_ONESHOT_K 0x80000000u
#define IN_ALL_EVENTS_K 0xfffu
/* Events that a directory's watch hears about its entries. */
#define DATA_EVENTS (IN_ACCESS_K | IN_MODIFY_K | IN_CLOSE_WRITE_K | IN_CLOSE_NOWRITE_K | IN_OPEN_K)
#define CHILD_EVENTS (DATA_EVENTS | IN_ATTRIB_K)
#define KEPT_FLAGS (IN_ALL_EVENTS_K | IN_ONESHOT_K | IN_EXCL_UNLINK_K)

struct event { struct list_node link; s32 wd; u32 mask, cookie, length; char name[]; };
struct event_header { s32 wd; u32 mask, cookie, length; };
struct inotify {                  /* of an inotify file, or what F_NOTIFY has made of a directory */
	u32 refs;                     /* [a] */
	struct list_node events, watches; /* [watch_lock] */
	u32 event_count, watch_count;
	s32 next_wd;
	struct user *owner;           /* [I] whose instances it counts in; referenced; NULL: the kernel's own */
	struct wait_queue readable;
	struct file *told;            /* F_NOTIFY: events become signals to its owner; it removes this on release */
	const struct fdtable *told_by;/* and when this table closes a number of it */
	struct list_node told_link;   /* in dnotifies */
};
struct watch {
	struct watch *next;           /* of the node */
	struct list_node instance_link;
	struct inotify *instance;
	struct node *node;            /* referenced */
	s32 wd;
	u32 mask;
};
u32 watch_count;
static struct spinlock watch_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node dnotifies = LIST_INIT(dnotifies);

static void queue_locked(struct inotify *in, struct event *e)
{
	if (!list_empty(&in->events)) {
		struct event *last = list_entry(in->events.prev, struct event, link);
		bool same = last->wd == e->wd && last->mask == e->mask && last->length == e->length;
		if (same && !(e->mask & IN_IGNORED_K) && !memcmp(last->name, e->name, e->length)) {
			kfree(e);
			return;
		}
	}
	if (in->event_count >= QUEUE_MAX) {
		kfree(e);
		return;
	}
	if (in->event_count == QUEUE_MAX - 1) {
		e->mask = IN_Q_OVERFLOW_K;
		e->wd = -1;
		e->length = 0;
	}
	in->event_count++;
	list_push_back(&in->events, &e->link);
	wait_queue_wake(&in->readable, UINT32_MAX, POLL_IN | POLL_RDNORM);
}

static void post_locked(struct watch *w, u32 mask, const char *name, u32 cookie)
{
	if (w->instance->told) {
		if (!(mask & IN_IGNORED_K))
			file_event_note(w->instance->told, FILE_EVENT_MESSAGE);
		return;
	}
	u32 length = name ? ALIGN_UP((u32)strlen(name) + 1, 16) : 0;
	struct event *e = kmalloc(sizeof(*e) + length);
	if (!e)
		return;
	e->wd = w->wd;
	e->mask = mask;
	e->cookie = cookie;
	e->length = length;
	memset(e->name, 0, length);
	if (name)
		memcpy(e->name, name, strlen(name));
	queue_locked(w->instance, e);
}

static void unlink_locked(struct watch *w, struct list_node *dead)
{
	struct watch **slot = &w->node->watches;
	while (*slot != w)
		slot = &(*slot)->next;
	*slot = w->next;
	list_remove(&w->instance_link);
	w->instance->watch_count--;
	watch_count--;
	list_push_back(dead, &w->instance_link);
}

static void free_watches(struct list_node *dead)
{
	struct list_node *link;
	while ((link = list_pop_front(dead))) {
		struct watch *w = list_entry(link, struct watch, instance_link);
		node_put(w->node);
		kfree(w);
	}
}

/* unlinked: the object's name, or its last one, is gone; IN_EXCL_UNLINK then hears nothing of its data. */
static void tell_locked(struct node *n, u32 mask, const char *name, u32 cookie, bool unlinked, struct list_node *dead)
{
	struct watch *next;
	for (struct watch *w = n->watches; w; w = next) {
		next = w->next;
		bool heard = (mask & IN_UNMOUNT_K) || (w->mask & mask & (IN_ALL_EVENTS_K | IN_MOVED_WITHIN_K));
		if (!heard || (unlinked && (mask & DATA_EVENTS) && (w->mask & IN_EXCL_UNLINK_K)))
			continue;
		post_locked(w, mask & (w->mask | IN_ISDIR_K | IN_UNMOUNT_K), name, cookie);
		if (w->mask & IN_ONESHOT_K) {
			post_locked(w, IN_IGNORED_K, NULL, 0);
			unlink_locked(w, dead);
		}
	}
}

struct parent { struct node *dir; bool unlinked; char name[NAME_MAX_BYTES + 1]; };

/* Directories that name n, for the events they hear about; found under name_lock, told afterwards. */
static u32 watching_parents(struct node *n, struct parent *parents, u32 max)
{
	u32 count = 0;
	spin_lock(&name_lock);
	list_for_each(e, &n->names, struct name_entry, child_link) {
		if (count == max || !e->dir->watches)
			continue;
		struct parent *p = &parents[count++];
		node_get(e->dir);
		p->dir = e->dir;
		p->unlinked = !e->hashed;
		memcpy(p->name, e->text, e->length + 1u);
	}
	spin_unlock(&name_lock);
	return count;
}

static void drop_node_watches_locked(struct node *n, struct list_node *dead)
{
	while (n->watches) {
		post_locked(n->watches, IN_IGNORED_K, NULL, 0);
		unlink_locked(n->watches, dead);
	}
}

void node_notify(struct node *n, u32 mask, const char *name, u32 cookie)
{
	struct parent parents[2];
	struct list_node dead = LIST_INIT(dead);
	bool self = mask & (IN_DELETE_SELF_K | IN_MOVE_SELF_K | IN_UNMOUNT_K);
	if (!name && !self && node_is_dir(n))
		mask |= IN_ISDIR_K;
	u32 count = !name && (mask & CHILD_EVENTS) ? watching_parents(n, parents, ARRAY_SIZE(parents)) : 0;
	if (mask & IN_LINKS_K)
		mask |= IN_ATTRIB_K;
	spin_lock(&watch_lock);
	for (u32 i = 0; i < count; i++)
		tell_locked(parents[i].dir, mask & (CHILD_EVENTS | IN_ISDIR_K), parents[i].name, 0, parents[i].unlinked, &dead);
	tell_locked(n, mask, name, cookie, !name && (n->flags & NODE_UNLINKED), &dead);
	if (mask & (IN_DELETE_SELF_K | IN_UNMOUNT_K))
		drop_node_watches_locked(n, &dead);
	spin_unlock(&watch_lock);
	free_watches(&dead);
	for (u32 i = 0; i < count; i++)
		node_put(parents[i].dir);
}

void watches_unmount(const struct filesystem *fs)
{
	if (!watch_count)
		return;
	for (struct node *n = node_next(NULL); n; n = node_next(n))
		if (n->fs == fs && n->watches)
			node_notify(n, IN_UNMOUNT_K, NULL, 0);
}

/* ---- the inotify file ---- */
static s64 inotify_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct inotify *in = f->object;
	s64 done = 0;
	for (;;) {
		spin_lock(&watch_lock);
		struct event *e = list_empty(&in->events) ? NULL : list_first(&in->events, struct event, link);
		bool fits = e && sizeof(struct event_header) + e->length <= to->remaining;
		if (fits) {
			list_remove(&e->link);
			in->event_count--;
		}
		spin_unlock(&watch_lock);
		if (e && !fits)
			return done ? done : ERR_INVAL;
		if (!e) {
			if (done || (f->flags & O_NONBLOCK_K))
				return done ? done : ERR_AGAIN;
			status_t st = WAIT_EVENT(&in->readable, in->event_count, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
			if (st)
				return st == ERR_INTR ? ERR_RESTART : st;
			continue;
		}
		struct event_header h = { e->wd, e->mask, e->cookie, e->length };
		size_t put = io_buf_put(to, &h, sizeof(h));
		put += io_buf_put(to, e->name, e->length);
		bool ok = put == sizeof(h) + e->length;
		kfree(e);
		if (!ok)
			return done ? done : ERR_FAULT;
		done += (s64)put;
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *table)
{
	struct inotify *in = f->object;
	poll_wait(table, &in->readable);
	return in->event_count ? POLL_IN | POLL_RDNORM : 0;
}

static s64 inotify_ioctl(struct file *f, u32 command, u64 arg)
{
	struct inotify *in = f->object;
	s32 bytes = 0;
	if (command != 0x541b) /* FIONREAD */
		return ERR_NOTTY;
	spin_lock(&watch_lock);
	list_for_each(e, &in->events, struct event, link)
		bytes += (s32)(sizeof(struct event_header) + e->length);
	spin_unlock(&watch_lock);
	return COPY_OUT(user_ptr(arg), &bytes);
}

static void instance_free(struct inotify *in)
{
	struct list_node dead = LIST_INIT(dead), *link;
	spin_lock(&watch_lock);
	while (!list_empty(&in->watches))
		unlink_locked(list_first(&in->watches, struct watch, instance_link), &dead);
	spin_unlock(&watch_lock);
	free_watches(&dead);
	while ((link = list_pop_front(&in->events)))
		kfree(list_entry(link, struct event, link));
	if (in->owner) {
		__atomic_sub_fetch(&in->owner->inotify_instances, 1, __ATOMIC_RELAXED);
		user_put(in->owner);
	}
	kfree(in);
}

static void inotify_release(struct file *f) { instance_free(f->object); }

static void inotify_info(struct file *f, struct text *w)
{
	struct inotify *in = f->object;
	spin_lock(&watch_lock);
	list_for_each(watch, &in->watches, struct watch, instance_link)
		text_print(w, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n", (u32)watch->wd,
			   (unsigned long long)watch->node->ino, (unsigned long long)watch->node->fs->dev, watch->mask);
	spin_unlock(&watch_lock);
}

static const struct file_ops inotify_ops = {
	.name = "inotify", .read = inotify_read, .poll = inotify_poll, .ioctl = inotify_ioctl, .release = inotify_release,
	.info = inotify_info, .signals_io = true,
};

static struct inotify *instance_create(void)
{
	struct inotify *in = kzalloc(sizeof(*in));
	if (!in)
		return NULL;
	list_init(&in->events);
	list_init(&in->watches);
	list_init(&in->told_link);
	wait_queue_init(&in->readable);
	return in;
}

struct file *inotify_create(u32 flags)
{
	struct inotify *in = instance_create();
	struct file *f = in ? file_create(&inotify_ops, in, flags) : NULL;
	if (!f)
		kfree(in);
	return f;
}

struct file *inotify_create_for(struct user *owner, u32 flags, status_t *st)
{
	u32 count = __atomic_add_fetch(&owner->inotify_instances, 1, __ATOMIC_RELAXED);
	struct file *f = count > INSTANCES_MAX ? NULL : inotify_create(flags);
	*st = f ? OK : count > INSTANCES_MAX ? ERR_MFILE : ERR_NOMEM;
	if (f)
		((struct inotify *)f->object)->owner = user_ref(owner);
	else
		__atomic_sub_fetch(&owner->inotify_instances, 1, __ATOMIC_RELAXED);
	return f;
}

bool file_is_inotify(const struct file *f)
{
	return f->ops == &inotify_ops;
}

static struct watch *find_locked(struct inotify *in, const struct node *n)
{
	for (struct watch *w = n->watches; w; w = w->next)
		if (w->instance == in)
			return w;
	return NULL;
}

/* Changes the watch of n or makes *fresh one, which is then NULL. */
static s64 watch_add_locked(struct inotify *in, struct node *n, u32 mask, struct watch **fresh)
{
	struct watch *w = find_locked(in, n);
	u32 kept = mask & (KEPT_FLAGS | IN_MOVED_WITHIN_K);
	if (w) {
		if (mask & IN_MASK_CREATE_K)
			return ERR_EXIST;
		w->mask = (mask & IN_MASK_ADD_K ? w->mask : 0) | kept;
		return w->wd;
	}
	if (in->watch_count >= WATCHES_MAX)
		return ERR_NOSPC;
	node_get(n);
	w = *fresh;
	*fresh = NULL;
	*w = (struct watch){ .next = n->watches, .instance = in, .node = n, .wd = ++in->next_wd, .mask = kept };
	n->watches = w;
	list_init(&w->instance_link);
	list_push_back(&in->watches, &w->instance_link);
	in->watch_count++;
	watch_count++;
	return w->wd;
}

s64 inotify_add(struct file *f, struct node *n, u32 mask)
{
	struct watch *fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return ERR_NOMEM;
	spin_lock(&watch_lock);
	s64 result = watch_add_locked(f->object, n, mask & ~IN_MOVED_WITHIN_K, &fresh);
	spin_unlock(&watch_lock);
	kfree(fresh);
	return result;
}

s64 inotify_remove(struct file *f, s32 wd)
{
	struct inotify *in = f->object;
	struct list_node dead = LIST_INIT(dead);
	s64 result = ERR_INVAL;
	spin_lock(&watch_lock);
	list_for_each_safe(w, &in->watches, struct watch, instance_link) {
		if (w->wd != wd)
			continue;
		post_locked(w, IN_IGNORED_K, NULL, 0);
		unlink_locked(w, &dead);
		result = OK;
		break;
	}
	spin_unlock(&watch_lock);
	free_watches(&dead);
	return result;
}

/* ---- F_NOTIFY ---- */
static struct inotify *dnotify_find_locked(const struct file *f, const struct fdtable *by)
{
	list_for_each(in, &dnotifies, struct inotify, told_link)
		if (in->told == f && (!by || in->told_by == by))
			return in;
	return NULL;
}

status_t dnotify_add(struct file *f, const struct fdtable *by, u32 mask)
{
	struct inotify *fresh = instance_create();
	struct watch *watch = kzalloc(sizeof(*watch));
	s64 result = ERR_NOMEM;
	if (fresh && watch) {
		spin_lock(&watch_lock);
		struct inotify *in = dnotify_find_locked(f, by);
		if (!in) {
			in = fresh;
			fresh = NULL;
			in->told = f;
			in->told_by = by;
			list_push_back(&dnotifies, &in->told_link);
		}
		result = watch_add_locked(in, f->where.node, mask | IN_MASK_ADD_K, &watch);
		spin_unlock(&watch_lock);
	}
	kfree(fresh);
	kfree(watch);
	return result < 0 ? (status_t)result : OK;
}

void dnotify_drop(struct file *f, const struct fdtable *by)
{
	for (;;) {
		spin_lock(&watch_lock);
		struct inotify *in = dnotify_find_locked(f, by);
		if (in)
			list_remove(&in->told_link);
		spin_unlock(&watch_lock);
		if (!in)
			return;
		instance_free(in);
	}
}
