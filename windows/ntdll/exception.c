// SPDX-License-Identifier: MIT
/* Raising and dispatching exceptions: vectored handlers, then each frame's handler up the stack; the second chance is the
 * kernel's, which ends the process. Order and flags: MSDN, "Vectored Exception Handling", "x64 exception handling". */
#include "unwind.h"

EXCEPTION_DISPOSITION handler_call(EXCEPTION_RECORD *, ULONG64 frame, CONTEXT *, DISPATCHER_CONTEXT *, PEXCEPTION_ROUTINE);
EXCEPTION_DISPOSITION nested_handler(EXCEPTION_RECORD *, void *frame, CONTEXT *, DISPATCHER_CONTEXT *);
DECLSPEC_NORETURN void exception_enter(EXCEPTION_RECORD *record, CONTEXT *context);
#define SAVED_DISPATCHER 0x20 /* in handler_call's frame */

/* ---- vectored handlers ---- */
typedef LONG(CALLBACK *vectored)(EXCEPTION_POINTERS *);
struct vectored_handler { LIST_ENTRY link; vectored function; ULONG uses; bool removed; };
static LIST_ENTRY lists[2] = { { &lists[0], &lists[0] }, { &lists[1], &lists[1] } };
enum { LIST_EXCEPTION, LIST_CONTINUE };
static RTL_SRWLOCK lists_lock;

static void *vectored_add(unsigned list, ULONG first, vectored function)
{
	struct vectored_handler *h = RtlAllocateHeap(current_peb()->ProcessHeap, 0, sizeof(*h));
	if (!h)
		return NULL;
	h->function = function;
	h->uses = 1;
	h->removed = false;
	RtlAcquireSRWLockExclusive(&lists_lock);
	LIST_ENTRY *before = first ? lists[list].Flink : &lists[list];
	h->link = (LIST_ENTRY){ before, before->Blink };
	before->Blink->Flink = &h->link;
	before->Blink = &h->link;
	RtlReleaseSRWLockExclusive(&lists_lock);
	return h;
}

/* The list lock is held exclusively; true: free it. */
static bool release_locked(struct vectored_handler *h)
{
	if (--h->uses)
		return false;
	h->link.Flink->Blink = h->link.Blink;
	h->link.Blink->Flink = h->link.Flink;
	return true;
}

static ULONG vectored_remove(unsigned list, void *handle)
{
	bool found = false, dead = false;
	RtlAcquireSRWLockExclusive(&lists_lock);
	for (LIST_ENTRY *e = lists[list].Flink; e != &lists[list] && !found; e = e->Flink) {
		struct vectored_handler *h = CONTAINING_RECORD(e, struct vectored_handler, link);
		found = h == handle && !h->removed;
		if (found) {
			h->removed = true;
			dead = release_locked(h);
			break;
		}
	}
	RtlReleaseSRWLockExclusive(&lists_lock);
	if (dead)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, handle);
	return found;
}

PVOID NTAPI RtlAddVectoredExceptionHandler(ULONG first, vectored function);
PVOID NTAPI RtlAddVectoredExceptionHandler(ULONG first, vectored function) { return vectored_add(LIST_EXCEPTION, first, function); }
ULONG NTAPI RtlRemoveVectoredExceptionHandler(PVOID handle);
ULONG NTAPI RtlRemoveVectoredExceptionHandler(PVOID handle) { return vectored_remove(LIST_EXCEPTION, handle); }
PVOID NTAPI RtlAddVectoredContinueHandler(ULONG first, vectored function);
PVOID NTAPI RtlAddVectoredContinueHandler(ULONG first, vectored function) { return vectored_add(LIST_CONTINUE, first, function); }
ULONG NTAPI RtlRemoveVectoredContinueHandler(PVOID handle);
ULONG NTAPI RtlRemoveVectoredContinueHandler(PVOID handle) { return vectored_remove(LIST_CONTINUE, handle); }

/* A handler may add and remove handlers: the one that runs is held, the lock is not. */
static bool vectored_run(unsigned list, EXCEPTION_RECORD *record, CONTEXT *context)
{
	EXCEPTION_POINTERS pointers = { record, context };
	LONG answer = EXCEPTION_CONTINUE_SEARCH;
	if (lists[list].Flink == &lists[list])
		return false;
	RtlAcquireSRWLockExclusive(&lists_lock);
	for (LIST_ENTRY *e = lists[list].Flink, *next; e != &lists[list] && answer != EXCEPTION_CONTINUE_EXECUTION; e = next) {
		struct vectored_handler *h = CONTAINING_RECORD(e, struct vectored_handler, link);
		if (h->removed) {
			next = e->Flink;
			continue;
		}
		h->uses++;
		RtlReleaseSRWLockExclusive(&lists_lock);
		answer = h->function(&pointers);
		RtlAcquireSRWLockExclusive(&lists_lock);
		next = e->Flink;
		if (release_locked(h))
			RtlFreeHeap(current_peb()->ProcessHeap, 0, h);
	}
	RtlReleaseSRWLockExclusive(&lists_lock);
	return answer == EXCEPTION_CONTINUE_EXECUTION;
}

/* ---- frames ---- */
/* Runs when an exception happens inside a handler that handler_call called. */
EXCEPTION_DISPOSITION nested_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context, DISPATCHER_CONTEXT *dispatcher)
{
	(void)context;
	if (record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND))
		return ExceptionContinueSearch;
	const DISPATCHER_CONTEXT *outer = *(DISPATCHER_CONTEXT **)((char *)frame + SAVED_DISPATCHER);
	dispatcher->EstablisherFrame = outer->EstablisherFrame;
	return ExceptionNestedException;
}

static void raise_from(EXCEPTION_RECORD *inner, NTSTATUS code)
{
	EXCEPTION_RECORD r = { .ExceptionCode = (DWORD)code, .ExceptionFlags = EXCEPTION_NONCONTINUABLE, .ExceptionRecord = inner };
	RtlRaiseException(&r);
}

/* One handler. True: the exception is settled, go on at the context. */
static bool ask_frame(EXCEPTION_RECORD *record, CONTEXT *original, DISPATCHER_CONTEXT *d, ULONG64 *nested)
{
	ULONG64 frame = d->EstablisherFrame;
	switch (handler_call(record, frame, original, d, d->LanguageHandler)) {
	case ExceptionContinueExecution:
		if (record->ExceptionFlags & EXCEPTION_NONCONTINUABLE)
			raise_from(record, STATUS_NONCONTINUABLE_EXCEPTION);
		return true;
	case ExceptionNestedException:
		record->ExceptionFlags |= EXCEPTION_NESTED_CALL;
		if (d->EstablisherFrame > *nested)
			*nested = d->EstablisherFrame;
		break;
	case ExceptionContinueSearch: break;
	default: raise_from(record, STATUS_INVALID_DISPOSITION);
	}
	if (*nested == frame) {
		*nested = 0;
		record->ExceptionFlags &= ~(DWORD)EXCEPTION_NESTED_CALL;
	}
	return false;
}

/* The registered records of a frame that ends at `limit`. */
static bool ask_registrations(EXCEPTION_RECORD *record, CONTEXT *original, DISPATCHER_CONTEXT *d, registration **next, ULONG64 limit,
	ULONG64 *nested)
{
	for (; registration_below(*next, limit); *next = (*next)->Next) {
		d->EstablisherFrame = (ULONG64)*next;
		d->LanguageHandler = (PEXCEPTION_ROUTINE)(*next)->Handler;
		if (ask_frame(record, original, d, nested))
			return true;
	}
	return false;
}

static bool frames_run(EXCEPTION_RECORD *record, CONTEXT *original)
{
	CONTEXT c = *original;
	ULONG64 nested = 0;
	registration *next = current_teb()->Tib.ExceptionList;
	while (c.Rip) {
		DISPATCHER_CONTEXT d = { .ControlPc = c.Rip, .ContextRecord = &c };
		d.FunctionEntry = RtlLookupFunctionEntry(c.Rip, &d.ImageBase, NULL);
		if (!d.FunctionEntry) { /* a leaf: no frame, no handler */
			if (!stack_holds(c.Rsp))
				break;
			c.Rip = *(const ULONG64 *)c.Rsp;
			c.Rsp += 8;
			continue;
		}
		d.LanguageHandler = RtlVirtualUnwind(HANDLER_EXCEPTION, d.ImageBase, d.ControlPc, d.FunctionEntry, &c, &d.HandlerData,
			&d.EstablisherFrame, NULL);
		if (!stack_holds(d.EstablisherFrame)) {
			record->ExceptionFlags |= EXCEPTION_STACK_INVALID;
			break;
		}
		if (d.LanguageHandler && ask_frame(record, original, &d, &nested))
			return true;
		if (ask_registrations(record, original, &d, &next, c.Rsp, &nested))
			return true;
		if (!stack_holds(c.Rsp))
			break;
	}
	return false;
}

BOOLEAN NTAPI RtlDispatchException(EXCEPTION_RECORD *record, CONTEXT *context)
{
	if (!vectored_run(LIST_EXCEPTION, record, context) && !frames_run(record, context))
		return FALSE;
	vectored_run(LIST_CONTINUE, record, context);
	return TRUE;
}

/* From KiUserExceptionDispatcher. */
void exception_enter(EXCEPTION_RECORD *record, CONTEXT *context)
{
	NTSTATUS status = RtlDispatchException(record, context) ? NtContinue(context, FALSE) : STATUS_UNSUCCESSFUL;
	if (status == STATUS_UNSUCCESSFUL)
		exception_report(record);
	NtRaiseException(record, context, FALSE);
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), (NTSTATUS)record->ExceptionCode);
}

void NTAPI RtlRaiseException(EXCEPTION_RECORD *record)
{
	CONTEXT c;
	RtlCaptureContext(&c);
	unwind_step(&c); /* as it is in the caller, behind the call */
	record->ExceptionAddress = (void *)c.Rip;
	if (RtlDispatchException(record, &c))
		NtContinue(&c, FALSE);
	exception_report(record);
	NtRaiseException(record, &c, FALSE);
}

void NTAPI RtlRaiseStatus(NTSTATUS status)
{
	for (;;) {
		EXCEPTION_RECORD r = { .ExceptionCode = (DWORD)status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE };
		RtlRaiseException(&r);
	}
}

/* ---- the last line ---- */
struct line { char text[256]; ULONG used; };

static void put(struct line *l, const char *text)
{
	while (*text && l->used < sizeof(l->text) - 2)
		l->text[l->used++] = *text++;
}

static void put_hex(struct line *l, ULONG64 value)
{
	char digits[17];
	unsigned n = sizeof(digits) - 1;
	digits[n] = 0;
	do
		digits[--n] = "0123456789abcdef"[value & 15];
	while (value >>= 4);
	put(l, "0x");
	put(l, digits + n);
}

static void put_wide(struct line *l, const UNICODE_STRING *s)
{
	char c[2] = "?";
	for (unsigned i = 0; i < s->Length / sizeof(WCHAR); i++) {
		c[0] = s->Buffer[i] < 0x80 ? (char)s->Buffer[i] : '?';
		put(l, c);
	}
}

static const char *name_of(DWORD code)
{
	switch (code) {
	case (DWORD)STATUS_ACCESS_VIOLATION: return "access violation";
	case (DWORD)STATUS_IN_PAGE_ERROR: return "in-page error";
	case (DWORD)STATUS_STACK_OVERFLOW: return "stack overflow";
	case (DWORD)STATUS_ILLEGAL_INSTRUCTION: return "illegal instruction";
	case (DWORD)STATUS_PRIVILEGED_INSTRUCTION: return "privileged instruction";
	case (DWORD)STATUS_INTEGER_DIVIDE_BY_ZERO: return "integer division by zero";
	case (DWORD)STATUS_BREAKPOINT: return "breakpoint";
	case (DWORD)STATUS_STACK_BUFFER_OVERRUN: return "fail fast";
	case 0xe06d7363: return "C++ exception";
	case 0xe0434352: return ".NET exception";
	case 0x20474343: return "GNU C++ exception";
	default: return "exception";
	}
}

/* Without a lock: the thread may hold any. */
static void put_place(struct line *l, ULONG64 address)
{
	LIST_ENTRY *head = &current_peb()->Ldr->InLoadOrderModuleList;
	for (LIST_ENTRY *e = head->Flink; e != head; e = e->Flink) {
		const LDR_DATA_TABLE_ENTRY *m = CONTAINING_RECORD(e, LDR_DATA_TABLE_ENTRY, InLoadOrderLinks);
		ULONG64 offset = address - (ULONG64)m->DllBase;
		if (offset >= m->SizeOfImage)
			continue;
		put_wide(l, &m->BaseDllName);
		put(l, "+");
		put_hex(l, offset);
		return;
	}
	put_hex(l, address);
}

void exception_report(const EXCEPTION_RECORD *record)
{
	struct line l = { .used = 0 };
	DWORD code = record->ExceptionCode;
	put(&l, "ambos: unhandled ");
	put(&l, name_of(code));
	put(&l, " ");
	put_hex(&l, code);
	if ((code == (DWORD)STATUS_ACCESS_VIOLATION || code == (DWORD)STATUS_IN_PAGE_ERROR) && record->NumberParameters >= 2) {
		ULONG_PTR kind = record->ExceptionInformation[0];
		put(&l, kind == 8 ? " executing " : kind ? " writing " : " reading ");
		put_hex(&l, record->ExceptionInformation[1]);
	}
	put(&l, " at ");
	put_place(&l, (ULONG64)record->ExceptionAddress);
	l.text[l.used++] = '\n';
	l.text[l.used] = 0;
	debug_text(l.text);
}
