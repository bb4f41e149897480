// SPDX-License-Identifier: MIT
/* pidfd_open(2): a descriptor that stands for one process and becomes readable when it has ended. */
#include "event_files.h"

#include "base/text.h"

static u32 pidfd_poll(struct file *f, struct poll_table *table)
{
	struct process *p = f->object;

	poll_wait(table, &p->exit_wait);
	return p->zombie ? POLL_IN | POLL_RDNORM : 0;
}

static void pidfd_release(struct file *f) { process_put(f->object); }

/* -1: it was waited for. */
static void pidfd_info(struct file *f, struct text *w)
{
	const struct process *p = f->object;
	s32 pid = p->zombie && !p->parent ? -1 : (s32)p->pid;

	text_print(w, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {
	.name = "pidfd", .poll = pidfd_poll, .release = pidfd_release, .info = pidfd_info,
};

struct process *pidfd_process(struct file *f)
{
	if (f->ops != &pidfd_ops)
		return NULL;
	process_get(f->object);
	return f->object;
}

struct file *pidfd_create(struct process *p, u32 flags)
{
	struct file *f = file_create(&pidfd_ops, p, (flags & O_NONBLOCK_K) | 2);

	if (!f)
		return NULL;
	process_get(p);
	f->ino = file_new_ino();
	return f;
}
