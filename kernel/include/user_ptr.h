/* SPDX-License-Identifier: MIT */
/* User memory is a type: a struct user_ptr cannot be dereferenced. All copies check the range against
 * USER_TOP, may fault and therefore sleep, and return ERR_FAULT when a byte is not accessible.
 * Never call the sleeping forms with a spinlock held. */
#ifndef AMBOS_KERNEL_USER_PTR_H
#define AMBOS_KERNEL_USER_PTR_H

#include "mm.h"

struct user_ptr {
	u64 va;
};
static inline struct user_ptr user_ptr(u64 va) { return (struct user_ptr){ va }; }
static inline struct user_ptr user_add(struct user_ptr p, u64 n) { return (struct user_ptr){ p.va + n }; }
static inline bool user_is_null(struct user_ptr p) { return p.va == 0; }

status_t copy_in(void *dst, struct user_ptr src, size_t size) MUST_CHECK;
status_t copy_out(struct user_ptr dst, const void *src, size_t size) MUST_CHECK;
status_t user_zero(struct user_ptr dst, size_t size) MUST_CHECK;
/* Copies as much as is accessible; returns the bytes copied (for read/write partial results). */
size_t copy_in_partial(void *dst, struct user_ptr src, size_t size);
size_t copy_out_partial(struct user_ptr dst, const void *src, size_t size);
/* NUL-terminated string of at most size-1 bytes. Length without the NUL, ERR_FAULT, or ERR_NAMETOOLONG. */
s64 copy_in_string(char *dst, struct user_ptr src, size_t size) MUST_CHECK;

/* Non-sleeping forms: ERR_FAULT also when the page is not present; legal under spinlocks (futex). */
status_t copy_in_nofault(void *dst, struct user_ptr src, size_t size) MUST_CHECK;
status_t copy_out_nofault(struct user_ptr dst, const void *src, size_t size) MUST_CHECK;
status_t user_cmpxchg32_nofault(struct user_ptr p, u32 expect, u32 desired, u32 *actual) MUST_CHECK;

/* Up to 128 bytes; fast for multiples of 8. */
#define COPY_SHORT_MAX 128u
size_t copy_short(void *dst, const void *src, size_t n); /* not zero on a fault; no checks */
static inline status_t copy_short_in(void *dst, u64 va, u32 n)
{
	if (unlikely((n & 7) || va > USER_TOP - COPY_SHORT_MAX))
		return copy_in(dst, user_ptr(va), n);
	return unlikely(copy_short(dst, (const void *)va, n)) ? ERR_FAULT : OK;
}
static inline status_t copy_short_out(u64 va, const void *src, u32 n)
{
	if (unlikely((n & 7) || va > USER_TOP - COPY_SHORT_MAX))
		return copy_out(user_ptr(va), src, n);
	return unlikely(copy_short((void *)va, src, n)) ? ERR_FAULT : OK;
}

#define COPY_IN(obj_ptr, uptr) copy_in((obj_ptr), (uptr), sizeof(*(obj_ptr)))
#define COPY_OUT(uptr, obj_ptr) copy_out((uptr), (obj_ptr), sizeof(*(obj_ptr)))

/* A list of buffers, all user or all kernel memory, consumed from the front. */
struct io_vec { u64 base; u64 len; };
#define IO_INLINE_VECS 8
struct io_buf {
	struct io_vec *vecs;    /* points at inline_vecs or a kmalloc'd array */
	u32 vec_count, vec_next;
	u64 vec_offset;         /* into vecs[vec_next] */
	u64 remaining;
	bool kernel;            /* bases are kernel addresses */
	struct io_vec inline_vecs[IO_INLINE_VECS];
};
void io_buf_init_user(struct io_buf *b, struct user_ptr p, u64 len);
void io_buf_init_kernel(struct io_buf *b, void *p, u64 len);
/* Copies the iovecs in and checks them as readv(2); io_buf_done frees the copied array. */
#define IO_VECTORS_MAX 1024 /* UIO_MAXIOV, readv(2) */
status_t io_buf_init_iovec(struct io_buf *b, struct user_ptr iov, u32 count) MUST_CHECK;
void io_buf_done(struct io_buf *b);
/* Move bytes and advance; return bytes moved (less than n on a fault or at the end of the buffer). */
size_t io_buf_put(struct io_buf *b, const void *src, size_t n); /* kernel -> buffer (a read) */
size_t io_buf_take(struct io_buf *b, void *dst, size_t n);      /* buffer -> kernel (a write) */
size_t io_buf_zero(struct io_buf *b, size_t n);

#endif
