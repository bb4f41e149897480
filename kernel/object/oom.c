// SPDX-License-Identifier: MIT
/* Who ends when memory has run out. A large program goes alone; services and pid 1 never go.
 * Where one job (job.c) holds most of memory in small processes, ending the largest program elsewhere would free
 * nothing that counts, and one member frees less than its siblings take meanwhile (a fork bomb): the job pays, first
 * one member at a time, and when that does not help, as a whole. */
#include "process.h"
#include "../../lib/base/string.h"

#define JOB_OUTWEIGHS 16           /* a program smaller than this part of the heaviest job is not what ate memory */
#define JOB_KILLS 16               /* members that went alone before the job goes as a whole */
#define JOB_KILLS_NS (10 * NSEC_PER_SEC) /* ... within this */

static u64 charge_of(const struct process *p)
{
	if ((p->flags & (PROC_SERVICE | PROC_EXITING)) || p->pid == 1 || !p->aspace || p->oom_score_adj <= -1000)
		return 0;
	return account_pages(p->account);
}

/* Pages that were inherited stay charged to who made them; resident ones are seen all the same. */
static u64 score_of(const struct process *p)
{
	u64 charge = charge_of(p);
	if (!charge)
		return 0;
	s64 pages = (s64)MAX(charge, p->aspace->resident_pages);
	s64 score = pages + pages * p->oom_score_adj / 1000;
	return score > 0 ? (u64)score : 0;
}

struct choice { struct process *largest; u64 score; };

/* The leader of a session that was the first of its job (what it started is in the same one): the last to go. */
static bool heads_job(const struct process *p)
{
	return p->pid == p->sid && p->shares && sched_group_head(p->shares) == p->pid;
}

/* job NULL: of all. */
static struct choice largest_locked(const struct sched_group *job)
{
	struct choice c = { NULL, 0 };
	list_for_each(p, &process_all, struct process, all_link) {
		u64 score = !job || p->shares == job ? score_of(p) : 0;
		if (job && heads_job(p))
			score = MIN(score, 1);
		if (score > c.score)
			c = (struct choice){ p, score };
	}
	return c;
}

/* The job with more than half of all charges, if there is one: a majority vote weighted by charge, then a count. */
static const struct sched_group *heaviest_job_locked(u64 *pages)
{
	const struct sched_group *job = NULL;
	u64 votes = 0, all = 0;
	list_for_each(p, &process_all, struct process, all_link) {
		u64 charge = charge_of(p);
		if (p->shares == job) {
			votes += charge;
		} else if (votes >= charge) {
			votes -= charge;
		} else {
			job = p->shares;
			votes = charge - votes;
		}
	}
	*pages = 0;
	list_for_each(p, &process_all, struct process, all_link) {
		all += charge_of(p);
		*pages += p->shares == job ? charge_of(p) : 0;
	}
	return *pages > all / 2 ? job : NULL;
}

static u32 kill_one_locked(struct process *p)
{
	klog(LOG_ERROR, "out of memory: killed %s[%u], %llu KiB charged, %llu KiB resident", p->leader ? p->leader->name : "?",
	     p->pid, (unsigned long long)account_pages(p->account) * (PAGE_SIZE / 1024),
	     (unsigned long long)p->aspace->resident_pages * (PAGE_SIZE / 1024));
	process_kill(p, SIGKILL);
	return p->pid;
}

static u32 kill_job_locked(const struct sched_group *job, u64 pages)
{
	u32 count = 0, last = 0;
	list_for_each(p, &process_all, struct process, all_link) {
		if (p->shares != job || heads_job(p) || !charge_of(p))
			continue;
		process_kill(p, SIGKILL);
		last = p->pid;
		count++;
	}
	klog(LOG_ERROR, "out of memory: killed the job of process %u, %u processes, %llu KiB charged", sched_group_head(job), count,
	     (unsigned long long)pages * (PAGE_SIZE / 1024));
	return last;
}

static u32 choose_locked(void)
{
	static struct { const struct sched_group *job; u32 kills; u64 since_ns; } last; /* job: only to compare */
	u64 pages, now = time_now_ns();
	struct choice c = largest_locked(NULL);
	const struct sched_group *job = heaviest_job_locked(&pages);
	if (!c.largest)
		return 0;
	if (!job || c.score >= pages / JOB_OUTWEIGHS)
		return kill_one_locked(c.largest);
	if (last.job != job || now - last.since_ns > JOB_KILLS_NS) {
		last.job = job;
		last.kills = 0;
		last.since_ns = now;
	}
	u32 ended = ++last.kills > JOB_KILLS ? kill_job_locked(job, pages) : 0;
	return ended ? ended : kill_one_locked(largest_locked(job).largest);
}

/* One that is already on its way out is enough: its pid, and nobody else ends for it. */
u32 oom_kill(void)
{
	u32 pid = 0;
	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link) {
		if (!(p->flags & PROC_SERVICE) && p->pid != 1 && p->aspace && (p->flags & PROC_EXITING)) {
			pid = p->pid;
			break;
		}
	}
	if (!pid)
		pid = choose_locked();
	spin_unlock(&process_tree_lock);
	return pid;
}
