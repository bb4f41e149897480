// SPDX-License-Identifier: MIT
/* Pseudo terminals: the master side and the driver of the slave. Output of the slave (and echo) goes into a ring that
 * the master reads; what the master writes is input of the slave's line discipline. pty(7).
 * The ring and the counters are protected by the slave's mutex. A pty's number is free again when both sides are closed;
 * pty->master_open says whether the slave can still be opened (and implies a reference). */
#include "tty.h"

#include "base/string.h"
#include "linux/ioctl.h"
#include "linux/stat.h"

#define PTY_RING KIB(16)      /* output not yet read by the master; a power of two */
#define PTY_MAX 1024          /* numbers; beyond it ENOSPC, as devpts answers at its limit */
#define PTS_MAJOR 136         /* devices.txt: /dev/pts/N */
#define PTMX_RDEV (5 << 8 | 2)
#define BOUNCE_BYTES 512u
enum { PACKET_DATA = 0, PACKET_FLUSH_READ = 1, PACKET_FLUSH_WRITE = 2, PACKET_STOP = 4, PACKET_START = 8 };

/* Locks: [m] slave->mutex, [s] tty_lock. */
struct pty {
	struct tty *slave;
	u64 head, tail;               /* [m] */
	struct wait_queue read_wait, write_wait; /* master side */
	bool master_open;             /* [s] */
	bool slave_seen;              /* [m] opened at least once: from then on no slave means hang-up */
	bool locked, packet;          /* [m] */
	u8 packet_status;             /* [m] */
	u8 ring[PTY_RING];
};

static struct pty *ptys[PTY_MAX]; /* [s] */
static const struct file_ops master_ops;

static struct pty *pty_of(struct ldisc *l) { return container_of(l, struct tty, ldisc)->pty; }
static u64 ring_used(const struct pty *p) { return p->head - p->tail; }
static bool line_down(const struct pty *p) { return p->slave_seen && p->slave->open_count == 0; }

/* ---- driver of the slave; all but room under the slave's mutex ---- */
static size_t slave_room(struct ldisc *l) { return PTY_RING - ring_used(pty_of(l)); }

static void wake_master(struct pty *p, u64 key)
{
	if (!list_empty(&p->read_wait.waiters))
		wait_queue_wake(&p->read_wait, UINT32_MAX, key);
}

static void slave_put(struct ldisc *l, const u8 *bytes, size_t n)
{
	struct pty *p = pty_of(l);
	u64 at = p->head % PTY_RING, first = MIN(n, PTY_RING - at);

	memcpy(p->ring + at, bytes, first);
	memcpy(p->ring, bytes + first, n - first);
	p->head += n;
	wake_master(p, POLL_IN | POLL_RDNORM);
}

static void note_packet(struct pty *p, u8 status)
{
	if (!p->packet)
		return;
	p->packet_status |= status;
	wake_master(p, POLL_IN | POLL_PRI);
}

static void slave_flush(struct ldisc *l)
{
	struct pty *p = pty_of(l);

	p->tail = p->head;
	note_packet(p, PACKET_FLUSH_WRITE);
	wake_all(&p->slave->write_wait);
}

static void slave_flow(struct ldisc *l, bool stopped)
{
	struct pty *p = pty_of(l);

	if (p->packet)
		p->packet_status &= (u8)~(PACKET_STOP | PACKET_START);
	note_packet(p, stopped ? PACKET_STOP : PACKET_START);
	if (!stopped)
		wake_all(&p->slave->write_wait);
}

static void slave_signal(struct ldisc *l, int signo) { tty_signal_foreground(container_of(l, struct tty, ldisc), signo); }

/* The slave's reader made room, or a slave file was closed. */
static void slave_drained(struct tty *t)
{
	struct pty *p = t->pty;

	if (!list_empty(&p->write_wait.waiters))
		wait_queue_wake(&p->write_wait, UINT32_MAX, POLL_OUT | POLL_WRNORM);
	if (line_down(p))
		wake_master(p, POLL_HUP | POLL_IN);
}

static void pty_destroy(struct tty *t)
{
	spin_lock(&tty_lock);
	ptys[t->index] = NULL;
	spin_unlock(&tty_lock);
	kfree(t->pty);
}

static const struct tty_driver pty_driver = {
	.name = "pts", .major = PTS_MAJOR, .input_drained = slave_drained, .destroy = pty_destroy,
	.ldisc = { slave_room, slave_put, slave_signal, slave_flush, slave_flow },
};

/* ---- master ---- */
static bool master_has_data(const struct pty *p) { return ring_used(p) || (p->packet && p->packet_status); }

/* Bytes given, ERR_AGAIN when there is nothing, ERR_IO when the slave is gone. */
static s64 master_read_locked(struct pty *p, struct io_buf *to)
{
	u64 total = 0, want;
	u8 status = p->packet_status;

	if (p->packet && status) {
		p->packet_status = 0;
		return io_buf_put(to, &status, 1) ? 1 : ERR_FAULT;
	}
	if (ring_used(p) == 0)
		return line_down(p) ? ERR_IO : ERR_AGAIN;
	if (p->packet) {
		status = PACKET_DATA;
		if (!io_buf_put(to, &status, 1))
			return ERR_FAULT;
		total = 1;
	}
	want = MIN(to->remaining, ring_used(p));
	while (want) {
		u64 at = p->tail % PTY_RING, chunk = MIN(want, PTY_RING - at);
		u64 moved = io_buf_put(to, p->ring + at, chunk);

		p->tail += moved;
		total += moved;
		want -= moved;
		if (moved < chunk)
			break;
	}
	return total ? (s64)total : ERR_FAULT;
}

static s64 master_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct pty *p = f->object;
	s64 result;

	if (to->remaining == 0)
		return 0;
	for (;;) {
		mutex_lock(&p->slave->mutex);
		result = master_read_locked(p, to);
		mutex_unlock(&p->slave->mutex);
		if (result != ERR_AGAIN)
			break;
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		if (WAIT_EVENT(&p->read_wait, master_has_data(p) || line_down(p), DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			return ERR_RESTART;
	}
	if (result > 0 && !list_empty(&p->slave->write_wait.waiters))
		wait_queue_wake(&p->slave->write_wait, UINT32_MAX, POLL_OUT | POLL_WRNORM);
	return result;
}

static size_t master_write_step(struct pty *p, const u8 *bytes, size_t n)
{
	size_t done;

	mutex_lock(&p->slave->mutex);
	done = ldisc_receive(&p->slave->ldisc, bytes, n);
	mutex_unlock(&p->slave->mutex);
	if (done)
		tty_wake_after_input(p->slave);
	return done;
}

static size_t master_write_chunk(struct file *f, const u8 *bytes, size_t n, status_t *st)
{
	struct pty *p = f->object;
	size_t done = 0;

	for (;;) {
		size_t step = master_write_step(p, bytes + done, n - done);

		done += step;
		if (done == n)
			return done;
		if (step)
			continue;
		if (f->flags & O_NONBLOCK_K) {
			*st = ERR_AGAIN;
			return done;
		}
		if (WAIT_EVENT(&p->write_wait, ldisc_input_room(&p->slave->ldisc) > 0, DEADLINE_NEVER, WAIT_INTERRUPTIBLE)) {
			*st = ERR_RESTART;
			return done;
		}
	}
}

static s64 master_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	struct pty *p = f->object;
	u8 bounce[BOUNCE_BYTES];
	u64 total = 0;
	status_t st = OK;

	if (line_down(p))
		return ERR_IO;
	while (!st && from->remaining) {
		size_t n = io_buf_take(from, bounce, MIN(from->remaining, BOUNCE_BYTES));

		if (!n)
			st = ERR_FAULT;
		else
			total += master_write_chunk(f, bounce, n, &st);
	}
	return total ? (s64)total : st;
}

static u32 master_poll(struct file *f, struct poll_table *table)
{
	struct pty *p = f->object;
	u32 events = 0;

	poll_wait(table, &p->read_wait);
	poll_wait(table, &p->write_wait);
	if (master_has_data(p))
		events |= POLL_IN | POLL_RDNORM;
	if (p->packet && p->packet_status)
		events |= POLL_PRI;
	if (ldisc_input_room(&p->slave->ldisc))
		events |= POLL_OUT | POLL_WRNORM;
	if (line_down(p))
		events |= POLL_HUP;
	return events;
}

/* By name when there is a tree, so that ttyname(3) finds the same node; else straight from the object. */
static s64 open_peer(struct pty *p, u32 flags)
{
	struct process *self = process_current();
	struct file *f = NULL;
	char path[32];
	status_t st = ERR_NOENT;
	int fd;

	if (flags & ~(u32)(O_ACCMODE_K | O_NOCTTY_K | O_CLOEXEC_K | O_NONBLOCK_K))
		return ERR_INVAL;
	fmt_snprintf(path, sizeof(path), "/dev/pts/%u", p->slave->index);
	if (vfs_has_root() && !self->service)
		st = vfs_open(-100 /* AT_FDCWD */, path, flags & ~(u32)O_CLOEXEC_K, 0, &f);
	if (st)
		f = pty_open_slave(p->slave->index, flags & ~(u32)O_CLOEXEC_K, &st);
	if (!f)
		return st;
	fd = fdtable_install(thread_current()->fds, f, 0, flags & O_CLOEXEC_K ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

static s64 set_lock(struct pty *p, u64 arg)
{
	int value;
	status_t st = COPY_IN(&value, user_ptr(arg));

	if (st == OK)
		p->locked = value != 0;
	return st;
}

static s64 set_packet(struct pty *p, u64 arg)
{
	int value;
	status_t st = COPY_IN(&value, user_ptr(arg));

	if (st)
		return st;
	mutex_lock(&p->slave->mutex);
	p->packet = value != 0;
	p->packet_status = 0;
	mutex_unlock(&p->slave->mutex);
	return OK;
}

static s64 put_int(u64 arg, int value) { return COPY_OUT(user_ptr(arg), &value); }

static s64 master_ioctl(struct file *f, u32 command, u64 arg)
{
	struct pty *p = f->object;

	switch (command) {
	case TIOCGPTN_K:
		return put_int(arg, (int)p->slave->index);
	case TIOCSPTLCK_K:
		return set_lock(p, arg);
	case TIOCGPTLCK_K:
		return put_int(arg, p->locked);
	case TIOCGPTPEER_K:
		return open_peer(p, (u32)arg);
	case TIOCPKT_K:
		return set_packet(p, arg);
	case TIOCGPKT_K:
		return put_int(arg, p->packet);
	case FIONREAD_K:
		return put_int(arg, (int)ring_used(p));
	case TIOCOUTQ_K:
		return put_int(arg, 0);
	default:
		return tty_ioctl_common(p->slave, command, arg, true);
	}
}

static status_t master_stat(struct file *f, struct attributes *out)
{
	struct pty *p = f->object;

	if (f->where.node) {
		node_attributes(f->where.node, out);
		return OK;
	}
	*out = (struct attributes){
		.ino = p->slave->ino, .mode = S_IFCHR_K | 0666, .nlink = 1, .rdev = PTMX_RDEV, .block_size = PAGE_SIZE,
	};
	return OK;
}

static void master_release(struct file *f)
{
	struct pty *p = f->object;

	spin_lock(&tty_lock);
	p->master_open = false;
	spin_unlock(&tty_lock);
	tty_hangup(p->slave);
	tty_put(p->slave);
}

static const struct file_ops master_ops = {
	.name = "ptmx", .read = master_read, .write = master_write, .poll = master_poll, .ioctl = master_ioctl,
	.stat = master_stat, .release = master_release, .signals_io = true,
};

/* ---- creation ---- */
/* Takes the lowest free number for p. */
static status_t reserve_number(struct pty *p, u32 *number)
{
	status_t st = ERR_NOSPC;

	spin_lock(&tty_lock);
	for (u32 i = 0; i < PTY_MAX && st; i++) {
		if (ptys[i])
			continue;
		ptys[i] = p;
		*number = i;
		st = OK;
	}
	spin_unlock(&tty_lock);
	return st;
}

status_t pty_open_master(struct file *f)
{
	struct pty *p = kzalloc(sizeof(*p));
	u32 number = 0;
	status_t st = p ? reserve_number(p, &number) : ERR_NOMEM;

	if (st == OK) {
		p->slave = tty_create(&pty_driver, number);
		st = p->slave ? OK : ERR_NOMEM;
	}
	if (st) {
		spin_lock(&tty_lock);
		if (p && ptys[number] == p)
			ptys[number] = NULL;
		spin_unlock(&tty_lock);
		kfree(p);
		return st;
	}
	wait_queue_init(&p->read_wait);
	wait_queue_init(&p->write_wait);
	p->slave->pty = p;
	p->locked = true; /* until unlockpt(3) */
	f->ops = &master_ops;
	f->object = p;
	spin_lock(&tty_lock);
	p->master_open = true;
	spin_unlock(&tty_lock);
	return OK;
}

status_t pty_create(struct file **master, u32 *number)
{
	struct file *f = file_create(NULL, NULL, 2 /* O_RDWR */);
	status_t st = f ? pty_open_master(f) : ERR_NOMEM;

	if (st) {
		if (f)
			file_put(f);
		return st;
	}
	*master = f;
	*number = ((struct pty *)f->object)->slave->index;
	return OK;
}

/* The slave's tty, referenced, while its master is open. */
static struct tty *slave_get(u32 number)
{
	struct tty *t = NULL;

	if (number >= PTY_MAX)
		return NULL;
	spin_lock(&tty_lock);
	if (ptys[number] && ptys[number]->master_open) {
		t = ptys[number]->slave;
		tty_get(t);
	}
	spin_unlock(&tty_lock);
	return t;
}

status_t pty_open_slave_file(u32 number, struct file *f)
{
	struct tty *t = slave_get(number);
	status_t st = t ? OK : ERR_NXIO;

	if (t && t->pty->locked)
		st = ERR_IO;
	if (st == OK)
		st = tty_open_file(t, f);
	if (st == OK)
		t->pty->slave_seen = true;
	if (t)
		tty_put(t);
	return st;
}

struct file *pty_open_slave(u32 number, u32 flags, status_t *st)
{
	struct file *f = file_create(NULL, NULL, flags);

	*st = f ? pty_open_slave_file(number, f) : ERR_NOMEM;
	if (*st == OK)
		return f;
	if (f)
		file_put(f);
	return NULL;
}

bool pty_exists(u32 number, struct attributes *out)
{
	struct tty *t = slave_get(number);

	if (!t)
		return false;
	*out = (struct attributes){
		.ino = t->ino, .mode = S_IFCHR_K | 0620, .nlink = 1, .uid = t->owner_uid, .gid = t->owner_gid,
		.rdev = tty_rdev(t), .block_size = 1024,
	};
	tty_put(t);
	return true;
}
