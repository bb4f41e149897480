/* SPDX-License-Identifier: MIT */
/* What the kernel knows, through the VFS broker (abi/core/broker_vfs.h). */
#ifndef AMBOS_VFSD_FACTS_H
#define AMBOS_VFSD_FACTS_H

#include "../../abi/core/broker_vfs.h"
#include "../../lib/service/service.h"
#include "../../lib/base/text.h"

typedef unsigned long long ull; /* for %llu */

status_t facts_machine(struct facts_machine *m);
bool facts_cpu(u32 cpu, struct facts_cpu *c);                 /* false past the last */
status_t facts_process(u32 pid, u32 flags, struct facts_process *p); /* flags: FACTS_NEXT */
status_t facts_thread(u32 pid, u32 tid, u32 flags, struct facts_thread *t);
status_t facts_fd(u32 pid, s32 fd, u32 flags, struct facts_fd *f);
status_t facts_pty(u32 number, u32 flags, struct facts_pty *p);
status_t facts_set(u32 pid, u32 kind, s64 value, const char *name);
/* Bytes [offset, offset+size) of a text of the kernel: length or error. */
s64 facts_text(u32 pid, u32 kind, s32 index, u64 offset, void *buf, u64 size);
/* The same into a text being rendered; it must be the first thing in it. */
status_t facts_text_into(struct text *t, u32 pid, u32 kind, s32 index);
u64 facts_memory_bytes(void);

#endif
