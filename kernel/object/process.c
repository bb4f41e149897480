// SPDX-License-Identifier: MIT
/* The pid table and the process tree: allocation, look-up, links, groups and sessions. Entry points in process.h.
 * One slot per number holds the process, the thread and the use counts as group and session id, so a number is
 * free exactly when the slot is empty. Slots come in blocks; each new block sweeps some old ones for empty ones.
 * All of it is under process_tree_lock; p->threads is also written under p->signal_lock. */
#include "process_table.h"
#include "signal.h"
#include "file.h"
#include "nt.h"
#include "native.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define PID_BLOCK 128u          /* slots per block: one page */
#define PID_SWEEP 16u           /* blocks looked at per new one: at most some 64 empty ones lie about */
#define PID_RESERVED 300u       /* after a wrap, low numbers stay with the long-lived */
#define PID_FIRST 16u           /* below: pid 1 and the first instances of the services, which ask for theirs */
#define THREAD_PAGES (KERNEL_STACK_SIZE / PAGE_SIZE + 1) /* what is charged for one: stack, registers, structs */
#define THREADS_MAX 32768u      /* each has a 16 KiB kernel stack */
#define PAGES_PER_THREAD 32     /* programs may fill an eighth of memory with stacks: threads-max of proc(5) */

struct spinlock process_tree_lock = SPINLOCK_INIT(RANK_PROCESS_TREE);
struct list_node process_all = LIST_INIT(process_all);
struct list_node process_orphans = LIST_INIT(process_orphans);
static struct pid_slot *pid_blocks[PID_MAX / PID_BLOCK];
static u32 pid_last = PID_FIRST - 1; /* [t] */
static u32 thread_total;
static struct slab_cache *process_cache;

struct pid_slot *pid_slot(u32 pid)
{
	if (pid == 0 || pid >= PID_MAX || !pid_blocks[pid / PID_BLOCK])
		return NULL;
	return &pid_blocks[pid / PID_BLOCK][pid % PID_BLOCK];
}

static bool slot_is_free(const struct pid_slot *s)
{
	return !s->process && !s->thread && !s->group_members && !s->session_members &&
		!__atomic_load_n(&s->process_objects, __ATOMIC_ACQUIRE) && !__atomic_load_n(&s->thread_objects, __ATOMIC_ACQUIRE);
}

static void sweep_empty_blocks(void)
{
	static u32 hand;
	for (u32 i = 0; i < PID_SWEEP; i++) {
		hand = (hand + 1) % (PID_MAX / PID_BLOCK);
		struct pid_slot *block = pid_blocks[hand];
		u32 n = 0;
		while (block && n < PID_BLOCK && slot_is_free(&block[n]))
			n++;
		if (n < PID_BLOCK)
			continue;
		pid_blocks[hand] = NULL;
		kfree(block);
	}
}

static struct pid_slot *pid_slot_make(u32 pid)
{
	struct pid_slot **block = &pid_blocks[pid / PID_BLOCK];
	if (!*block)
		sweep_empty_blocks();
	if (!*block)
		*block = kzalloc(PID_BLOCK * sizeof(struct pid_slot));
	return *block ? &(*block)[pid % PID_BLOCK] : NULL;
}

static bool pid_is_free(u32 pid)
{
	struct pid_slot *s = pid_slot_make(pid);
	return s && slot_is_free(s);
}

u32 pid_alloc_locked(u32 wanted)
{
	struct thread *self = thread_current();
	bool service = !self || !self->process || (self->process->flags & PROC_SERVICE);
	if (thread_total >= (service ? THREADS_MAX : process_count_max()))
		return 0;
	if (wanted)
		return wanted < PID_MAX && pid_slot_make(wanted) && !pid_slot(wanted)->process && !pid_slot(wanted)->thread ?
			wanted : 0; /* a restarted initd: its group may live on */
	for (u32 tries = 0; tries < PID_MAX; tries++) {
		u32 pid = pid_last + 1 < PID_MAX ? pid_last + 1 : PID_RESERVED;
		pid_last = pid;
		if (pid_is_free(pid))
			return pid;
	}
	return 0;
}

struct process *process_find_locked(u32 pid)
{
	struct pid_slot *s = pid_slot(pid);
	return s ? s->process : NULL;
}

struct thread *thread_find_locked(u32 tid)
{
	struct pid_slot *s = pid_slot(tid);
	return s ? s->thread : NULL;
}

struct process *process_find(u32 pid)
{
	spin_lock(&process_tree_lock);
	struct process *p = process_find_locked(pid);
	if (p)
		process_get(p);
	spin_unlock(&process_tree_lock);
	return p;
}

struct process *process_find_by_thread(u32 id)
{
	spin_lock(&process_tree_lock);
	struct process *p = process_find_locked(id);
	struct thread *t = p ? NULL : thread_find_locked(id);
	if (t)
		p = t->process;
	if (p)
		process_get(p);
	spin_unlock(&process_tree_lock);
	return p;
}

struct thread *thread_find(u32 tid)
{
	spin_lock(&process_tree_lock);
	struct thread *t = thread_find_locked(tid);
	if (t)
		thread_get(t);
	spin_unlock(&process_tree_lock);
	return t;
}

struct process *process_next(u32 from)
{
	struct process *p = NULL;
	spin_lock(&process_tree_lock);
	for (u32 pid = MAX(from, 1u); pid < PID_MAX && !p; pid++) {
		if (!pid_blocks[pid / PID_BLOCK])
			pid |= PID_BLOCK - 1;
		else
			p = pid_slot(pid)->process;
	}
	if (p)
		process_get(p);
	spin_unlock(&process_tree_lock);
	return p;
}

u32 process_count(void)
{
	return thread_total;
}

u32 process_count_max(void) { return (u32)MIN(mm_total_pages() / PAGES_PER_THREAD, THREADS_MAX); }

struct process *process_alloc(void)
{
	if (unlikely(!process_cache)) { /* the first process: nothing else runs yet */
		process_cache = slab_create("process", sizeof(struct process), 16);
		futex_init();
	}
	struct process *p = process_cache ? slab_alloc(process_cache) : NULL;
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->account = account_create(UINT64_MAX, NULL);
	if (!p->account) {
		slab_free(process_cache, p);
		return NULL;
	}
	p->refs = 1;
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->all_link);
	list_init(&p->pending.queue);
	list_init(&p->posix_timers);
	spin_init(&p->signal_lock, RANK_SIGNAL);
	wait_queue_init(&p->stop_wait);
	wait_queue_init(&p->child_wait);
	wait_queue_init(&p->signal_wait);
	wait_queue_init(&p->exit_wait);
	mutex_init(&p->exec_mutex, RANK_EXEC_MUTEX);
	p->start_ns = time_now_ns();
	p->call_targets = native_tests_enabled ? BIT(SERVICE_TOYD) : 0;
	return p;
}

void process_put(struct process *p)
{
	if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
		return;
	DEBUG_ASSERT(!p->aspace && list_empty(&p->threads) && list_empty(&p->children));
	if (p->nt && nt_process_free)
		nt_process_free(p);
	cred_put(p->last_cred);
	account_put(p->account);
	sched_group_put(p->shares);
	if (p->pid)
		pid_object_gone(&pid_slot(p->pid)->process_objects);
	slab_free(process_cache, p);
}

void process_move_group_locked(struct process *p, u32 pgid, u32 sid)
{
	u32 left = p->pgid;
	if (pgid)
		job_join_locked(p, pgid, sid);
	if (left)
		job_leave_locked(left);
	if (p->sid)
		pid_slot(p->sid)->session_members--;
	p->pgid = pgid;
	p->sid = sid;
	if (sid)
		pid_slot(sid)->session_members++;
}

static void leave_siblings(struct process *p)
{
	struct process *parent = p->parent;
	if (parent && parent->newest_zombie == p)
		parent->newest_zombie = p->sibling.prev == &parent->children ? NULL :
			list_entry(p->sibling.prev, struct process, sibling);
	list_remove(&p->sibling);
}

/* Zombies come first among the children, in the order of their deaths: wait4 need not look for them. */
void process_adopt_locked(struct process *parent, struct process *child)
{
	leave_siblings(child);
	child->parent = parent;
	struct list_node *list = parent ? &parent->children : &process_orphans;
	if (!parent || !child->zombie) {
		list_push_back(list, &child->sibling);
		return;
	}
	struct list_node *before = parent->newest_zombie ? &parent->newest_zombie->sibling : list;
	list_insert_before(before->next, &child->sibling);
	parent->newest_zombie = child;
}

void process_link_locked(struct process *p, u32 pid, struct process *parent)
{
	p->pid = pid;
	pid_slot(pid)->process = p;
	__atomic_add_fetch(&pid_slot(pid)->process_objects, 1, __ATOMIC_RELAXED);
	list_push_back(&process_all, &p->all_link);
	p->parent = parent;
	if (parent) {
		list_push_back(&parent->children, &p->sibling);
		process_move_group_locked(p, parent->pgid, parent->sid);
		p->ctty = parent->ctty;
	} else {
		process_move_group_locked(p, pid, pid);
	}
	if (pid == 1) /* a new initd takes over what the last one left */
		list_for_each_safe(orphan, &process_orphans, struct process, sibling) {
			process_adopt_locked(p, orphan);
		}
}

void process_unlink_locked(struct process *p)
{
	leave_siblings(p);
	p->parent = NULL;
	list_remove(&p->all_link);
	process_move_group_locked(p, 0, 0);
	pid_slot(p->pid)->process = NULL;
	process_put(p);
}

static void take_tid_locked(struct process *p, struct thread *t, u32 tid)
{
	struct pid_slot *s = pid_slot(tid);
	t->tid = tid;
	s->thread = t;
	s->thread_process = p->pid;
	__atomic_add_fetch(&s->thread_objects, 1, __ATOMIC_RELAXED);
}

void thread_link_locked(struct process *p, struct thread *t, u32 tid)
{
	if (p->shares)
		sched_set_group(t, p->shares);
	take_tid_locked(p, t, tid);
	thread_total++;
	__atomic_add_fetch(&t->cred->user->threads, 1, __ATOMIC_RELAXED);
	spin_lock(&p->signal_lock);
	list_push_back(&p->threads, &t->process_link);
	p->thread_count++;
	account_charge_always(p->account, THREAD_PAGES);
	if (!p->leader)
		p->leader = t;
	if (p->flags & PROC_EXITING) /* its creator was killed after it had asked: it must not run on in a dying process */
		__atomic_or_fetch(&t->work, WORK_EXIT, __ATOMIC_RELAXED);
	spin_unlock(&p->signal_lock);
}

void thread_unlink_locked(struct thread *t)
{
	struct process *p = t->process;
	pid_slot(t->tid)->thread = NULL;
	thread_total--;
	spin_lock(&p->signal_lock);
	list_remove(&t->process_link);
	p->thread_count--;
	account_uncharge(p->account, THREAD_PAGES);
	if (p->leader == t)
		p->leader = p->thread_count ? list_first(&p->threads, struct thread, process_link) : NULL;
	spin_unlock(&p->signal_lock);
}

void thread_retid_locked(struct thread *t, u32 tid)
{
	pid_slot(t->tid)->thread = NULL;
	pid_object_gone(&pid_slot(t->tid)->thread_objects);
	take_tid_locked(t->process, t, tid);
}

u32 thread_id_process(u32 tid)
{
	spin_lock(&process_tree_lock);
	struct pid_slot *s = pid_slot(tid);
	u32 pid = s && __atomic_load_n(&s->thread_objects, __ATOMIC_ACQUIRE) ? s->thread_process : 0;
	spin_unlock(&process_tree_lock);
	return pid;
}

bool pgrp_exists_locked(u32 pgid, u32 sid)
{
	struct pid_slot *s = pid_slot(pgid);
	if (!s || !s->group_members)
		return false;
	list_for_each(p, &process_all, struct process, all_link)
		if (p->pgid == pgid && p->sid == sid)
			return true;
	return false;
}

/* POSIX: a group is orphaned when no member has a parent outside the group but inside its session. */
bool pgrp_is_orphaned_locked(u32 pgid, struct process *without)
{
	list_for_each(p, &process_all, struct process, all_link) {
		if (p->pgid != pgid || p == without || p->zombie || !p->parent || p->parent->pid == 1)
			continue;
		if (p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	}
	return true;
}

bool pgrp_is_orphaned(u32 pgid)
{
	spin_lock(&process_tree_lock);
	bool orphaned = pgrp_is_orphaned_locked(pgid, NULL);
	spin_unlock(&process_tree_lock);
	return orphaned;
}

struct aspace *process_aspace_get(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct aspace *as = p->aspace;
	if (as)
		aspace_get(as);
	spin_unlock(&process_tree_lock);
	return as;
}

struct fdtable *process_fds_get(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct fdtable *fds = p->leader ? p->leader->fds : NULL;
	if (fds)
		fdtable_get(fds);
	spin_unlock(&process_tree_lock);
	return fds;
}

struct fs_context *process_fs_get(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct fs_context *fs = p->leader ? p->leader->fs : NULL;
	if (fs)
		__atomic_add_fetch(&fs->refs, 1, __ATOMIC_RELAXED);
	spin_unlock(&process_tree_lock);
	return fs;
}

struct cred *process_cred_get(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct cred *c = p->leader ? p->leader->cred : p->last_cred;
	if (c)
		cred_get(c);
	spin_unlock(&process_tree_lock);
	return c;
}

void process_times(struct process *p, u64 *user_ns, u64 *system_ns)
{
	u64 user, system;
	spin_lock(&process_tree_lock);
	*user_ns = p->dead_user_ns;
	*system_ns = p->dead_system_ns;
	list_for_each(t, &p->threads, struct thread, process_link) {
		thread_times(t, &user, &system);
		*user_ns += user;
		*system_ns += system;
	}
	spin_unlock(&process_tree_lock);
}

char process_state_letter(struct process *p)
{
	char letter = 'S';
	spin_lock(&process_tree_lock);
	const struct thread *t = p->leader;
	if (p->zombie || !t || t->tid != p->pid)
		letter = 'Z'; /* the first thread has ended; others may live */
	else if (p->flags & PROC_STOPPED)
		letter = 'T';
	else if (t->state == THREAD_RUNNING || t->state == THREAD_RUNNABLE)
		letter = 'R';
	else if (t->state == THREAD_BLOCKED && t->wait_flags == WAIT_UNINTERRUPTIBLE)
		letter = 'D';
	spin_unlock(&process_tree_lock);
	return letter;
}
