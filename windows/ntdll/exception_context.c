// SPDX-License-Identifier: MIT
/* Extended contexts: a CONTEXT with a CONTEXT_EX behind it. KUSER_SHARED_DATA names no extended features (no XSTATE part
 * is saved in frames), so every mask of them is empty here and callers fall back to the legacy part. */
#include "unwind.h"

struct chunk { LONG offset; ULONG length; };
struct context_ex { struct chunk all, legacy, xstate; ULONG64 unused; };
_Static_assert(sizeof(struct context_ex) == 0x20, "CONTEXT_EX");
#define ALIGNMENT 15u
#define FLAGS_KNOWN (CONTEXT_ALL | 0xf8000000u) /* the parts, and exception reporting */
#define XSTATE_FLAG 0x40u

#define CONTEXT_API(type, name, arguments) type NTAPI name arguments; type NTAPI name arguments

static bool flags_fit(ULONG flags) { return (flags & CONTEXT_AMD64) && !(flags & ~(FLAGS_KNOWN | XSTATE_FLAG)); }

CONTEXT_API(ULONG64, RtlGetEnabledExtendedFeatures, (ULONG64 mask))
{
	(void)mask;
	return 0;
}
CONTEXT_API(NTSTATUS, RtlGetExtendedContextLength2, (ULONG flags, ULONG *length, ULONG64 compaction))
{
	(void)compaction;
	if (!flags_fit(flags))
		return STATUS_INVALID_PARAMETER;
	if (flags & XSTATE_FLAG & ~CONTEXT_AMD64)
		return STATUS_NOT_SUPPORTED;
	*length = sizeof(CONTEXT) + sizeof(struct context_ex) + ALIGNMENT;
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
	*out = ex;
	return STATUS_SUCCESS;
}
CONTEXT_API(void *, RtlLocateExtendedFeature, (struct context_ex *ex, ULONG feature, ULONG *length))
{
	(void)ex, (void)feature; /* the legacy features are in the CONTEXT, not in an extended part */
	if (length)
		*length = 0;
	return NULL;
}
CONTEXT_API(ULONG64, RtlGetExtendedFeaturesMask, (struct context_ex *ex))
{
	(void)ex;
	return 0;
}
CONTEXT_API(void, RtlSetExtendedFeaturesMask, (struct context_ex *ex, ULONG64 mask))
{
	(void)ex, (void)mask; /* nothing of it is enabled */
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
