// SPDX-License-Identifier: MIT
/* Memory rows of the Linux table that concern one range: mmap, munmap, mprotect, brk, mremap, madvise,
 * mincore, msync, memfd_create. Errors in the order Linux gives them (mmap(2) and its relatives). */
#include "linux.h"
#include "mem.h"
#include "string.h"
#include "../../abi/linux/mman.h"

#define MS_NOEXEC 8              /* mount(2) */
#define MEMFD_NAME_MAX 249       /* memfd_create(2) */
#define MINCORE_CHUNK 1024       /* pages asked for at a time */

/* Flags that MAP_SHARED_VALIDATE accepts: those that existed before it. */
#define KNOWN_MAP_FLAGS (LINUX_MAP_SHARED_VALIDATE | LINUX_MAP_FIXED | LINUX_MAP_ANONYMOUS | LINUX_MAP_32BIT | \
	LINUX_MAP_GROWSDOWN | LINUX_MAP_DENYWRITE | LINUX_MAP_EXECUTABLE | LINUX_MAP_LOCKED | LINUX_MAP_NORESERVE | \
	LINUX_MAP_POPULATE | LINUX_MAP_NONBLOCK | LINUX_MAP_STACK | LINUX_MAP_HUGETLB | LINUX_MAP_UNINITIALIZED)
#define PROT_ALL (LINUX_PROT_READ | LINUX_PROT_WRITE | LINUX_PROT_EXEC)

static u32 map_flags_of(u64 linux_flags)
{
	u32 f = 0;
	if (linux_flags & LINUX_MAP_FIXED)
		f |= MAP_F_FIXED;
	if (linux_flags & LINUX_MAP_FIXED_NOREPLACE)
		f = (f & ~(u32)MAP_F_FIXED) | MAP_F_NOREPLACE;
	if (linux_flags & LINUX_MAP_32BIT)
		f |= MAP_F_32BIT;
	if (linux_flags & LINUX_MAP_GROWSDOWN)
		f |= MAP_F_GROWSDOWN | MAP_F_STACK;
	if (linux_flags & LINUX_MAP_LOCKED)
		f |= MAP_F_LOCKED;
	if (linux_flags & LINUX_MAP_NORESERVE)
		f |= MAP_F_NORESERVE;
	if ((linux_flags & LINUX_MAP_POPULATE) && !(linux_flags & LINUX_MAP_NONBLOCK))
		f |= MAP_F_POPULATE;
	return f;
}

/* Rights of the open file against the request; sets shared and the rights that mprotect may give later. */
static status_t check_file(struct file *f, u64 flags, struct map_request *r)
{
	u64 type = flags & LINUX_MAP_TYPE;
	bool shared = type != LINUX_MAP_PRIVATE;
	if (type != LINUX_MAP_PRIVATE && type != LINUX_MAP_SHARED && type != LINUX_MAP_SHARED_VALIDATE)
		return ERR_INVAL;
	if (type == LINUX_MAP_SHARED_VALIDATE && (flags & ~(u64)KNOWN_MAP_FLAGS))
		return ERR_OPNOTSUPP;
	if (shared && (r->prot & PROT_W) && !FILE_CAN_WRITE(f))
		return ERR_ACCES;
	if (!FILE_CAN_READ(f))
		return ERR_ACCES;
	if (shared && !FILE_CAN_WRITE(f))
		r->max_prot &= ~(u32)PROT_W;
	if (f->where.mount && (f->where.mount->flags & MS_NOEXEC)) {
		if (r->prot & PROT_X)
			return ERR_PERM;
		r->max_prot &= ~(u32)PROT_X;
	}
	if (!f->ops->map)
		return ERR_NODEV;
	if (flags & LINUX_MAP_GROWSDOWN)
		return ERR_INVAL;
	if (shared)
		r->flags |= MAP_F_SHARED;
	return OK;
}

static s64 map_anonymous(struct map_request *r, u64 flags)
{
	u64 type = flags & LINUX_MAP_TYPE, va;
	if (type != LINUX_MAP_PRIVATE && type != LINUX_MAP_SHARED)
		return ERR_INVAL;
	if (flags & LINUX_MAP_HUGETLB)
		return ERR_NOMEM; /* the pool of huge pages is empty */
	if (type == LINUX_MAP_SHARED) {
		if (flags & LINUX_MAP_GROWSDOWN)
			return ERR_INVAL;
		r->flags |= MAP_F_SHARED;
	}
	r->offset = 0;
	status_t st = aspace_map(process_current()->aspace, r, &va);
	return st ? st : (s64)va;
}

static s64 map_file(struct map_request *r, u64 flags, struct file *f)
{
	u64 va;
	status_t st = check_file(f, flags, r);
	if (st)
		return st;
	r->file = f;
	st = f->ops->map(f, r);
	if (st)
		return st;
	st = aspace_map(process_current()->aspace, r, &va);
	if (r->obj)
		memobj_put(r->obj);
	return st ? st : (s64)va;
}

LINUX_HANDLER(mmap)
{
	u64 flags = a3, size = ALIGN_UP(a1, PAGE_SIZE);
	struct file *f = NULL;
	struct map_request r = {
		.va = a0, .size = size, .prot = a2 & PROT_ALL, .max_prot = PROT_ALL, .flags = map_flags_of(flags), .offset = a5,
	};
	if (a5 & PAGE_MASK)
		return ERR_INVAL;
	if (!(flags & LINUX_MAP_ANONYMOUS)) {
		f = fd_get((int)a4);
		if (!f)
			return ERR_BADF;
	}
	s64 result;
	if (f && (f->flags & O_PATH_K))
		result = ERR_BADF;
	else if (!a1)
		result = ERR_INVAL;
	else if (!size || size > USER_TOP)
		result = ERR_NOMEM;
	else if (f && (a5 + size < a5 || (s64)(a5 + size) < 0)) /* no file is larger */
		result = ERR_OVERFLOW;
	else if ((result = flags & LINUX_MAP_LOCKED ? memlock_check(size) : memlock_check_future(size)))
		;
	else
		result = f ? map_file(&r, flags, f) : map_anonymous(&r, flags);
	if (f)
		file_put(f);
	return result;
}

LINUX_HANDLER(munmap)
{
	return aspace_unmap(process_current()->aspace, a0, a1);
}

/* PROT_GROWSDOWN: the change reaches down to the start of the growing mapping that holds the address. */
static status_t grow_start_down(struct aspace *as, u64 *va, u64 *size)
{
	status_t st = OK;
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, *va);
	if (!v || v->start > *va) {
		st = ERR_NOMEM;
	} else if (!(v->flags & MAP_F_GROWSDOWN)) {
		st = ERR_INVAL;
	} else {
		*size += *va - v->start;
		*va = v->start;
	}
	mutex_unlock(&as->lock);
	return st;
}

LINUX_HANDLER(mprotect)
{
	struct aspace *as = process_current()->aspace;
	u64 va = a0, size = a1, prot = a2;
	u64 grows = prot & (LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP);
	if (grows == (LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP) || (va & PAGE_MASK))
		return ERR_INVAL;
	if (!size)
		return OK;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (va + size <= va)
		return ERR_NOMEM;
	if ((prot & ~grows) & ~(u64)(PROT_ALL | LINUX_PROT_SEM))
		return ERR_INVAL;
	if (grows & LINUX_PROT_GROWSUP)
		return ERR_INVAL; /* x86 has no mappings that grow up */
	if (grows) {
		status_t st = grow_start_down(as, &va, &size);
		if (st)
			return st;
	}
	return aspace_protect(as, va, size, prot & PROT_ALL);
}

LINUX_HANDLER(brk)
{
	struct aspace *as = process_current()->aspace;
	u64 now = unlikely(as->lock_future) ? aspace_brk(as, 0) : 0;

	if (now && a0 > now && memlock_check_future(a0 - now))
		return (s64)now;
	return (s64)aspace_brk(as, a0);
}

LINUX_HANDLER(mremap)
{
	s64 st = memlock_check_growth(a0, a1, a2);

	if (st)
		return st;
	return aspace_remap(process_current()->aspace, a0, a1, a2, a3 > UINT32_MAX ? UINT32_MAX : (u32)a3, a4);
}

LINUX_HANDLER(madvise)
{
	return aspace_advise(process_current()->aspace, a0, a1, (int)a2);
}

LINUX_HANDLER(mincore)
{
	u64 pages = ALIGN_UP(a1, PAGE_SIZE) >> PAGE_SHIFT;
	if (a0 & PAGE_MASK)
		return ERR_INVAL;
	if (a0 > USER_TOP || a1 > USER_TOP - a0)
		return ERR_NOMEM;
	if (a2 > USER_TOP || pages > USER_TOP - a2)
		return ERR_FAULT;
	u8 *chunk = kmalloc(MINCORE_CHUNK);
	if (!chunk)
		return ERR_AGAIN;
	status_t st = OK;
	for (u64 done = 0; done < pages && !st;) {
		u64 n = MIN(pages - done, (u64)MINCORE_CHUNK);
		st = aspace_resident(process_current()->aspace, a0 + done * PAGE_SIZE, n, chunk);
		if (!st)
			st = copy_out(user_ptr(a2 + done), chunk, n);
		done += n;
	}
	kfree(chunk);
	return st;
}

LINUX_HANDLER(msync)
{
	struct aspace *as = process_current()->aspace;
	bool hole = false, locked = false;
	struct file *f;
	status_t st = OK;
	if ((a2 & ~(u64)(LINUX_MS_ASYNC | LINUX_MS_INVALIDATE | LINUX_MS_SYNC)) || (a0 & PAGE_MASK))
		return ERR_INVAL;
	if ((a2 & LINUX_MS_ASYNC) && (a2 & LINUX_MS_SYNC))
		return ERR_INVAL;
	u64 end = a0 + ALIGN_UP(a1, PAGE_SIZE);
	if (end < a0)
		return ERR_NOMEM;
	for (u64 at = a0; !st && (f = aspace_shared_file(as, &at, end, &hole, &locked));) {
		if ((a2 & LINUX_MS_SYNC) && f->ops->sync)
			st = f->ops->sync(f, true);
		file_put(f);
	}
	if (st)
		return st;
	if ((a2 & LINUX_MS_INVALIDATE) && locked)
		return ERR_BUSY;
	return hole ? ERR_NOMEM : OK;
}

LINUX_HANDLER(memfd_create)
{
	char name[MEMFD_NAME_MAX + 7] = "memfd:";
	if (a1 & ~(u64)(LINUX_MFD_CLOEXEC | LINUX_MFD_ALLOW_SEALING))
		return ERR_INVAL;
	s64 n = copy_in_string(name + 6, user_ptr(a0), MEMFD_NAME_MAX + 1);
	if (n < 0)
		return n == ERR_NAMETOOLONG ? ERR_INVAL : n;
	struct file *f = vfs_anonymous_file(name, 2 | O_LARGEFILE_K);
	if (!f)
		return ERR_NOMEM;
	f->where.node->seals = a1 & LINUX_MFD_ALLOW_SEALING ? 0 : SEAL_SEAL_K;
	int fd = fdtable_install(thread_current()->fds, f, 0, a1 & LINUX_MFD_CLOEXEC ? FD_CLOEXEC_K : 0);
	if (fd < 0)
		file_put(f);
	return fd;
}
