// SPDX-License-Identifier: MIT
/* timerfd_create(2). The kernel timer is armed for the next expiry only; expiries of an interval are counted when
 * somebody looks, so a fast interval costs nothing while nobody reads. Absolute wall-clock timers move when
 * the clock is set. */
#include "event_files.h"

#include "base/text.h"
#include "linux.h"
#include "linux/epoll.h"

/* Locks: [o] lock, [w] wall_lock, [I] immutable. Invariant: armed means next_ns is in the future of the last count, and the kernel
 * timer is set for it unless an expiry is waiting to be read. */
struct timer_object {
	struct spinlock lock;       /* RANK_OBJECT */
	struct timer timer;
	enum timerfd_clock clock;   /* [I] */
	u64 next_ns;                /* [o] monotonic; 0 = disarmed */
	u64 interval_ns;            /* [o] */
	bool absolute, cancellable; /* [o] how it was set */
	bool cancelled;             /* [o] the clock was set meanwhile */
	struct list_node wall_link; /* [w] */
	u64 expired;                /* [o] counted and not read */
	struct wait_queue wait;
};

static struct spinlock wall_lock = SPINLOCK_INIT(RANK_WALL_TIMERS);
static struct list_node wall_timers = LIST_INIT(wall_timers); /* [w] those on the wall clock */

/* Moves expiries that have happened from next_ns to `expired`. */
static void count_locked(struct timer_object *t, u64 now)
{
	u64 n;

	if (!t->next_ns || t->next_ns > now)
		return;
	n = t->interval_ns ? 1 + (now - t->next_ns) / t->interval_ns : 1;
	t->expired += n;
	t->next_ns = t->interval_ns ? t->next_ns + n * t->interval_ns : 0;
}

static void fired(struct timer *timer)
{
	struct timer_object *t = container_of(timer, struct timer_object, timer);

	wait_queue_wake(&t->wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
}

static bool has_expired(struct timer_object *t)
{
	return t->cancelled || t->expired || (t->next_ns && t->next_ns <= time_now_ns());
}

/* Takes the count and arms for the next expiry. */
static u64 take(struct timer_object *t, bool *cancelled)
{
	u64 n, next;

	spin_lock(&t->lock);
	count_locked(t, time_now_ns());
	n = t->expired;
	*cancelled = t->cancelled;
	t->expired = 0;
	t->cancelled = false;
	next = t->next_ns;
	if (n && next)
		timer_arm(&t->timer, next);
	spin_unlock(&t->lock);
	return n;
}

static s64 timerfd_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct timer_object *t = f->object;
	bool cancelled = false;
	u64 n;

	if (to->remaining < sizeof(n))
		return ERR_INVAL;
	while (!(n = take(t, &cancelled)) && !cancelled) {
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		if (WAIT_EVENT(&t->wait, has_expired(t), DEADLINE_NEVER, WAIT_INTERRUPTIBLE))
			return ERR_RESTART;
	}
	if (cancelled)
		return ERR_CANCELED;
	return io_buf_put(to, &n, sizeof(n)) == sizeof(n) ? (s64)sizeof(n) : ERR_FAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *table)
{
	struct timer_object *t = f->object;

	poll_wait(table, &t->wait);
	return has_expired(t) ? POLL_IN | POLL_RDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timer_object *t = f->object;

	spin_lock(&wall_lock);
	list_unlink(&t->wall_link);
	spin_unlock(&wall_lock);
	timer_cancel(&t->timer);
	kfree(t);
}

static void get_locked(struct timer_object *t, u64 now, u64 *left_ns, u64 *interval_ns)
{
	count_locked(t, now);
	*left_ns = t->next_ns ? t->next_ns - now : 0;
	*interval_ns = t->interval_ns;
}

static void timerfd_info(struct file *f, struct text *w)
{
	struct timer_object *t = f->object;
	u64 left, interval, ticks;

	spin_lock(&t->lock);
	get_locked(t, time_now_ns(), &left, &interval);
	ticks = t->expired;
	spin_unlock(&t->lock);
	text_print(w, "clockid: %d\nticks: %llu\nsettime flags: 0%o\n", t->clock == TIMERFD_REALTIME ? 0 : 1,
		   (unsigned long long)ticks, t->absolute ? TFD_TIMER_ABSTIME_K : 0);
	text_print(w, "it_value: (%llu, %llu)\nit_interval: (%llu, %llu)\n", (unsigned long long)(left / NSEC_PER_SEC),
		   (unsigned long long)(left % NSEC_PER_SEC), (unsigned long long)(interval / NSEC_PER_SEC),
		   (unsigned long long)(interval % NSEC_PER_SEC));
}

static const struct file_ops timerfd_ops = {
	.name = "timerfd", .read = timerfd_read, .poll = timerfd_poll, .release = timerfd_release, .info = timerfd_info,
};

bool timerfd_is(const struct file *f) { return f->ops == &timerfd_ops; }

void timerfd_get(struct file *f, u64 *left_ns, u64 *interval_ns)
{
	struct timer_object *t = f->object;

	spin_lock(&t->lock);
	get_locked(t, time_now_ns(), left_ns, interval_ns);
	spin_unlock(&t->lock);
}

status_t timerfd_set(struct file *f, u64 first_ns, u64 interval_ns, u32 flags, u64 *old_left_ns, u64 *old_interval_ns)
{
	struct timer_object *t = f->object;
	bool absolute = flags & TFD_TIMER_ABSTIME_K, cancelled;
	u64 deadline = 0;

	if (first_ns) {
		if (!absolute)
			deadline = deadline_from_relative(first_ns);
		else
			deadline = t->clock == TIMERFD_REALTIME ? deadline_from_realtime(first_ns) : first_ns;
		deadline = MAX(deadline, 1u); /* a time in the past expires at once */
	}
	timer_cancel(&t->timer);
	spin_lock(&t->lock);
	get_locked(t, time_now_ns(), old_left_ns, old_interval_ns);
	t->expired = 0;
	t->next_ns = deadline;
	t->interval_ns = interval_ns;
	t->absolute = absolute;
	t->cancellable = absolute && (flags & TFD_TIMER_CANCEL_ON_SET_K) && t->clock == TIMERFD_REALTIME;
	cancelled = t->cancellable && t->cancelled && deadline;
	t->cancelled = false;
	if (deadline)
		timer_arm(&t->timer, deadline);
	spin_unlock(&t->lock);
	return cancelled ? ERR_CANCELED : OK;
}

void timerfds_clock_set(s64 delta_ns)
{
	spin_lock(&wall_lock);
	list_for_each(t, &wall_timers, struct timer_object, wall_link) {
		spin_lock(&t->lock);
		if (t->absolute && t->next_ns) {
			t->next_ns = deadline_moved(t->next_ns, delta_ns);
			timer_arm(&t->timer, t->next_ns);
		}
		t->cancelled |= t->cancellable;
		spin_unlock(&t->lock);
		if (t->cancelled)
			wait_queue_wake(&t->wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
	}
	spin_unlock(&wall_lock);
}

struct file *timerfd_create(enum timerfd_clock clock, u32 flags)
{
	struct timer_object *t = kzalloc(sizeof(*t));
	struct file *f = t ? file_create(&timerfd_ops, t, flags | 2) : NULL;

	if (!f) {
		kfree(t);
		return NULL;
	}
	f->ino = file_new_ino();
	spin_init(&t->lock, RANK_OBJECT);
	timer_init(&t->timer, fired);
	t->clock = clock;
	wait_queue_init(&t->wait);
	list_init(&t->wall_link);
	if (clock == TIMERFD_REALTIME) {
		spin_lock(&wall_lock);
		list_push_back(&wall_timers, &t->wall_link);
		spin_unlock(&wall_lock);
	}
	return f;
}
