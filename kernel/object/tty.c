// SPDX-License-Identifier: MIT
/* The slave side of terminals: open, read, write, poll and hang-up over the line discipline (tty_ldisc.c).
 * Rules: all of a terminal's state changes under its mutex, in thread context; a hung-up file reads end of file and
 * writes EIO for ever, a later open starts afresh. */
#include "tty.h"

#include "base/string.h"
#include "linux/stat.h"

#define BOUNCE_BYTES 512u  /* on the stack, between user memory and the discipline */
#define VTIME_UNIT_NS (100 * NSEC_PER_MSEC)
#define WRITE_ROOM_LOW 8u  /* room for what any one byte becomes (a tab: 8 blanks), so that a write makes progress */
#define SPEED_DEFAULT 38400
#define TTY_MODE 0620      /* crw--w----, what devpts shows */

struct spinlock tty_lock = SPINLOCK_INIT(RANK_OBJECT);
struct list_node tty_all = LIST_INIT(tty_all); /* [s] */

struct tty *tty_create(const struct tty_driver *driver, u32 index)
{
	struct thread *current = thread_current();
	struct tty *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->refs = 1;
	t->driver = driver;
	t->index = index;
	t->ino = file_new_ino();
	mutex_init(&t->mutex, RANK_TTY_MUTEX);
	ldisc_init(&t->ldisc, &driver->ldisc);
	t->input_speed = t->output_speed = SPEED_DEFAULT;
	wait_queue_init(&t->read_wait);
	wait_queue_init(&t->write_wait);
	if (current && current->cred) {
		t->owner_uid = current->cred->fsuid;
		t->owner_gid = current->cred->fsgid;
	}
	spin_lock(&tty_lock);
	list_push_back(&tty_all, &t->all_link);
	spin_unlock(&tty_lock);
	return t;
}

/* The count reaches zero only under tty_lock, so a walk of tty_all may take references. */
void tty_put(struct tty *t)
{
	spin_lock(&tty_lock);
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL)) {
		spin_unlock(&tty_lock);
		return;
	}
	list_remove(&t->all_link);
	spin_unlock(&tty_lock);
	if (t->driver->destroy)
		t->driver->destroy(t);
	kfree(t);
}

u64 tty_rdev(const struct tty *t) { return (u64)t->driver->major << 8 | (t->index & 0xff) | (u64)(t->index & ~0xffu) << 12; }

status_t tty_open_file(struct tty *t, struct file *f)
{
	status_t st = OK;

	mutex_lock(&t->mutex);
	if (t->exclusive && t->open_count && !cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		st = ERR_BUSY;
	else
		t->open_count++;
	f->private_data = (void *)(u64)t->hangups;
	mutex_unlock(&t->mutex);
	if (st)
		return st;
	tty_get(t);
	f->ops = &tty_ops;
	f->object = t;
	if (!(f->flags & O_PATH_K))
		tty_become_controlling(t, f->flags & O_NOCTTY_K);
	return OK;
}

struct file *tty_open(struct tty *t, u32 flags, status_t *st)
{
	struct file *f = file_create(NULL, NULL, flags);

	*st = f ? tty_open_file(t, f) : ERR_NOMEM;
	if (*st == OK)
		return f;
	if (f) {
		f->ops = NULL;
		file_put(f);
	}
	return NULL;
}

void tty_name_file(struct file *f)
{
	struct tty *t = f->object;
	struct walk_result w;
	char path[32];

	if (f->ops != &tty_ops || !t->pty)
		return;
	fmt_snprintf(path, sizeof(path), "/dev/pts/%u", t->index);
	if (path_walk(-100 /* AT_FDCWD */, path, 0, &w))
		return;
	mutex_lock(&f->pos_lock);
	if (!f->where.node && w.at.node && w.at.node->rdev == tty_rdev(t)) {
		position_get(w.at);
		f->where.mount = w.at.mount;
		__atomic_store_n(&f->where.node, w.at.node, __ATOMIC_RELEASE);
	}
	mutex_unlock(&f->pos_lock);
	walk_result_put(&w);
}

void tty_wake_after_input(struct tty *t)
{
	bool canonical = ldisc_has_lines(&t->ldisc);

	/* A raw reader may have taken part of its MIN already, so it looks at every byte. */
	if ((canonical ? ldisc_readable(&t->ldisc) : ldisc_available(&t->ldisc) > 0) && !list_empty(&t->read_wait.waiters))
		wait_queue_wake(&t->read_wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
}

void tty_input(struct tty *t, const u8 *bytes, size_t n)
{
	mutex_lock(&t->mutex);
	ldisc_receive(&t->ldisc, bytes, n);
	mutex_unlock(&t->mutex);
	tty_wake_after_input(t);
}

/* How long the next wait of a raw read may last; false: the read is complete as it stands (MIN and TIME, termios(3)). */
static bool raw_read_deadline(const struct tty *t, u64 got, u64 start_ns, u64 last_ns, u64 *deadline_ns)
{
	u64 minimum = t->ldisc.termios.cc[VMIN], time_ns = t->ldisc.termios.cc[VTIME] * VTIME_UNIT_NS;

	*deadline_ns = DEADLINE_NEVER;
	if (minimum == 0) {
		if (got || !time_ns)
			return false;
		*deadline_ns = start_ns + time_ns;
		return true;
	}
	if (got >= minimum)
		return false;
	if (time_ns && got)
		*deadline_ns = last_ns + time_ns;
	return true;
}

struct read_state {
	u64 got, start_ns, last_ns, deadline_ns;
	bool line_done, copy_failed;
};

/* Takes what is there. True when the read is complete. */
static bool read_step_locked(struct tty *t, struct io_buf *to, struct read_state *r)
{
	bool canonical = t->ldisc.termios.lflag & ICANON;
	u8 bounce[BOUNCE_BYTES];

	r->deadline_ns = DEADLINE_NEVER;
	while (to->remaining && !r->line_done) {
		size_t n = ldisc_read(&t->ldisc, bounce, MIN(to->remaining, BOUNCE_BYTES), &r->line_done);

		if (n && io_buf_put(to, bounce, n) < n) {
			r->copy_failed = true;
			return true;
		}
		if (!n)
			break;
		r->got += n;
		r->last_ns = time_now_ns();
	}
	if (r->line_done || to->remaining == 0 || (canonical && r->got))
		return true;
	return !canonical && !raw_read_deadline(t, r->got, r->start_ns, r->last_ns, &r->deadline_ns);
}

static s64 tty_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct tty *t = f->object;
	struct read_state r = { .start_ns = time_now_ns() };
	status_t st = OK;

	if (to->remaining == 0)
		return 0;
	if (t->driver->input_wanted)
		t->driver->input_wanted(t);
	while (!st && !tty_is_hung(f)) {
		u64 had = r.got;
		bool complete;
		size_t base;

		st = process_current()->nt ? tty_wait_foreground(f) : tty_check_background(t, SIGTTIN);
		if (st)
			break;
		mutex_lock(&t->mutex);
		complete = read_step_locked(t, to, &r);
		base = ldisc_available(&t->ldisc);
		mutex_unlock(&t->mutex);
		if (r.got != had && t->driver->input_drained)
			t->driver->input_drained(t);
		if (complete || tty_is_hung(f))
			break;
		if (f->flags & O_NONBLOCK_K) {
			st = ERR_AGAIN;
			break;
		}
		st = WAIT_EVENT(&t->read_wait, ldisc_available(&t->ldisc) != base || ldisc_readable(&t->ldisc) || tty_is_hung(f),
				r.deadline_ns, WAIT_INTERRUPTIBLE);
		if (st == ERR_TIMEDOUT)
			return (s64)r.got;
		if (st)
			st = ERR_RESTART;
	}
	if (r.got)
		return (s64)r.got;
	return r.copy_failed ? ERR_FAULT : st;
}

static size_t write_step(struct tty *t, const u8 *bytes, size_t n)
{
	size_t done;

	mutex_lock(&t->mutex);
	done = ldisc_write(&t->ldisc, bytes, n);
	mutex_unlock(&t->mutex);
	return done;
}

static bool can_write(struct tty *t) { return !t->ldisc.stopped && t->driver->ldisc.room(&t->ldisc) >= WRITE_ROOM_LOW; }

/* Writes one bounced chunk; bytes written, fewer than n with *st set. */
static size_t write_chunk(struct file *f, const u8 *bytes, size_t n, status_t *st)
{
	struct tty *t = f->object;
	size_t done = 0;

	for (;;) {
		size_t step;

		if (tty_is_hung(f)) {
			*st = ERR_IO;
			return done;
		}
		step = write_step(t, bytes + done, n - done);
		done += step;
		if (done == n)
			return done;
		if (step)
			continue;
		if (f->flags & O_NONBLOCK_K) {
			*st = ERR_AGAIN;
			return done;
		}
		if (WAIT_EVENT(&t->write_wait, can_write(t) || tty_is_hung(f), DEADLINE_NEVER, WAIT_INTERRUPTIBLE)) {
			*st = ERR_RESTART;
			return done;
		}
	}
}

static s64 tty_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	struct tty *t = f->object;
	u8 bounce[BOUNCE_BYTES];
	u64 total = 0;
	status_t st = OK;

	if (tty_is_hung(f))
		return ERR_IO;
	if (t->ldisc.termios.lflag & TOSTOP)
		st = tty_check_background(t, SIGTTOU);
	while (!st && from->remaining) {
		size_t n = io_buf_take(from, bounce, MIN(from->remaining, BOUNCE_BYTES));

		if (!n)
			st = ERR_FAULT;
		else
			total += write_chunk(f, bounce, n, &st);
	}
	return total ? (s64)total : st;
}

static u32 tty_poll(struct file *f, struct poll_table *table)
{
	struct tty *t = f->object;
	u32 events = 0;

	poll_wait(table, &t->read_wait);
	poll_wait(table, &t->write_wait);
	if (table && t->driver->input_wanted)
		t->driver->input_wanted(t);
	if (tty_is_hung(f))
		return POLL_IN | POLL_RDNORM | POLL_OUT | POLL_WRNORM | POLL_ERR | POLL_HUP;
	if (ldisc_readable(&t->ldisc))
		events |= POLL_IN | POLL_RDNORM;
	if (can_write(t))
		events |= POLL_OUT | POLL_WRNORM;
	return events;
}

static s64 tty_ioctl(struct file *f, u32 command, u64 arg)
{
	if (tty_is_hung(f))
		return ERR_IO;
	return tty_ioctl_common(f->object, command, arg, false);
}

static status_t tty_stat(struct file *f, struct attributes *out)
{
	struct tty *t = f->object;

	if (f->where.node) {
		node_attributes(f->where.node, out);
		return OK;
	}
	*out = (struct attributes){
		.ino = t->ino, .mode = S_IFCHR_K | TTY_MODE, .nlink = 1, .uid = t->owner_uid, .gid = t->owner_gid,
		.rdev = tty_rdev(t), .block_size = 1024,
	};
	return OK;
}

/* The last slave file's close is seen by the master as a hang-up of its line (pty.c looks at open_count). */
static void tty_release(struct file *f)
{
	struct tty *t = f->object;
	bool counted = !tty_is_hung(f);

	mutex_lock(&t->mutex);
	if (counted && t->open_count)
		t->open_count--;
	mutex_unlock(&t->mutex);
	if (t->driver->input_drained)
		t->driver->input_drained(t);
	tty_put(t);
}

void tty_hangup(struct tty *t)
{
	mutex_lock(&t->mutex);
	t->open_count = 0;
	__atomic_add_fetch(&t->hangups, 1, __ATOMIC_RELEASE);
	ldisc_flush_input(&t->ldisc);
	t->ldisc.driver->flush_output(&t->ldisc);
	ldisc_stop(&t->ldisc, false);
	mutex_unlock(&t->mutex);
	tty_disassociate_session(t);
	wait_queue_wake(&t->read_wait, UINT32_MAX, POLL_HUP | POLL_IN);
	wait_queue_wake(&t->write_wait, UINT32_MAX, POLL_HUP | POLL_OUT);
}

const struct file_ops tty_ops = {
	.name = "tty", .read = tty_read, .write = tty_write, .poll = tty_poll, .ioctl = tty_ioctl, .stat = tty_stat,
	.release = tty_release, .signals_io = true,
};
