// SPDX-License-Identifier: MIT
/* Message queues: messages by priority, among equals by age; waiters likewise (real-time priority, then age).
 * Who waits is served by who comes: a sender hands its message to the first waiting receiver, a receiver makes room for
 * the first waiting sender's, so nobody who comes later gets in between. A waiter's memory is its own stack: others touch
 * it under the queue's lock only, and it passes through that lock before it returns.
 * A notification is sent when a message comes into the empty queue while nobody waits for one. */
#include "message_queue.h"

#include "base/string.h"
#include "linux.h"
#include "linux/stat.h"
#include "signal.h"

#define NAME_BYTES 255u              /* NAME_MAX */
#define QUEUES_MAX 256u              /* fs/mqueue/queues_max, for those without CAP_SYS_RESOURCE */
#define DEPTH_HARD 65536             /* mq_overview(7): the ceilings for those with it */
#define SIZE_HARD 16777216
#define MESSAGE_OVERHEAD 48u         /* what getrlimit(2) counts for a message beside its bytes, and for a priority */
#define STAT_SIZE 80                 /* st_size that Linux shows */
#define QUEUE_DEV 0x13               /* st_dev; any constant */
#define STATUS_BYTES 80u             /* one line of text */

/* Locks: [q] lock, [n] names_lock, [a] atomic, [I] immutable. */
struct message_queue {
	struct spinlock lock;             /* RANK_OBJECT */
	u32 refs;                         /* [a] files, and the name */
	struct list_node link;            /* [n] */
	bool linked;                      /* [n] */
	char name[NAME_BYTES + 1];        /* [I] */
	u32 mode, uid, gid;               /* [I] */
	u64 ino;                          /* [I] */
	struct user *user;                /* [I] whose bytes they are */
	u64 charge;                       /* [I] */
	struct message_limits limits;     /* [I] */
	struct list_node messages;        /* [q] highest priority first */
	u32 count;                        /* [q] */
	u64 bytes;                        /* [q] */
	struct list_node senders, receivers; /* [q] of struct queue_waiter, first to be served first */
	struct process *listener;         /* [q] referenced; NULL: nobody is notified */
	struct message_event event;       /* [q] */
	s64 access_ns, change_ns;         /* [q] */
	struct wait_queue read_wait, write_wait; /* poll */
};

struct queue_waiter {
	struct list_node link;
	struct thread *thread;
	struct message *message;          /* a sender's; for a receiver what it was given */
	bool served;
};

/* What is left to do once the lock is free. */
struct notice { struct process *listener; struct message_event event; };

static struct spinlock names_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node names = LIST_INIT(names); /* [n] */
static u32 name_count;                            /* [n] */
static const struct file_ops queue_ops;

static s64 wall_now(void) { return (s64)(time_boot_wall_ns() + time_now_ns()); }
bool message_queue_is(const struct file *f) { return f->ops == &queue_ops; }
struct message_limits message_queue_limits(const struct file *f) { return ((struct message_queue *)f->object)->limits; }
u32 message_queue_count(const struct file *f) { return ((struct message_queue *)f->object)->count; }

/* ---- names ---- */
static void queue_put(struct message_queue *q)
{
	struct list_node *n;

	if (__atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL))
		return;
	while ((n = list_pop_front(&q->messages)))
		kfree(list_entry(n, struct message, link));
	if (q->listener)
		process_put(q->listener);
	__atomic_sub_fetch(&q->user->queue_bytes, q->charge, __ATOMIC_RELAXED);
	user_put(q->user);
	kfree(q);
}

static struct message_queue *find_locked(const char *name)
{
	list_for_each(q, &names, struct message_queue, link)
		if (!strcmp(q->name, name))
			return q;
	return NULL;
}

static struct message_queue *find(const char *name)
{
	struct message_queue *q;

	spin_lock(&names_lock);
	q = find_locked(name);
	if (q)
		__atomic_add_fetch(&q->refs, 1, __ATOMIC_RELAXED);
	spin_unlock(&names_lock);
	return q;
}

static status_t name_check(const char *name)
{
	if (!*name)
		return ERR_NOENT;
	if (strlen(name) > NAME_BYTES)
		return ERR_NAMETOOLONG;
	for (const char *c = name; *c; c++)
		if (*c == '/')
			return ERR_ACCES;
	return !strcmp(name, ".") || !strcmp(name, "..") ? ERR_ACCES : OK;
}

static status_t limits_check(const struct message_limits *l, bool privileged)
{
	if (l->count <= 0 || l->size <= 0)
		return ERR_INVAL;
	if (l->count > (privileged ? DEPTH_HARD : MESSAGE_QUEUE_DEPTH) || l->size > (privileged ? SIZE_HARD : MESSAGE_QUEUE_SIZE))
		return ERR_INVAL;
	return OK;
}

static u64 charge_of(const struct message_limits *l)
{
	u64 count = (u64)l->count;

	return count * (u64)l->size + count * MESSAGE_OVERHEAD + MIN(count, MESSAGE_PRIORITIES) * MESSAGE_OVERHEAD;
}

static status_t charge(struct user *u, u64 bytes)
{
	if (__atomic_add_fetch(&u->queue_bytes, bytes, __ATOMIC_RELAXED) <= process_current()->rlimits[RLIMIT_MSGQUEUE].soft)
		return OK;
	__atomic_sub_fetch(&u->queue_bytes, bytes, __ATOMIC_RELAXED);
	return ERR_MFILE;
}

static struct message_queue *queue_new(const char *name, u32 mode, const struct message_limits *limits, status_t *st)
{
	const struct cred *c = thread_current()->cred;
	struct message_queue *q;

	*st = limits_check(limits, cred_has_cap(c, CAP_SYS_RESOURCE));
	if (*st)
		return NULL;
	*st = charge(c->user, charge_of(limits));
	if (*st)
		return NULL;
	q = kzalloc(sizeof(*q));
	if (!q) {
		__atomic_sub_fetch(&c->user->queue_bytes, charge_of(limits), __ATOMIC_RELAXED);
		*st = ERR_NOMEM;
		return NULL;
	}
	spin_init(&q->lock, RANK_OBJECT);
	q->refs = 1;
	memcpy(q->name, name, strlen(name) + 1);
	q->mode = S_IFREG_K | (mode & 0777);
	q->uid = c->fsuid;
	q->gid = c->fsgid;
	q->ino = file_new_ino();
	q->user = user_ref(c->user);
	q->limits = *limits;
	q->charge = charge_of(limits);
	list_init(&q->messages);
	list_init(&q->senders);
	list_init(&q->receivers);
	q->access_ns = q->change_ns = wall_now();
	wait_queue_init(&q->read_wait);
	wait_queue_init(&q->write_wait);
	return q;
}

/* Puts q under its name; ERR_EXIST: somebody was faster. */
static status_t link_name(struct message_queue *q)
{
	bool unlimited = cred_has_cap(thread_current()->cred, CAP_SYS_RESOURCE);
	status_t st = OK;

	spin_lock(&names_lock);
	if (find_locked(q->name))
		st = ERR_EXIST;
	else if (name_count >= QUEUES_MAX && !unlimited)
		st = ERR_NOSPC;
	if (!st) {
		list_push_back(&names, &q->link);
		q->linked = true;
		q->refs++;
		name_count++;
	}
	spin_unlock(&names_lock);
	return st;
}

static status_t permission(const struct message_queue *q, u32 flags)
{
	static const u8 wanted[4] = { 4, 2, 6, 6 }; /* by access mode */
	const struct cred *c = thread_current()->cred;
	u32 shift = c->fsuid == q->uid ? 6 : cred_in_group(c, q->gid) ? 3 : 0, want = wanted[flags & O_ACCMODE_K];

	if ((q->mode >> shift & want) == want || cred_has_cap(c, CAP_DAC_OVERRIDE))
		return OK;
	return want == 4 && cred_has_cap(c, CAP_DAC_READ_SEARCH) ? OK : ERR_ACCES;
}

static status_t open_or_create(const char *name, u32 flags, u32 mode, const struct message_limits *limits, struct message_queue **out)
{
	static const struct message_limits plain = { MESSAGE_QUEUE_DEPTH, MESSAGE_QUEUE_SIZE };
	struct message_queue *q;
	status_t st = ERR_EXIST;

	while (!(q = find(name))) {
		if (!(flags & O_CREAT_K))
			return ERR_NOENT;
		q = queue_new(name, mode, limits ? limits : &plain, &st);
		if (!q)
			return st;
		st = link_name(q);
		if (!st) {
			*out = q;
			return OK;
		}
		queue_put(q);
		if (st != ERR_EXIST)
			return st;
	}
	if ((flags & O_CREAT_K) && (flags & O_EXCL_K))
		st = ERR_EXIST;
	else
		st = (flags & O_ACCMODE_K) == O_ACCMODE_K ? ERR_INVAL : permission(q, flags);
	if (st)
		queue_put(q);
	*out = q;
	return st;
}

status_t message_queue_open(const char *name, u32 flags, u32 mode, const struct message_limits *limits, struct file **out)
{
	struct message_queue *q;
	status_t st = name_check(name);

	if (!st)
		st = open_or_create(name, flags, mode, limits, &q);
	if (st)
		return st;
	*out = file_create(&queue_ops, q, flags & (O_ACCMODE_K | O_NONBLOCK_K));
	if (!*out) {
		queue_put(q);
		return ERR_NOMEM;
	}
	(*out)->ino = q->ino;
	return OK;
}

/* As in a directory that is everybody's and sticky: only the owner takes a name away. */
status_t message_queue_unlink(const char *name)
{
	const struct cred *c = thread_current()->cred;
	struct message_queue *q;
	status_t st = name_check(name);

	if (st)
		return st;
	spin_lock(&names_lock);
	q = find_locked(name);
	st = !q ? ERR_NOENT : c->fsuid != q->uid && !cred_has_cap(c, CAP_FOWNER) ? ERR_PERM : OK;
	if (!st) {
		list_remove(&q->link);
		q->linked = false;
		name_count--;
	}
	spin_unlock(&names_lock);
	if (!st)
		queue_put(q);
	return st;
}

/* ---- messages ---- */
static void insert_locked(struct message_queue *q, struct message *m)
{
	struct list_node *at = q->messages.prev;

	while (at != &q->messages && list_entry(at, struct message, link)->priority < m->priority)
		at = at->prev;
	list_insert_before(at->next, &m->link);
	q->count++;
	q->bytes += m->size;
}

static struct message *take_locked(struct message_queue *q)
{
	struct list_node *n = list_pop_front(&q->messages);
	struct message *m = n ? list_entry(n, struct message, link) : NULL;

	if (m) {
		q->count--;
		q->bytes -= m->size;
		q->access_ns = q->change_ns = wall_now();
	}
	return m;
}

static void queue_waiter_locked(struct list_node *waiters, struct queue_waiter *w)
{
	struct list_node *at = waiters->prev;

	while (at != waiters && list_entry(at, struct queue_waiter, link)->thread->rt_priority < w->thread->rt_priority)
		at = at->prev;
	list_insert_before(at->next, &w->link);
}

static struct queue_waiter *serve_locked(struct list_node *waiters)
{
	struct list_node *n = list_pop_front(waiters);

	return n ? list_entry(n, struct queue_waiter, link) : NULL;
}

static void served_locked(struct queue_waiter *w)
{
	struct thread *t = w->thread;

	__atomic_store_n(&w->served, true, __ATOMIC_RELEASE);
	thread_wake(t);
}

/* Called with the lock held and w queued; gives it up. OK: served. */
static status_t wait_locked(struct message_queue *q, struct queue_waiter *w, u64 deadline_ns)
{
	status_t st = OK;

	spin_unlock(&q->lock);
	for (;;) {
		wait_prepare();
		if (__atomic_load_n(&w->served, __ATOMIC_ACQUIRE) || st)
			break;
		st = wait_sleep_until(deadline_ns, WAIT_INTERRUPTIBLE);
	}
	wait_finish();
	spin_lock(&q->lock);
	if (w->served)
		st = OK;
	else
		list_remove(&w->link);
	spin_unlock(&q->lock);
	return st == ERR_INTR ? ERR_RESTART : st;
}

/* The message is in; whoever listens is told once. */
static void arrived_locked(struct message_queue *q, struct notice *notice)
{
	q->change_ns = wall_now();
	if (q->count != 1 || !q->listener)
		return;
	notice->listener = q->listener;
	notice->event = q->event;
	q->listener = NULL;
}

static void give_notice(const struct notice *notice)
{
	struct siginfo_k info;

	if (!notice->listener)
		return;
	if (notice->event.signals && notice->event.signo) {
		info = siginfo_from_current(notice->event.signo, SI_MESGQ);
		info.value = notice->event.value;
		(void)!signal_send_process(notice->listener, notice->event.signo, &info);
	}
	process_put(notice->listener);
}

static void wake_pollers(struct wait_queue *w, u64 key)
{
	if (!list_empty(&w->waiters))
		wait_queue_wake(w, UINT32_MAX, key);
}

status_t message_queue_send(struct file *f, struct message *m, u64 deadline_ns)
{
	struct message_queue *q = f->object;
	struct queue_waiter self = { .thread = thread_current(), .message = m }, *w;
	struct notice notice = { .listener = NULL };

	spin_lock(&q->lock);
	if (q->count >= q->limits.count) {
		if (f->flags & O_NONBLOCK_K) {
			spin_unlock(&q->lock);
			return ERR_AGAIN;
		}
		queue_waiter_locked(&q->senders, &self);
		return wait_locked(q, &self, deadline_ns);
	}
	w = serve_locked(&q->receivers);
	if (w) {
		w->message = m;
		served_locked(w);
		q->access_ns = q->change_ns = wall_now();
	} else {
		insert_locked(q, m);
		arrived_locked(q, &notice);
	}
	spin_unlock(&q->lock);
	give_notice(&notice);
	if (!w)
		wake_pollers(&q->read_wait, POLL_IN | POLL_RDNORM);
	return OK;
}

status_t message_queue_receive(struct file *f, struct message **m, u64 deadline_ns)
{
	struct message_queue *q = f->object;
	struct queue_waiter self = { .thread = thread_current() }, *w;
	struct notice notice = { .listener = NULL };
	status_t st;

	spin_lock(&q->lock);
	*m = take_locked(q);
	if (!*m) {
		if (f->flags & O_NONBLOCK_K) {
			spin_unlock(&q->lock);
			return ERR_AGAIN;
		}
		queue_waiter_locked(&q->receivers, &self);
		st = wait_locked(q, &self, deadline_ns);
		*m = self.message;
		return st;
	}
	w = serve_locked(&q->senders);
	if (w) {
		insert_locked(q, w->message);
		arrived_locked(q, &notice);
		served_locked(w);
	}
	spin_unlock(&q->lock);
	give_notice(&notice);
	if (w)
		wake_pollers(&q->read_wait, POLL_IN | POLL_RDNORM);
	else
		wake_pollers(&q->write_wait, POLL_OUT | POLL_WRNORM);
	return OK;
}

status_t message_queue_notify(struct file *f, const struct message_event *e)
{
	struct message_queue *q = f->object;
	struct process *self = process_current(), *old = NULL;
	status_t st = OK;

	spin_lock(&q->lock);
	if (!e) {
		if (q->listener == self) {
			old = self;
			q->listener = NULL;
		}
	} else if (q->listener) {
		st = ERR_BUSY;
	} else {
		process_get(self);
		q->listener = self;
		q->event = *e;
	}
	spin_unlock(&q->lock);
	if (old)
		process_put(old);
	return st;
}

/* ---- as a file ---- */
static s64 queue_read(struct file *f, struct io_buf *to, u64 *pos)
{
	struct message_queue *q = f->object;
	char line[STATUS_BYTES];
	s64 length;
	u64 at = pos ? *pos : 0, n;

	spin_lock(&q->lock);
	length = fmt_snprintf(line, sizeof(line), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes,
		q->listener && !q->event.signals, q->listener && q->event.signals ? q->event.signo : 0,
		q->listener ? (int)q->listener->pid : 0);
	spin_unlock(&q->lock);
	if (length < 0 || at >= (u64)length)
		return 0;
	n = io_buf_put(to, line + at, MIN(to->remaining, (u64)length - at));
	if (pos)
		*pos += n;
	return n || !to->remaining ? (s64)n : ERR_FAULT;
}

static u32 queue_poll(struct file *f, struct poll_table *table)
{
	struct message_queue *q = f->object;

	poll_wait(table, &q->read_wait);
	poll_wait(table, &q->write_wait);
	return (q->count ? POLL_IN | POLL_RDNORM : 0) | (q->count < q->limits.count ? POLL_OUT | POLL_WRNORM : 0);
}

static status_t queue_stat(struct file *f, struct attributes *out)
{
	struct message_queue *q = f->object;

	*out = (struct attributes){
		.dev = QUEUE_DEV, .ino = q->ino, .mode = q->mode, .nlink = q->linked, .uid = q->uid, .gid = q->gid, .size = STAT_SIZE,
		.block_size = PAGE_SIZE, .atime_ns = q->access_ns, .mtime_ns = q->change_ns, .ctime_ns = q->change_ns,
	};
	return OK;
}

/* A process that closes any of its descriptors of the queue gives its notification up. */
static void queue_close(struct file *f, struct fdtable *table UNUSED)
{
	(void)!message_queue_notify(f, NULL);
}

static void queue_release(struct file *f) { queue_put(f->object); }

static const struct file_ops queue_ops = {
	.name = "mqueue", .read = queue_read, .poll = queue_poll, .stat = queue_stat, .close = queue_close, .release = queue_release,
};
