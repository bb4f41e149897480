/* SPDX-License-Identifier: MIT */
/* The Windows side of a process, and the making of PEB, TEB and stacks (kernel/nt/process_start.c). */
#ifndef AMBOS_KERNEL_NT_PROCESS_H
#define AMBOS_KERNEL_NT_PROCESS_H

#include "process.h"

/* Entry points in ntdll and what the process was started with; immutable after exec. */
struct nt_start {
	u64 process_start, thread_start, exception_dispatcher, apc_dispatcher;
	u64 blob, blob_bytes;
	u64 image_base, peb;
	u64 stack_reserve, stack_commit;
};
struct nt_state;                     /* kernel/nt's own */
struct nt_process {
	struct nt_start start;           /* [I] */
	struct nt_state *state;          /* kernel/nt; NULL until it needs one */
};

#define NT_TEB_BYTES 0x2000u
#define NT_PEB_BYTES 0x1000u
/* Offsets that the kernel writes. Source: public TEB and PEB layouts of x64 Windows. */
enum nt_teb_offset {
	TEB_STACK_BASE = 0x08, TEB_STACK_LIMIT = 0x10, TEB_SELF = 0x30, TEB_PROCESS_ID = 0x40, TEB_THREAD_ID = 0x48,
	TEB_PEB = 0x60, TEB_EXCEPTION_CODE = 0x2c0, TEB_DEALLOCATION_STACK = 0x1478,
};
enum nt_peb_offset { PEB_IMAGE_BASE = 0x10 };

struct nt_thread_memory { u64 teb, stack_low, stack_limit, stack_base; };
/* Maps a stack (stack_reserve 0: the process's) and a TEB into `as`, any address space, and fills the TEB's first fields.
 * The lowest page of the stack stays unmapped: a store there is the overflow. Nothing is mapped after an error. */
status_t nt_teb_create(struct aspace *as, u64 peb, u64 stack_reserve, u32 pid, u32 tid,
		       struct nt_thread_memory *out) MUST_CHECK;
void nt_teb_destroy(struct aspace *as, const struct nt_thread_memory *memory);
/* For exec: PEB, blob (blob_bytes at `blob`, kernel memory), TEB and stack of the first thread in a prepared space. */
status_t nt_process_build(struct aspace *as, struct nt_start *start, const void *blob, u32 pid, u32 tid,
			  struct nt_thread_memory *out) MUST_CHECK;
void nt_layout_choose(struct aspace *as); /* where allocations of a Windows program go; before anything is mapped */
u64 nt_system_base(void);                 /* of this boot: system DLLs from here upwards */
u64 nt_image_base(void);                  /* of this boot: images that cannot lie at their own base */
void nt_process_free(struct nt_process *n); /* NULL is fine */

/* Supplied by others; absent until linked. */
status_t nt_shared_data_map(struct aspace *as) WEAK;  /* KUSER_SHARED_DATA */
void nt_state_free(struct nt_state *s) WEAK;
void nt_process_started(struct process *p) WEAK;      /* at the end of exec_commit of a Windows image, p->nt is set */

#endif
