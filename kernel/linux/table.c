// SPDX-License-Identifier: MIT
/* The Linux system call table: syscalls.def by inclusion, one dispatcher.
 * Entry: syscall_dispatch (from entry.S). A row is a kernel handler, or refused with its status; a KERNEL row
 * whose handler is not linked answers NOSYS. Numbers with bit 31 set are native Ambos calls. */
#include "linux.h"
#include "call.h"
#include "mm.h"
#include "trap.h"
#include "../../lib/base/string.h"

typedef s64 (*linux_handler)(u64, u64, u64, u64, u64, u64);

struct linux_row {
	linux_handler handler; /* NULL: answer `refused` */
	const char *name;
	s64 refused;
};

#define LINUX_ROWS NT_ROW_FIRST /* 6.1 ends at 450; a power of two keeps the service bitmap simple */
/* The `how` column becomes two arguments: nothing and a status, where 1 stands for "call the handler". */
#define KERNEL , 1
#define REFUSED(st) , ERR_##st
#define ROW_SELECT(name, unused, st) { (st) == 1 ? linux_##name : NULL, #name, (st) == 1 ? ERR_NOSYS : (st) }
#define ROW(...) ROW_SELECT(__VA_ARGS__)

static const struct linux_row linux_rows[LINUX_ROWS] = {
#define LINUX_CALL(nr, name, how, ...) [nr] = ROW(name, how),
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL
};
#undef KERNEL
#undef REFUSED

u32 syscall_trace_enabled;

/* Supplied by ipc/: is the row in the manifest of this service? Until it is linked a service may make every call. */
WEAK bool service_call_allowed(struct service *s, u32 nr);
WEAK s64 native_dispatch(struct trap_frame *f);
WEAK s64 nt_dispatch(struct trap_frame *f, struct thread *t);

static s64 dispatch_refused(u64 nr, const struct linux_row *row)
{
	refused_record(nr);
	return row->name ? row->refused : ERR_NOSYS;
}

static s64 dispatch_linux(struct trap_frame *f, struct thread *t, u64 nr)
{
	u32 flags = t->process->flags;
	if (unlikely(flags & PROC_WINDOWS))
		return nt_dispatch ? nt_dispatch(f, t) : ERR_NOSYS;
	if (unlikely(nr >= LINUX_ROWS))
		return ERR_NOSYS;
	const struct linux_row *row = &linux_rows[nr];
	if (unlikely(flags & PROC_SERVICE) && service_call_allowed &&
	    !service_call_allowed(t->process->service, (u32)nr))
		return FAIL(ERR_PERM, "call not in the service's manifest");
	if (unlikely(!row->handler))
		return dispatch_refused(nr, row);
	return row->handler(f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9);
}

s64 syscall_dispatch(struct trap_frame *f)
{
	struct thread *t = thread_current();
	u64 nr = (u32)f->error;
	t->syscall_nr = nr;
	if (unlikely(syscall_trace_enabled) && syscall_trace_enter)
		syscall_trace_enter(f);
	s64 result;
	if (unlikely(nr & 0x80000000u))
		result = native_dispatch ? native_dispatch(f) : ERR_NOSYS;
	else
		result = dispatch_linux(f, t, nr);
	if (unlikely(syscall_trace_enabled) && syscall_trace_exit)
		syscall_trace_exit(f, result);
	/* A restart code must meet the signal code on the way out, even if another thread took the signal. */
	if (unlikely(result <= ERR_RESTART && result >= ERR_RESTART_BLOCK))
		__atomic_or_fetch(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
	return result;
}

const char *linux_call_name(u32 nr)
{
	return nr < LINUX_ROWS ? linux_rows[nr].name : NULL;
}
