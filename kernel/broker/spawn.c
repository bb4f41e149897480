// SPDX-License-Identifier: MIT
// PROC_SPAWN: a new process whose first thread prepares itself (session, terminal, credentials, cwd) and then runs the
// ordinary exec path. The service waits until exec has succeeded or failed, so it gets exec's errno.
// PROC_STATUS: exit status by pidfd; a launched process is pid 1's child, so who waits for it does not matter here.
#include "broker.h"
#include "exec.h"
#include "file.h"
#include "linux.h"
#include "mm.h"
#include "policy.h"
#include "sched.h"
#include "user_ptr.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define TIOCSCTTY_K 0x540e
#define GROUPS_MAX 64u           /* of a launched program; Debian users have a dozen */
#define ROOT_WAIT_NS (10 * NSEC_PER_MSEC) /* between looks for the root mount during boot */

/* Lives on the launching thread's stack until `done`. */
struct launch {
	struct proc_spawn request;
	char *path, *cwd;
	struct exec_args args;
	s32 fds[PROC_SPAWN_FDS_MAX];
	u32 groups[GROUPS_MAX];
	struct fdtable *source;
	s64 result;
	bool done;
	struct thread *waiter;
};

static status_t take_fds(struct launch *l)
{
	for (u32 i = 0; i < l->request.fd_count; i++) {
		if (l->fds[i] < 0)
			continue;
		struct file *f = fdtable_get_file(l->source, l->fds[i]);
		if (!f)
			return FAIL(ERR_BADF, "descriptor to give");
		status_t st = fdtable_install_at(thread_current()->fds, (int)i, f, 0);
		if (st) {
			file_put(f);
			return st;
		}
	}
	return OK;
}

static s64 take_terminal(struct launch *l)
{
	if (!(l->request.flags & PROC_SPAWN_CONTROLLING_TTY))
		return OK;
	struct file *f = fdtable_get_file(l->source, l->request.tty_fd);
	if (!f)
		return FAIL(ERR_BADF, "controlling terminal");
	s64 st = f->ops->ioctl ? f->ops->ioctl(f, TIOCSCTTY_K, 0) : ERR_NOTTY;
	tty_name_file(f);
	file_put(f);
	return st;
}

static status_t take_credentials(struct launch *l)
{
	struct proc_spawn *r = &l->request;
	struct cred *root = cred_root(), *c = cred_copy(root);
	cred_put(root);
	if (!c)
		return ERR_NOMEM;
	if (r->flags & PROC_SPAWN_CREDENTIALS) {
		status_t st = cred_set_uid(c, r->uid);
		if (st) {
			cred_put(c);
			return st;
		}
		c->euid = c->suid = c->fsuid = r->uid;
		c->gid = c->egid = c->sgid = c->fsgid = r->gid;
		if (r->group_count) {
			c->groups = kmalloc(r->group_count * sizeof(u32));
			if (!c->groups) {
				cred_put(c);
				return ERR_NOMEM;
			}
			memcpy(c->groups, l->groups, r->group_count * sizeof(u32));
			c->group_count = r->group_count;
		}
		if (r->uid != 0)
			c->cap_effective = c->cap_permitted = c->cap_inheritable = 0;
	}
	cred_replace(c);
	return OK;
}

/* A service may have started before the root mount: the program gets the tree as it is now. */
static status_t take_place(struct launch *l)
{
	struct thread *t = thread_current();
	while (!vfs_has_root()) {
		wait_prepare();
		if (wait_sleep(time_now_ns() + ROOT_WAIT_NS, WAIT_KILLABLE) == ERR_INTR) {
			wait_finish();
			return ERR_INTR;
		}
		wait_finish();
	}
	struct fs_context *fs = fs_context_initial();
	if (!fs)
		return ERR_NOMEM;
	fs_context_put(t->fs);
	t->fs = fs;
	if (!l->cwd)
		return OK;
	struct walk_result w;
	status_t st = path_walk(-100, l->cwd, WALK_FOLLOW | WALK_DIRECTORY, &w);
	if (st)
		return st;
	position_get(w.at);
	spin_lock(&fs->lock);
	struct position old = fs->cwd;
	fs->cwd = w.at;
	spin_unlock(&fs->lock);
	position_put(old);
	walk_result_put(&w);
	return OK;
}

static s64 launch_prepare(struct launch *l)
{
	s64 st = take_place(l);
	if (st >= 0)
		st = take_fds(l);
	if (st >= 0)
		st = take_terminal(l);
	if (st >= 0)
		st = policy_grant(process_current());
	if (st >= 0)
		st = take_credentials(l);
	if (st >= 0)
		st = vfs_open_exec(-100, l->path, 0, &l->args.file);
	return st;
}

/* The launch is gone as soon as done is seen. */
static void launch_answer(struct launch *l, s64 result)
{
	struct thread *waiter = l->waiter;
	thread_get(waiter);
	l->result = result;
	__atomic_store_n(&l->done, true, __ATOMIC_RELEASE);
	thread_wake(waiter);
	thread_put(waiter);
}

/* First thread of the new process. */
static void launch_run(void *arg)
{
	struct launch *l = arg;
	s64 st = launch_prepare(l);
	if (st >= 0) {
		l->args.path = l->path;
		l->path = NULL;
		if (unlikely(syscall_trace_enabled))
			trace_launch(&l->args);
		st = exec_run(&l->args);
		if (unlikely(syscall_trace_enabled))
			trace_launch_result(st);
	}
	launch_answer(l, st < 0 ? st : OK);
	if (st < 0)
		process_exit_group(127 << 8);
	user_enter();
}

static void launch_wait(struct launch *l)
{
	for (;;) {
		wait_prepare();
		if (__atomic_load_n(&l->done, __ATOMIC_ACQUIRE))
			break;
		if (wait_sleep(DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE)) { /* never: no deadline, no signals */ }
	}
	wait_finish();
}

static status_t string_in(char **out, u64 va)
{
	*out = kmalloc(PROC_PATH_MAX);
	s64 n = *out ? copy_in_string(*out, user_ptr(va), PROC_PATH_MAX) : ERR_NOMEM;
	return n < 0 ? (status_t)n : OK;
}

static status_t strings_check(const struct launch *l)
{
	const struct proc_spawn *r = &l->request;
	u64 count = 0;
	for (u64 i = 0; i < r->strings_size; i++)
		count += l->args.strings[i] == '\0';
	if (count != (u64)r->argc + r->envc || r->argc == 0 || (r->strings_size && l->args.strings[r->strings_size - 1]))
		return FAIL(ERR_INVAL, "spawn strings do not match their counts");
	return OK;
}

static status_t launch_copy_in(struct launch *l)
{
	struct proc_spawn *r = &l->request;
	if (r->fd_count > PROC_SPAWN_FDS_MAX || r->group_count > GROUPS_MAX || r->strings_size > PROC_SPAWN_STRINGS_MAX ||
	    (r->flags & ~(u32)(PROC_SPAWN_CONTROLLING_TTY | PROC_SPAWN_CREDENTIALS)))
		return FAIL(ERR_INVAL, "spawn counts or flags");
	status_t st = string_in(&l->path, r->path);
	if (!st && r->cwd)
		st = string_in(&l->cwd, r->cwd);
	if (!st && r->fd_count)
		st = copy_in(l->fds, user_ptr(r->fds), r->fd_count * sizeof(s32));
	if (!st && r->group_count)
		st = copy_in(l->groups, user_ptr(r->groups), r->group_count * sizeof(u32));
	if (st)
		return st;
	l->args.strings = kmalloc(MAX(r->strings_size, 1u));
	if (!l->args.strings)
		return ERR_NOMEM;
	l->args.strings_size = r->strings_size;
	l->args.argc = r->argc;
	l->args.envc = r->envc;
	st = copy_in(l->args.strings, user_ptr(r->strings), r->strings_size);
	return st ? st : strings_check(l);
}

/* Between two instances of initd it is an orphan, which the next takes over. */
static void give_to_initd(struct process *p)
{
	spin_lock(&process_tree_lock);
	struct process *init = process_find_locked(1);
	process_adopt_locked(init && !init->zombie ? init : NULL, p);
	spin_unlock(&process_tree_lock);
}

static s64 launch_start(struct launch *l)
{
	const char *slash = strrchr(l->path, '/');
	struct process *p = process_create(NULL, slash ? slash + 1 : l->path, launch_run, l);
	if (!p)
		return FAIL(ERR_AGAIN, "process for a launch");
	process_get(p);
	give_to_initd(p);
	l->request.pid = p->pid;
	struct file *f = pidfd_create ? pidfd_create(p, 0) : NULL;
	int fd = f ? fdtable_install(thread_current()->fds, f, 0, 0) : ERR_NOSYS;
	if (f && fd < 0)
		file_put(f);
	l->request.pidfd = fd;
	process_start(p);
	process_put(p);
	launch_wait(l);
	if (l->result < 0 && fd >= 0 && fdtable_close(thread_current()->fds, fd)) { /* closed by another thread */ }
	return l->result < 0 ? l->result : fd < 0 ? fd : OK;
}

static bool spawn_remembered(struct service *s, struct proc_spawn *r)
{
	bool found = false;
	spin_lock(&s->lock);
	for (u32 i = 0; i < SPAWNS_REMEMBERED && r->spawn_id; i++) {
		if (s->spawns[i].spawn_id != r->spawn_id)
			continue;
		r->pid = s->spawns[i].pid;
		r->pidfd = s->spawns[i].pidfd;
		found = true;
	}
	spin_unlock(&s->lock);
	return found;
}

static void spawn_remember(struct service *s, const struct proc_spawn *r)
{
	if (!r->spawn_id)
		return;
	spin_lock(&s->lock);
	s->spawns[s->spawn_next++ % SPAWNS_REMEMBERED] = (struct spawn_record){ r->spawn_id, r->pid, r->pidfd };
	spin_unlock(&s->lock);
}

static s64 launch(struct launch *l, u64 va)
{
	struct service *s = process_current()->service;
	if (spawn_remembered(s, &l->request))
		return COPY_OUT(user_ptr(va), &l->request);
	l->waiter = thread_current();
	l->source = thread_current()->fds;
	s64 st = launch_copy_in(l);
	if (st >= 0)
		st = launch_start(l);
	if (st >= 0)
		spawn_remember(s, &l->request);
	exec_args_free(&l->args);
	kfree(l->path);
	kfree(l->cwd);
	return st < 0 ? st : COPY_OUT(user_ptr(va), &l->request);
}

s64 broker_spawn(u64 va, u64 size)
{
	if (!service_has_capability(AMBOS_CAP_PROC_SPAWN))
		return FAIL(ERR_PERM, "spawn needs its capability");
	struct launch *l = kzalloc(sizeof(*l));
	if (!l)
		return ERR_NOMEM;
	s64 st = broker_copy_in(&l->request, va, size, sizeof(l->request));
	if (st >= 0)
		st = launch(l, va);
	kfree(l);
	return st;
}

s64 broker_spawn_status(u64 va, u64 size)
{
	struct proc_status r;
	if (!service_has_capability(AMBOS_CAP_PROC_SPAWN))
		return FAIL(ERR_PERM, "status needs its capability");
	s64 st = broker_copy_in(&r, va, size, sizeof(r));
	if (st < 0)
		return st;
	struct file *f = fd_get(r.pidfd);
	struct process *p = f && pidfd_process ? pidfd_process(f) : NULL;
	bool ended = p && p->zombie;
	r.wait_status = ended ? p->exit_status : 0;
	if (f)
		file_put(f);
	if (p)
		process_put(p);
	else
		return FAIL(ERR_BADF, "not a pidfd");
	return ended ? COPY_OUT(user_ptr(va), &r) : ERR_AGAIN;
}
