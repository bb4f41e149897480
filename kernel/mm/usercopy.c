// SPDX-License-Identifier: MIT
/* The C side of user memory access: range checks in front of copy.S, and io_buf.
 * Entry points: kernel/include/user_ptr.h. */
#include "user_ptr.h"
#include "extable.h"
#include "mm.h"
#include "string.h"
#include "usercopy.h"

#define IOV_MAX_COUNT 1024            /* UIO_MAXIOV, readv(2) */
#define IO_BYTES_MAX 0x7ffff000ull    /* most bytes one read or write moves, read(2) NOTES */

u8 user_access_smap, copy_wide;

static void cpuid_leaf(u32 leaf, u32 *b, u32 *c)
{
	u32 a = leaf, d;
	*c = 0;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(*b), "+c"(*c), "=d"(d));
}

void usercopy_init(void)
{
	u32 b, c, xcr0 = 0, high;
	cpuid_leaf(7, &b, &c);
	user_access_smap = (b >> 20) & 1; /* stac and clac are undefined instructions without SMAP */
	cpuid_leaf(1, &b, &c);
	if (c >> 27 & 1) /* OSXSAVE: fpu_init_cpu has run */
		__asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
	copy_wide = (c >> 28 & 1) && (xcr0 & 0xe6) == 6;
}

const struct ex_entry *ex_table_find(u64 rip)
{
	for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
		if (e->fault == rip)
			return e;
	return NULL;
}

static inline bool range_ok(u64 va, u64 size)
{
	return va <= USER_TOP && size <= USER_TOP - va;
}

status_t copy_in(void *dst, struct user_ptr src, size_t size)
{
	if (unlikely(!range_ok(src.va, size)) || unlikely(copy_user(dst, (const void *)src.va, size)))
		return ERR_FAULT;
	return OK;
}

status_t copy_out(struct user_ptr dst, const void *src, size_t size)
{
	if (unlikely(!range_ok(dst.va, size)) || unlikely(copy_user((void *)dst.va, src, size)))
		return ERR_FAULT;
	return OK;
}

status_t user_zero(struct user_ptr dst, size_t size)
{
	if (!range_ok(dst.va, size) || clear_user((void *)dst.va, size))
		return ERR_FAULT;
	return OK;
}

/* The part of a range below USER_TOP. */
static inline u64 clip_to_user(u64 va, u64 size)
{
	return va >= USER_TOP ? 0 : MIN(size, USER_TOP - va);
}

size_t copy_in_partial(void *dst, struct user_ptr src, size_t size)
{
	size_t n = clip_to_user(src.va, size);
	return n ? n - copy_user(dst, (const void *)src.va, n) : 0;
}

size_t copy_out_partial(struct user_ptr dst, const void *src, size_t size)
{
	size_t n = clip_to_user(dst.va, size);
	return n ? n - copy_user((void *)dst.va, src, n) : 0;
}

s64 copy_in_string(char *dst, struct user_ptr src, size_t size)
{
	size_t n = clip_to_user(src.va, size);
	if (!n)
		return ERR_FAULT;
	s64 length = copy_user_string(dst, (const void *)src.va, n);
	if (unlikely(length < 0))
		return ERR_FAULT;
	if (likely((size_t)length < n))
		return length;
	return n < size ? ERR_FAULT : ERR_NAMETOOLONG;
}

status_t copy_in_nofault(void *dst, struct user_ptr src, size_t size)
{
	if (!range_ok(src.va, size) || copy_user_nofault(dst, (const void *)src.va, size))
		return ERR_FAULT;
	return OK;
}

status_t copy_out_nofault(struct user_ptr dst, const void *src, size_t size)
{
	if (!range_ok(dst.va, size) || copy_user_nofault((void *)dst.va, src, size))
		return ERR_FAULT;
	return OK;
}

status_t user_cmpxchg32_nofault(struct user_ptr p, u32 expect, u32 desired, u32 *actual)
{
	if (!range_ok(p.va, sizeof(u32)) || cmpxchg_user32((void *)p.va, expect, desired, actual))
		return ERR_FAULT;
	return OK;
}

/* ---- io_buf ---- */

static void io_buf_init(struct io_buf *b, u64 base, u64 len, bool kernel)
{
	b->vecs = b->inline_vecs;
	b->vec_count = 1;
	b->vec_next = 0;
	b->vec_offset = 0;
	b->remaining = MIN(len, IO_BYTES_MAX);
	b->kernel = kernel;
	b->inline_vecs[0].base = base;
	b->inline_vecs[0].len = b->remaining;
}

void io_buf_init_user(struct io_buf *b, struct user_ptr p, u64 len) { io_buf_init(b, p.va, len, false); }
void io_buf_init_kernel(struct io_buf *b, void *p, u64 len) { io_buf_init(b, (u64)p, len, true); }

void io_buf_done(struct io_buf *b)
{
	if (b->vecs != b->inline_vecs)
		kfree(b->vecs);
	b->vecs = b->inline_vecs;
}

static status_t io_buf_check_vecs(struct io_buf *b)
{
	for (u32 i = 0; i < b->vec_count; i++) {
		struct io_vec *v = &b->vecs[i];
		if ((s64)v->len < 0)
			return ERR_INVAL;
		if (!range_ok(v->base, v->len))
			return ERR_FAULT;
		v->len = MIN(v->len, IO_BYTES_MAX - b->remaining);
		b->remaining += v->len;
	}
	return OK;
}

/* readv(2): EINVAL for a count over IOV_MAX or a negative length; the total is clipped as read(2) does. */
status_t io_buf_init_iovec(struct io_buf *b, struct user_ptr iov, u32 count)
{
	b->vecs = b->inline_vecs;
	b->vec_count = count;
	b->vec_next = 0;
	b->vec_offset = 0;
	b->remaining = 0;
	b->kernel = false;
	if (count > IOV_MAX_COUNT)
		return ERR_INVAL;
	if (count > IO_INLINE_VECS) {
		b->vecs = kmalloc(count * sizeof(struct io_vec));
		if (!b->vecs) {
			b->vecs = b->inline_vecs;
			return ERR_NOMEM;
		}
	}
	status_t st = copy_in(b->vecs, iov, count * sizeof(struct io_vec));
	if (!st)
		st = io_buf_check_vecs(b);
	if (st)
		io_buf_done(b);
	return st;
}

enum io_direction { IO_PUT, IO_TAKE, IO_ZERO };

static size_t io_step(u64 base, void *memory, size_t n, bool kernel, enum io_direction way)
{
	if (!kernel) {
		if (way == IO_PUT)
			return n - copy_user((void *)base, memory, n);
		return n - (way == IO_TAKE ? copy_user(memory, (const void *)base, n) : clear_user((void *)base, n));
	}
	if (way == IO_PUT)
		memcpy((void *)base, memory, n);
	else if (way == IO_TAKE)
		memcpy(memory, (const void *)base, n);
	else
		memset((void *)base, 0, n);
	return n;
}

static size_t io_move(struct io_buf *b, void *memory, size_t n, enum io_direction way)
{
	size_t done = 0;
	n = MIN(n, b->remaining);
	while (done < n) {
		struct io_vec *v = &b->vecs[b->vec_next];
		u64 base = v->base + b->vec_offset;
		size_t room = MIN(n - done, v->len - b->vec_offset);
		if (room) {
			/* Single buffers come unchecked from io_buf_init_user. */
			if (!b->kernel && unlikely(!range_ok(base, room)) && !(room = clip_to_user(base, room)))
				break;
			size_t moved = io_step(base, (char *)memory + done, room, b->kernel, way);
			done += moved;
			b->vec_offset += moved;
			if (moved < room)
				break;
		}
		if (b->vec_offset == v->len) {
			b->vec_next++;
			b->vec_offset = 0;
		}
	}
	b->remaining -= done;
	return done;
}

size_t io_buf_put(struct io_buf *b, const void *src, size_t n) { return io_move(b, (void *)src, n, IO_PUT); }
size_t io_buf_take(struct io_buf *b, void *dst, size_t n) { return io_move(b, dst, n, IO_TAKE); }
size_t io_buf_zero(struct io_buf *b, size_t n) { return io_move(b, NULL, n, IO_ZERO); }
