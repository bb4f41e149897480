// SPDX-License-Identifier: MIT
/* The NT call table: abi/nt/syscalls.def by inclusion, the dispatcher of Windows processes.
 * Entry: nt_dispatch, from syscall_dispatch (kernel/linux/table.c). A row whose handler is not linked answers
 * NOT_IMPLEMENTED and is counted. Arguments after the fourth lie on the user stack above the home space. */
#include "nt_internal.h"
#include "call.h"

typedef s64 (*nt_handler)(const u64 *a);
struct nt_row {
	nt_handler handler;
	const char *name;
	u32 argument_count;
	u32 how; /* KERNEL, CREATES, else an NTSTATUS to refuse with */
};

#define NT_ROWS (CALL_ROWS - NT_ROW_FIRST) /* private numbers, dense */
#define STACK_ARGUMENTS 0x28 /* return address and four home slots */
#define KERNEL 0
#define CREATES 1
#define ERRORS 0xc0000000u /* NTSTATUS of this severity */
#define REFUSED(st) NT_##st
static const struct nt_row nt_rows[NT_ROWS] = {
#define NT_CALL(nr, name, count, how) [nr] = { nt_##name, #name, (count), (u32)(how) },
#include "../../abi/nt/syscalls.def"
#undef NT_CALL
};
#undef REFUSED

static bool refused(const struct nt_row *row) { return row->how > CREATES; }

static s64 call_missing(u64 nr, const struct nt_row *row)
{
	refused_record(NT_ROW_FIRST + nr);
	if (refused(row))
		return row->how;
	klog(LOG_DEBUG, "%s[%u]: Nt%s is not implemented", thread_current()->name, process_current()->pid, row->name);
	return NT(NOT_IMPLEMENTED);
}

/* A pointer that cannot be written was refused already. */
static s64 made_nothing(const u64 *a, s64 status)
{
	const u64 none = 0;
	return COPY_OUT(user_ptr(a[0]), &none) ? (s64)NT(ACCESS_VIOLATION) : status;
}

s64 nt_dispatch(struct trap_frame *f, struct thread *t)
{
	u64 nr = (u32)f->error;
	const struct nt_row *row = nr < NT_ROWS && nt_rows[nr].name ? &nt_rows[nr] : NULL;
	if (unlikely(!row))
		return NT(INVALID_SYSTEM_SERVICE);
	if (unlikely(!row->handler || refused(row)))
		return call_missing(nr, row);
	t->syscall_nr = NT_ROW_FIRST + nr;
	u64 a[NT_ARGUMENTS_MAX] = { f->r10, f->rdx, f->r8, f->r9 };
	if (row->argument_count > 4 && copy_short_in(a + 4, f->rsp + STACK_ARGUMENTS, (row->argument_count - 4) * (u32)sizeof(u64)))
		return NT(ACCESS_VIOLATION);
	s64 result = row->handler(a);
	/* A stop, a continue or a suspension came while it waited for what only the common kernel waits for. */
	while (unlikely(result == ERR_RESTART) && !(t->work & WORK_EXIT)) {
		nt_settle(t);
		result = row->handler(a);
	}
	if (unlikely(t->nt && t->nt->frame_replaced)) {
		t->nt->frame_replaced = false;
		return (s64)f->rax;
	}
	s64 status = nt_status(result);
	return unlikely((u32)status >= ERRORS && row->how == CREATES) ? made_nothing(a, status) : status;
}

const char *nt_call_name(u32 nr) { return nr < NT_ROWS ? nt_rows[nr].name : NULL; }
