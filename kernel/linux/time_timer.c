// SPDX-License-Identifier: MIT
/* The interval timer (setitimer, alarm) and POSIX timers. A timer's function runs with interrupts off and takes only the
 * signal lock; timer_cancel waits for it, so cancelling is done without that lock.
 * Invariant: a POSIX timer has at most one signal pending; expiries meanwhile count as overruns (timer_getoverrun(2)). */
#include "cpu.h"
#include "linux.h"
#include "signal.h"

#include "timers.h"

#define TIMERS_PER_PROCESS 1024 /* each is ~200 bytes of kernel memory */
#define OVERRUN_MAX INT32_MAX
#define TIMER_ABSTIME 1
enum { SIGEV_SIGNAL = 0, SIGEV_THREAD = 2, SIGEV_THREAD_ID = 4 };

struct itimerval_user { struct timeval_user interval, value; };
struct timespec_user { s64 sec, nsec; };

/* ---- ITIMER_REAL ---- */

static void itimer_fired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, itimer_real);
	struct siginfo_k info = { .signo = SIGALRM, .code = SI_KERNEL };
	spin_lock(&p->signal_lock);
	u64 interval = p->itimer_real_interval_ns, now = time_now_ns();
	if (interval) {
		u64 missed = now > timer->deadline_ns ? (now - timer->deadline_ns) / interval : 0;
		p->itimer_real_deadline_ns = timer->deadline_ns + (missed + 1) * interval;
		timer_arm(timer, p->itimer_real_deadline_ns);
	} else {
		p->itimer_real_deadline_ns = 0;
	}
	spin_unlock(&p->signal_lock);
	if (signal_send_process(p, SIGALRM, &info)) { /* never refused */ }
}

void timers_process_init(struct process *p)
{
	timer_init(&p->itimer_real, itimer_fired);
}

/* Sets value and interval; gives what was left of the old value. */
static void itimer_set(struct process *p, u64 value_ns, u64 interval_ns, u64 *old_value, u64 *old_interval)
{
	spin_lock(&p->signal_lock);
	u64 now = time_now_ns();
	*old_value = p->itimer_real_deadline_ns > now ? p->itimer_real_deadline_ns - now : 0;
	*old_interval = p->itimer_real_interval_ns;
	p->itimer_real_interval_ns = 0; /* one that fires now does not re-arm behind the cancel */
	spin_unlock(&p->signal_lock);
	timer_cancel(&p->itimer_real);
	spin_lock(&p->signal_lock);
	p->itimer_real_interval_ns = interval_ns;
	p->itimer_real_deadline_ns = value_ns ? now + value_ns : 0;
	if (value_ns)
		timer_arm(&p->itimer_real, p->itimer_real_deadline_ns);
	spin_unlock(&p->signal_lock);
}

static status_t timeval_to_ns(const struct timeval_user *tv, u64 *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000)
		return ERR_INVAL;
	*ns = (u64)MIN(tv->sec, INT64_MAX / 4 / (s64)NSEC_PER_SEC) * NSEC_PER_SEC + (u64)tv->usec * NSEC_PER_USEC;
	return OK;
}

static status_t itimer_out(struct user_ptr p, u64 value_ns, u64 interval_ns)
{
	struct itimerval_user out = {
		{ (s64)(interval_ns / NSEC_PER_SEC), (s64)(interval_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
		{ (s64)(value_ns / NSEC_PER_SEC), (s64)(value_ns % NSEC_PER_SEC / NSEC_PER_USEC) },
	};
	return COPY_OUT(p, &out);
}

LINUX_HANDLER(setitimer)
{
	struct itimerval_user in = { 0 };
	u64 value, interval, old_value, old_interval;
	if ((u32)a0 > ITIMER_PROF)
		return ERR_INVAL;
	if (a1 && COPY_IN(&in, user_ptr(a1)))
		return ERR_FAULT;
	if (timeval_to_ns(&in.value, &value) || timeval_to_ns(&in.interval, &interval))
		return ERR_INVAL;
	if ((u32)a0 == ITIMER_REAL)
		itimer_set(process_current(), value, interval, &old_value, &old_interval);
	else
		cpu_itimer_set((u32)a0, value, interval, &old_value, &old_interval);
	return a2 ? itimer_out(user_ptr(a2), old_value, old_interval) : OK;
}

LINUX_HANDLER(getitimer)
{
	struct process *p = process_current();
	if ((u32)a0 > ITIMER_PROF)
		return ERR_INVAL;
	if ((u32)a0 != ITIMER_REAL) {
		u64 left, every;
		cpu_itimer_get((u32)a0, &left, &every);
		return itimer_out(user_ptr(a1), left, every);
	}
	spin_lock(&p->signal_lock);
	u64 now = time_now_ns(), interval = p->itimer_real_interval_ns;
	u64 value = p->itimer_real_deadline_ns > now ? p->itimer_real_deadline_ns - now : 0;
	spin_unlock(&p->signal_lock);
	return itimer_out(user_ptr(a1), value, interval);
}

LINUX_HANDLER(alarm)
{
	u64 old_value, old_interval;
	itimer_set(process_current(), (u64)(u32)a0 * NSEC_PER_SEC, 0, &old_value, &old_interval);
	/* Rounded to the nearest second, but never to 0 while something is left (alarm(2)). */
	u64 seconds = (old_value + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return (s64)(old_value && !seconds ? 1 : seconds);
}

/* ---- POSIX timers ---- */

static bool signal_still_pending_locked(const struct posix_timer *t)
{
	sigset_t_k set = t->target ? t->target->pending.set : t->p->pending.set;
	return t->queued && (set & SIGBIT(t->signo));
}

/* The deadline has passed: moves it on or disarms, counts the overrun. True when the signal is to be sent. */
bool posix_timer_expire_locked(struct posix_timer *t, u64 now)
{
	u64 expiries = 1;
	if (t->interval_ns) {
		expiries += now > t->deadline_ns ? (now - t->deadline_ns) / t->interval_ns : 0;
		t->deadline_ns += expiries * t->interval_ns;
	} else {
		t->deadline_ns = 0;
	}
	bool send = t->notify != SIGEV_NONE && !signal_still_pending_locked(t);
	u64 overrun = send ? expiries - 1 : (u64)t->overrun + expiries;
	t->overrun = (s32)MIN(overrun, (u64)OVERRUN_MAX);
	t->queued |= send;
	return send;
}

static void posix_timer_fired(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	struct siginfo_k info = posix_timer_info(t);
	spin_lock(&t->p->signal_lock);
	bool send = posix_timer_expire_locked(t, time_now_ns());
	if (t->deadline_ns)
		timer_arm(timer, t->deadline_ns);
	spin_unlock(&t->p->signal_lock);
	if (!send)
		return;
	status_t st = t->target ? signal_send_thread(t->target, t->signo, &info) : signal_send_process(t->p, t->signo, &info);
	if (st) /* queue limit: this expiry is lost, as timer_create(2) allows */
		t->queued = false;
}

struct posix_timer *posix_timer_find_locked(struct process *p, u32 id)
{
	list_for_each(t, &p->posix_timers, struct posix_timer, link)
		if (t->id == id)
			return t;
	return NULL;
}

void timer_signal_taken_locked(struct process *p, struct siginfo_k *info)
{
	struct posix_timer *t = posix_timer_find_locked(p, (u32)info->timer_id);
	if (!t)
		return;
	t->queued = false;
	t->overrun_delivered = info->overrun = t->overrun;
	t->overrun = 0;
}

/* Without its interval one that fires now does not re-arm behind the cancel. */
static void posix_timer_stop(struct posix_timer *t)
{
	spin_lock(&t->p->signal_lock);
	t->interval_ns = 0;
	if (t->cpu_clock && t->deadline_ns)
		t->p->cpu_timers--;
	if (t->cpu_clock)
		t->deadline_ns = 0;
	spin_unlock(&t->p->signal_lock);
	timer_cancel(&t->timer);
}

static void posix_timer_free(struct posix_timer *t)
{
	posix_timer_stop(t);
	if (t->target)
		thread_put(t->target);
	if (t->clock_thread)
		thread_put(t->clock_thread);
	kfree(t);
}

void timers_process_exit(struct process *p, bool exec)
{
	u64 old_value, old_interval;
	if (!exec)
		itimer_set(p, 0, 0, &old_value, &old_interval);
	for (;;) {
		spin_lock(&p->signal_lock);
		struct list_node *n = list_pop_front(&p->posix_timers);
		spin_unlock(&p->signal_lock);
		if (!n)
			return;
		posix_timer_free(list_entry(n, struct posix_timer, link));
	}
}

struct sigevent_user { u64 value; s32 signo, notify, tid; u8 unused[44]; };
_Static_assert(sizeof(struct sigevent_user) == 64, "Linux layout");

static s64 event_check(const struct sigevent_user *e, struct posix_timer *t)
{
	t->notify = e->notify;
	t->signo = e->signo;
	t->value = e->value;
	if (e->notify == SIGEV_NONE)
		return OK;
	if (e->signo < 1 || e->signo > SIGNAL_MAX)
		return ERR_INVAL;
	if (e->notify == SIGEV_THREAD_ID) {
		t->target = thread_find((u32)e->tid);
		return t->target && t->target->process == process_current() ? OK : ERR_INVAL;
	}
	return e->notify == SIGEV_SIGNAL || e->notify == SIGEV_THREAD ? OK : ERR_INVAL;
}

static status_t timer_add(struct process *p, struct posix_timer *t)
{
	u32 count = 0;
	spin_lock(&p->signal_lock);
	list_for_each(other, &p->posix_timers, struct posix_timer, link)
		count++;
	if (count < TIMERS_PER_PROCESS) {
		while (posix_timer_find_locked(p, p->next_timer_id))
			p->next_timer_id = (p->next_timer_id + 1) & INT32_MAX;
		t->id = p->next_timer_id;
		p->next_timer_id = (p->next_timer_id + 1) & INT32_MAX;
		list_push_back(&p->posix_timers, &t->link);
	}
	spin_unlock(&p->signal_lock);
	return count < TIMERS_PER_PROCESS ? OK : ERR_AGAIN;
}

LINUX_HANDLER(timer_create)
{
	struct process *p = process_current();
	struct sigevent_user event = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	s32 clock = (s32)a0;
	if (clock > CLOCK_TAI || clock == 10)
		return ERR_INVAL;
	if (a1 && COPY_IN(&event, user_ptr(a1)))
		return ERR_FAULT;
	struct posix_timer *t = kzalloc(sizeof(*t));
	if (!t)
		return ERR_AGAIN;
	t->p = p;
	t->clock = clock;
	timer_init(&t->timer, posix_timer_fired);
	list_init(&t->link);
	s64 st = event_check(&event, t);
	if (!st && clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_TAI)
		st = cpu_clock_bind(t);
	if (!st)
		st = timer_add(p, t);
	if (st) {
		posix_timer_free(t);
		return st;
	}
	if (!a1)
		t->value = t->id;
	if (COPY_OUT(user_ptr(a2), &t->id)) {
		spin_lock(&p->signal_lock);
		list_remove(&t->link);
		spin_unlock(&p->signal_lock);
		posix_timer_free(t);
		return ERR_FAULT;
	}
	return OK;
}

static void timer_left_locked(struct posix_timer *t, const struct cpu_now *cpu, u64 *value, u64 *interval)
{
	u64 now = t->cpu_clock ? cpu_clock_now(t, cpu) : time_now_ns();
	*interval = t->interval_ns;
	*value = !t->deadline_ns ? 0 : t->deadline_ns > now ? t->deadline_ns - now : 1; /* armed is never shown as 0 */
}

static status_t itimerspec_out(struct user_ptr p, u64 value, u64 interval)
{
	status_t st = timespec_out(p, interval);
	return st ? st : timespec_out(user_add(p, sizeof(struct timespec_user)), value);
}

LINUX_HANDLER(timer_settime)
{
	struct process *p = process_current();
	u64 value, interval, old_value, old_interval;
	if (!a2)
		return ERR_INVAL;
	status_t st = timespec_in(user_ptr(a2), &interval);
	if (!st)
		st = timespec_in(user_add(user_ptr(a2), sizeof(struct timespec_user)), &value);
	if (st)
		return st;
	struct cpu_now cpu = cpu_now_get(p);
	spin_lock(&p->signal_lock);
	struct posix_timer *t = posix_timer_find_locked(p, (u32)a0);
	if (t)
		timer_left_locked(t, &cpu, &old_value, &old_interval);
	spin_unlock(&p->signal_lock);
	if (!t)
		return ERR_INVAL;
	posix_timer_stop(t);
	bool wall = t->clock == CLOCK_REALTIME || t->clock == CLOCK_TAI;
	bool absolute = (u32)a1 & TIMER_ABSTIME;
	u64 deadline = !absolute ? deadline_from_relative(value) : wall ? deadline_from_realtime(value) : value;
	if (t->cpu_clock) {
		cpu_timer_start(t, &cpu, absolute, value, interval);
		return a3 ? itimerspec_out(user_ptr(a3), old_value, old_interval) : OK;
	}
	spin_lock(&p->signal_lock);
	t->interval_ns = interval;
	t->deadline_ns = value ? MAX(deadline, 1ull) : 0;
	t->wall = wall && absolute;
	t->overrun = 0;
	t->queued = false;
	if (value)
		timer_arm(&t->timer, t->deadline_ns);
	spin_unlock(&p->signal_lock);
	return a3 ? itimerspec_out(user_ptr(a3), old_value, old_interval) : OK;
}

void posix_timers_clock_set(s64 delta_ns)
{
	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link) {
		spin_lock(&p->signal_lock);
		list_for_each(t, &p->posix_timers, struct posix_timer, link)
			if (t->wall && t->deadline_ns) {
				t->deadline_ns = deadline_moved(t->deadline_ns, delta_ns);
				timer_arm(&t->timer, t->deadline_ns);
			}
		spin_unlock(&p->signal_lock);
	}
	spin_unlock(&process_tree_lock);
}

LINUX_HANDLER(timer_gettime)
{
	struct process *p = process_current();
	u64 value = 0, interval = 0;
	struct cpu_now cpu = cpu_now_get(p);
	spin_lock(&p->signal_lock);
	struct posix_timer *t = posix_timer_find_locked(p, (u32)a0);
	if (t)
		timer_left_locked(t, &cpu, &value, &interval);
	spin_unlock(&p->signal_lock);
	return t ? itimerspec_out(user_ptr(a1), value, interval) : ERR_INVAL;
}

LINUX_HANDLER(timer_getoverrun)
{
	struct process *p = process_current();
	spin_lock(&p->signal_lock);
	struct posix_timer *t = posix_timer_find_locked(p, (u32)a0);
	s64 overrun = t ? t->overrun_delivered : ERR_INVAL;
	spin_unlock(&p->signal_lock);
	return overrun;
}

LINUX_HANDLER(timer_delete)
{
	struct process *p = process_current();
	spin_lock(&p->signal_lock);
	struct posix_timer *t = posix_timer_find_locked(p, (u32)a0);
	if (t)
		list_remove(&t->link);
	spin_unlock(&p->signal_lock);
	if (!t)
		return ERR_INVAL;
	posix_timer_free(t);
	return OK;
}
