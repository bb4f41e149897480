// SPDX-License-Identifier: MIT
/* Per-CPU rings of events. A ring is written only by its CPU with interrupts off, so it needs no lock. */
#include "trace.h"
#include "mm.h"
#include "process.h"

#define EVENTS 1024 /* per CPU, 32 KiB; a power of two */

struct trace_ring { u32 next; struct trace_event events[EVENTS]; };
u32 trace_enabled;

void trace_record(enum trace_kind kind, u64 a, u64 b)
{
	struct cpu *c = cpu_this();
	struct trace_ring *r = c->trace;
	if (!r && !(r = c->trace = kzalloc(sizeof(*r))))
		return;
	r->events[r->next++ % EVENTS] = (struct trace_event){ time_now_ns(), thread_current()->tid, kind, a, b };
}

void trace_print(u32 count)
{
	static const char *const names[] = { "?", "call", "return", "signal", "exec", "fault", "exit", "mark" };
	struct trace_ring *r = cpu_this()->trace;
	for (u32 i = 0; r && i < count && i < r->next && i < EVENTS; i++) {
		const struct trace_event *e = &r->events[(r->next - 1 - i) % EVENTS];
		klog(LOG_ERROR, "  event %s tid %u %lx %lx", names[e->kind < ARRAY_SIZE(names) ? e->kind : 0], e->tid, e->a, e->b);
	}
}
