// SPDX-License-Identifier: MIT
// SYS_AMBOS_VFS_BROKER: numbers about machine, processes, threads, descriptors and terminals (abi/core/broker_vfs.h),
// revocation. Each operation copies the struct in, fills it and copies it out; texts are in vfs_facts_text.c.
#include "vfs_internal_facts.h"

#include "base/string.h"
#include "call.h"
#include "file.h"
#include "native.h"
#include "vfs.h"

#define LOAD_INTERVAL_NS (5 * NSEC_PER_SEC) /* the averages are defined over 5 s samples */
#define LOAD_STEPS_MAX 720u                 /* an hour without a reader: older samples weigh nothing */
#define NAME_BYTES_MAX 255u

static struct spinlock load_lock = SPINLOCK_INIT(RANK_OBJECT);
static u32 loads[3];
static u64 load_sampled_ns;

struct process *facts_find(u32 pid, bool next) { return next ? process_next(pid) : process_find_by_thread(pid); }

#define CPU_MASK_ALL (cpu_count >= 64 ? ~0ull : BIT(cpu_count) - 1)

static bool is_running(const struct thread *t) { return t->state == THREAD_RUNNABLE || t->state == THREAD_RUNNING; }

static void count_threads(struct facts_machine *m)
{
	spin_lock(&process_tree_lock);
	list_for_each(p, &process_all, struct process, all_link) {
		m->processes++;
		m->last_pid = MAX(m->last_pid, p->pid);
		list_for_each(t, &p->threads, struct thread, process_link) {
			m->threads++;
			m->running += is_running(t);
			m->context_switches += t->voluntary_switches + t->involuntary_switches;
		}
	}
	spin_unlock(&process_tree_lock);
}

/* Exponential averages as getloadavg(3) documents them, brought up to date by whoever asks. */
static void sample_load(struct facts_machine *m)
{
	static const u32 weight[3] = { 1884, 2014, 2037 }; /* exp(-5s/1min, 5min, 15min) in 1/2048 */
	u64 now = time_now_ns();
	spin_lock(&load_lock);
	u64 steps = MIN((now - load_sampled_ns) / LOAD_INTERVAL_NS, (u64)LOAD_STEPS_MAX);
	if (steps)
		load_sampled_ns = now;
	for (u64 s = 0; s < steps; s++)
		for (u32 i = 0; i < 3; i++)
			loads[i] = (loads[i] * weight[i] + m->running * LOAD_ONE * (LOAD_ONE - weight[i])) / LOAD_ONE;
	memcpy(m->load, loads, sizeof(loads));
	spin_unlock(&load_lock);
}

void load_averages(u64 out[3])
{
	struct facts_machine m = { 0 };
	count_threads(&m);
	sample_load(&m);
	for (u32 i = 0; i < ARRAY_SIZE(m.load); i++)
		out[i] = m.load[i];
}

static status_t facts_machine(struct facts_machine *m)
{
	struct mm_stats s;
	mm_stats_read(&s);
	*m = (struct facts_machine){
		.memory_total = s.total_pages * PAGE_SIZE, .memory_free = s.free_pages * PAGE_SIZE,
		.memory_cached = s.cache_pages * PAGE_SIZE, .memory_anonymous = s.anon_pages * PAGE_SIZE,
		.memory_slab = s.slab_pages * PAGE_SIZE, .memory_page_tables = s.pagetable_pages * PAGE_SIZE,
		.memory_kernel = s.kernel_pages * PAGE_SIZE, .uptime_ns = time_now_ns(), .boot_wall_ns = time_boot_wall_ns(),
		.cpus = cpu_count,
	};
	count_threads(m);
	m->forks = m->last_pid;
	sample_load(m);
	return OK;
}

static status_t facts_cpu(struct facts_cpu *c)
{
	if (c->cpu >= cpu_count)
		return ERR_NOENT;
	u64 now = time_now_ns(), idle = MIN(sched_thread_runtime_ns(cpus[c->cpu]->idle), now), busy = now - idle;
	cputime_of_cpu(cpus[c->cpu], busy, &c->user_ns, &c->nice_ns, &c->system_ns);
	c->idle_ns = idle;
	return OK;
}

static void fill_space(struct facts_process *f, struct process *p)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return;
	f->virtual_bytes = as->mapped_pages * PAGE_SIZE;
	f->resident_bytes = as->resident_pages * PAGE_SIZE;
	f->locked_bytes = as->locked_pages * PAGE_SIZE;
	f->resident_max_bytes = MAX(p->max_rss_pages, as->resident_pages) * PAGE_SIZE;
	f->code_start = as->code_start;
	f->code_end = as->code_end;
	f->text_bytes = as->code_end - as->code_start;
	f->data_start = as->data_start;
	f->data_end = as->data_end;
	f->data_bytes = as->data_end - as->data_start + as->brk_end - as->brk_start;
	f->brk_start = as->brk_start;
	f->stack_start = as->stack_start;
	f->arg_start = as->arg_start;
	f->arg_end = as->arg_end;
	f->env_start = as->env_start;
	f->env_end = as->env_end;
	aspace_put(as);
}

static void fill_credentials(struct facts_process *f, struct process *p)
{
	struct cred *c = process_cred_get(p);
	if (!c)
		return;
	f->uid = c->uid;
	f->euid = c->euid;
	f->suid = c->suid;
	f->fsuid = c->fsuid;
	f->gid = c->gid;
	f->egid = c->egid;
	f->sgid = c->sgid;
	f->fsgid = c->fsgid;
	f->group_count = MIN(c->group_count, (u32)ARRAY_SIZE(f->groups));
	if (f->group_count)
		memcpy(f->groups, c->groups, f->group_count * sizeof(u32));
	u64 caps[5] = { c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient };
	memcpy(f->capabilities, caps, sizeof(caps));
	cred_put(c);
}

static void fill_tree_locked(struct facts_process *f, struct process *p)
{
	f->ppid = p->parent ? p->parent->pid : 0;
	f->pgid = p->pgid;
	f->sid = p->sid;
	f->thread_count = p->thread_count;
	memcpy(f->name, p->leader ? p->leader->name : p->last_name, sizeof(f->name));
	for (u32 i = 0; i < MIN(FACTS_LIMITS, RLIMIT_COUNT); i++) {
		f->limits[i][0] = p->rlimits[i].soft;
		f->limits[i][1] = p->rlimits[i].hard;
	}
	list_for_each(t, &p->threads, struct thread, process_link) {
		f->voluntary_switches += t->voluntary_switches;
		f->involuntary_switches += t->involuntary_switches;
		f->minor_faults += t->minor_faults;
		f->major_faults += t->major_faults;
	}
	if (p->leader) {
		f->cpu = p->leader->cpu;
		f->nice = p->leader->nice;
		f->policy = p->leader->policy;
		f->priority = p->leader->rt_priority ? -1 - p->leader->rt_priority : 20 + p->leader->nice;
		f->affinity = p->leader->affinity & CPU_MASK_ALL;
		f->signal_pending = p->leader->pending.set;
		f->signal_blocked = p->leader->blocked;
	}
}

static void fill_signals(struct facts_process *f, struct process *p)
{
	spin_lock(&p->signal_lock);
	f->signal_shared = p->pending.set;
	f->queued_signals = p->leader ? p->leader->cred->user->queued_signals : 0;
	for (u32 i = 0; p->actions && i < SIGNAL_MAX; i++) {
		u64 handler = p->actions->action[i].handler;
		if (handler == 1)
			f->signal_ignored |= BIT(i);
		else if (handler)
			f->signal_caught |= BIT(i);
	}
	spin_unlock(&p->signal_lock);
}

static status_t facts_process(struct facts_process *f)
{
	struct process *p = facts_find(f->pid, f->flags & FACTS_NEXT);
	if (!p)
		return ERR_SRCH;
	*f = (struct facts_process){ .pid = p->pid,
				     .kernel_flags = p->flags,
				     .personality = p->personality,
				     .exit_signal = p->exit_signal,
				     .exit_status = p->zombie ? p->exit_status : 0,
				     .oom_score_adj = p->oom_score_adj,
				     .start_ns = p->start_ns,
				     .children_user_ns = p->children_user_ns,
				     .children_system_ns = p->children_system_ns,
				     .minor_faults = p->minor_faults,
				     .major_faults = p->major_faults,
				     .children_minor_faults = p->children_minor_faults,
				     .children_major_faults = p->children_major_faults,
				     .umask = 022 };
	spin_lock(&process_tree_lock);
	fill_tree_locked(f, p);
	spin_unlock(&process_tree_lock);
	f->state = process_state_letter(p);
	process_times(p, &f->user_ns, &f->system_ns);
	fill_space(f, p);
	fill_credentials(f, p);
	fill_signals(f, p);
	s32 foreground = -1;
	f->tty_device = tty_of_session_number(f->sid, &foreground);
	f->tty_group = (u32)foreground;
	struct fdtable *fds = process_fds_get(p);
	if (fds) {
		f->fd_count = fdtable_count(fds);
		fdtable_put(fds);
	}
	struct fs_context *fs = process_fs_get(p);
	if (fs) {
		f->umask = fs->umask;
		fs_context_put(fs);
	}
	process_put(p);
	return OK;
}

static char thread_letter(const struct thread *t)
{
	if (is_running(t))
		return 'R';
	if (t->state == THREAD_STOPPED)
		return 'T';
	return t->state == THREAD_DEAD ? 'X' : t->wait_flags & WAIT_INTERRUPTIBLE ? 'S' : 'D';
}

static status_t facts_thread(struct facts_thread *f)
{
	struct process *p = facts_find(f->pid, false);
	struct thread *best = NULL;
	if (!p)
		return ERR_SRCH;
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, struct thread, process_link) {
		if (t->tid == f->tid)
			best = t;
		else if (f->flags & FACTS_NEXT && t->tid > f->tid && (!best || (best->tid != f->tid && t->tid < best->tid)))
			best = t;
	}
	if (best) {
		*f = (struct facts_thread){ .pid = p->pid,
					    .tid = best->tid,
					    .cpu = best->cpu,
					    .nice = best->nice,
					    .policy = best->policy,
					    .priority = best->rt_priority ? -1 - best->rt_priority : 20 + best->nice,
					    .voluntary_switches = best->voluntary_switches,
					    .involuntary_switches = best->involuntary_switches,
					    .minor_faults = best->minor_faults,
					    .major_faults = best->major_faults,
					    .signal_pending = best->pending.set,
					    .signal_blocked = best->blocked,
					    .state = thread_letter(best) };
		thread_times(best, &f->user_ns, &f->system_ns);
		f->affinity = best->affinity & CPU_MASK_ALL;
		memcpy(f->name, best->name, sizeof(f->name));
	}
	spin_unlock(&process_tree_lock);
	process_put(p);
	return best ? OK : ERR_SRCH;
}

static status_t facts_fd(struct facts_fd *f)
{
	struct process *p = facts_find(f->pid, false);
	struct fdtable *fds = p ? process_fds_get(p) : NULL;
	struct file *file = NULL;
	bool closes = false;
	struct attributes a = { 0 };
	if (fds) {
		if (f->flags & FACTS_NEXT)
			f->fd = fdtable_next(fds, f->fd);
		file = f->fd >= 0 ? fdtable_get_file(fds, f->fd) : NULL;
		closes = file && fdtable_get_flags(fds, f->fd) == FD_CLOEXEC_K;
		fdtable_put(fds);
	}
	if (p)
		process_put(p);
	if (!file)
		return p ? ERR_NOENT : ERR_SRCH;
	f->file_flags = file->flags | (closes ? O_CLOEXEC_K : 0);
	f->position = file->pos;
	f->mount = file->where.mount ? file->where.mount->id : 0;
	if (!file->where.node && file_stat(file, &a))
		a.mode = 0;
	f->mode = file->where.node ? file->where.node->mode : a.mode;
	f->ino = file->where.node ? file->where.node->ino : a.ino;
	file_put(file);
	return OK;
}

#define PTY_SLAVE_MAJOR 136u
#define PTY_NUMBERS 4096u /* as many as /proc/sys/kernel/pty/max on Linux */

static status_t facts_pty(struct facts_pty *f)
{
	struct attributes a;
	u32 n = f->number;
	while (n < PTY_NUMBERS && !pty_exists(n, &a)) {
		if (!(f->flags & FACTS_NEXT))
			return ERR_NOENT;
		n++;
	}
	if (n >= PTY_NUMBERS)
		return ERR_NOENT;
	*f = (struct facts_pty){ .number = n,
				 .uid = a.uid,
				 .gid = a.gid,
				 .mode = a.mode,
				 .rdev = (u64)PTY_SLAVE_MAJOR << 8 | n,
				 .atime_ns = a.atime_ns,
				 .mtime_ns = a.mtime_ns,
				 .ctime_ns = a.ctime_ns };
	return OK;
}

static status_t facts_set(const struct facts_set *f)
{
	if (f->kind == SET_HOST_NAME || f->kind == SET_DOMAIN_NAME)
		return system_name_set(f->kind == SET_DOMAIN_NAME, f->name, strnlen(f->name, sizeof(f->name)));
	struct process *p = facts_find(f->pid, false);
	if (!p)
		return ERR_SRCH;
	status_t st = OK;
	if (f->kind == SET_OOM_SCORE_ADJ && f->value >= -1000 && f->value <= 1000) {
		p->oom_score_adj = (s32)f->value;
	} else if (f->kind == SET_THREAD_NAME) {
		struct thread *t = thread_find(f->pid);
		if (t)
			str_copy(t->name, f->name, MIN(strnlen(f->name, sizeof(f->name)) + 1, sizeof(t->name)));
		st = t ? OK : ERR_SRCH;
		if (t)
			thread_put(t);
	} else {
		st = ERR_INVAL;
	}
	process_put(p);
	return st;
}

static status_t revoke(const struct vfs_revoke *r)
{
	char name[NAME_BYTES_MAX + 1] = "";
	if (r->name_size > NAME_BYTES_MAX)
		return ERR_NAMETOOLONG;
	status_t st = copy_in(name, user_ptr(r->name), r->name_size);
	return st ? st : vfs_revoke(r->fs, r->dir, r->name_size ? name : NULL, r->flags);
}

union facts {
	struct vfs_revoke revoke;
	struct facts_machine machine;
	struct facts_cpu cpu;
	struct facts_process process;
	struct facts_thread thread;
	struct facts_fd fd;
	struct facts_text text;
	struct facts_pty pty;
	struct facts_set set;
};
static const u32 sizes[] = {
	[VFS_REVOKE] = sizeof(struct vfs_revoke),     [FACTS_MACHINE] = sizeof(struct facts_machine),
	[FACTS_CPU] = sizeof(struct facts_cpu),       [FACTS_PROCESS] = sizeof(struct facts_process),
	[FACTS_THREAD] = sizeof(struct facts_thread), [FACTS_FD] = sizeof(struct facts_fd),
	[FACTS_TEXT] = sizeof(struct facts_text),     [FACTS_PTY] = sizeof(struct facts_pty),
	[FACTS_SET] = sizeof(struct facts_set),
};

static status_t dispatch(u64 op, union facts *f)
{
	switch (op) {
	case VFS_REVOKE: return revoke(&f->revoke);
	case FACTS_MACHINE: return facts_machine(&f->machine);
	case FACTS_CPU: return facts_cpu(&f->cpu);
	case FACTS_PROCESS: return facts_process(&f->process);
	case FACTS_THREAD: return facts_thread(&f->thread);
	case FACTS_FD: return facts_fd(&f->fd);
	case FACTS_TEXT: return facts_text(&f->text);
	case FACTS_PTY: return facts_pty(&f->pty);
	case FACTS_SET: return facts_set(&f->set);
	}
	return ERR_INVAL;
}

NATIVE_HANDLER(broker_vfs)
{
	if (a0 >= ARRAY_SIZE(sizes) || !sizes[a0])
		return FAIL(ERR_INVAL, "unknown operation of the VFS broker");
	union facts *f = kzalloc(sizeof(*f));
	if (!f)
		return ERR_NOMEM;
	status_t st = broker_copy_in(f, a1, a2, sizes[a0]);
	if (!st)
		st = dispatch(a0, f);
	if (!st)
		st = copy_out(user_ptr(a1), f, sizes[a0]);
	kfree(f);
	return st;
}
