// SPDX-License-Identifier: MIT
/* Linux rows that read, write, position and size an open file. Descriptor rows are in fd_table.c, copies between
 * two files in fd_copy.c. Handlers borrow the file (fd_borrow) and leave mode checks, position, limits and
 * SIGPIPE to object/file.c. */
#include "linux.h"

#include "linux/stat.h"

#define IO_MAX_BYTES 0x7ffff000ull /* Linux moves at most this much in one call, read(2) */
/* preadv2(2) flags. HIPRI asks for polling of a device, a hint; NOWAIT and APPEND are refused like unknown ones. */
enum { RWF_HIPRI = 1, RWF_DSYNC = 2, RWF_SYNC = 4, RWF_SUPPORTED = RWF_HIPRI | RWF_DSYNC | RWF_SYNC };

enum io_how { IO_READ = 0, IO_WRITE = 1, IO_AT = 2 };

static inline s64 move_bytes(struct file *f, struct io_buf *buf, u64 pos, u32 how)
{
	if (how & IO_AT)
		return (how & IO_WRITE) ? file_pwrite(f, buf, pos) : file_pread(f, buf, pos);
	return (how & IO_WRITE) ? file_write(f, buf) : file_read(f, buf);
}

/* Always inlined: how is constant in each row, and these are the hottest calls. */
static inline __attribute__((always_inline)) s64 plain_io(u64 fd, u64 va, u64 count, u64 pos, u32 how)
{
	struct io_buf buf;
	bool held;
	struct file *f = fd_borrow((int)fd, &held);
	s64 result;

	if (unlikely(!f))
		return ERR_BADF;
	io_buf_init_user(&buf, user_ptr(va), MIN(count, IO_MAX_BYTES));
	result = (s64)count < 0 || ((how & IO_AT) && (s64)pos < 0) ? ERR_INVAL : move_bytes(f, &buf, pos, how);
	fd_return(f, held);
	return result;
}

LINUX_HANDLER(read) { return plain_io(a0, a1, a2, 0, IO_READ); }
LINUX_HANDLER(write) { return plain_io(a0, a1, a2, 0, IO_WRITE); }
LINUX_HANDLER(pread64) { return plain_io(a0, a1, a2, a3, IO_READ | IO_AT); }
LINUX_HANDLER(pwrite64) { return plain_io(a0, a1, a2, a3, IO_WRITE | IO_AT); }

static s64 vector_io(u64 fd, u64 vectors, u64 count, u64 pos, u32 how)
{
	struct io_buf buf;
	bool held;
	struct file *f = fd_borrow((int)fd, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if ((how & IO_AT) && (s64)pos < 0)
		result = ERR_INVAL;
	else if (count > IO_VECTORS_MAX)
		result = ERR_INVAL;
	else
		result = io_buf_init_iovec(&buf, user_ptr(vectors), (u32)count);
	if (result == OK) {
		buf.remaining = MIN(buf.remaining, IO_MAX_BYTES);
		result = move_bytes(f, &buf, pos, how);
		io_buf_done(&buf);
	}
	fd_return(f, held);
	return result;
}

LINUX_HANDLER(readv) { return vector_io(a0, a1, a2, 0, IO_READ); }
LINUX_HANDLER(writev) { return vector_io(a0, a1, a2, 0, IO_WRITE); }
LINUX_HANDLER(preadv) { return vector_io(a0, a1, a2, a3, IO_READ | IO_AT); }
LINUX_HANDLER(pwritev) { return vector_io(a0, a1, a2, a3, IO_WRITE | IO_AT); }

LINUX_HANDLER(preadv2)
{
	if (a5 & ~(u64)RWF_SUPPORTED)
		return FAIL(ERR_OPNOTSUPP, "RWF_* flag");
	return vector_io(a0, a1, a2, a3, IO_READ | (a3 == UINT64_MAX ? 0 : IO_AT));
}

static s64 sync_file(u64 fd, bool data_only)
{
	bool held;
	struct file *f = fd_borrow((int)fd, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else
		result = f->ops->sync ? f->ops->sync(f, data_only) : ERR_INVAL;
	fd_return(f, held);
	return result;
}

LINUX_HANDLER(pwritev2)
{
	if (a5 & ~(u64)RWF_SUPPORTED)
		return FAIL(ERR_OPNOTSUPP, "RWF_* flag");
	s64 done = vector_io(a0, a1, a2, a3, IO_WRITE | (a3 == UINT64_MAX ? 0 : IO_AT));
	s64 synced = done > 0 && a5 & (RWF_DSYNC | RWF_SYNC) ? sync_file(a0, !(a5 & RWF_SYNC)) : OK;
	return synced < 0 && synced != ERR_INVAL ? synced : done; /* INVAL: nothing to sync, a pipe */
}

LINUX_HANDLER(lseek)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else if ((u32)a2 > 4) /* SEEK_HOLE is the last */
		result = ERR_INVAL;
	else if (!f->ops->seek) /* event files of Linux answer 0 to any seek */
		result = f->ops->stat || f->where.node ? ERR_SPIPE : 0;
	else {
		mutex_lock(&f->pos_lock);
		result = f->ops->seek(f, (s64)a1, (int)a2);
		mutex_unlock(&f->pos_lock);
	}
	fd_return(f, held);
	return result;
}

LINUX_HANDLER(fsync) { return sync_file(a0, false); }
LINUX_HANDLER(fdatasync) { return sync_file(a0, true); }

LINUX_HANDLER(ftruncate)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if ((s64)a1 < 0)
		result = ERR_INVAL;
	else if (f->flags & O_PATH_K)
		result = ERR_BADF;
	else if (!FILE_CAN_WRITE(f) || !f->ops->truncate)
		result = ERR_INVAL;
	else {
		result = file_check_size_limit(a1);
		if (result == OK)
			result = f->ops->truncate(f, a1);
	}
	fd_return(f, held);
	return result;
}

/* fallocate(2): what cannot be allocated tells its kind. */
static status_t fallocate_refusal(struct file *f)
{
	struct attributes attr = { 0 };

	if (file_stat(f, &attr) == OK && S_ISREG_K(attr.mode))
		return ERR_OPNOTSUPP;
	return S_ISFIFO_K(attr.mode) ? ERR_SPIPE : ERR_NODEV;
}

LINUX_HANDLER(fallocate)
{
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (!f)
		return ERR_BADF;
	if ((s64)a2 < 0 || (s64)a3 <= 0)
		result = ERR_INVAL;
	else if (!FILE_CAN_WRITE(f))
		result = ERR_BADF;
	else if ((s64)(a2 + a3) < 0)
		result = ERR_FBIG;
	else if (!f->ops->fallocate)
		result = fallocate_refusal(f);
	else {
		result = file_check_size_limit(a2 + a3);
		if (result == OK)
			result = f->ops->fallocate(f, (u32)a1, a2, a3);
	}
	fd_return(f, held);
	return result;
}

void stat_from_attributes(const struct attributes *a, struct linux_stat *s)
{
	*s = (struct linux_stat){
		.st_dev = a->dev, .st_ino = a->ino, .st_nlink = a->nlink, .st_mode = a->mode,
		.st_uid = a->uid, .st_gid = a->gid, .st_rdev = a->rdev, .st_size = (s64)a->size,
		.st_blksize = a->block_size, .st_blocks = (s64)a->blocks_512,
	};
	s->st_atime_sec = (u64)a->atime_ns / NSEC_PER_SEC;
	s->st_atime_nsec = (u64)a->atime_ns % NSEC_PER_SEC;
	s->st_mtime_sec = (u64)a->mtime_ns / NSEC_PER_SEC;
	s->st_mtime_nsec = (u64)a->mtime_ns % NSEC_PER_SEC;
	s->st_ctime_sec = (u64)a->ctime_ns / NSEC_PER_SEC;
	s->st_ctime_nsec = (u64)a->ctime_ns % NSEC_PER_SEC;
}

LINUX_HANDLER(fstat)
{
	struct attributes attr;
	struct linux_stat st;
	bool held;
	struct file *f = fd_borrow((int)a0, &held);
	s64 result;

	if (unlikely(!f))
		return ERR_BADF;
	result = file_stat(f, &attr);
	fd_return(f, held);
	if (result)
		return result;
	stat_from_attributes(&attr, &st);
	return COPY_OUT(user_ptr(a1), &st);
}
