// SPDX-License-Identifier: MIT
/* Jobs: who shares a CPU (sched/group.c) and answers for memory (oom.c) together. A job is what one command started,
 * with everything that descends from it: process groups and sessions that its members make stay in it, or a fork
 * bomb would get a new share with each. Process groups start a job of their own only where a person or the system
 * starts something: made by a child of a session's leader that has a terminal (a shell), or of a service.
 * A session's leader that starts a job is alone in it; what remains in its process group has another. */
#include "process_table.h"
#include "file.h"

/* A child that came to a service by its parent's death brings the shares of its job along. */
static bool starts_job(const struct process *p, u32 sid)
{
	const struct process *parent = p->parent;
	if (!parent)
		return true;
	if (parent->pid == 1 || (parent->flags & PROC_SERVICE))
		return !p->shares || p->shares == parent->shares;
	return parent->pid == parent->sid && parent->sid == (p->sid ? p->sid : sid) && tty_session_has_terminal(parent->sid);
}

/* Without memory for shares of its own it stays with those it comes from. */
static struct sched_group *shares_for(const struct process *p, u32 pgid, u32 sid)
{
	struct sched_group *made = starts_job(p, sid) ? sched_group_create(pgid) : NULL;
	struct sched_group *from = p->shares ? p->shares : p->parent ? p->parent->shares : NULL;
	return made || !from ? made : sched_group_get(from);
}

/* Takes the reference over. */
static void set_shares(struct process *p, struct sched_group *shares)
{
	struct sched_group *old = p->shares;
	p->shares = shares;
	if (shares)
		list_for_each(t, &p->threads, struct thread, process_link)
			sched_set_group(t, shares);
	sched_group_put(old);
}

void job_join_locked(struct process *p, u32 pgid, u32 sid)
{
	struct pid_slot *slot = pid_slot(pgid);
	slot->group_members++;
	if (pgid == p->pid && sid == p->pid) {
		set_shares(p, shares_for(p, pgid, sid));
		return;
	}
	if (!slot->shares)
		slot->shares = shares_for(p, pgid, sid);
	set_shares(p, slot->shares ? sched_group_get(slot->shares) : NULL);
}

void job_leave_locked(u32 pgid)
{
	struct pid_slot *slot = pid_slot(pgid);
	if (--slot->group_members)
		return;
	sched_group_put(slot->shares);
	slot->shares = NULL;
}

/* The leader of a session has got a terminal: a person will start jobs there, whatever started the leader. */
void job_of_terminal(struct process *leader)
{
	spin_lock(&process_tree_lock);
	struct sched_group *shares = sched_group_create(leader->pid);
	if (shares)
		set_shares(leader, shares);
	spin_unlock(&process_tree_lock);
}
