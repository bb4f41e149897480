/* SPDX-License-Identifier: MIT */
/* The start of a Windows program in the kernel (kernel/nt/process_start.c): places of this boot, PEB, blob, first TEB
 * and stack. nt_teb_create for later threads is declared in nt.h. */
#ifndef AMBOS_KERNEL_NT_START_H
#define AMBOS_KERNEL_NT_START_H

#include "process.h"
#include "../../abi/nt/runtime.h"

#define NT_TEB_BYTES 0x2000u
#define NT_PEB_BYTES 0x1000u
/* Offsets that the kernel writes. Source: public TEB and PEB layouts of x64 Windows. */
enum nt_teb_offset {
	TEB_STACK_BASE = 0x08, TEB_STACK_LIMIT = 0x10, TEB_SELF = 0x30, TEB_PROCESS_ID = 0x40, TEB_THREAD_ID = 0x48,
	TEB_PEB = 0x60, TEB_DEALLOCATION_STACK = 0x1478,
};
enum nt_peb_offset { PEB_IMAGE_BASE = 0x10 };

/* What exec_commit needs besides the address space; on the heap of the thread that executes. */
struct nt_commit { struct windows_start start; u64 peb, teb, stack_top; };
/* PEB, blob (start.blob_bytes at `blob`, kernel memory), shared data, TEB and stack of the first thread. Sets start.blob. */
status_t nt_process_build(struct aspace *as, struct nt_commit *c, const void *blob, u32 pid, u32 tid) MUST_CHECK;
void nt_layout_choose(struct aspace *as); /* where allocations of a Windows program go; before anything is mapped */
u64 nt_system_base(void);                 /* of this boot: system DLLs from here upwards */
u64 nt_image_base(void);                  /* of this boot: images that cannot lie at their own base */

#endif
