// SPDX-License-Identifier: MIT
// Thin calls of the VFS broker.
#include "facts.h"

#define MEMORY_UNKNOWN GIB(1) /* no broker answer: the default guest */

static s64 broker(u32 op, void *facts, u64 size)
{
	return ambos_call(AMBOS_CALL_VFS_BROKER, op, (u64)facts, size, 0, 0);
}

status_t facts_machine(struct facts_machine *m)
{
	memset(m, 0, sizeof(*m));
	return (status_t)broker(FACTS_MACHINE, m, sizeof(*m));
}

bool facts_cpu(u32 cpu, struct facts_cpu *c)
{
	*c = (struct facts_cpu){ .cpu = cpu };
	return broker(FACTS_CPU, c, sizeof(*c)) == OK;
}

status_t facts_process(u32 pid, u32 flags, struct facts_process *p)
{
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->flags = flags;
	return (status_t)broker(FACTS_PROCESS, p, sizeof(*p));
}

status_t facts_thread(u32 pid, u32 tid, u32 flags, struct facts_thread *t)
{
	*t = (struct facts_thread){ .pid = pid, .tid = tid, .flags = flags };
	return (status_t)broker(FACTS_THREAD, t, sizeof(*t));
}

status_t facts_fd(u32 pid, s32 fd, u32 flags, struct facts_fd *f)
{
	*f = (struct facts_fd){ .pid = pid, .fd = fd, .flags = flags };
	return (status_t)broker(FACTS_FD, f, sizeof(*f));
}

status_t facts_pty(u32 number, u32 flags, struct facts_pty *p)
{
	*p = (struct facts_pty){ .number = number, .flags = flags };
	return (status_t)broker(FACTS_PTY, p, sizeof(*p));
}

status_t facts_set(u32 pid, u32 kind, s64 value, const char *name)
{
	struct facts_set f = { .pid = pid, .kind = kind, .value = value };
	if (name)
		str_copy(f.name, name, sizeof(f.name));
	return (status_t)broker(FACTS_SET, &f, sizeof(f));
}

s64 facts_text(u32 pid, u32 kind, s32 index, u64 offset, void *buf, u64 size)
{
	struct facts_text f = { .pid = pid, .kind = kind, .index = index, .offset = offset, .va = (u64)buf, .size = size };
	s64 st = broker(FACTS_TEXT, &f, sizeof(f));
	return st < 0 ? st : f.length;
}

status_t facts_text_into(struct text *t, u32 pid, u32 kind, s32 index)
{
	s64 n = facts_text(pid, kind, index, t->skip, t->buf + t->used, t->room - t->used);
	if (n < 0)
		return (status_t)n;
	t->used += (u64)n;
	t->skip = 0;
	return OK;
}

u64 facts_memory_bytes(void)
{
	struct facts_machine m;
	return facts_machine(&m) || !m.memory_total ? MEMORY_UNKNOWN : m.memory_total;
}
