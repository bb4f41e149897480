// SPDX-License-Identifier: MIT
/* Extended contexts: a CONTEXT, a CONTEXT_EX and the XSAVE area without its legacy part: a header, then the upper halves
 * of the AVX registers. NtGet/SetContextThread know that part; frames of exceptions and APCs have none. */
#include "unwind.h"

struct chunk { LONG offset; ULONG length; };
struct context_ex { struct chunk all, legacy, xstate; ULONG64 unused; };
_Static_assert(sizeof(struct context_ex) == 0x20, "CONTEXT_EX");
#define ALIGNMENT 15u
#define FLAGS_KNOWN (CONTEXT_ALL | 0xf8000000u) /* the parts, and exception reporting */
#define XSTATE_FLAG 0x40u

#define CONTEXT_API(type, name, arguments) type NTAPI name arguments; type NTAPI name arguments

static bool flags_fit(ULONG flags) { return (flags & CONTEXT_AMD64) && !(flags & ~(FLAGS_KNOWN | XSTATE_FLAG)); }

struct xstate { ULONG64 mask, compaction, reserved[6]; UCHAR avx[256]; };
_Static_assert(sizeof(struct xstate) == 320, "XSTATE");
#define XSTATE_ALIGNMENT 63u
#define FEATURE_AVX 2u
#define LEGACY_FEATURES 3u
#define SHARED_ENABLED_FEATURES ((const volatile ULONG64 *)0x7ffe03d8) /* KUSER_SHARED_DATA.XState */

CONTEXT_API(ULONG64, RtlGetEnabledExtendedFeatures, (ULONG64 mask))
{
	return *SHARED_ENABLED_FEATURES & mask;
}
static bool wants_xstate(ULONG flags) { return flags & XSTATE_FLAG & ~CONTEXT_AMD64; }
static struct xstate *xstate_of(struct context_ex *ex)
{
	return ex->xstate.length < sizeof(struct xstate) ? NULL : (struct xstate *)((char *)ex + ex->xstate.offset);
}
CONTEXT_API(NTSTATUS, RtlGetExtendedContextLength2, (ULONG flags, ULONG *length, ULONG64 compaction))
{
	(void)compaction; /* one size for every choice of features */
	if (!flags_fit(flags))
		return STATUS_INVALID_PARAMETER;
	if (wants_xstate(flags) && !(*SHARED_ENABLED_FEATURES >> FEATURE_AVX & 1))
		return STATUS_NOT_SUPPORTED;
	*length = sizeof(CONTEXT) + sizeof(struct context_ex) + ALIGNMENT;
	if (wants_xstate(flags))
		*length += sizeof(struct xstate) + XSTATE_ALIGNMENT;
	return STATUS_SUCCESS;
}
CONTEXT_API(NTSTATUS, RtlInitializeExtendedContext2, (void *memory, ULONG flags, struct context_ex **out, ULONG64 compaction))
{
	CONTEXT *c = (CONTEXT *)ROUND_UP((ULONG_PTR)memory, ALIGNMENT + 1);
	struct context_ex *ex = (struct context_ex *)(c + 1);
	ULONG length;
	NTSTATUS status = RtlGetExtendedContextLength2(flags, &length, compaction);
	if (status)
		return status;
	c->ContextFlags = flags;
	*ex = (struct context_ex){
		.all = { -(LONG)sizeof(*c), sizeof(*c) + sizeof(*ex) }, .legacy = { -(LONG)sizeof(*c), sizeof(*c) }, .xstate = { sizeof(*ex), 0 },
	};
	if (wants_xstate(flags)) {
		struct xstate *x = (struct xstate *)ROUND_UP((ULONG_PTR)(ex + 1), XSTATE_ALIGNMENT + 1);
		memset(x, 0, offsetof(struct xstate, avx));
		ex->xstate = (struct chunk){ (LONG)((char *)x - (char *)ex), sizeof(*x) };
		ex->all.length = (ULONG)((char *)(x + 1) - (char *)c);
	}
	*out = ex;
	return STATUS_SUCCESS;
}
CONTEXT_API(void *, RtlLocateExtendedFeature, (struct context_ex *ex, ULONG feature, ULONG *length))
{
	struct xstate *x = feature == FEATURE_AVX ? xstate_of(ex) : NULL; /* the legacy features are in the CONTEXT */
	if (length)
		*length = x ? sizeof(x->avx) : 0;
	return x ? x->avx : NULL;
}
CONTEXT_API(ULONG64, RtlGetExtendedFeaturesMask, (struct context_ex *ex))
{
	struct xstate *x = xstate_of(ex);
	return x ? x->mask & ~(ULONG64)LEGACY_FEATURES : 0;
}
CONTEXT_API(void, RtlSetExtendedFeaturesMask, (struct context_ex *ex, ULONG64 mask))
{
	struct xstate *x = xstate_of(ex);
	if (x)
		x->mask = mask & *SHARED_ENABLED_FEATURES & (1u << FEATURE_AVX);
}

CONTEXT_API(NTSTATUS, RtlCopyContext, (CONTEXT *to, ULONG flags, const CONTEXT *from))
{
	if (!flags_fit(flags) || !(to->ContextFlags & CONTEXT_AMD64) || !(from->ContextFlags & CONTEXT_AMD64))
		return STATUS_INVALID_PARAMETER;
	flags &= from->ContextFlags;
	to->ContextFlags |= flags;
	if ((flags & CONTEXT_CONTROL) == CONTEXT_CONTROL) {
		to->SegSs = from->SegSs, to->Rsp = from->Rsp, to->SegCs = from->SegCs, to->Rip = from->Rip;
		to->EFlags = from->EFlags;
	}
	if ((flags & CONTEXT_INTEGER) == CONTEXT_INTEGER) {
		ULONG64 rsp = to->Rsp;
		memcpy(&to->Rax, &from->Rax, 16 * sizeof(ULONG64));
		to->Rsp = rsp;
	}
	if ((flags & CONTEXT_SEGMENTS) == CONTEXT_SEGMENTS)
		to->SegDs = from->SegDs, to->SegEs = from->SegEs, to->SegFs = from->SegFs, to->SegGs = from->SegGs;
	if ((flags & CONTEXT_FLOATING_POINT) == CONTEXT_FLOATING_POINT) {
		to->MxCsr = from->MxCsr;
		to->FltSave = from->FltSave;
	}
	if ((flags & CONTEXT_DEBUG_REGISTERS) == CONTEXT_DEBUG_REGISTERS)
		memcpy(&to->Dr0, &from->Dr0, 6 * sizeof(ULONG64));
	return STATUS_SUCCESS;
}

CONTEXT_API(void, DbgBreakPoint, (void)) { __asm__ volatile("int3"); }
