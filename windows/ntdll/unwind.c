// SPDX-License-Identifier: MIT
/* RtlVirtualUnwind: undoes one function's prologue by its unwind codes. In the prologue only the codes whose instructions
 * ran count, in an epilogue its remaining instructions are simulated. Nothing here allocates or calls the kernel.
 * Format: MSDN, "x64 exception handling", UNWIND_INFO. */
#include "unwind.h"

struct unwind_code { BYTE offset, operation; };
struct unwind_info {
	BYTE version_flags, prologue_bytes, code_count, frame;
	union { struct unwind_code code; USHORT value; } codes[];
};
enum { PUSH_NONVOLATILE, ALLOC_LARGE, ALLOC_SMALL, SET_FRAME, SAVE_NONVOLATILE, SAVE_NONVOLATILE_FAR, EPILOGUE, SPARE, SAVE_XMM,
	SAVE_XMM_FAR, PUSH_MACHINE_FRAME };
#define FLAGS(info) ((info)->version_flags >> 3)
#define CHAIN_MAX 32 /* a chain that is longer is damaged */

static ULONG64 *register_of(CONTEXT *c, unsigned n) { return &c->Rax + n; }
static M128A *xmm_of(CONTEXT *c, unsigned n) { return &c->Xmm0 + n; }
static ULONG64 load(ULONG64 address) { return *(const ULONG64 *)address; }

static unsigned slots_of(const struct unwind_code *code)
{
	switch (code->operation & 15) {
	case ALLOC_LARGE: return code->operation >> 4 ? 3 : 2;
	case SAVE_NONVOLATILE:
	case EPILOGUE:
	case SAVE_XMM: return 2;
	case SAVE_NONVOLATILE_FAR:
	case SPARE:
	case SAVE_XMM_FAR: return 3;
	default: return 1;
	}
}

static ULONG large(const struct unwind_info *info, unsigned at) { return info->codes[at].value | (ULONG)info->codes[at + 1].value << 16; }

static void restore_register(CONTEXT *c, PKNONVOLATILE_CONTEXT_POINTERS pointers, unsigned n, ULONG64 from)
{
	*register_of(c, n) = load(from);
	if (pointers)
		pointers->IntegerContext[n] = (PDWORD64)from;
}

static void restore_xmm(CONTEXT *c, PKNONVOLATILE_CONTEXT_POINTERS pointers, unsigned n, ULONG64 from)
{
	*xmm_of(c, n) = *(const M128A *)from;
	if (pointers)
		pointers->FloatingContext[n] = (PM128A)from;
}

/* One code; true when it was a machine frame, which sets rip and rsp itself. */
static bool apply(const struct unwind_info *info, unsigned at, CONTEXT *c, ULONG64 frame, PKNONVOLATILE_CONTEXT_POINTERS pointers)
{
	unsigned n = info->codes[at].code.operation >> 4;
	switch (info->codes[at].code.operation & 15) {
	case PUSH_NONVOLATILE:
		restore_register(c, pointers, n, c->Rsp);
		c->Rsp += 8;
		break;
	case ALLOC_LARGE: c->Rsp += n ? large(info, at + 1) : info->codes[at + 1].value * 8u; break;
	case ALLOC_SMALL: c->Rsp += n * 8 + 8; break;
	case SET_FRAME: c->Rsp = *register_of(c, info->frame & 15) - (info->frame >> 4) * 16u; break;
	case SAVE_NONVOLATILE: restore_register(c, pointers, n, frame + info->codes[at + 1].value * 8u); break;
	case SAVE_NONVOLATILE_FAR: restore_register(c, pointers, n, frame + large(info, at + 1)); break;
	case SAVE_XMM: restore_xmm(c, pointers, n, frame + info->codes[at + 1].value * 16u); break;
	case SAVE_XMM_FAR: restore_xmm(c, pointers, n, frame + large(info, at + 1)); break;
	case PUSH_MACHINE_FRAME:
		if (n)
			c->Rsp += 8;
		c->Rip = load(c->Rsp);
		c->Rsp = load(c->Rsp + 24);
		return true;
	default: break; /* version 2: where epilogues are; found by their instructions */
	}
	return false;
}

/* ---- epilogues: [add rsp, n | lea rsp, [frame + n]], pops, then ret or a jump out ---- */
static unsigned pop_bytes(const BYTE *at)
{
	if ((at[0] & 0xf8) == 0x58)
		return 1;
	return (at[0] & 0xf0) == 0x40 && (at[1] & 0xf8) == 0x58 ? 2 : 0;
}

static unsigned adjust_bytes(const BYTE *at, const struct unwind_info *info)
{
	if ((at[0] & 0xfb) != 0x48 && (at[0] & 0xfe) != 0x48)
		return 0;
	if (at[0] == 0x48 && at[1] == 0x83 && at[2] == 0xc4)
		return 4;
	if (at[0] == 0x48 && at[1] == 0x81 && at[2] == 0xc4)
		return 7;
	if (at[1] != 0x8d || !(info->frame & 15) || ((at[2] & 7) | (at[0] & 1) << 3) != (info->frame & 15) || (at[2] & 0x38) != 0x20)
		return 0;
	return at[2] >> 6 == 1 ? 4 : at[2] >> 6 == 2 ? 7 : 0;
}

static bool is_return(const BYTE *at, ULONG64 base, const RUNTIME_FUNCTION *function)
{
	LONG64 target;
	if (at[0] == 0xc3 || at[0] == 0xc2 || (at[0] == 0xf3 && at[1] == 0xc3))
		return true;
	if ((at[0] == 0xff && at[1] == 0x25) || (at[0] == 0x48 && at[1] == 0xff && (at[2] & 0x38) == 0x20))
		return true;
	if (at[0] == 0xeb)
		target = (LONG64)(ULONG_PTR)at + 2 + (signed char)at[1];
	else if (at[0] == 0xe9)
		target = (LONG64)(ULONG_PTR)at + 5 + *(const LONG UNALIGNED *)(at + 1);
	else
		return false;
	ULONG64 offset = (ULONG64)target - base; /* a tail call leaves the function, or starts it again */
	return offset <= function->BeginAddress || offset >= function->EndAddress;
}

static bool in_epilogue(const BYTE *at, ULONG64 base, const RUNTIME_FUNCTION *function, const struct unwind_info *info)
{
	unsigned n = adjust_bytes(at, info);
	for (at += n; (n = pop_bytes(at)); at += n)
		continue;
	return is_return(at, base, function);
}

static void finish_epilogue(const BYTE *at, CONTEXT *c, const struct unwind_info *info, PKNONVOLATILE_CONTEXT_POINTERS pointers)
{
	unsigned n = adjust_bytes(at, info);
	if (n) {
		LONG amount = n == 4 ? (signed char)at[3] : *(const LONG UNALIGNED *)(at + 3);
		c->Rsp = (at[1] == 0x8d ? *register_of(c, info->frame & 15) : c->Rsp) + (ULONG64)(LONG64)amount;
	}
	for (at += n; (n = pop_bytes(at)); at += n) {
		restore_register(c, pointers, n == 1 ? at[0] & 7u : (at[1] & 7u) | (at[0] & 1u) << 3, c->Rsp);
		c->Rsp += 8;
	}
	c->Rip = load(c->Rsp);
	c->Rsp += 8;
}

/* ---- the whole function ---- */
static bool frame_is_set(const struct unwind_info *info, ULONG64 offset)
{
	if (offset >= info->prologue_bytes)
		return true;
	for (unsigned i = 0; i < info->code_count; i += slots_of(&info->codes[i].code))
		if ((info->codes[i].code.operation & 15) == SET_FRAME)
			return offset >= info->codes[i].code.offset;
	return false;
}

static const RUNTIME_FUNCTION *chained(const struct unwind_info *info)
{
	return (const RUNTIME_FUNCTION *)&info->codes[(info->code_count + 1u) & ~1u];
}

static const struct unwind_info *info_of(ULONG64 base, const RUNTIME_FUNCTION **function)
{
	while ((*function)->UnwindData & 1)
		*function = (const RUNTIME_FUNCTION *)(base + ((*function)->UnwindData & ~1u));
	return (const struct unwind_info *)(base + (*function)->UnwindData);
}

/* Undoes the codes of the function and its chain. True: rip came from a machine frame. */
static bool undo(ULONG64 base, const RUNTIME_FUNCTION *function, const struct unwind_info *info, ULONG64 offset, CONTEXT *c,
	ULONG64 frame, PKNONVOLATILE_CONTEXT_POINTERS pointers)
{
	bool machine = false;
	for (unsigned links = 0; links < CHAIN_MAX; links++) {
		for (unsigned i = 0; i < info->code_count; i += slots_of(&info->codes[i].code))
			if (links || offset >= info->codes[i].code.offset)
				machine |= apply(info, i, c, frame, pointers);
		if (!(FLAGS(info) & HANDLER_CHAINED))
			break;
		function = chained(info);
		info = info_of(base, &function);
	}
	return machine;
}

PEXCEPTION_ROUTINE NTAPI RtlVirtualUnwind(DWORD type, DWORD64 base, DWORD64 pc, PRUNTIME_FUNCTION entry, PCONTEXT c, PVOID *data,
	PDWORD64 establisher, PKNONVOLATILE_CONTEXT_POINTERS pointers)
{
	const RUNTIME_FUNCTION *function = entry;
	const struct unwind_info *info = info_of(base, &function);
	ULONG64 offset = pc - base - function->BeginAddress, frame = c->Rsp;
	bool prologue = offset < info->prologue_bytes;
	if ((info->frame & 15) && frame_is_set(info, offset))
		frame = *register_of(c, info->frame & 15) - (info->frame >> 4) * 16u;
	if (establisher)
		*establisher = frame;
	if (!prologue && in_epilogue((const BYTE *)pc, base, function, info)) {
		finish_epilogue((const BYTE *)pc, c, info, pointers);
		return NULL;
	}
	if (!undo(base, function, info, offset, c, frame, pointers)) {
		c->Rip = load(c->Rsp);
		c->Rsp += 8;
	}
	if (prologue)
		return NULL;
	for (unsigned links = 0; (FLAGS(info) & HANDLER_CHAINED) && links < CHAIN_MAX; links++) {
		function = chained(info);
		info = info_of(base, &function);
	}
	if (!(FLAGS(info) & type) || (FLAGS(info) & HANDLER_CHAINED))
		return NULL;
	const ULONG *handler = (const ULONG *)chained(info);
	if (data)
		*data = (void *)(handler + 1);
	return (PEXCEPTION_ROUTINE)(base + *handler);
}

bool stack_holds(ULONG64 frame)
{
	const NT_TIB *tib = &current_teb()->Tib;
	return !(frame & 7) && frame >= (ULONG64)tib->StackLimit && frame < (ULONG64)tib->StackBase;
}

bool unwind_step(CONTEXT *c)
{
	DWORD64 base, frame;
	void *data;
	PRUNTIME_FUNCTION function = RtlLookupFunctionEntry(c->Rip, &base, NULL);
	if (function) {
		RtlVirtualUnwind(HANDLER_NONE, base, c->Rip, function, c, &data, &frame, NULL);
	} else {
		if (!stack_holds(c->Rsp))
			return false;
		c->Rip = load(c->Rsp);
		c->Rsp += 8;
	}
	return c->Rip && stack_holds(c->Rsp);
}

USHORT NTAPI RtlCaptureStackBackTrace(ULONG skip, ULONG count, PVOID *buffer, PULONG hash);
USHORT NTAPI RtlCaptureStackBackTrace(ULONG skip, ULONG count, PVOID *buffer, PULONG hash)
{
	CONTEXT c;
	ULONG sum = 0;
	USHORT n = 0;
	RtlCaptureContext(&c);
	for (ULONG i = 0; n < count && n < 0xffff && unwind_step(&c); i++)
		if (i >= skip) {
			buffer[n++] = (void *)c.Rip;
			sum += (ULONG)c.Rip;
		}
	if (hash)
		*hash = sum;
	return n;
}
