// SPDX-License-Identifier: MIT
/* process_vm_readv and process_vm_writev (process_vm_readv(2)): bytes move through one page of kernel memory,
 * so that neither space is touched while the other's lock is held. */
#include "linux.h"


bool process_memory_permitted(struct process *p, const struct cred *c)
{
	const struct cred *target = p->leader ? p->leader->cred : NULL;
	if (p == process_current() || cred_has_cap(c, CAP_SYS_PTRACE))
		return true;
	return target && c->uid == target->euid && c->uid == target->suid && c->uid == target->uid &&
	       c->gid == target->egid && c->gid == target->sgid && c->gid == target->gid && (p->flags & PROC_DUMPABLE);
}

/* One remote vector; *more is cleared when the transfer ends early. */
static s64 move_vec(struct aspace *as, struct io_buf *local, struct io_vec v, void *bounce, bool write, bool *more)
{
	s64 done = 0;
	while (v.len && local->remaining) {
		u64 n = MIN(MIN(v.len, PAGE_SIZE - (v.base & PAGE_MASK)), local->remaining);
		s64 moved;
		if (write) {
			u64 taken = io_buf_take(local, bounce, n);
			moved = taken ? aspace_write_bytes(as, v.base, bounce, taken) : ERR_FAULT;
		} else {
			moved = aspace_read_bytes(as, v.base, bounce, n);
			if (moved > 0)
				moved = (s64)io_buf_put(local, bounce, (u64)moved);
		}
		if (moved > 0)
			done += moved;
		if (moved < (s64)n) {
			*more = false;
			return done;
		}
		v.base += n;
		v.len -= n;
		preempt_point();
	}
	return done;
}

static s64 transfer(struct aspace *as, struct io_buf *local, u64 remote_va, u32 count, bool write)
{
	s64 done = 0;
	bool more = true;
	void *bounce = kmalloc(PAGE_SIZE);
	if (!bounce)
		return ERR_NOMEM;
	for (u32 i = 0; i < count && more && local->remaining; i++) {
		struct io_vec v;
		if (COPY_IN(&v, user_ptr(remote_va + i * sizeof(v)))) {
			more = false;
			break;
		}
		done += move_vec(as, local, v, bounce, write, &more);
	}
	kfree(bounce);
	return done || more ? done : ERR_FAULT;
}

static s64 process_vm(u64 pid, u64 local_va, u64 local_count, u64 remote_va, u64 remote_count, u64 flags, bool write)
{
	struct io_buf local;
	if (flags || local_count > IO_VECTORS_MAX || remote_count > IO_VECTORS_MAX)
		return ERR_INVAL;
	status_t st = io_buf_init_iovec(&local, user_ptr(local_va), (u32)local_count);
	if (st)
		return st;
	struct process *p = process_find((u32)pid);
	struct aspace *as = p ? process_aspace_get(p) : NULL;
	s64 result = ERR_SRCH;
	if (as)
		result = process_memory_permitted(p, thread_current()->cred) ? transfer(as, &local, remote_va, (u32)remote_count, write) : ERR_PERM;
	if (as)
		aspace_put(as);
	if (p)
		process_put(p);
	io_buf_done(&local);
	return result;
}

LINUX_HANDLER(process_vm_readv) { return process_vm(a0, a1, a2, a3, a4, a5, false); }
LINUX_HANDLER(process_vm_writev) { return process_vm(a0, a1, a2, a3, a4, a5, true); }
