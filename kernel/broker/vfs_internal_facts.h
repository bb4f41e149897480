/* SPDX-License-Identifier: MIT */
/* Between the files of the VFS broker (vfs_facts*.c). */
#ifndef AMBOS_KERNEL_BROKER_FACTS_H
#define AMBOS_KERNEL_BROKER_FACTS_H

#include "../../abi/core/broker_vfs.h"
#include "base/text.h"
#include "process.h"

status_t facts_text(struct facts_text *t) MUST_CHECK;
struct process *facts_find(u32 pid, bool next); /* by any thread's id; referenced, or NULL */

void facts_maps(struct text *w, struct process *p, u32 kind); /* TEXT_MAPS, TEXT_SMAPS, TEXT_SMAPS_ROLLUP */
struct position facts_root_of(struct process *p);                   /* referenced; empty without a file context */
void facts_hops(struct text *w);
void facts_services(struct text *w);

#endif
