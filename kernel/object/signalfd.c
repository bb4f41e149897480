// SPDX-License-Identifier: MIT
/* signalfd(2): reads give the pending signals of the reading thread. A process's signal queue wakes its waiters; an
 * epoll that outlives the call watches the creator's queue, because that process is pinned by this object. */
#include "event_files.h"

#include "base/text.h"
#include "linux/epoll.h"

struct signal_object {
	sigset_t_k set;             /* replaced whole, read without a lock */
	struct process *owner;      /* referenced */
};

static void to_user_form(const struct siginfo_k *info, struct signalfd_siginfo_k *out)
{
	*out = (struct signalfd_siginfo_k){
		.signo = (u32)info->signo, .err = info->err, .code = info->code, .pid = (u32)info->pid, .uid = info->uid,
		.fd = info->fd, .timer_id = (u32)info->timer_id, .band = (u32)info->band, .overrun = (u32)info->overrun,
		.status = info->status, .int_value = (s32)info->value, .pointer_value = info->value,
		.utime = (u64)info->utime, .stime = (u64)info->stime, .address = info->addr,
	};
}

static bool has_pending(struct signal_object *s) { return signal_pending_set(thread_current()) & s->set; }

static s64 signalfd_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct signal_object *s = f->object;
	struct wait_queue *queue = &process_current()->signal_wait;
	struct signalfd_siginfo_k record;
	struct siginfo_k info;
	s64 total = 0;

	if (to->remaining < sizeof(record))
		return ERR_INVAL;
	while (to->remaining >= sizeof(record)) {
		memset(&info, 0, sizeof(info));
		if (signal_take(s->set, &info)) {
			to_user_form(&info, &record);
			if (io_buf_put(to, &record, sizeof(record)) != sizeof(record))
				return total ? total : ERR_FAULT;
			total += (s64)sizeof(record);
			continue;
		}
		if (total)
			break;
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		if (WAIT_EVENT(queue, has_pending(s), DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			return ERR_RESTART;
	}
	return total;
}

static u32 signalfd_poll(struct file *f, struct poll_table *table)
{
	struct signal_object *s = f->object;

	if (table)
		poll_wait(table, table->long_lived ? &s->owner->signal_wait : &process_current()->signal_wait);
	return has_pending(s) ? POLL_IN | POLL_RDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	struct signal_object *s = f->object;

	process_put(s->owner);
	kfree(s);
}

static void signalfd_info(struct file *f, struct text *w)
{
	const struct signal_object *s = f->object;

	text_print(w, "sigmask:\t%016llx\n", (unsigned long long)s->set);
}

static const struct file_ops signalfd_ops = {
	.name = "signalfd", .read = signalfd_read, .poll = signalfd_poll, .release = signalfd_release, .info = signalfd_info,
};

static sigset_t_k allowed(sigset_t_k set) { return set & ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP)); }

status_t signalfd_change(struct file *f, sigset_t_k set)
{
	struct signal_object *s = f->object;

	if (f->ops != &signalfd_ops)
		return ERR_INVAL;
	__atomic_store_n(&s->set, allowed(set), __ATOMIC_RELEASE);
	wake_all(&s->owner->signal_wait);
	return OK;
}

struct file *signalfd_create(sigset_t_k set, u32 flags)
{
	struct signal_object *s = kzalloc(sizeof(*s));
	struct file *f = s ? file_create(&signalfd_ops, s, flags | 2) : NULL;

	if (!f) {
		kfree(s);
		return NULL;
	}
	f->ino = file_new_ino();
	s->set = allowed(set);
	s->owner = process_current();
	process_get(s->owner);
	return f;
}
