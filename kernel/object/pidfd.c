// SPDX-License-Identifier: MIT
/* pidfd_open(2): a descriptor that stands for one process and becomes readable when it has ended. */
#include "event_files.h"

static u32 pidfd_poll(struct file *f, struct poll_table *table)
{
	struct process *p = f->object;

	poll_wait(table, &p->exit_wait);
	return p->zombie ? POLL_IN | POLL_RDNORM : 0;
}

static void pidfd_release(struct file *f) { process_put(f->object); }

static const struct file_ops pidfd_ops = { .name = "pidfd", .poll = pidfd_poll, .release = pidfd_release };

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
