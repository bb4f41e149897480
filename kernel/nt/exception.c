// SPDX-License-Identifier: MIT
/* Exceptions and APCs as frames on the user stack, NtContinue and NtRaiseException.
 * Exception frame: CONTEXT, CONTEXT_EX, EXCEPTION_RECORD at rsp, 16-aligned, below the red line of the stack as it was;
 * APC frame: CONTEXT (routine and arguments in its home slots), CONTEXT_EX. No frame fits: the process ends. */
#include "nt_internal.h"
#include "nt_layout.h"
#include "signal.h"
#include "../../lib/base/string.h"

enum { VECTOR_DIVIDE = 0, VECTOR_DEBUG = 1, VECTOR_BREAKPOINT = 3, VECTOR_OVERFLOW = 4, VECTOR_BOUND = 5, VECTOR_OPCODE = 6,
	VECTOR_PROTECTION = 13, VECTOR_PAGE = 14, VECTOR_X87 = 16, VECTOR_ALIGNMENT = 17, VECTOR_SIMD = 19 };
enum { PAGE_FAULT_WRITE = 2, PAGE_FAULT_FETCH = 16 };
enum { KIND_READ = 0, KIND_WRITE = 1, KIND_EXECUTE = 8 };
#define FLAG_NONCONTINUABLE 1u
#define RFLAGS_TRAP 0x100u
#define HOME_BYTES 0x20u
#define INT_IMMEDIATE 0xcdu

/* The machine frame behind the record is what unwinding through the dispatcher reads. */
struct exception_frame {
	struct nt_context context;
	struct nt_context_ex ex;
	struct nt_record record;
	u64 pad, rip, cs, rflags, rsp, ss, pad2;
};
struct apc_frame { struct nt_context context; struct nt_context_ex ex; };
_Static_assert(offsetof(struct exception_frame, record) == NT_CONTEXT_FRAME && offsetof(struct exception_frame, rip) == 0x590 &&
	       sizeof(struct exception_frame) % 16 == 0, "frame");

static void context_ex_fill(struct nt_context_ex *ex, u32 extra)
{
	*ex = (struct nt_context_ex){
		.all = { -(s32)NT_CONTEXT_SIZE, NT_CONTEXT_SIZE + (u32)sizeof(*ex) + extra }, .legacy = { -(s32)NT_CONTEXT_SIZE, NT_CONTEXT_SIZE },
		.xstate = { (s32)sizeof(*ex), 0 },
	};
}

/* The process cannot be told: its stack or its dispatcher is gone. */
static void end_without_frame(const struct nt_record *r)
{
	struct thread *t = thread_current();
	klog(LOG_INFO, "%s[%u]: exception 0x%x at 0x%llx, and no stack to tell the program", t->name, t->process->pid, r->code,
	     (unsigned long long)r->address);
	nt_process_terminate(t->process, r->code);
}

static bool frame_enter(const struct nt_record *r, const struct nt_context *given)
{
	struct thread *t = thread_current();
	struct trap_frame *f = thread_user_frame(t);
	struct exception_frame *frame = kmalloc(sizeof(*frame));
	if (!frame)
		return false;
	if (given)
		frame->context = *given;
	else
		nt_context_capture(&frame->context, t, NT_CONTEXT_ALL | NT_CONTEXT_EXCEPTION_ACTIVE);
	if (r->code == (u32)NT_BREAKPOINT && !given)
		frame->context.rip = r->address;
	context_ex_fill(&frame->ex, 0);
	frame->record = *r;
	frame->pad = frame->pad2 = 0;
	frame->rip = frame->context.rip;
	frame->rsp = frame->context.rsp;
	frame->rflags = frame->context.eflags;
	frame->cs = USER_CODE_SELECTOR;
	frame->ss = USER_DATA_SELECTOR;
	u64 at = (frame->context.rsp - sizeof(*frame)) & ~15ull;
	bool fits = at < USER_TOP && !copy_out(user_ptr(at), frame, sizeof(*frame));
	kfree(frame);
	if (!fits)
		return false;
	f->rsp = at;
	f->rip = t->process->nt->start.exception_dispatcher;
	f->rflags &= ~(u64)(RFLAGS_TRAP | 0x400);
	f->vector = 0; /* leaves by iret */
	return true;
}

/* ---- faults ---- */
static u32 float_code(int code)
{
	enum { DIVIDE = 3, OVERFLOW = 4, UNDERFLOW = 5, INEXACT = 6 };
	return code == DIVIDE ? NT_FLOAT_DIVIDE_BY_ZERO : code == OVERFLOW ? NT_FLOAT_OVERFLOW : code == UNDERFLOW ? NT_FLOAT_UNDERFLOW :
		code == INEXACT ? NT_FLOAT_INEXACT_RESULT : NT_FLOAT_INVALID_OPERATION;
}

static void record_access(struct nt_record *r, u64 kind, u64 va)
{
	r->count = 2;
	r->information[0] = kind;
	r->information[1] = va;
}

static bool page_fault_record(const struct trap_frame *f, u64 va, struct nt_record *r)
{
	struct process *p = process_current();
	u32 access = f->error & PAGE_FAULT_FETCH ? FAULT_EXEC : f->error & PAGE_FAULT_WRITE ? FAULT_WRITE : FAULT_READ;
	s64 st = nt_memory_fault ? nt_memory_fault(p, va, access) : NT(ACCESS_VIOLATION);
	if (st == 0)
		return false;
	r->code = (u32)st;
	record_access(r, access == FAULT_EXEC ? KIND_EXECUTE : access == FAULT_WRITE ? KIND_WRITE : KIND_READ, va);
	return true;
}

/* `int n` traps as a protection fault: 0x29 is the fail-fast of compilers, 0x2c an assertion, 0x2d a debug service. */
static bool interrupt_record(const struct trap_frame *f, struct nt_record *r)
{
	u8 code[2];
	if (copy_in(code, user_ptr(f->rip), sizeof(code)) || code[0] != INT_IMMEDIATE)
		return false;
	if (code[1] == 0x29) {
		r->code = NT_STACK_BUFFER_OVERRUN;
		r->flags = FLAG_NONCONTINUABLE;
		r->count = 1;
		r->information[0] = f->rcx;
	} else if (code[1] == 0x2c) {
		r->code = NT_ASSERTION_FAILURE;
	} else if (code[1] == 0x2d) {
		r->code = NT_BREAKPOINT;
		r->count = 1;
		r->information[0] = f->rax;
	} else {
		return false;
	}
	return true;
}

static bool is_privileged(const struct trap_frame *f)
{
	static const u8 one_byte[] = { 0xf4, 0xfa, 0xfb, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f };
	static const u8 two_bytes[] = { 0x00, 0x01, 0x06, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x32, 0x33 };
	u8 code[3];
	if (copy_in(code, user_ptr(f->rip), sizeof(code)))
		return false;
	const u8 *c = code[0] == 0x66 || code[0] == 0xf2 || code[0] == 0xf3 || (code[0] & 0xf0) == 0x40 ? code + 1 : code;
	for (u32 i = 0; i < sizeof(one_byte); i++)
		if (c[0] == one_byte[i])
			return true;
	for (u32 i = 0; c[0] == 0x0f && i < sizeof(two_bytes); i++)
		if (c[1] == two_bytes[i])
			return true;
	return false;
}

static void protection_record(const struct trap_frame *f, struct nt_record *r)
{
	if (interrupt_record(f, r))
		return;
	r->code = is_privileged(f) ? NT_PRIVILEGED_INSTRUCTION : NT_ACCESS_VIOLATION;
	if (r->code == (u32)NT_ACCESS_VIOLATION)
		record_access(r, KIND_READ, UINT64_MAX); /* a non-canonical address: the CPU does not say which */
}

/* False: the fault is settled, the instruction runs again. */
static bool record_make(const struct trap_frame *f, int code, u64 addr, struct nt_record *r)
{
	*r = (struct nt_record){ .address = f->rip };
	switch (f->vector) {
	case VECTOR_DIVIDE: r->code = NT_INTEGER_DIVIDE_BY_ZERO; break;
	case VECTOR_DEBUG: r->code = NT_SINGLE_STEP; break;
	case VECTOR_BREAKPOINT:
		r->code = NT_BREAKPOINT;
		r->address = f->rip - 1;
		r->count = 1;
		break;
	case VECTOR_OVERFLOW: r->code = NT_INTEGER_OVERFLOW; break;
	case VECTOR_BOUND: r->code = NT_ARRAY_BOUNDS_EXCEEDED; break;
	case VECTOR_OPCODE: r->code = NT_ILLEGAL_INSTRUCTION; break;
	case VECTOR_PAGE: return page_fault_record(f, addr, r);
	case VECTOR_X87:
	case VECTOR_SIMD:
		r->code = float_code(code);
		r->count = 1;
		break;
	case VECTOR_ALIGNMENT: r->code = NT_DATATYPE_MISALIGNMENT; break;
	default: protection_record(f, r); break;
	}
	return true;
}

bool nt_exception_deliver(struct trap_frame *f, int signo UNUSED, int code, u64 addr)
{
	struct nt_record r;
	if (!record_make(f, code, addr, &r))
		return true;
	if (!frame_enter(&r, NULL))
		end_without_frame(&r);
	return true;
}

/* ---- APCs ---- */
static void apc_enter(struct trap_frame *f, struct thread *t, const struct nt_apc *apc)
{
	struct apc_frame *frame = kmalloc(sizeof(*frame));
	struct nt_record r = { .code = (u32)NT_STACK_OVERFLOW, .address = f->rip };
	if (frame) {
		nt_context_capture(&frame->context, t, NT_CONTEXT_ALL);
		frame->context.home[0] = apc->routine;
		frame->context.home[1] = apc->a1;
		frame->context.home[2] = apc->a2;
		frame->context.home[3] = apc->a3;
		context_ex_fill(&frame->ex, 0);
	}
	u64 at = (f->rsp - sizeof(*frame)) & ~15ull;
	bool fits = frame && at < USER_TOP && !copy_out(user_ptr(at), frame, sizeof(*frame));
	kfree(frame);
	if (!fits) {
		end_without_frame(&r);
		return;
	}
	f->rsp = at;
	f->rip = t->process->nt->start.apc_dispatcher;
	f->vector = 0;
}

bool nt_apc_pending_locked(struct thread *t) { return !list_empty(&t->nt->apcs); }

void nt_apc_request_locked(struct thread *t)
{
	t->nt->apc_wanted = true;
	__atomic_or_fetch(&t->work, WORK_NT, __ATOMIC_RELEASE);
}

void nt_apc_deliver(struct trap_frame *f, struct thread *t)
{
	spin_lock(&nt_dispatcher_lock);
	struct nt_apc *apc = NULL;
	if (t->nt->apc_wanted && !list_empty(&t->nt->apcs)) {
		apc = list_first(&t->nt->apcs, struct nt_apc, link);
		list_remove(&apc->link);
	}
	t->nt->apc_wanted = false;
	spin_unlock(&nt_dispatcher_lock);
	if (!apc)
		return;
	apc_enter(f, t, apc);
	kfree(apc);
}

void nt_apcs_free(struct nt_thread *n)
{
	while (!list_empty(&n->apcs)) {
		struct nt_apc *apc = list_first(&n->apcs, struct nt_apc, link);
		list_remove(&apc->link);
		kfree(apc);
	}
}

struct nt_apc *nt_apc_spare(u64 routine, u64 a1)
{
	struct nt_apc *apc = kzalloc(sizeof(*apc));
	if (!apc)
		return NULL;
	list_init(&apc->link);
	apc->routine = routine;
	apc->a1 = a1;
	return apc;
}

/* Routine 0 runs nothing and ends no wait. */
s64 nt_apc_queue(struct thread *t, u64 routine, u64 a1, u64 a2, u64 a3)
{
	struct nt_apc *apc = kmalloc(sizeof(*apc));
	if (!apc)
		return ERR_NOMEM;
	*apc = (struct nt_apc){ .routine = routine, .a1 = a1, .a2 = a2, .a3 = a3 };
	spin_lock(&nt_dispatcher_lock);
	bool alive = t->nt && !t->exiting && t->nt->exited.state == 0;
	if (alive && routine) {
		list_push_back(&t->nt->apcs, &apc->link);
		thread_wake(t); /* an alertable wait looks again */
	}
	spin_unlock(&nt_dispatcher_lock);
	if (!alive || !routine)
		kfree(apc);
	return alive ? OK : ERR_SRCH;
}

/* ---- calls ---- */
static s64 queue_apc(u64 handle, u64 routine, u64 a1, u64 a2, u64 a3)
{
	struct thread *t;
	s64 st = nt_thread_get(handle, NT_THREAD_SET_CONTEXT, &t);
	if (st)
		return st;
	st = t->nt ? nt_apc_queue(t, routine, a1, a2, a3) : ERR_OPNOTSUPP;
	thread_put(t);
	return st == ERR_SRCH ? NT(UNSUCCESSFUL) : st;
}

NT_HANDLER(QueueApcThread) { return queue_apc(a[0], a[1], a[2], a[3], a[4]); }

NT_HANDLER(QueueApcThreadEx)
{
	if (a[1]) /* a reserve object, or the special user APC */
		return NT(NOT_SUPPORTED);
	return queue_apc(a[0], a[2], a[3], a[4], a[5]);
}

NT_HANDLER(TestAlert)
{
	struct thread *t = thread_current();
	spin_lock(&nt_dispatcher_lock);
	bool alerted = t->nt->alerted, apc = nt_apc_pending_locked(t);
	t->nt->alerted = false;
	if (apc)
		nt_apc_request_locked(t);
	spin_unlock(&nt_dispatcher_lock);
	return alerted ? NT(ALERTED) : 0;
}

static struct nt_context *context_in(u64 va, s64 *st)
{
	struct nt_context *c = kmalloc(sizeof(*c));
	*st = !c ? ERR_NOMEM : copy_in(c, user_ptr(va), sizeof(*c)) ? NT(ACCESS_VIOLATION) :
		c->flags & NT_CONTEXT_AMD64 ? 0 : NT(INVALID_PARAMETER);
	if (!*st)
		return c;
	kfree(c);
	return NULL;
}

/* (context, test alert). A pending APC is delivered on the way out and continues here again. */
NT_HANDLER(Continue)
{
	struct thread *t = thread_current();
	s64 st;
	struct nt_context *c = context_in(a[0], &st);
	if (!c)
		return st;
	st = nt_context_apply(c, t);
	kfree(c);
	if (st)
		return st;
	t->nt->frame_replaced = true;
	thread_user_frame(t)->vector = 0;
	if (!(u8)a[1])
		return 0;
	spin_lock(&nt_dispatcher_lock);
	if (nt_apc_pending_locked(t))
		nt_apc_request_locked(t);
	spin_unlock(&nt_dispatcher_lock);
	return 0;
}

/* (record, context, first chance). The second chance is the end: no debugger can take it. */
NT_HANDLER(RaiseException)
{
	struct thread *t = thread_current();
	struct nt_record r;
	s64 st;
	if (COPY_IN(&r, user_ptr(a[0])))
		return NT(ACCESS_VIOLATION);
	struct nt_context *c = context_in(a[1], &st);
	if (!c)
		return st;
	if (!(u8)a[2]) {
		kfree(c);
		nt_process_terminate(t->process, r.code);
		return 0;
	}
	st = nt_context_apply(c, t);
	if (!st && !frame_enter(&r, c))
		end_without_frame(&r);
	kfree(c);
	if (!st)
		t->nt->frame_replaced = true;
	return st;
}
