// SPDX-License-Identifier: MIT
/* Pipes and FIFOs: a ring of lazily allocated pages addressed by two byte counters.
 * Entry points: pipe_create, pipe_open_fifo, pipe_set_size, pipe_peek (file.h).
 * Invariants: (1) head - tail <= capacity; byte i lives in pages[i / PAGE_SIZE % page_count]. (2) When the ring runs
 * empty both counters restart at 0, so small transfers reuse the first page. (3) A write of at most PIPE_BUF bytes
 * is stored whole. (4) readers/writers count open files per direction; a FIFO's pipe lives while any is open. */
#include "vfs.h"

#include "base/string.h"
#include "linux/ioctl.h"
#include "linux/stat.h"

#define PIPE_BUF_BYTES 4096u              /* atomic writes, pipe(7) */
#define PIPE_DEFAULT_PAGES 16u            /* 64 KiB, pipe(7) */
#define PIPE_MAX_PAGES 256u               /* 1 MiB: pipe-max-size */
#define PIPE_SIZE_LIMIT (1ull << 31)      /* F_SETPIPE_SZ: more is no size at all, fcntl(2) */
#define PIPE_DEV 0x0c                     /* st_dev of anonymous pipes; any constant */

/* Locks: [m] mutex, [n] node->lock, [a] atomic, [I] immutable. Counters are read without the lock by poll. */
struct pipe {
	struct mutex mutex;
	u64 head, tail;                   /* [m] bytes written, bytes read */
	u32 page_count;                   /* [m] power of two */
	u32 readers, writers;             /* [a] */
	u32 reader_opens, writer_opens;   /* [n] ever: a FIFO open waits for the other side's next one */
	u32 files;                        /* [a], and [n] for a FIFO */
	struct page **pages;              /* [m] */
	struct wait_queue read_wait, write_wait;
	struct node *node;                /* [I] FIFO or NULL */
	u64 ino;                          /* [I] */
	struct own_attributes attributes; /* of a pipe without a node */
};

static const struct file_ops pipe_ops;

bool pipe_is(struct file *f) { return f->ops == &pipe_ops; }

static u64 capacity_of(const struct pipe *p) { return (u64)p->page_count * PAGE_SIZE; }
static u64 used_of(const struct pipe *p) { return p->head - p->tail; }

static struct pipe *pipe_new(struct node *n)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->pages = kzalloc(PIPE_DEFAULT_PAGES * sizeof(struct page *));
	if (!p->pages) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->mutex, RANK_PIPE_MUTEX);
	p->page_count = PIPE_DEFAULT_PAGES;
	wait_queue_init(&p->read_wait);
	wait_queue_init(&p->write_wait);
	p->node = n;
	p->ino = file_new_ino();
	p->attributes = own_attributes_new(S_IFIFO_K | 0600);
	return p;
}

static void free_pages(struct page **pages, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (pages[i])
			page_put(pages[i]);
	kfree(pages);
}

static void pipe_destroy(struct pipe *p)
{
	free_pages(p->pages, p->page_count);
	kfree(p);
}

static void wake_readers(struct pipe *p, u64 key)
{
	if (!list_empty(&p->read_wait.waiters))
		wait_queue_wake(&p->read_wait, UINT32_MAX, key);
}

static void wake_writers(struct pipe *p, u64 key)
{
	if (!list_empty(&p->write_wait.waiters))
		wait_queue_wake(&p->write_wait, UINT32_MAX, key);
}

/* Moves up to `n` bytes out of the ring; stops early when the destination faults. */
static u64 take_bytes_locked(struct pipe *p, struct io_buf *to, u64 n)
{
	u64 done = 0;

	while (done < n) {
		u64 offset = p->tail & PAGE_MASK;
		struct page *page = p->pages[(p->tail >> PAGE_SHIFT) & (p->page_count - 1)];
		u64 chunk = MIN(n - done, PAGE_SIZE - offset);
		u64 moved = io_buf_put(to, (char *)page_va(page) + offset, chunk);

		p->tail += moved;
		done += moved;
		if (moved < chunk)
			break;
	}
	if (p->head == p->tail)
		p->head = p->tail = 0;
	return done;
}

static s64 pipe_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct pipe *p = f->object;
	status_t st;
	u64 n, used;
	bool was_full;

	if (to->remaining == 0)
		return 0;
	mutex_lock(&p->mutex);
	while (p->head == p->tail) {
		if (!p->writers) {
			mutex_unlock(&p->mutex);
			return 0;
		}
		mutex_unlock(&p->mutex);
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		st = WAIT_EVENT(&p->read_wait, used_of(p) || !p->writers, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
		if (st)
			return ERR_RESTART;
		mutex_lock(&p->mutex);
	}
	used = used_of(p);
	was_full = capacity_of(p) - used < PIPE_BUF_BYTES;
	n = take_bytes_locked(p, to, MIN(used, to->remaining));
	mutex_unlock(&p->mutex);
	if (was_full && n)
		wake_writers(p, POLL_OUT | POLL_WRNORM);
	return n ? (s64)n : ERR_FAULT;
}

/* Moves up to `n` bytes into the ring. Bytes moved; less than n on a fault or without memory. */
static u64 put_bytes_locked(struct pipe *p, struct io_buf *from, u64 n, status_t *st)
{
	u64 done = 0;

	while (done < n) {
		u64 offset = p->head & PAGE_MASK;
		struct page **slot = &p->pages[(p->head >> PAGE_SHIFT) & (p->page_count - 1)];
		u64 chunk = MIN(n - done, PAGE_SIZE - offset), moved;

		if (!*slot && !(*slot = page_alloc_user(process_current()->account, false))) {
			*st = ERR_NOMEM;
			break;
		}
		moved = io_buf_take(from, (char *)page_va(*slot) + offset, chunk);
		p->head += moved;
		done += moved;
		if (moved < chunk) {
			*st = ERR_FAULT;
			break;
		}
	}
	return done;
}

/* Room that a write of n bytes needs before it may store anything: all of it when it must be atomic. */
static bool has_room(const struct pipe *p, u64 n)
{
	u64 room = capacity_of(p) - used_of(p);

	return n <= PIPE_BUF_BYTES ? room >= n : room > 0;
}

/* some: as much as there is room for; only the first byte is waited for. */
static s64 write_bytes(struct file *f, struct io_buf *from, bool some, bool nonblock)
{
	struct pipe *p = f->object;
	u64 total = from->remaining, done = 0;
	status_t st = OK;

	if (total == 0)
		return 0;
	mutex_lock(&p->mutex);
	for (;;) {
		u64 left = total - done, moved, before;

		if (!p->readers) {
			st = ERR_PIPE;
			break;
		}
		if (has_room(p, left)) {
			before = used_of(p);
			moved = put_bytes_locked(p, from, MIN(left, capacity_of(p) - before), &st);
			done += moved;
			if (moved)
				wake_readers(p, POLL_IN | POLL_RDNORM);
			if (st || done == total)
				break;
			continue;
		}
		if (nonblock || (some && done)) {
			st = ERR_AGAIN;
			break;
		}
		mutex_unlock(&p->mutex);
		st = WAIT_EVENT(&p->write_wait, has_room(p, left) || !p->readers, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
		mutex_lock(&p->mutex);
		if (st) {
			st = ERR_RESTART;
			break;
		}
	}
	mutex_unlock(&p->mutex);
	if (done)
		return (s64)done;
	return st == ERR_PIPE ? file_broken_pipe() : st;
}

static s64 pipe_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	return write_bytes(f, from, false, f->flags & O_NONBLOCK_K);
}

s64 pipe_write_some(struct file *f, struct io_buf *from, bool nonblock)
{
	return write_bytes(f, from, true, nonblock || (f->flags & O_NONBLOCK_K));
}

static u32 pipe_poll(struct file *f, struct poll_table *table)
{
	struct pipe *p = f->object;
	u32 events = 0, mode = f->flags & O_ACCMODE_K;

	if (mode != 1) {
		poll_wait(table, &p->read_wait);
		if (used_of(p))
			events |= POLL_IN | POLL_RDNORM;
		if (!p->writers && p->writer_opens)
			events |= POLL_HUP;
	}
	if (mode != 0) {
		poll_wait(table, &p->write_wait);
		if (capacity_of(p) - used_of(p) >= PIPE_BUF_BYTES)
			events |= POLL_OUT | POLL_WRNORM;
		if (!p->readers)
			events |= POLL_ERR;
	}
	return events;
}

u32 pipe_bytes(struct file *f) { return (u32)used_of(f->object); }

static s64 pipe_ioctl(struct file *f, u32 command, u64 arg)
{
	int bytes;

	if (command != FIONREAD_K)
		return ERR_NOTTY;
	bytes = (int)pipe_bytes(f);
	return COPY_OUT(user_ptr(arg), &bytes);
}

static status_t pipe_stat(struct file *f, struct attributes *out)
{
	struct pipe *p = f->object;

	if (f->where.node) {
		node_attributes(f->where.node, out);
		return OK;
	}
	*out = (struct attributes){ .dev = PIPE_DEV, .ino = p->ino, .nlink = 1, .block_size = PAGE_SIZE };
	own_attributes_stat(&p->attributes, out);
	return OK;
}

static struct own_attributes *pipe_attributes(struct file *f)
{
	struct pipe *p = f->object;
	return f->where.node ? NULL : &p->attributes;
}

static status_t pipe_set_flags(struct file *f UNUSED, u32 flags)
{
	return flags & O_DIRECT_K ? FAIL(ERR_INVAL, "packet pipes") : OK;
}

/* Takes one open file off the counts. The last file of a FIFO takes the pipe off its node under the node's lock, so
 * an opener never sees a dying pipe; wake-ups come before the count, because after it the pipe may be gone. */
static void pipe_drop(struct pipe *p, bool reads, bool writes)
{
	struct node *n = p->node;
	bool last;

	if (n)
		mutex_lock(&n->lock);
	__atomic_sub_fetch(&p->readers, reads, __ATOMIC_RELEASE);
	__atomic_sub_fetch(&p->writers, writes, __ATOMIC_RELEASE);
	if (writes)
		wake_readers(p, POLL_HUP | POLL_IN);
	if (reads)
		wake_writers(p, POLL_ERR | POLL_OUT);
	last = __atomic_sub_fetch(&p->files, 1, __ATOMIC_ACQ_REL) == 0;
	if (n && last)
		n->object = NULL;
	if (n)
		mutex_unlock(&n->lock);
	if (!last)
		return;
	pipe_destroy(p);
	if (n)
		node_put(n);
}

static void pipe_release(struct file *f) { pipe_drop(f->object, FILE_CAN_READ(f), FILE_CAN_WRITE(f)); }

static const struct file_ops pipe_ops = {
	.name = "pipe", .read = pipe_read, .write = pipe_write, .poll = pipe_poll, .ioctl = pipe_ioctl,
	.stat = pipe_stat, .attributes = pipe_attributes, .set_flags = pipe_set_flags, .release = pipe_release, .signals_io = true,
};

status_t pipe_create(struct file **read_end, struct file **write_end, u32 flags)
{
	struct pipe *p;

	if (flags & ~(u32)(O_NONBLOCK_K | O_CLOEXEC_K))
		return FAIL(ERR_INVAL, "pipe flags");
	p = pipe_new(NULL);
	if (!p)
		return ERR_NOMEM;
	flags &= O_NONBLOCK_K;
	*read_end = file_create(&pipe_ops, p, flags);
	*write_end = file_create(&pipe_ops, p, flags | 1);
	p->readers = p->writers = p->reader_opens = p->writer_opens = 1;
	p->files = 2;
	if (*read_end && *write_end)
		return OK;
	if (*read_end)
		file_put(*read_end);
	else
		pipe_drop(p, true, false);
	if (*write_end)
		file_put(*write_end);
	else
		pipe_drop(p, false, true);
	return ERR_NOMEM;
}

/* Joins the node's pipe, making it if this is the first open. */
static status_t fifo_join(struct node *n, u32 flags, struct pipe **out, u32 *seen)
{
	bool reads = (flags & O_ACCMODE_K) != 1, writes = (flags & O_ACCMODE_K) != 0;
	struct pipe *p;
	status_t st = OK;

	mutex_lock(&n->lock);
	p = n->object;
	if (writes && !reads && (flags & O_NONBLOCK_K) && (!p || !p->readers))
		st = ERR_NXIO;
	else if (!p && !(p = pipe_new(n)))
		st = ERR_NOMEM;
	if (st == OK) {
		if (!n->object) {
			node_get(n);
			n->object = p;
		}
		__atomic_add_fetch(&p->files, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&p->readers, reads, __ATOMIC_RELEASE);
		__atomic_add_fetch(&p->writers, writes, __ATOMIC_RELEASE);
		p->reader_opens += reads;
		p->writer_opens += writes;
		*seen = reads ? p->writer_opens : p->reader_opens;
		*out = p;
	}
	mutex_unlock(&n->lock);
	return st;
}

/* Blocking open semantics of fifo(7): each side waits until the other has been opened once. */
static status_t fifo_wait_for_peer(struct pipe *p, u32 flags, u32 seen)
{
	bool reads = (flags & O_ACCMODE_K) != 1, writes = (flags & O_ACCMODE_K) != 0;

	if (reads)
		wake_writers(p, POLL_OUT);
	if (writes)
		wake_readers(p, POLL_IN);
	if ((flags & O_NONBLOCK_K) || (reads && writes))
		return OK;
	if (reads && !p->writers)
		return WAIT_EVENT(&p->read_wait, p->writers || p->writer_opens != seen, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	if (writes && !p->readers)
		return WAIT_EVENT(&p->write_wait, p->readers || p->reader_opens != seen, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	return OK;
}

struct file *pipe_open_fifo(struct node *n, u32 flags, status_t *st)
{
	struct pipe *p;
	struct file *f;
	u32 seen;

	*st = fifo_join(n, flags, &p, &seen);
	if (*st)
		return NULL;
	f = file_create(&pipe_ops, p, flags);
	if (!f) {
		pipe_drop(p, (flags & O_ACCMODE_K) != 1, (flags & O_ACCMODE_K) != 0);
		*st = ERR_NOMEM;
		return NULL;
	}
	if (fifo_wait_for_peer(p, flags, seen)) {
		file_put(f);
		*st = ERR_RESTART;
		return NULL;
	}
	return f;
}

/* Copies up to n bytes from the front without consuming them. */
static u64 peek_locked(struct pipe *p, u8 *out, u64 n)
{
	u64 done = 0, at = p->tail;

	for (n = MIN(n, used_of(p)); done < n;) {
		struct page *page = p->pages[(at >> PAGE_SHIFT) & (p->page_count - 1)];
		u64 chunk = MIN(n - done, PAGE_SIZE - (at & PAGE_MASK));

		memcpy(out + done, (char *)page_va(page) + (at & PAGE_MASK), chunk);
		done += chunk;
		at += chunk;
	}
	return done;
}

bool pipe_has_writers(struct file *f)
{
	const struct pipe *p = f->object;

	return __atomic_load_n(&p->writers, __ATOMIC_ACQUIRE) != 0;
}

s64 pipe_peek_now(struct file *f, void *buf, size_t size)
{
	struct pipe *p = f->object;
	s64 n;

	mutex_lock(&p->mutex);
	n = (s64)peek_locked(p, buf, size);
	mutex_unlock(&p->mutex);
	return n;
}

s64 pipe_peek(struct file *f, void *buf, size_t size)
{
	struct pipe *p = f->object;
	status_t st;

	st = WAIT_EVENT(&p->read_wait, used_of(p) || !p->writers, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	if (st)
		return ERR_RESTART;
	return pipe_peek_now(f, buf, size);
}

/* Fresh pages holding the first `used` bytes of the ring, from offset 0. NULL: no memory. */
static struct page **linear_copy_locked(struct pipe *p, u32 count)
{
	struct page **pages = kzalloc(count * sizeof(struct page *));
	u64 tail = p->tail, used = used_of(p);

	for (u64 i = 0; pages && i * PAGE_SIZE < used; i++) {
		pages[i] = page_alloc(ALLOC_USER);
		if (!pages[i]) {
			free_pages(pages, count);
			p->tail = tail;
			return NULL;
		}
		p->tail = tail + i * PAGE_SIZE;
		peek_locked(p, page_va(pages[i]), PAGE_SIZE);
	}
	p->tail = tail;
	return pages;
}

static s64 resize_locked(struct pipe *p, u32 count)
{
	u64 used = used_of(p);
	struct page **pages;

	if (used > (u64)count * PAGE_SIZE)
		return ERR_BUSY;
	pages = linear_copy_locked(p, count);
	if (!pages)
		return ERR_NOMEM;
	free_pages(p->pages, p->page_count);
	p->pages = pages;
	p->page_count = count;
	p->tail = 0;
	p->head = used;
	return (s64)capacity_of(p);
}

s64 pipe_set_size(struct file *f, u64 bytes)
{
	struct pipe *p = f->object;
	u32 count = 1;
	s64 result;

	if (bytes > PIPE_SIZE_LIMIT)
		return ERR_INVAL;
	if (bytes > PIPE_MAX_PAGES * PAGE_SIZE)
		return FAIL(ERR_PERM, "pipe-max-size");
	while (count * PAGE_SIZE < bytes)
		count *= 2;
	mutex_lock(&p->mutex);
	result = resize_locked(p, count);
	mutex_unlock(&p->mutex);
	if (result > 0)
		wake_writers(p, POLL_OUT | POLL_WRNORM);
	return result;
}

s64 pipe_get_size(struct file *f) { return (s64)capacity_of(f->object); }
