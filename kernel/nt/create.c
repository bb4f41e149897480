// SPDX-License-Identifier: MIT
/* NtAmbosCreateProcess: a child of either world from a Windows program. The child's first thread takes its descriptors
 * and current directory and then runs the ordinary exec path; the caller sleeps until exec has succeeded or failed.
 * Inherited handles keep their numbers in a Windows child; a Linux child gets the standard handles as 0, 1, 2 only. */
#include "nt_internal.h"
#include "exec.h"
#include "linux.h"
#include "signal.h"
#include "vfs.h"
#include "../../abi/nt/create.h"
#include "../../lib/base/string.h"

#define PARAMETERS_MAX KIB(256)    /* command line and environment in UTF-16 */
#define STRINGS_MAX KIB(512)
#define HANDLES_MAX 1024u          /* of an explicit list */
#define PROGRAM_PATH_MAX 4096u
#define AT_FDCWD_K (-100)
#define STANDARD_COUNT 4           /* three handles and the console */
#define INVALID_IMAGE_NOT_MZ 0xC000012Fll

/* Lives on the creating thread's heap until `done`. */
struct create {
	struct ambos_create_process in;
	struct exec_args args;
	struct fdtable *source;
	u64 *handles;
	struct file *program;
	struct position directory;
	struct file *job, *token;
	bool is_windows, done;
	s64 result;
	struct thread *waiter;
};

static bool listed(const struct create *c, u64 handle)
{
	if (!(c->in.flags & AMBOS_CREATE_HANDLE_LIST))
		return true;
	for (u32 i = 0; i < c->in.handle_count; i++)
		if ((c->handles[i] & ~3ull) == handle)
			return true;
	return false;
}

/* ---- in the child ---- */
static s64 take_slot(struct create *c, int fd)
{
	u32 access;
	bool inherit;
	struct fdtable *own = thread_current()->fds;
	struct file *f = fdtable_get_access(c->source, fd, &access, &inherit);
	if (!f)
		return 0;
	if (!inherit || !listed(c, WINDOWS_HANDLE_OF_FD(fd))) {
		file_put(f);
		return 0;
	}
	status_t st = fdtable_install_at(own, fd, f, 0);
	if (st) {
		file_put(f);
		return st;
	}
	return access ? fdtable_set_access(own, fd, access) : 0;
}

static s64 take_inherited(struct create *c)
{
	s64 st = 0;
	for (int fd = fdtable_next(c->source, 0); fd >= 0 && !st; fd = fdtable_next(c->source, fd + 1))
		st = take_slot(c, fd);
	return st;
}

/* A standard handle that is not there by inheritance gets a slot; *handle becomes the child's number. */
static s64 take_standard(struct create *c, u64 *handle)
{
	u32 access;
	bool inherit;
	u64 wanted = *handle;
	int fd = wanted >= 4 && wanted < (u64)FDTABLE_MAX * 4 ? (int)(wanted / 4) - 1 : -1;
	struct file *f = fd >= 0 ? fdtable_get_access(c->source, fd, &access, &inherit) : NULL;
	if (!f)
		return 0;
	struct fdtable *own = thread_current()->fds;
	struct file *there = fdtable_get_file(own, fd);
	bool same = there == f;
	if (there)
		file_put(there);
	if (same) {
		file_put(f);
		return 0;
	}
	int slot = there ? fdtable_install(own, f, 0, 0) : fdtable_install_at(own, fd, f, 0) ? ERR_NOMEM : fd;
	if (slot < 0) {
		file_put(f);
		return slot;
	}
	*handle = WINDOWS_HANDLE_OF_FD(slot);
	return access ? fdtable_set_access(own, slot, access) : 0;
}

static s64 take_for_windows(struct create *c)
{
	struct windows_parameters *p = c->args.nt_parameters;
	s64 st = c->in.flags & AMBOS_CREATE_INHERIT ? take_inherited(c) : 0;
	for (u32 i = 0; i < 3; i++) {
		p->standard_handles[i] = c->in.standard_handles[i];
		st = st ? st : take_standard(c, &p->standard_handles[i]);
	}
	p->console_handle = c->in.console_handle;
	st = st ? st : take_standard(c, &p->console_handle);
	p->flags |= WINDOWS_PARAMETERS_HANDLES;
	return st;
}

static s64 take_for_linux(struct create *c)
{
	for (int i = 0; i < 3; i++) {
		u64 h = c->in.standard_handles[i];
		struct file *f = h >= 4 && h < (u64)FDTABLE_MAX * 4 ? fdtable_get_file(c->source, (int)(h / 4) - 1) : NULL;
		if (!f)
			continue;
		status_t st = fdtable_install_at(thread_current()->fds, i, f, 0);
		if (st) {
			file_put(f);
			return st;
		}
	}
	return 0;
}

static void take_directory(struct create *c)
{
	struct fs_context *fs = thread_current()->fs;
	if (!c->directory.node)
		return;
	position_get(c->directory);
	spin_lock(&fs->lock);
	struct position old = fs->cwd;
	fs->cwd = c->directory;
	spin_unlock(&fs->lock);
	position_put(old);
}

static void answer(struct create *c, s64 result)
{
	struct thread *waiter = c->waiter; /* the record is gone once `done` is seen */
	c->result = result;
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	thread_wake(waiter);
}

static void create_run(void *arg)
{
	struct create *c = arg;
	struct thread *t = thread_current();
	take_directory(c);
	s64 st = c->is_windows ? take_for_windows(c) : take_for_linux(c);
	if (st >= 0)
		st = exec_run(&c->args);
	if (st >= 0 && t->nt && c->token)
		st = nt_token_assign(t->process, c->token);
	if (st >= 0 && t->nt && (c->in.flags & AMBOS_CREATE_SUSPENDED)) {
		t->nt->suspend_count = 1;
		__atomic_or_fetch(&t->work, WORK_NT, __ATOMIC_RELEASE);
	}
	answer(c, st < 0 ? st : OK);
	if (st < 0)
		process_exit_group(127 << 8);
	user_enter();
}

/* ---- in the parent ---- */
static void wait_until_done(struct create *c)
{
	for (;;) {
		wait_prepare();
		if (__atomic_load_n(&c->done, __ATOMIC_ACQUIRE))
			break;
		if (wait_sleep(DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE)) { /* never: no deadline, no signals */ }
	}
	wait_finish();
}

/* The program opened as execve would; a file that only lacks the x bit, which NT does not know, is started all the same. */
static s64 open_program(struct create *c)
{
	struct file *f;
	struct fs_context *fs = thread_current()->fs;
	s64 st = nt_handle_get(c->in.file, NT_TYPE_FILE, 1, &f);
	if (st)
		return st;
	char *path = kmalloc(PROGRAM_PATH_MAX);
	s64 n = !path ? ERR_NOMEM : f->where.node ? vfs_path_of(f->where, fs->root, path, PROGRAM_PATH_MAX) : ERR_ACCES;
	if (n >= 0 && n < (s64)PROGRAM_PATH_MAX) {
		path[n] = '\0';
		n = vfs_open_exec(AT_FDCWD_K, path, 0, &c->program);
	}
	if (n == ERR_ACCES && f->where.node) {
		file_get(c->program = f);
		n = 0;
	}
	file_put(f);
	c->args.path = path;
	if (n < 0)
		return n;
	char magic[2] = { 0 };
	struct io_buf b;
	io_buf_init_kernel(&b, magic, sizeof(magic));
	c->is_windows = file_pread(c->program, &b, 0) == sizeof(magic) && magic[0] == 'M' && magic[1] == 'Z';
	return 0;
}

static s64 strings_check(const struct create *c)
{
	u64 count = 0;
	for (u64 i = 0; i < c->args.strings_size; i++)
		count += c->args.strings[i] == '\0';
	bool whole = c->in.argc && c->args.strings[c->args.strings_size - 1] == '\0';
	return whole && count == (u64)c->in.argc + c->in.envc ? 0 : NT(INVALID_PARAMETER);
}

static s64 copy_arguments(struct create *c)
{
	struct ambos_create_process *in = &c->in;
	if (in->parameters_bytes < sizeof(struct windows_parameters) || in->parameters_bytes > PARAMETERS_MAX || !in->strings_bytes ||
	    in->strings_bytes > STRINGS_MAX || in->handle_count > HANDLES_MAX)
		return NT(INVALID_PARAMETER);
	c->args.nt_parameters = kmalloc(in->parameters_bytes);
	c->args.strings = kmalloc(in->strings_bytes);
	c->handles = kmalloc(MAX(in->handle_count, 1u) * sizeof(u64));
	if (!c->args.nt_parameters || !c->args.strings || !c->handles)
		return ERR_NOMEM;
	c->args.nt_parameters_size = in->parameters_bytes;
	c->args.strings_size = in->strings_bytes;
	c->args.argc = in->argc;
	c->args.envc = in->envc;
	if (copy_in(c->args.nt_parameters, user_ptr(in->parameters), in->parameters_bytes) ||
	    copy_in(c->args.strings, user_ptr(in->strings), in->strings_bytes) ||
	    (in->handle_count && copy_in(c->handles, user_ptr(in->handle_list), in->handle_count * sizeof(u64))))
		return NT(ACCESS_VIOLATION);
	return strings_check(c);
}

static s64 find_directory(struct create *c)
{
	struct file *f;
	if (!c->in.directory)
		return 0;
	s64 st = nt_handle_get(c->in.directory, NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	c->directory = f->where;
	if (c->directory.node)
		position_get(c->directory);
	file_put(f);
	return c->directory.node ? 0 : NT(NOT_A_DIRECTORY);
}

static void join_groups(struct process *p, bool new_group)
{
	struct process *self = process_current();
	spin_lock(&process_tree_lock);
	process_move_group_locked(p, new_group ? p->pid : self->pgid, self->sid);
	p->ctty = self->ctty;
	spin_unlock(&process_tree_lock);
}

static s64 handles_out(struct create *c, struct process *p, struct thread *t, u64 out)
{
	struct ambos_created r = { .pid = p->pid, .tid = nt_thread_id(t->tid), .windows = c->is_windows };
	struct file *pf = nt_process_file(p), *tf = nt_thread_file(t);
	s64 st = pf && tf ? 0 : ERR_NOMEM;
	if (p->nt)
		r.peb = p->nt->peb;
	if (t->nt)
		r.teb = t->nt->teb;
	if (!st)
		st = nt_handle_insert(pf, nt_access_map(NT_TYPE_PROCESS, c->in.process_access), c->in.process_attributes, &r.process);
	if (!st)
		pf = NULL;
	if (!st)
		st = nt_handle_insert(tf, nt_access_map(NT_TYPE_THREAD, c->in.thread_access), c->in.thread_attributes, &r.thread);
	if (!st)
		tf = NULL;
	if (pf)
		file_put(pf);
	if (tf)
		file_put(tf);
	if (!st && COPY_OUT(user_ptr(out), &r))
		st = NT(ACCESS_VIOLATION);
	return st;
}

static s64 start(struct create *c, u64 out)
{
	const char *slash = strrchr(c->args.path, '/');
	struct process *p = process_create(process_current(), slash ? slash + 1 : c->args.path, create_run, c);
	if (!p)
		return NT(INSUFFICIENT_RESOURCES);
	struct thread *t = p->leader;
	process_get(p);
	thread_get(t);
	join_groups(p, c->in.flags & AMBOS_CREATE_NEW_GROUP);
	process_start(p);
	wait_until_done(c);
	s64 st = c->result;
	if (st == ERR_NOEXEC)
		st = c->is_windows ? NT(INVALID_IMAGE_FORMAT) : INVALID_IMAGE_NOT_MZ;
	if (!st && c->job && p->nt)
		st = nt_job_join(c->job, p);
	if (!st)
		st = handles_out(c, p, t, out);
	if (st && !c->result) /* it runs, but the caller cannot have it */
		process_kill(p, SIGKILL);
	thread_put(t);
	process_put(p);
	return st;
}

static s64 create(struct create *c, const u64 *a)
{
	if (COPY_IN(&c->in, user_ptr(a[0])))
		return NT(ACCESS_VIOLATION);
	if (c->in.bytes != sizeof(c->in) || (c->in.flags & ~0xfu))
		return NT(INVALID_PARAMETER);
	s64 st = copy_arguments(c);
	if (!st)
		st = find_directory(c);
	if (!st && c->in.job)
		st = nt_handle_get(c->in.job, NT_TYPE_JOB, 1, &c->job);
	if (!st && c->in.token)
		st = nt_token_primary(c->in.token, &c->token);
	if (!st)
		st = open_program(c);
	if (st)
		return st;
	c->args.file = c->program;
	c->program = NULL;
	c->source = thread_current()->fds;
	c->waiter = thread_current();
	return start(c, a[1]);
}

NT_HANDLER(AmbosCreateProcess)
{
	struct create *c = kzalloc(sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	s64 st = create(c, a);
	if (c->program)
		file_put(c->program);
	if (c->job)
		file_put(c->job);
	if (c->token)
		file_put(c->token);
	if (c->directory.node)
		position_put(c->directory);
	kfree(c->handles);
	exec_args_free(&c->args);
	kfree(c);
	return st;
}
