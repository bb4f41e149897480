// SPDX-License-Identifier: MIT
/* RtlUnwindEx, RtlRestoreContext and the handler of __try blocks. An unwind walks up to the target frame and calls the
 * unwind handlers; an unwind that starts inside such a handler takes over where the first one stood (collided). */
#include "unwind.h"

EXCEPTION_DISPOSITION unwind_call(EXCEPTION_RECORD *, ULONG64 frame, CONTEXT *, DISPATCHER_CONTEXT *, PEXCEPTION_ROUTINE);
EXCEPTION_DISPOSITION collided_handler(EXCEPTION_RECORD *, void *frame, CONTEXT *, DISPATCHER_CONTEXT *);
DECLSPEC_NORETURN void consolidate_call(CONTEXT *, void *callback, EXCEPTION_RECORD *);
#define SAVED_DISPATCHER 0x20 /* in unwind_call's frame */

EXCEPTION_DISPOSITION collided_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, DISPATCHER_CONTEXT *dispatcher)
{
	(void)context;
	if (!(record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)))
		return ExceptionContinueSearch;
	ULONG64 target = dispatcher->TargetIp;
	*dispatcher = **(DISPATCHER_CONTEXT **)((char *)frame + SAVED_DISPATCHER);
	dispatcher->TargetIp = target;
	return ExceptionCollidedUnwind;
}

/* ---- RtlRestoreContext ---- */
struct jump_buffer { ULONG64 frame, rbx, rsp, rbp, rsi, rdi, r12, r13, r14, r15, rip; ULONG mxcsr; USHORT fpcsr, spare; M128A xmm[10]; };

static void take_jump_buffer(CONTEXT *c, const struct jump_buffer *j)
{
	c->Rbx = j->rbx, c->Rsp = j->rsp, c->Rbp = j->rbp, c->Rsi = j->rsi, c->Rdi = j->rdi;
	c->R12 = j->r12, c->R13 = j->r13, c->R14 = j->r14, c->R15 = j->r15, c->Rip = j->rip;
	c->MxCsr = c->FltSave.MxCsr = j->mxcsr;
	c->FltSave.ControlWord = j->fpcsr;
	for (unsigned i = 0; i < 10; i++)
		(&c->Xmm6)[i] = j->xmm[i];
}

void CDECL RtlRestoreContext(PCONTEXT c, EXCEPTION_RECORD *record)
{
	if (record && record->ExceptionCode == (DWORD)STATUS_LONGJUMP && record->NumberParameters >= 1)
		take_jump_buffer(c, (const struct jump_buffer *)record->ExceptionInformation[0]);
	else if (record && record->ExceptionCode == (DWORD)STATUS_UNWIND_CONSOLIDATE && record->NumberParameters >= 1)
		consolidate_call(c, (void *)record->ExceptionInformation[0], record);
	NtContinue(c, FALSE);
	for (;;)
		RtlRaiseStatus(STATUS_BAD_STACK);
}

/* ---- RtlUnwindEx ---- */
struct unwind { EXCEPTION_RECORD *record; ULONG64 target, target_ip; void *value; CONTEXT *context; PUNWIND_HISTORY_TABLE history; };

/* The handlers of one frame, again after each collision. Leaves in *next the state above the frame. */
static void run_handler(const struct unwind *u, DISPATCHER_CONTEXT *d, CONTEXT *next)
{
	for (;;) {
		if (d->EstablisherFrame == u->target)
			u->record->ExceptionFlags |= EXCEPTION_TARGET_UNWIND;
		u->context->Rax = (ULONG64)u->value;
		d->TargetIp = u->target_ip;
		EXCEPTION_DISPOSITION answer = unwind_call(u->record, d->EstablisherFrame, u->context, d, d->LanguageHandler);
		u->record->ExceptionFlags &= ~(DWORD)(EXCEPTION_COLLIDED_UNWIND | EXCEPTION_TARGET_UNWIND);
		if (answer == ExceptionContinueSearch)
			return;
		if (answer != ExceptionCollidedUnwind)
			RtlRaiseStatus(STATUS_INVALID_DISPOSITION);
		ULONG64 frame;
		void *data;
		*u->context = *d->ContextRecord;
		d->ContextRecord = u->context;
		*next = *u->context;
		RtlVirtualUnwind(HANDLER_NONE, d->ImageBase, d->ControlPc, d->FunctionEntry, next, &data, &frame, NULL);
		u->record->ExceptionFlags |= EXCEPTION_COLLIDED_UNWIND;
	}
}

/* Calls and removes the registered records of a frame that ends at `limit`, up to the target. True: that is one of them. */
static bool run_registrations(const struct unwind *u, DISPATCHER_CONTEXT *d, ULONG64 limit)
{
	NT_TIB *tib = &current_teb()->Tib;
	while (registration_below(tib->ExceptionList, limit) && (ULONG64)tib->ExceptionList < u->target) {
		registration *r = tib->ExceptionList;
		d->EstablisherFrame = (ULONG64)r;
		unwind_call(u->record, (ULONG64)r, u->context, d, (PEXCEPTION_ROUTINE)r->Handler);
		tib->ExceptionList = r->Next;
	}
	return u->target && (ULONG64)tib->ExceptionList == u->target && u->target < limit;
}

/* One frame; true: it was the target. */
static bool unwind_frame(const struct unwind *u, CONTEXT *next)
{
	DISPATCHER_CONTEXT d = { .ControlPc = u->context->Rip, .ContextRecord = u->context, .HistoryTable = u->history };
	*next = *u->context;
	d.FunctionEntry = RtlLookupFunctionEntry(d.ControlPc, &d.ImageBase, u->history);
	if (!d.FunctionEntry) {
		if (!stack_holds(next->Rsp))
			RtlRaiseStatus(STATUS_BAD_STACK);
		next->Rip = *(const ULONG64 *)next->Rsp;
		next->Rsp += 8;
		return false;
	}
	d.LanguageHandler = RtlVirtualUnwind(HANDLER_UNWIND, d.ImageBase, d.ControlPc, d.FunctionEntry, next, &d.HandlerData,
		&d.EstablisherFrame, NULL);
	if (!stack_holds(d.EstablisherFrame) && d.EstablisherFrame != (ULONG64)current_teb()->Tib.StackBase)
		RtlRaiseStatus(STATUS_BAD_STACK);
	if (u->target && d.EstablisherFrame > u->target)
		RtlRaiseStatus(STATUS_INVALID_UNWIND_TARGET);
	if (d.LanguageHandler)
		run_handler(u, &d, next);
	ULONG64 frame = d.EstablisherFrame;
	return run_registrations(u, &d, next->Rsp) || frame == u->target;
}

void NTAPI RtlUnwindEx(PVOID frame, PVOID ip, EXCEPTION_RECORD *given, PVOID value, PCONTEXT context, PUNWIND_HISTORY_TABLE history)
{
	CONTEXT next;
	EXCEPTION_RECORD own = { .ExceptionCode = (DWORD)STATUS_UNWIND };
	RtlCaptureContext(context);
	own.ExceptionAddress = (void *)context->Rip;
	EXCEPTION_RECORD *record = given ? given : &own;
	record->ExceptionFlags |= EXCEPTION_UNWINDING | (frame ? 0 : EXCEPTION_EXIT_UNWIND);
	struct unwind u = { record, (ULONG64)frame, (ULONG64)ip, value, context, history };
	while (!unwind_frame(&u, &next)) {
		if (!next.Rip || !stack_holds(next.Rsp)) { /* the top of the stack */
			if (frame)
				RtlRaiseStatus(STATUS_INVALID_UNWIND_TARGET);
			NtRaiseException(record, context, FALSE);
		}
		*context = next;
	}
	context->Rax = (ULONG64)value;
	context->Rip = (ULONG64)ip;
	RtlRestoreContext(context, record);
}

void NTAPI RtlUnwind(PVOID frame, PVOID ip, EXCEPTION_RECORD *record, PVOID value)
{
	CONTEXT c;
	RtlUnwindEx(frame, ip, record, value, &c, NULL);
}

void __cdecl _local_unwind(void *frame, void *ip);
void __cdecl _local_unwind(void *frame, void *ip)
{
	CONTEXT c;
	RtlUnwindEx(frame, ip, NULL, NULL, &c, NULL);
}

/* ---- __try / __except / __finally ---- */
struct scope { DWORD begin, end, handler, jump; };
struct scope_table { DWORD count; struct scope scopes[]; };
typedef LONG(__cdecl *filter_function)(EXCEPTION_POINTERS *, void *frame);
typedef void(__cdecl *finally_function)(BOOLEAN abnormal, void *frame);
#define FILTER_ALWAYS 1u

static bool covers(const struct scope *s, ULONG64 offset) { return offset >= s->begin && offset < s->end; }

static EXCEPTION_DISPOSITION run_finally(EXCEPTION_RECORD *record, void *frame, DISPATCHER_CONTEXT *d, const struct scope_table *t)
{
	ULONG64 offset = d->ControlPc - d->ImageBase, target = d->TargetIp - d->ImageBase;
	bool last = record->ExceptionFlags & EXCEPTION_TARGET_UNWIND;
	for (ULONG i = d->ScopeIndex; i < t->count; i++) {
		const struct scope *s = &t->scopes[i];
		if (!covers(s, offset))
			continue;
		if (last && covers(s, target)) /* the unwind goes no further out than into this block */
			break;
		if (s->jump) {
			if (last && target == s->jump)
				break;
			continue;
		}
		d->ScopeIndex = i + 1; /* a collided unwind does not run it again */
		((finally_function)(d->ImageBase + s->handler))(TRUE, frame);
	}
	return ExceptionContinueSearch;
}

EXCEPTION_DISPOSITION __cdecl __C_specific_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, DISPATCHER_CONTEXT *d)
{
	const struct scope_table *t = d->HandlerData;
	EXCEPTION_POINTERS pointers = { record, context };
	ULONG64 offset = d->ControlPc - d->ImageBase;
	if (record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND))
		return run_finally(record, frame, d, t);
	for (ULONG i = d->ScopeIndex; i < t->count; i++) {
		const struct scope *s = &t->scopes[i];
		if (!covers(s, offset) || !s->jump)
			continue;
		LONG answer = s->handler == FILTER_ALWAYS ? EXCEPTION_EXECUTE_HANDLER :
			((filter_function)(d->ImageBase + s->handler))(&pointers, frame);
		if (answer < 0)
			return ExceptionContinueExecution;
		if (answer > 0)
			RtlUnwindEx(frame, (void *)(d->ImageBase + s->jump), record, (void *)(ULONG_PTR)record->ExceptionCode, d->ContextRecord,
				d->HistoryTable);
	}
	return ExceptionContinueSearch;
}
