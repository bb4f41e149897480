// SPDX-License-Identifier: MIT
/* madvise(2), mlock(2), and what mincore(2), msync(2) and futex(2) ask about a range.
 * Advice values are Linux's; hints that cannot matter here are accepted as Linux accepts them, everything that
 * would change what a program sees is done or refused. */
#include "frame.h"
#include "map.h"

enum {
	ADVISE_NORMAL = 0, ADVISE_RANDOM = 1, ADVISE_SEQUENTIAL = 2, ADVISE_WILLNEED = 3, ADVISE_DONTNEED = 4,
	ADVISE_FREE = 8, ADVISE_REMOVE = 9, ADVISE_DONTFORK = 10, ADVISE_DOFORK = 11, ADVISE_MERGEABLE = 12,
	ADVISE_UNMERGEABLE = 13, ADVISE_HUGEPAGE = 14, ADVISE_NOHUGEPAGE = 15, ADVISE_DONTDUMP = 16, ADVISE_DODUMP = 17,
	ADVISE_WIPEONFORK = 18, ADVISE_KEEPONFORK = 19, ADVISE_COLD = 20, ADVISE_PAGEOUT = 21,
	ADVISE_POPULATE_READ = 22, ADVISE_POPULATE_WRITE = 23,
};

/* MADV_REMOVE frees the object's pages too: done with as->lock dropped. */
struct removal { struct memobj *obj; u64 offset, size; };

static status_t discard(struct vma *v, u64 from, u64 to)
{
	if (v->flags & MAP_F_LOCKED)
		return ERR_INVAL;
	pt_unmap_range(v->as, from, to, false);
	return OK;
}

static status_t plan_removal(struct vma *v, u64 from, u64 to, struct removal *removal)
{
	if (v->flags & MAP_F_LOCKED)
		return ERR_INVAL;
	if (!v->obj)
		return ERR_INVAL;
	if (!(v->flags & MAP_F_SHARED) || !(v->max_prot & PROT_W))
		return ERR_ACCES;
	memobj_get(v->obj);
	removal->obj = v->obj;
	removal->offset = v->offset + (from - v->start);
	removal->size = to - from;
	return OK;
}

static status_t advise_vma(struct vma *v, u64 from, u64 to, int advice, struct removal *removal)
{
	switch (advice) {
	case ADVISE_DONTNEED:
		return discard(v, from, to);
	case ADVISE_FREE:
		return v->obj ? ERR_INVAL : discard(v, from, to);
	case ADVISE_REMOVE:
		return plan_removal(v, from, to, removal);
	case ADVISE_WIPEONFORK:
		return v->obj || (v->flags & MAP_F_SHARED) ? ERR_INVAL : OK;
	case ADVISE_COLD:
	case ADVISE_PAGEOUT:
		return v->flags & MAP_F_LOCKED ? ERR_INVAL : OK;
	default:
		return OK;
	}
}

static status_t change_marks(struct aspace *as, u64 start, u64 end, int advice)
{
	struct list_node dead;
	u32 set = 0, clear = 0;
	if (advice == ADVISE_DONTFORK)
		set = MAP_F_DONTFORK;
	else if (advice == ADVISE_DOFORK)
		clear = MAP_F_DONTFORK;
	else if (advice == ADVISE_WIPEONFORK)
		set = MAP_F_WIPEONFORK;
	else if (advice == ADVISE_KEEPONFORK)
		clear = MAP_F_WIPEONFORK;
	else
		return OK;
	list_init(&dead);
	mutex_lock(&as->lock);
	status_t st = vma_change_flags(as, start, end, set, clear, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	return st;
}

/* One pass from *at; stops early when a removal must be carried out. */
static status_t advise_pass(struct aspace *as, u64 *at, u64 end, int advice, bool *hole, struct removal *removal)
{
	status_t st = OK;
	mutex_lock(&as->lock);
	while (*at < end && !st && !removal->obj) {
		struct vma *v = aspace_find_vma_locked(as, *at);
		if (!v || v->start >= end) {
			*hole = true;
			*at = end;
			break;
		}
		*hole |= v->start > *at;
		u64 from = MAX(*at, v->start), to = MIN(v->end, end);
		st = advise_vma(v, from, to, advice, removal);
		*at = to;
	}
	mutex_unlock(&as->lock);
	return st;
}

static status_t populate_for(struct aspace *as, u64 va, u64 end, bool write)
{
	int code;
	for (u64 at = va; at < end; at += PAGE_SIZE) {
		mutex_lock(&as->lock);
		struct vma *v = aspace_find_vma_locked(as, at);
		status_t st = !v || v->start > at ? ERR_NOMEM : fault_locked(as, at, write ? FAULT_WRITE : FAULT_READ, &code);
		mutex_unlock(&as->lock);
		if (st)
			return st == ERR_FAULT ? ERR_INVAL : st == ERR_IO ? ERR_FAULT : st; /* madvise(2), MADV_POPULATE_* */
		preempt_point();
	}
	return OK;
}

static bool advice_known(int advice)
{
	if (advice == ADVISE_MERGEABLE || advice == ADVISE_UNMERGEABLE)
		return false; /* as a Linux without /sys/kernel/mm/ksm */
	return (advice >= ADVISE_NORMAL && advice <= ADVISE_DONTNEED) ||
	       (advice >= ADVISE_FREE && advice <= ADVISE_POPULATE_WRITE);
}

status_t aspace_advise(struct aspace *as, u64 va, u64 size, int advice)
{
	bool hole = false;
	status_t st = OK;
	u64 end = va + ALIGN_UP(size, PAGE_SIZE);
	if (!advice_known(advice) || !IS_ALIGNED(va, PAGE_SIZE) || (size && ALIGN_UP(size, PAGE_SIZE) == 0) || end < va)
		return ERR_INVAL;
	if (end == va)
		return OK;
	if (end > USER_TOP)
		return ERR_NOMEM;
	if (advice == ADVISE_POPULATE_READ || advice == ADVISE_POPULATE_WRITE)
		return populate_for(as, va, end, advice == ADVISE_POPULATE_WRITE);
	for (u64 at = va; at < end && !st;) {
		struct removal removal = { NULL, 0, 0 };
		st = advise_pass(as, &at, end, advice, &hole, &removal);
		if (removal.obj) {
			memobj_punch(removal.obj, removal.offset, removal.size);
			memobj_put(removal.obj);
		}
	}
	if (!st)
		st = change_marks(as, va, end, advice);
	return st ? st : hole ? ERR_NOMEM : OK;
}

status_t aspace_lock_pages(struct aspace *as, u64 va, u64 size, bool lock, bool populate)
{
	struct list_node dead;
	u64 start = ALIGN_DOWN(va, PAGE_SIZE), end = ALIGN_UP(va + size, PAGE_SIZE);
	if (va + size < va || end < start)
		return ERR_INVAL;
	if (end > USER_TOP)
		return ERR_NOMEM;
	if (start == end)
		return OK;
	list_init(&dead);
	mutex_lock(&as->lock);
	status_t st = vma_change_flags(as, start, end, lock ? MAP_F_LOCKED : 0, lock ? 0 : MAP_F_LOCKED, &dead);
	mutex_unlock(&as->lock);
	vma_release_dead(&dead);
	if (!st && populate)
		st = aspace_populate(as, start, end - start);
	return st == ERR_FAULT || st == ERR_IO ? ERR_NOMEM : st;
}

void aspace_lock_all(struct aspace *as, bool lock, bool populate)
{
	mutex_lock(&as->lock);
	as->locked_pages = 0;
	for (struct rb_node *n = rb_first(&as->vmas); n; n = rb_next(n)) {
		struct vma *v = rb_entry(n, struct vma, node);
		v->flags = lock ? v->flags | MAP_F_LOCKED : v->flags & ~(u32)MAP_F_LOCKED;
		if (lock)
			as->locked_pages += (v->end - v->start) >> PAGE_SHIFT;
	}
	mutex_unlock(&as->lock);
	for (u64 at = 0; populate && at < USER_TOP;) {
		mutex_lock(&as->lock);
		struct vma *v = aspace_find_vma_locked(as, at);
		u64 from = v ? v->start : USER_TOP, to = v ? v->end : USER_TOP;
		mutex_unlock(&as->lock);
		(void)aspace_populate(as, from, to - from); /* mlockall(2) does not fail for pages it cannot bring in */
		at = to;
	}
}

void aspace_populate_locked_mappings(struct aspace *as, u64 va, u64 size)
{
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, va);
	bool locked = v && v->start <= va && (v->flags & MAP_F_LOCKED);
	mutex_unlock(&as->lock);
	if (locked)
		(void)aspace_populate(as, va, size);
}

u64 aspace_locked_bytes(struct aspace *as, u64 start, u64 end)
{
	u64 bytes = 0;
	mutex_lock(&as->lock);
	for (u64 at = start; at < end;) {
		struct vma *v = aspace_find_vma_locked(as, at);
		if (!v || v->start >= end)
			break;
		if (v->flags & MAP_F_LOCKED)
			bytes += MIN(v->end, end) - MAX(v->start, start);
		at = v->end;
	}
	mutex_unlock(&as->lock);
	return bytes;
}

static bool page_resident(struct aspace *as, struct vma *v, u64 va)
{
	u64 *slot = pt_slot(as, va);
	if (slot && (*slot & PTE_HELD))
		return (*slot & PTE_ADDRESS) != zero_page_pa;
	if (!v->obj)
		return false;
	u64 index = (v->offset + (va - v->start)) >> PAGE_SHIFT;
	spin_lock(&v->obj->index_lock);
	bool here = memobj_lookup_locked(v->obj, index) || memobj_in_backing(v->obj, index);
	spin_unlock(&v->obj->index_lock);
	return here;
}

status_t aspace_resident(struct aspace *as, u64 va, u64 pages, u8 *out)
{
	status_t st = OK;
	mutex_lock(&as->lock);
	for (u64 i = 0; i < pages && !st; i++) {
		struct vma *v = aspace_find_vma_locked(as, va + i * PAGE_SIZE);
		if (!v || v->start > va + i * PAGE_SIZE)
			st = ERR_NOMEM;
		else
			out[i] = page_resident(as, v, va + i * PAGE_SIZE);
	}
	mutex_unlock(&as->lock);
	return st;
}

struct file *aspace_shared_file(struct aspace *as, u64 *at, u64 end, bool *hole, bool *locked)
{
	struct file *f = NULL;
	mutex_lock(&as->lock);
	while (*at < end && !f) {
		struct vma *v = aspace_find_vma_locked(as, *at);
		if (!v || v->start >= end) {
			*hole = true;
			*at = end;
			break;
		}
		*hole |= v->start > *at;
		*locked |= (v->flags & MAP_F_LOCKED) != 0;
		*at = v->end;
		if (v->file && (v->flags & MAP_F_SHARED)) {
			f = v->file;
			file_get(f);
		}
	}
	mutex_unlock(&as->lock);
	return f;
}

status_t aspace_futex_key(struct aspace *as, u64 va, u64 *key_a, u64 *key_b)
{
	status_t st = OK;
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, va);
	if (!v || v->start > va || !(v->prot & (PROT_R | PROT_W))) {
		st = ERR_FAULT;
	} else if (v->obj && v->offset + (va - v->start) >= ALIGN_UP(v->obj->size, PAGE_SIZE)) {
		st = ERR_FAULT; /* behind the end of the file */
	} else if (v->obj && (v->flags & MAP_F_SHARED)) {
		*key_a = (u64)v->obj;
		*key_b = v->offset + (va - v->start);
	} else {
		*key_a = (u64)as;
		*key_b = va;
	}
	mutex_unlock(&as->lock);
	return st;
}
