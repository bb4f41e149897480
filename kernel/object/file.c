// SPDX-License-Identifier: MIT
/* Open files: creation, release and the generic read/write/seek/stat entry points that every ABI uses.
 * Rules: mode checks, position and RLIMIT_FSIZE are decided here and nowhere else; an operation that a file type lacks
 * gets the errno named in file.h. SIGPIPE comes from file_broken_pipe, called by pipes and stream sockets. */
#include "async.h"
#include "nt.h"
#include "vfs.h"

#include "base/string.h"
#include "linux/stat.h"

/* st_dev of objects without a file system, as Linux numbers its internal mounts: any small constants will do. */
#define ANONYMOUS_DEV 0x0f
#define ANONYMOUS_MODE 0600
#define SIZE_UNLIMITED UINT64_MAX /* RLIM_INFINITY */

static struct slab_cache *file_cache;
static u64 last_ino;

u64 file_new_ino(void) { return __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED); }

struct file *file_create(const struct file_ops *ops, void *object, u32 flags)
{
	struct thread *t = thread_current();
	struct file *f;

	if (unlikely(!file_cache)) /* first call is before a second thread exists */
		file_cache = slab_create("file", sizeof(struct file), 64);
	f = file_cache ? slab_alloc(file_cache) : NULL;
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->refs = 1;
	f->flags = flags;
	f->ops = ops;
	f->object = object;
	mutex_init(&f->pos_lock, RANK_FILE_POS_MUTEX);
	list_init(&f->epoll_links);
	if (t && t->cred)
		f->cred = cred_get(t->cred);
	return f;
}

void nt_open_release(struct file *f) WEAK; /* kernel/nt/file.c: share modes, delete on close */

void file_release(struct file *f)
{
	if (f->nt_open && nt_open_release)
		nt_open_release(f);
	if (!list_empty(&f->epoll_links))
		epoll_file_released(f);
	if (unlikely(f->owner)) {
		dnotify_drop(f, NULL);
		file_owner_free(f);
	}
	if (file_has_locks(f))
		file_locks_drop(f, NULL);
	if (unlikely(f->nt_name))
		nt_name_drop(f);
	if (f->ops && f->ops->release)
		f->ops->release(f);
	position_put(f->where);
	if (f->cred)
		cred_put(f->cred);
	slab_free(file_cache, f);
}

/* A file that only this thread can reach needs no position lock. */
static bool pos_lock(struct file *f)
{
	if (__atomic_load_n(&f->refs, __ATOMIC_RELAXED) == 1)
		return false;
	mutex_lock(&f->pos_lock);
	return true;
}

static bool is_regular(const struct file *f) { return f->where.node && S_ISREG_K(f->where.node->mode); }

status_t file_check_size_limit(u64 size)
{
	struct process *p = process_current();
	u64 limit = p ? p->rlimits[RLIMIT_FSIZE].soft : SIZE_UNLIMITED;

	if (likely(size <= limit))
		return OK;
	signal_send_thread(thread_current(), SIGXFSZ, NULL);
	return FAIL(ERR_FBIG, "RLIMIT_FSIZE");
}

/* Clips a write at the file size limit; the first byte beyond it is an error and a signal. */
static status_t clip_to_size_limit(struct file *f, struct io_buf *from, u64 pos)
{
	struct process *p = process_current();
	u64 limit = p ? p->rlimits[RLIMIT_FSIZE].soft : SIZE_UNLIMITED;

	if (likely(limit == SIZE_UNLIMITED) || !is_regular(f) || from->remaining == 0)
		return OK;
	if ((f->flags & O_APPEND_K) && f->where.node->data)
		pos = f->where.node->data->size;
	if (pos >= limit)
		return file_check_size_limit(limit + 1);
	from->remaining = MIN(from->remaining, limit - pos);
	return OK;
}

s64 file_broken_pipe(void)
{
	if (!process_current() || !(process_current()->flags & PROC_WINDOWS))
		signal_send_thread(thread_current(), SIGPIPE, NULL);
	return ERR_PIPE;
}

s64 file_read(struct file *f, struct io_buf *to)
{
	const struct file_ops *ops = f->ops;
	bool locked;
	s64 result;

	if (unlikely(!FILE_CAN_READ(f)))
		return ERR_BADF;
	if (unlikely(!ops->read))
		return ERR_INVAL;
	if (!ops->seek)
		return ops->read(f, to, NULL);
	locked = pos_lock(f);
	result = ops->read(f, to, &f->pos);
	if (locked)
		mutex_unlock(&f->pos_lock);
	return result;
}

s64 file_write(struct file *f, struct io_buf *from)
{
	const struct file_ops *ops = f->ops;
	bool locked;
	s64 result;

	if (unlikely(!FILE_CAN_WRITE(f)))
		return ERR_BADF;
	if (unlikely(!ops->write))
		return ERR_INVAL;
	if (!ops->seek)
		return ops->write(f, from, NULL);
	locked = pos_lock(f);
	result = clip_to_size_limit(f, from, f->pos);
	if (result == OK)
		result = ops->write(f, from, &f->pos);
	if (locked)
		mutex_unlock(&f->pos_lock);
	return result;
}

s64 file_pread(struct file *f, struct io_buf *to, u64 pos)
{
	if (unlikely(!f->ops->seek && !(f->flags & O_PATH_K)))
		return ERR_SPIPE;
	if (unlikely(!FILE_CAN_READ(f)))
		return ERR_BADF;
	if (unlikely(!f->ops->read))
		return ERR_INVAL;
	return f->ops->read(f, to, &pos);
}

s64 file_pwrite(struct file *f, struct io_buf *from, u64 pos)
{
	status_t st;

	if (unlikely(!f->ops->seek && !(f->flags & O_PATH_K)))
		return ERR_SPIPE;
	if (unlikely(!FILE_CAN_WRITE(f)))
		return ERR_BADF;
	if (unlikely(!f->ops->write))
		return ERR_INVAL;
	st = clip_to_size_limit(f, from, pos);
	return st ? st : f->ops->write(f, from, &pos);
}

u32 file_poll(struct file *f, struct poll_table *table)
{
	if (!f->ops->poll)
		return POLL_IN | POLL_OUT | POLL_RDNORM | POLL_WRNORM;
	return f->ops->poll(f, table);
}

status_t file_stat(struct file *f, struct attributes *out)
{
	if (f->where.node && !f->ops->stat) {
		node_attributes(f->where.node, out);
		return OK;
	}
	memset(out, 0, sizeof(*out));
	if (f->ops->stat)
		return f->ops->stat(f, out);
	out->dev = ANONYMOUS_DEV;
	out->ino = f->ino;
	out->mode = ANONYMOUS_MODE;
	out->nlink = 1;
	out->block_size = PAGE_SIZE;
	return OK;
}

struct own_attributes own_attributes_new(u32 mode)
{
	const struct cred *c = thread_current()->cred;
	s64 now = (s64)(time_boot_wall_ns() + time_now_ns());

	return (struct own_attributes){ .mode = mode, .uid = c ? c->fsuid : 0, .gid = c ? c->fsgid : 0, .atime_ns = now,
		.mtime_ns = now, .ctime_ns = now };
}

void own_attributes_stat(const struct own_attributes *own, struct attributes *out)
{
	out->mode = own->mode;
	out->uid = own->uid;
	out->gid = own->gid;
	out->atime_ns = own->atime_ns;
	out->mtime_ns = own->mtime_ns;
	out->ctime_ns = own->ctime_ns;
}

s64 file_describe(struct file *f, char *buf, size_t size)
{
	struct attributes attr = { 0 };

	if (file_stat(f, &attr) == OK && S_ISFIFO_K(attr.mode))
		return fmt_snprintf(buf, size, "pipe:[%llu]", (unsigned long long)attr.ino);
	if (S_ISSOCK_K(attr.mode))
		return fmt_snprintf(buf, size, "socket:[%llu]", (unsigned long long)attr.ino);
	return fmt_snprintf(buf, size, "anon_inode:[%s]", f->ops->name);
}

s64 file_fcntl_flags(struct file *f, u32 flags)
{
	const u32 changeable = O_APPEND_K | O_NONBLOCK_K | O_DIRECT_K | O_NOATIME_K | (f->ops->signals_io ? O_ASYNC_K : 0);
	u32 new_flags = (f->flags & ~changeable) | (flags & changeable);
	status_t st = OK;

	if (f->ops->set_flags)
		st = f->ops->set_flags(f, new_flags);
	else if ((new_flags & O_DIRECT_K) && !f->where.node)
		st = ERR_INVAL;
	if (st == OK)
		__atomic_store_n(&f->flags, new_flags, __ATOMIC_RELAXED);
	return st;
}
