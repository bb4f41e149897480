// SPDX-License-Identifier: MIT
/* exec_commit: the point of no return of an exec, for a program and for the first image of a new process.
 * Ends the sibling threads, takes over the pid, swaps address space, handlers, descriptors and credentials in place,
 * and leaves the user frame that user_enter or the return from execve(2) starts. Rules: execve(2). */
#include "signal.h"
#include "file.h"
#include "nt.h"
#include "nt_start.h"
#include "trap.h"
#include "../../lib/base/string.h"

#define RFLAGS_USER_START 0x202 /* interrupts on, bit 1 is always set */

static void give_up(struct exec_image *image, s32 wait_status) NORETURN;
static void give_up(struct exec_image *image, s32 wait_status)
{
	aspace_put(image->aspace);
	if (image->exe)
		file_put(image->exe);
	cred_put(image->cred);
	thread_exit_current(wait_status);
}

/* Waits until this is the only thread. A group exit or another exec that began before wins: then the caller dies here. */
static void end_siblings(struct process *p, struct thread *t, struct exec_image *image)
{
	spin_lock(&p->signal_lock);
	bool lost = p->exec_thread || (p->flags & PROC_EXITING);
	if (!lost)
		p->exec_thread = t;
	spin_unlock(&p->signal_lock);
	if (lost)
		give_up(image, (s32)p->group_exit_code);
	spin_lock(&p->signal_lock);
	list_for_each(other, &p->threads, struct thread, process_link)
		if (other != t)
			thread_notify(other, WORK_EXIT);
	spin_unlock(&p->signal_lock);
	if (WAIT_EVENT(&p->stop_wait, p->thread_count == 1, DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE)) { /* cannot time out */ }
	p->exec_thread = NULL;
	if (p->flags & PROC_EXITING)
		give_up(image, (s32)p->group_exit_code);
	if (t->tid != p->pid) {
		spin_lock(&process_tree_lock);
		thread_retid_locked(t, p->pid);
		spin_unlock(&process_tree_lock);
	}
}

static void swap_aspace(struct process *p, struct aspace *as)
{
	spin_lock(&process_tree_lock);
	struct aspace *old = p->aspace;
	p->aspace = as;
	spin_unlock(&process_tree_lock);
	aspace_switch(as);
	if (!old)
		return;
	p->max_rss_pages = MAX(p->max_rss_pages, old->resident_pages);
	aspace_put(old);
}

/* Handlers go, ignored signals stay ignored. A table shared with another process is left to it. */
static void reset_actions(struct process *p)
{
	struct sigactions *own = p->actions, *old = NULL;
	if (own->refs > 1) {
		struct sigactions *fresh = sigactions_create();
		if (!fresh) /* past the point of no return: Linux kills too */
			process_exit_group(SIGKILL);
		memcpy(fresh->action, own->action, sizeof(fresh->action));
		old = own;
		own = fresh;
	}
	spin_lock(&p->signal_lock);
	p->actions = own;
	spin_lock(&own->lock);
	for (u32 i = 0; i < SIGNAL_MAX; i++)
		own->action[i] = (struct sigaction_k){ .handler = own->action[i].handler == SIG_IGN_K ? SIG_IGN_K : SIG_DFL_K };
	spin_unlock(&own->lock);
	spin_unlock(&p->signal_lock);
	sigactions_put(old);
}

static void reset_descriptors(struct process *p, struct thread *t)
{
	if (p->flags & PROC_SERVICE) /* its table outlives its instances */
		return;
	if (fdtable_unshare())
		process_exit_group(SIGKILL);
	fdtable_close_on_exec(t->fds);
}

static void reset_thread(struct thread *t, u64 gs_base)
{
	t->altstack_base = t->altstack_size = 0;
	t->altstack_flags = 0;
	t->robust_list = t->clear_child_tid = 0;
	t->rseq_va = 0;
	t->restart_fn = NULL;
	t->restore_mask = false;
	t->user_fs_base = 0;
	t->user_gs_base = gs_base;
	thread_segments_load(t);
	fpu_init_area(t->fpu_area);
	fpu_restore(t->fpu_area);
}

status_t nt_process_attach(struct process *p, struct thread *t, const struct windows_start *start, u64 peb, u64 teb) WEAK;

/* Past the point of no return: without memory the program ends, as a Linux one would. */
static void become_windows(struct process *p, struct thread *t, const struct nt_commit *w)
{
	__atomic_or_fetch(&p->flags, PROC_WINDOWS, __ATOMIC_RELAXED);
	if (nt_process_attach && nt_process_attach(p, t, &w->start, w->peb, w->teb))
		process_exit_group(SIGKILL);
}

static void user_frame_start(struct trap_frame *f, const struct exec_image *image)
{
	memset(f, 0, sizeof(*f));
	f->rip = image->entry;
	f->rsp = image->stack_pointer;
	f->rcx = image->windows ? image->windows->start.blob : 0;
	f->cs = USER_CODE_SELECTOR;
	f->ss = USER_DATA_SELECTOR;
	f->rflags = RFLAGS_USER_START;
}

/* Other effective ids, or capabilities that it did not have: then it is not dumpable, and no parent's death signals it. */
static bool gains_rights(const struct cred *old, const struct cred *c)
{
	return old->euid != c->euid || old->egid != c->egid || old->fsuid != c->fsuid || old->fsgid != c->fsgid ||
		(c->cap_permitted & ~old->cap_permitted);
}

void exec_commit(struct exec_image *image)
{
	struct thread *t = thread_current();
	struct process *p = t->process;
	if (p->thread_count > 1 || t->tid != p->pid)
		end_siblings(p, t, image);
	if (p->aspace)
		thread_release_memory(t);
	swap_aspace(p, image->aspace);
	reset_actions(p);
	reset_descriptors(p, t);
	timers_process_exit(p, true);
	reset_thread(t, image->windows ? image->windows->teb : 0);
	spin_lock(&process_tree_lock);
	struct file *old_exe = p->exe;
	p->exe = image->exe;
	str_copy(t->name, image->name, sizeof(t->name));
	spin_unlock(&process_tree_lock);
	if (old_exe)
		file_put(old_exe);
	bool gains = image->cred && gains_rights(t->cred, image->cred);
	if (gains) {
		__atomic_and_fetch(&p->flags, ~(u32)PROC_DUMPABLE, __ATOMIC_RELAXED);
		p->parent_death_signal = 0;
	}
	if (image->cred)
		cred_replace(image->cred);
	__atomic_or_fetch(&p->flags, PROC_EXECED | (gains ? 0 : PROC_DUMPABLE), __ATOMIC_RELAXED);
	if (p->parent)
		p->exit_signal = SIGCHLD;
	user_frame_start(thread_user_frame(t), image);
	if (image->windows)
		become_windows(p, t, image->windows);
}
