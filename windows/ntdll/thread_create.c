// SPDX-License-Identifier: MIT
/* New threads by the Rtl interface, and user stacks for fibers. */
#include "actctx.h"

struct attribute { ULONG_PTR id; SIZE_T bytes; void *value; SIZE_T *written; };
struct attribute_list { SIZE_T total; struct attribute attributes[1]; };
#define ATTRIBUTE_CLIENT_ID 0x10003u
#define THREAD_SUSPENDED 1u

/* A thread of this process begins in its creator's context; takes the reference. */
static void give_context(HANDLE thread, const CLIENT_ID *client, HANDLE context, bool suspended)
{
	struct { NTSTATUS exit_status; PTEB teb; CLIENT_ID id; ULONG_PTR affinity; LONG priority, base_priority; } basic;
	if (client->UniqueProcess == current_teb()->ClientId.UniqueProcess &&
		!NtQueryInformationThread(thread, ThreadBasicInformation, &basic, sizeof(basic), NULL))
		context_inherit(basic.teb, context);
	else
		RtlReleaseActivationContext(context);
	if (!suspended)
		NtResumeThread(thread, NULL);
}
NTSTATUS NTAPI RtlCreateUserThread(HANDLE process, SECURITY_DESCRIPTOR *security, BOOLEAN suspended, ULONG zero_bits, SIZE_T reserve,
	SIZE_T commit, LPTHREAD_START_ROUTINE start, void *argument, HANDLE *handle, CLIENT_ID *id);
NTSTATUS NTAPI RtlCreateUserThread(HANDLE process, SECURITY_DESCRIPTOR *security, BOOLEAN suspended, ULONG zero_bits, SIZE_T reserve,
	SIZE_T commit, LPTHREAD_START_ROUTINE start, void *argument, HANDLE *handle, CLIENT_ID *id)
{
	CLIENT_ID client;
	HANDLE thread;
	struct attribute_list list = { sizeof(list), { { ATTRIBUTE_CLIENT_ID, sizeof(client), &client, NULL } } };
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes) };
	attributes.SecurityDescriptor = security;
	HANDLE context;
	RtlGetActiveActivationContext(&context);
	NTSTATUS status = NtCreateThreadEx(&thread, THREAD_ALL_ACCESS, &attributes, process, (PVOID)start, argument,
		suspended || context ? THREAD_SUSPENDED : 0, zero_bits, commit, reserve, &list);
	if (status) {
		RtlReleaseActivationContext(context);
		return status;
	}
	if (context)
		give_context(thread, &client, context, suspended);
	if (id)
		*id = client;
	if (handle)
		*handle = thread;
	else
		NtClose(thread);
	return STATUS_SUCCESS;
}

struct user_stack { void *old_base, *old_limit, *base, *limit, *allocation; }; /* INITIAL_TEB */
#define STACK_RESERVE 0x100000u
#define GUARD_PAGES 1u
/* A reserved range with its top committed and a guard page below; sizes 0: the program's. */
NTSTATUS NTAPI RtlCreateUserStack(SIZE_T commit, SIZE_T reserve, ULONG zero_bits, SIZE_T commit_align, SIZE_T reserve_align,
	struct user_stack *stack);
NTSTATUS NTAPI RtlCreateUserStack(SIZE_T commit, SIZE_T reserve, ULONG zero_bits, SIZE_T commit_align, SIZE_T reserve_align,
	struct user_stack *stack)
{
	const IMAGE_NT_HEADERS *nt = RtlImageNtHeader(current_peb()->ImageBaseAddress);
	if (!commit_align || !reserve_align)
		return STATUS_INVALID_PARAMETER;
	if (!commit)
		commit = nt ? nt->OptionalHeader.SizeOfStackCommit : PAGE_BYTES;
	if (!reserve)
		reserve = nt ? nt->OptionalHeader.SizeOfStackReserve : STACK_RESERVE;
	reserve = (reserve + reserve_align - 1) / reserve_align * reserve_align;
	commit = (commit + commit_align - 1) / commit_align * commit_align;
	if (reserve < commit)
		reserve = commit;
	if (reserve < STACK_RESERVE)
		reserve = STACK_RESERVE;
	reserve = ROUND_UP(reserve, ALLOCATION_GRANULARITY);
	commit = ROUND_UP(commit, PAGE_BYTES);
	if (commit > reserve - 2 * PAGE_BYTES)
		commit = reserve - 2 * PAGE_BYTES; /* the guard page, and one to handle the overflow on */
	void *base = NULL;
	NTSTATUS status = NtAllocateVirtualMemory(NtCurrentProcess(), &base, zero_bits, &reserve, MEM_RESERVE, PAGE_READWRITE);
	if (status)
		return status;
	char *top = (char *)base + reserve;
	void *committed = top - commit, *guard = top - commit - GUARD_PAGES * PAGE_BYTES;
	SIZE_T guard_bytes = GUARD_PAGES * PAGE_BYTES;
	status = NtAllocateVirtualMemory(NtCurrentProcess(), &committed, 0, &commit, MEM_COMMIT, PAGE_READWRITE);
	if (!status)
		status = NtAllocateVirtualMemory(NtCurrentProcess(), &guard, 0, &guard_bytes, MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
	if (status) {
		reserve = 0;
		NtFreeVirtualMemory(NtCurrentProcess(), &base, &reserve, MEM_RELEASE);
		return status;
	}
	*stack = (struct user_stack){ NULL, NULL, top, top - commit, base };
	return STATUS_SUCCESS;
}
void NTAPI RtlFreeUserStack(void *allocation);
void NTAPI RtlFreeUserStack(void *allocation)
{
	SIZE_T bytes = 0;
	NtFreeVirtualMemory(NtCurrentProcess(), &allocation, &bytes, MEM_RELEASE);
}
