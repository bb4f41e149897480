// SPDX-License-Identifier: MIT
/* memobj_read and memobj_write: bytes move directly between the page and the caller's buffer. No lock is held
 * while they move, because touching user memory may fault on this very object; a page reference is enough.
 * A fresh page is filled before it enters the index, so nobody sees it half written and a page that is wholly
 * overwritten is never cleared or read first. */
#include "memobj.h"
#include "string.h"

#define IN_PLACE_CHUNK KIB(256) /* image bytes moved between two preemption points */

static s64 result(s64 done, s64 st) { return done ? done : st; }

/* Bytes of one step of a read: moved bytes, or an error when the page cannot be had. */
static s64 read_step(struct memobj *o, struct io_buf *to, u64 offset, u64 n)
{
	u64 index = offset >> PAGE_SHIFT, at = offset & PAGE_MASK;
	struct page *p;
	phys_t pa;
	if (!o->page_count && o->backing != PHYS_NONE && offset < o->backing_size) {
		u64 chunk = MIN(MIN(n, o->backing_size - offset), IN_PLACE_CHUNK);
		return (s64)io_buf_put(to, phys_to_virt(o->backing + offset), chunk);
	}
	n = MIN(n, PAGE_SIZE - at);
	spin_lock(&o->index_lock);
	p = page_index_find(&o->index, index);
	if (likely(p)) {
		page_get(p);
		p->flags |= PAGE_FLAG_ACTIVE;
	}
	spin_unlock(&o->index_lock);
	if (likely(p)) {
		pa = page_to_phys(p);
	} else if (!memobj_refillable(o)) {
		return (s64)io_buf_zero(to, n); /* a hole: nothing is allocated for reading it */
	} else {
		status_t st = memobj_get_page(o, index, MEMOBJ_READ, &p, &pa);
		if (st == ERR_FAULT)
			return 0; /* truncated meanwhile */
		if (st)
			return st;
	}
	n = io_buf_put(to, (char *)phys_to_virt(pa) + at, n);
	if (p)
		page_put(p);
	return (s64)n;
}

s64 memobj_read(struct memobj *o, struct io_buf *to, u64 offset)
{
	u64 size = o->size;
	s64 done = 0;
	if (o->flags & MEMOBJ_UNCACHED)
		return ERR_INVAL;
	if (offset >= size)
		return 0;
	u64 n = MIN(to->remaining, size - offset);
	while (n) {
		u64 want = MIN(n, PAGE_SIZE - (offset & PAGE_MASK));
		s64 moved = read_step(o, to, offset, n);
		if (moved < 0)
			return result(done, moved);
		done += moved;
		if ((u64)moved < want)
			return result(done, o->size > offset ? ERR_FAULT : 0);
		offset += (u64)moved;
		n -= (u64)moved;
		if (unlikely(cpu_this()->need_resched))
			preempt_point();
	}
	return done;
}

/* ---- write ---- */

static void extend_size(struct memobj *o, u64 end)
{
	if (end <= o->size)
		return;
	spin_lock(&o->index_lock);
	o->size = MAX(o->size, end);
	spin_unlock(&o->index_lock);
}

/* True when nothing old shows through the page: a hole, behind the end, or overwritten as far as it is used. */
static bool old_bytes_needed(struct memobj *o, u64 offset, u64 n)
{
	u64 start = ALIGN_DOWN(offset, PAGE_SIZE);
	if (offset == start && (n == PAGE_SIZE || offset + n >= o->size))
		return false;
	if (start >= o->size)
		return false;
	return memobj_refillable(o) && ((o->ops && o->ops->fill) || start < o->backing_size);
}

/* Copies what was written to our private page into the page that came first. */
static status_t merge_into_present(struct memobj *o, u64 offset, const struct page *ours, u64 n)
{
	struct page *p;
	phys_t pa;
	extend_size(o, offset + n);
	status_t st = memobj_get_page(o, offset >> PAGE_SHIFT, MEMOBJ_WRITE, &p, &pa);
	if (st)
		return st;
	memcpy((char *)phys_to_virt(pa) + (offset & PAGE_MASK), (char *)page_va(ours) + (offset & PAGE_MASK), n);
	if (p)
		page_put(p);
	return OK;
}

static s64 write_fresh_page(struct memobj *o, struct io_buf *from, u64 offset, u64 n)
{
	u64 at = offset & PAGE_MASK, index = offset >> PAGE_SHIFT;
	struct page *p = page_alloc(ALLOC_USER);
	if (!p)
		return ERR_NOSPC;
	char *memory = page_va(p);
	u64 moved = io_buf_take(from, memory + at, n);
	memset(memory, 0, at);
	memset(memory + at + moved, 0, PAGE_SIZE - at - moved);
	status_t st = moved ? OK : ERR_FAULT;
	if (!st && moved < n && old_bytes_needed(o, offset, moved))
		st = ERR_FAULT; /* a partial copy over old bytes that we did not read: give up the page */
	if (!st && o->ops && o->ops->make_dirty)
		st = o->ops->make_dirty(o, index);
	if (!st) {
		st = memobj_insert(o, index, p, PAGE_FLAG_DIRTY, true);
		if (!st) {
			extend_size(o, offset + moved);
			return (s64)moved;
		}
		st = st == ERR_EXIST ? merge_into_present(o, offset, p, moved) : ERR_NOSPC;
	}
	page_put(p);
	return st ? st : (s64)moved;
}

static s64 write_step(struct memobj *o, struct io_buf *from, u64 offset, u64 n)
{
	u64 index = offset >> PAGE_SHIFT;
	struct page *p;
	phys_t pa;
	spin_lock(&o->index_lock);
	p = page_index_find(&o->index, index);
	if (p)
		page_get(p);
	spin_unlock(&o->index_lock);
	if (p && memobj_tracked(o) && !(p->flags & PAGE_FLAG_DIRTY)) {
		page_put(p);
		p = NULL;
	} else if (p) {
		pa = page_to_phys(p);
	} else if (!(o->flags & MEMOBJ_PHYSICAL) && !old_bytes_needed(o, offset, n)) {
		return write_fresh_page(o, from, offset, n);
	}
	if (!p) {
		status_t st = memobj_get_page(o, index, MEMOBJ_WRITE, &p, &pa);
		if (st)
			return st;
	}
	u64 moved = io_buf_take(from, (char *)phys_to_virt(pa) + (offset & PAGE_MASK), n);
	if (p)
		page_put(p);
	extend_size(o, offset + moved);
	return moved ? (s64)moved : ERR_FAULT;
}

s64 memobj_write(struct memobj *o, struct io_buf *from, u64 offset)
{
	s64 done = 0;
	if (o->flags & MEMOBJ_UNCACHED)
		return ERR_INVAL;
	if ((o->flags & MEMOBJ_PHYSICAL) && offset >= o->size)
		return ERR_NOSPC;
	while (from->remaining) {
		u64 n = MIN(from->remaining, PAGE_SIZE - (offset & PAGE_MASK));
		s64 moved = write_step(o, from, offset, n);
		if (moved < 0)
			return result(done, moved);
		done += moved;
		offset += (u64)moved;
		if ((u64)moved < n)
			return done;
		if (unlikely(cpu_this()->need_resched))
			preempt_point();
	}
	return done;
}

static u64 seek_data(struct memobj *o, u64 offset)
{
	u64 index = offset >> PAGE_SHIFT;
	spin_lock(&o->index_lock);
	bool found = page_index_next(&o->index, &index);
	spin_unlock(&o->index_lock);
	return found && index << PAGE_SHIFT < o->size ? MAX(offset, index << PAGE_SHIFT) : UINT64_MAX;
}

static u64 seek_hole(struct memobj *o, u64 offset)
{
	u64 size = o->size, at = offset;
	while (at < size) {
		spin_lock(&o->index_lock);
		bool present = page_index_find(&o->index, at >> PAGE_SHIFT);
		spin_unlock(&o->index_lock);
		if (!present)
			return at;
		at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
		preempt_point();
	}
	return size;
}

u64 memobj_seek(struct memobj *o, u64 offset, bool data)
{
	if (memobj_refillable(o)) /* only who fills it knows */
		return data ? offset : o->size;
	u64 backed = o->backing != PHYS_NONE ? ALIGN_UP(o->backing_size, PAGE_SIZE) : 0;
	if (data)
		return offset < backed ? offset : seek_data(o, offset);
	return seek_hole(o, MAX(offset, MIN(backed, o->size)));
}
