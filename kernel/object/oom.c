// SPDX-License-Identifier: MIT
/* Who ends when memory has run out. A large program goes alone; services and pid 1 never go.
 * Where one job (job.c) holds more than any other, in small processes, ending the largest program elsewhere would free
 * nothing that counts, and one member frees less than its siblings take meanwhile (a fork bomb): the job pays, first
 * one member at a time, and when that does not help, as a whole. */
#include "mm.h"
#include "process.h"
#include "../../lib/base/string.h"

#define JOB_OUTWEIGHS 16           /* a program smaller than this part of the heaviest job is not what ate memory */
#define LARGE_PART 8               /* ... unless it holds this part of memory, inherited pages included */
#define HEAD_PART 32               /* a head of a session (a shell) that holds less than this part goes after all others */
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

static u64 machine_pages(void)
{
	struct mm_stats stats;
	mm_stats_read(&stats);
	return stats.total_pages;
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
	u64 spared = job ? UINT64_MAX : machine_pages() / HEAD_PART;
	list_for_each(p, &process_all, struct process, all_link) {
		u64 score = !job || p->shares == job ? score_of(p) : 0;
		if (score < spared && heads_job(p))
			score = MIN(score, 1);
		if (score > c.score)
			c = (struct choice){ p, score };
	}
	return c;
}

/* Where several bombs share memory out between them no job holds most of it: the first among equals pays first. */
static struct sched_group *heaviest_job_locked(void)
{
	struct sched_group *heaviest = NULL;
	list_for_each(p, &process_all, struct process, all_link)
		if (p->shares)
			sched_group_tally(p->shares)->pages = 0;
	list_for_each(p, &process_all, struct process, all_link) {
		u64 charge = p->shares ? charge_of(p) : 0;
		if (!charge)
			continue;
		struct job_tally *tally = sched_group_tally(p->shares);
		tally->pages += charge;
		if (!heaviest || tally->pages > sched_group_tally(heaviest)->pages)
			heaviest = p->shares;
	}
	return heaviest;
}

/* Its own charge is weighed against the job's; what is resident counts shared pages of the image and would weigh every program up. */
static bool goes_alone(const struct choice *c, u64 job_pages)
{
	return charge_of(c->largest) >= job_pages / JOB_OUTWEIGHS || c->score >= machine_pages() / LARGE_PART;
}

static u32 kill_one_locked(struct process *p)
{
	klog(LOG_ERROR, "out of memory: killed %s[%u], %llu KiB charged, %llu KiB resident", p->leader ? p->leader->name : "?",
	     p->pid, (unsigned long long)account_pages(p->account) * (PAGE_SIZE / 1024),
	     (unsigned long long)p->aspace->resident_pages * (PAGE_SIZE / 1024));
	process_kill(p, SIGKILL);
	return p->pid;
}

static u32 kill_job_locked(struct sched_group *job)
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
	     (unsigned long long)sched_group_tally(job)->pages * (PAGE_SIZE / 1024));
	return last;
}

static u32 choose_locked(void)
{
	u64 now = time_now_ns();
	struct choice c = largest_locked(NULL);
	struct sched_group *job = heaviest_job_locked();
	if (!c.largest)
		return 0;
	struct job_tally *tally = job ? sched_group_tally(job) : NULL;
	if (!tally || goes_alone(&c, tally->pages))
		return kill_one_locked(c.largest);
	if (now - tally->since_ns > JOB_KILLS_NS) {
		tally->kills = 0;
		tally->since_ns = now;
	}
	u32 ended = ++tally->kills > JOB_KILLS ? kill_job_locked(job) : 0;
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
