// SPDX-License-Identifier: MIT
/* NtNotifyChangeDirectoryFile over the change events of nodes (vfs/watch.c). A directory handle has one instance from its
 * first call on; what happens between calls waits in it. A kernel thread ends the calls that pend, because events come
 * where nothing may sleep. With WatchTree every directory below is watched too, each with its path.
 * Locks: [m] notify_mutex (a call or the worker at one instance), [q] work_lock. */
#include "file.h"

#include "nt_text.h"
#include "string.h"
#include "../vfs/vfs_internal.h"
#include "../vfs/watch.h"

#define DIRECTORIES_MAX 4096u       /* watched below one handle; beyond: NOTIFY_ENUM_DIR tells to look oneself */
#define EVENT_BYTES 4096u
#define RECORD_HEAD 12u
enum { CHANGE_FILE_NAME = 1, CHANGE_DIR_NAME = 2, CHANGE_ATTRIBUTES = 4, CHANGE_SIZE = 8, CHANGE_LAST_WRITE = 16, CHANGE_LAST_ACCESS = 32,
	CHANGE_CREATION = 64, CHANGE_EA = 128, CHANGE_SECURITY = 256, CHANGE_KNOWN = 0xfff };
enum { ACTION_ADDED = 1, ACTION_REMOVED = 2, ACTION_MODIFIED = 3, ACTION_RENAMED_OLD = 4, ACTION_RENAMED_NEW = 5 };

struct watched { s32 wd; char *path; };  /* path below the handle's directory, "" or "a/b" */
struct nt_notify {
	struct list_node link;           /* [q] all instances */
	struct list_node pending;        /* [m] struct nt_io */
	struct file *events;             /* [I] inotify */
	struct position at;              /* [I] referenced */
	u32 filter;                      /* [I] of the first call, as Windows has it */
	bool tree, overflow;
	struct watched *watched; u32 watched_count, watched_room; /* [m] */
	struct waiter waiter;
	bool raised;                     /* [a] the worker shall look */
	u32 refs;                        /* [q] */
	struct nt_dispatcher d;          /* what waits for the handle: reset while a call pends */
};
struct event_head { s32 wd; u32 mask, cookie, length; };

static struct spinlock work_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node instances = LIST_INIT(instances);
static struct mutex notify_mutex = NT_MUTEX_INIT(notify_mutex, RANK_EXEC_MUTEX);
static struct thread *worker_thread;
static bool work_raised;

/* ---- watching ---- */
static u32 mask_of(u32 filter)
{
	u32 mask = 0;
	if (filter & (CHANGE_FILE_NAME | CHANGE_DIR_NAME))
		mask |= IN_CREATE_K | IN_DELETE_K | IN_MOVED_FROM_K | IN_MOVED_TO_K;
	if (filter & (CHANGE_SIZE | CHANGE_LAST_WRITE))
		mask |= IN_MODIFY_K;
	if (filter & (CHANGE_ATTRIBUTES | CHANGE_SECURITY | CHANGE_LAST_WRITE | CHANGE_CREATION))
		mask |= IN_ATTRIB_K;
	if (filter & CHANGE_LAST_ACCESS)
		mask |= IN_ACCESS_K;
	return mask;
}

static status_t watch_one(struct nt_notify *n, struct node *dir, const char *path)
{
	u32 mask = mask_of(n->filter) | (n->tree ? IN_CREATE_K | IN_MOVED_TO_K : 0);
	if (n->watched_count == n->watched_room) {
		u32 room = MAX(n->watched_room * 2, 4u);
		struct watched *bigger = room > DIRECTORIES_MAX ? NULL : kmalloc(room * sizeof(*bigger));
		if (!bigger)
			return ERR_NOSPC;
		if (n->watched_count)
			memcpy(bigger, n->watched, n->watched_count * sizeof(*bigger));
		kfree(n->watched);
		n->watched = bigger;
		n->watched_room = room;
	}
	size_t length = strlen(path);
	char *copy = kmalloc(length + 1);
	s64 wd = copy ? inotify_add(n->events, dir, mask) : ERR_NOMEM;
	if (wd < 0) {
		kfree(copy);
		return (status_t)wd;
	}
	memcpy(copy, path, length + 1);
	n->watched[n->watched_count++] = (struct watched){ (s32)wd, copy };
	return OK;
}

static void join(char *out, const char *path, const char *name)
{
	size_t n = str_copy(out, path, PATH_MAX_BYTES);
	if (n && n + 1 < PATH_MAX_BYTES)
		out[n++] = '/';
	if (n < PATH_MAX_BYTES)
		str_copy(out + n, name, PATH_MAX_BYTES - n);
}

/* Watches the directories in `dir`; they enter the table and are looked into in turn by watch_tree. */
static status_t watch_children(struct nt_notify *n, struct node *dir, const char *path)
{
	struct position at = { n->at.mount, dir };
	char *records = kmalloc(EVENT_BYTES), *full = kmalloc(PATH_MAX_BYTES);
	struct file *f = NULL;
	status_t st = records && full ? open_position(at, O_DIRECTORY_K, false, &f) : ERR_NOMEM;
	for (s64 got = 1; !st && got > 0;) {
		struct io_buf to;
		io_buf_init_kernel(&to, records, EVENT_BYTES);
		got = f->ops->readdir(f, &to, false);
		for (s64 i = 0; !st && i < got;) {
			u16 size;
			struct node *child;
			const char *name = records + i + 19;
			memcpy(&size, records + i + 16, 2);
			if (records[i + 18] == 4 && strcmp(name, ".") && strcmp(name, "..") &&
			    !name_lookup(dir, name, (u32)strlen(name), &child)) {
				join(full, path, name);
				st = watch_one(n, child, full);
				node_put(child);
			}
			i += size;
		}
	}
	if (f)
		file_put(f);
	kfree(records);
	kfree(full);
	return st;
}

static struct node *directory_at(struct nt_notify *n, const char *path)
{
	struct node *dir = n->at.node;
	node_get(dir);
	while (*path) {
		const char *end = path;
		struct node *child;
		while (*end && *end != '/')
			end++;
		status_t st = name_lookup(dir, path, (u32)(end - path), &child);
		node_put(dir);
		if (st)
			return NULL;
		dir = child;
		path = *end ? end + 1 : end;
	}
	return dir;
}

static void watch_tree(struct nt_notify *n, u32 from)
{
	for (u32 i = from; i < n->watched_count; i++) {
		struct node *dir = directory_at(n, n->watched[i].path);
		if (!dir)
			continue;
		if (watch_children(n, dir, n->watched[i].path) == ERR_NOSPC)
			n->overflow = true;
		node_put(dir);
	}
}

/* ---- events to records ---- */
static u32 action_of(const struct nt_notify *n, u32 mask)
{
	bool directory = mask & IN_ISDIR_K;
	bool names = n->filter & (directory ? CHANGE_DIR_NAME : CHANGE_FILE_NAME);
	if (mask & IN_CREATE_K)
		return names ? ACTION_ADDED : 0;
	if (mask & IN_DELETE_K)
		return names ? ACTION_REMOVED : 0;
	if (mask & IN_MOVED_FROM_K)
		return names ? ACTION_RENAMED_OLD : 0;
	if (mask & IN_MOVED_TO_K)
		return names ? ACTION_RENAMED_NEW : 0;
	return mask & mask_of(n->filter) ? ACTION_MODIFIED : 0;
}

struct record_writer { u8 *out; u32 room, used, last; bool any, overflow; };

static void put_record(struct record_writer *w, u32 action, const char *path)
{
	u16 *wide = kmalloc(PATH_MAX_BYTES * sizeof(u16));
	s64 n = wide ? nt_path_from_utf8(path, (u32)strlen(path), wide, PATH_MAX_BYTES) : 0;
	u32 bytes = n > 0 ? (u32)n * 2 : 0, at = w->any ? ALIGN_UP(w->used, 4) : 0;
	if (!bytes || at + RECORD_HEAD + bytes > w->room) {
		w->overflow = true;
	} else {
		u32 head[3] = { 0, action, bytes }, step = at - w->last;
		if (w->any)
			memcpy(w->out + w->last, &step, 4);
		memcpy(w->out + at, head, RECORD_HEAD);
		memcpy(w->out + at + RECORD_HEAD, wide, bytes);
		w->last = at;
		w->used = at + RECORD_HEAD + bytes;
		w->any = true;
	}
	kfree(wide);
}

static void take_event(struct nt_notify *n, const struct event_head *e, const char *name, struct record_writer *w)
{
	char *full = kmalloc(PATH_MAX_BYTES);
	const char *path = NULL;
	for (u32 i = 0; i < n->watched_count; i++)
		if (n->watched[i].wd == e->wd)
			path = n->watched[i].path;
	if (e->wd < 0 || !full)
		w->overflow = true;
	if (path && full && e->length) {
		u32 action = action_of(n, e->mask);
		join(full, path, name);
		if (action)
			put_record(w, action, full);
		if (n->tree && (e->mask & IN_ISDIR_K) && (e->mask & (IN_CREATE_K | IN_MOVED_TO_K))) {
			struct node *dir = directory_at(n, full);
			u32 from = n->watched_count;
			if (dir && watch_one(n, dir, full))
				n->overflow = true;
			else if (dir)
				watch_tree(n, from);
			if (dir)
				node_put(dir);
		}
	}
	kfree(full);
}

/* What has happened, as records. False: nothing that counts. */
static bool collect(struct nt_notify *n, struct record_writer *w)
{
	u8 *bytes = kmalloc(EVENT_BYTES);
	for (s64 got = 1; bytes && got > 0;) {
		struct io_buf to;
		io_buf_init_kernel(&to, bytes, EVENT_BYTES);
		got = n->events->ops->read(n->events, &to, NULL);
		for (s64 i = 0; i + (s64)sizeof(struct event_head) <= got;) {
			struct event_head e;
			memcpy(&e, bytes + i, sizeof(e));
			take_event(n, &e, (const char *)bytes + i + sizeof(e), w);
			i += (s64)sizeof(e) + e.length;
		}
	}
	kfree(bytes);
	w->overflow |= n->overflow;
	n->overflow = false;
	return w->any || w->overflow;
}

/* ---- ends of calls ---- */
#define RECORDS_MAX 65536u  /* of one call; a larger buffer is used this far */

static bool try_end(struct nt_notify *n, struct nt_io *io, bool foreign, s64 *status)
{
	struct record_writer w = { .room = MIN(io->length, RECORDS_MAX) };
	w.out = kmalloc(MAX(w.room, RECORD_HEAD));
	bool some = w.out && collect(n, &w);
	*status = 0;
	if (some && (w.overflow || !w.any)) {
		*status = NT(NOTIFY_ENUM_DIR);
		w.used = 0;
	} else if (some && w.used) {
		bool stored = foreign ? aspace_write_bytes(io->as, io->buffer, w.out, w.used) == (s64)w.used :
				!copy_out(user_ptr(io->buffer), w.out, w.used);
		if (!stored)
			*status = NT(ACCESS_VIOLATION);
	}
	io->information = w.used;
	io->status = nt_status(*status);
	kfree(w.out);
	return some;
}

static void instance_put(struct nt_notify *n)
{
	spin_lock(&work_lock);
	bool last = --n->refs == 0;
	if (last)
		list_remove(&n->link);
	spin_unlock(&work_lock);
	if (!last)
		return;
	waiter_remove(&n->waiter);
	file_put(n->events);
	position_put(n->at);
	for (u32 i = 0; i < n->watched_count; i++)
		kfree(n->watched[i].path);
	kfree(n->watched);
	kfree(n);
}

static bool on_event(struct waiter *w, u64 key UNUSED)
{
	struct nt_notify *n = w->arg;
	__atomic_store_n(&n->raised, true, __ATOMIC_RELEASE);
	__atomic_store_n(&work_raised, true, __ATOMIC_RELEASE);
	thread_wake(worker_thread); /* no queue: the event's is locked */
	return false;
}

static struct nt_notify *next_raised(void)
{
	struct nt_notify *found = NULL;
	spin_lock(&work_lock);
	list_for_each(n, &instances, struct nt_notify, link)
		if (!found && __atomic_exchange_n(&n->raised, false, __ATOMIC_ACQ_REL)) {
			found = n;
			n->refs++;
		}
	spin_unlock(&work_lock);
	return found;
}

static void serve(struct nt_notify *n)
{
	struct nt_io *io = NULL;
	s64 st;
	mutex_lock(&notify_mutex);
	if (!list_empty(&n->pending)) {
		io = list_first(&n->pending, struct nt_io, link);
		if (try_end(n, io, true, &st)) {
			list_remove(&io->link);
			list_init(&io->link);
		} else {
			io = NULL;
		}
	}
	mutex_unlock(&notify_mutex);
	if (io) {
		nt_io_complete(io);
		nt_dispatcher_signal(&n->d);
	}
}

static void worker(void *arg UNUSED)
{
	for (;;) {
		struct nt_notify *n;
		wait_prepare();
		if (!__atomic_load_n(&work_raised, __ATOMIC_ACQUIRE) && wait_sleep(DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE)) { /* look anyway */ }
		wait_finish();
		__atomic_store_n(&work_raised, false, __ATOMIC_SEQ_CST);
		while ((n = next_raised())) {
			serve(n);
			instance_put(n);
		}
	}
}

/* ---- the call ---- */
static status_t add_waiter(struct poll_table *t, struct wait_queue *q);
struct notify_table { struct poll_table table; struct nt_notify *n; };
static status_t add_waiter(struct poll_table *t, struct wait_queue *q)
{
	waiter_add(q, &container_of(t, struct notify_table, table)->n->waiter);
	return OK;
}

static bool worker_start(void)
{
	mutex_lock(&notify_mutex);
	if (!worker_thread)
		worker_thread = kernel_thread_create("nt-notify", worker, NULL);
	mutex_unlock(&notify_mutex);
	return worker_thread;
}

static struct nt_notify *instance_new(struct file *f, u32 filter, bool tree)
{
	struct nt_notify *n = kzalloc(sizeof(*n));
	struct file *events = n ? inotify_create(O_NONBLOCK_K) : NULL;
	if (!events || !worker_start()) {
		if (events)
			file_put(events);
		kfree(n);
		return NULL;
	}
	n->events = events;
	n->at = f->where;
	position_get(n->at);
	n->filter = filter;
	n->tree = tree;
	n->refs = 1;
	nt_dispatcher_init(&n->d, NT_NOTIFICATION, 0);
	list_init(&n->pending);
	waiter_init(&n->waiter);
	n->waiter.fn = on_event;
	n->waiter.arg = n;
	struct notify_table t = { .table = { .add = add_waiter, .long_lived = true }, .n = n };
	events->ops->poll(events, &t.table);
	spin_lock(&work_lock);
	list_push_back(&instances, &n->link);
	spin_unlock(&work_lock);
	if (!watch_one(n, n->at.node, "") && tree)
		watch_tree(n, 0);
	return n;
}

NT_HANDLER(NotifyChangeDirectoryFile)
{
	struct file *f;
	struct nt_io io;
	u32 filter = (u32)a[7];
	if (!filter || (filter & ~(u32)CHANGE_KNOWN))
		return NT(INVALID_PARAMETER);
	s64 st = nt_handle_get(a[0], NT_TYPE_FILE, FILE_READ_DATA, &f);
	if (st)
		return st;
	struct nt_open *o = f->nt_open;
	if (!o || !f->where.node || !node_is_dir(f->where.node))
		st = NT(INVALID_PARAMETER);
	if (!st && !o->notify && !(o->notify = instance_new(f, filter, (u8)a[8])))
		st = ERR_NOMEM;
	if (!st)
		st = nt_io_begin(&io, f, a);
	if (st) {
		file_put(f);
		return st;
	}
	io.buffer = a[5];
	io.length = (u32)a[6];
	mutex_lock(&notify_mutex);
	bool ended = list_empty(&o->notify->pending) && try_end(o->notify, &io, false, &st);
	struct nt_io *pended = ended ? NULL : nt_io_pend(&io);
	if (pended) {
		nt_dispatcher_reset(&o->notify->d);
		list_push_back(&o->notify->pending, &pended->link);
	}
	mutex_unlock(&notify_mutex);
	if (ended) {
		st = nt_io_finish(&io, st, io.information);
		nt_dispatcher_signal(&o->notify->d);
	} else if (!pended)
		st = nt_io_finish(&io, ERR_NOMEM, 0);
	else /* a handle for synchronous operations waits for its event; kernelbase opens such directories overlapped */
		st = NT(PENDING);
	file_put(f);
	return st;
}

static u32 end_all(struct nt_notify *n, u64 iosb, struct thread *t, u32 status)
{
	struct list_node done = LIST_INIT(done), *link;
	u32 count = 0;
	mutex_lock(&notify_mutex);
	list_for_each_safe(io, &n->pending, struct nt_io, link)
		if ((!iosb || io->iosb == iosb) && (!t || io->thread == t)) {
			list_remove(&io->link);
			list_push_back(&done, &io->link);
			io->status = status;
			io->information = 0;
			count++;
		}
	mutex_unlock(&notify_mutex);
	while ((link = list_pop_front(&done))) {
		list_init(link);
		nt_io_complete(list_entry(link, struct nt_io, link));
	}
	if (count)
		nt_dispatcher_signal(&n->d);
	return count;
}

struct nt_dispatcher *nt_notify_dispatcher(const struct file *f)
{
	return f->nt_open && f->nt_open->notify ? &f->nt_open->notify->d : NULL;
}

u32 nt_notify_cancel(struct file *f, u64 iosb, struct thread *t)
{
	struct nt_notify *n = f->nt_open ? f->nt_open->notify : NULL;
	return n ? end_all(n, iosb, t, (u32)NT_CANCELLED) : 0;
}

void nt_notify_release(struct file *f)
{
	struct nt_notify *n = f->nt_open->notify;
	end_all(n, 0, NULL, (u32)NT_NOTIFY_CLEANUP);
	instance_put(n);
}
