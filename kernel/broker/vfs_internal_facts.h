/* SPDX-License-Identifier: MIT */
/* Between the files of the VFS broker (vfs_facts*.c). */
#ifndef AMBOS_KERNEL_BROKER_FACTS_H
#define AMBOS_KERNEL_BROKER_FACTS_H

#include "../../abi/core/broker_vfs.h"
#include "process.h"

status_t facts_text(struct facts_text *t) MUST_CHECK;
struct process *facts_find(u32 pid, bool next); /* by any thread's id; referenced, or NULL */

/* A text of which only [skip, skip + room) is kept. */
struct text_window { char *buf; u64 skip, room, used; };
void text_add(struct text_window *w, const char *text, u64 length);
void text_printf(struct text_window *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline bool text_full(const struct text_window *w) { return w->used == w->room; }

void facts_maps(struct text_window *w, struct process *p, u32 kind); /* TEXT_MAPS, TEXT_SMAPS, TEXT_SMAPS_ROLLUP */
struct position facts_root_of(struct process *p);                   /* referenced; empty without a file context */
void facts_hops(struct text_window *w);
void facts_services(struct text_window *w);

#endif
