// SPDX-License-Identifier: MIT
// PROC_PREPARE (for the call being served), PROC_MAP, SET_LINUX_RUNTIME, COMMIT: what loaderd may do to a program that
// is not running yet. Contract: abi/core/broker.h. Spawn and services: spawn.c, services.c.
#include "broker.h"
#include "exec.h"
#include "file.h"
#include "mm.h"
#include "user_ptr.h"
#include "vfs.h"
#include "../../lib/base/string.h"

static const u8 zero_page[PAGE_SIZE];

/* `c`: the call that this thread serves, claimed by the entry points below so that nobody answers it meanwhile. */
status_t broker_session_find(u64 call_id, struct call *c, struct exec_session **out)
{
	if (!c || c->id != call_id || !c->request || !c->request->exec)
		return FAIL(ERR_SRCH, "no program start under this call id");
	*out = c->request->exec;
	return OK;
}

status_t broker_session_with_space(u64 call_id, struct call *c, struct exec_session **out)
{
	status_t st = broker_session_find(call_id, c, out);
	if (!st && (!(*out)->aspace || (*out)->committed))
		st = FAIL(ERR_INVAL, "no address space prepared, or committed");
	return st;
}

static status_t string_in(char *dst, u64 va, u32 size, u32 max)
{
	if (size == 0 || size > max)
		return FAIL(ERR_NAMETOOLONG, "broker string");
	status_t st = copy_in(dst, user_ptr(va), size);
	dst[size] = '\0';
	if (!st && strlen(dst) != size)
		st = FAIL(ERR_INVAL, "NUL inside a broker string");
	return st;
}

static s64 op_create(struct call *c, u64 va, u64 size)
{
	struct proc_create r;
	struct exec_session *e = NULL;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_find(r.call_id, c, &e);
	if (st)
		return st;
	struct aspace *as = aspace_create(e->thread->process->account);
	if (!as)
		return FAIL(ERR_NOMEM, "address space");
	linux_layout_choose(as, e->stack_limit);
	kfree(e->blob);
	e->blob = NULL;
	if (e->aspace)
		aspace_put(e->aspace);
	e->aspace = as;
	e->has_runtime = e->committed = false;
	r.program_base = exec_program_base();
	r.mmap_base = as->mmap_top;
	return COPY_OUT(user_ptr(va), &r);
}

/* Opens as the thread that executes would: its credentials, root and cwd, borrowed while it waits for us. */
static status_t open_as_caller(struct exec_session *e, const char *path, bool library, struct file **out)
{
	struct thread *t = thread_current();
	struct cred *own_cred = t->cred;
	struct fs_context *own_fs = t->fs;
	t->cred = e->thread->cred;
	t->fs = e->thread->fs;
	status_t st = library ? vfs_open(-100, path, O_LARGEFILE_K, 0, out) : vfs_open_exec(-100, path, 0, out);
	t->cred = own_cred;
	t->fs = own_fs;
	return st;
}

static struct proc_file_key key_of(const struct file *f)
{
	const struct node *n = f->where.node;
	return n ? (struct proc_file_key){ n->cookie, n->version, n->fs->id, 0 } : (struct proc_file_key){ 0 };
}

static s64 lend(struct call *c, struct file *f, s32 *fd)
{
	status_t st = call_lend(c, f, fd);
	if (st)
		file_put(f);
	return st;
}

static s64 op_open(struct call *c, u64 va, u64 size, bool library)
{
	struct proc_open r;
	struct exec_session *e = NULL;
	struct file *f;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_find(r.call_id, c, &e);
	if (st)
		return st;
	char *path = kmalloc(PROC_PATH_MAX + 1);
	if (!path)
		return ERR_NOMEM;
	st = string_in(path, r.path, r.path_size, PROC_PATH_MAX);
	if (!st)
		st = open_as_caller(e, path, library, &f);
	kfree(path);
	if (!st) {
		r.key = key_of(f);
		st = (status_t)lend(c, f, &r.fd);
	}
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

/* argv becomes: interpreter, [argument], name of the script, argv[1..]. */
static status_t rewrite_arguments(struct exec_session *e, const char *interpreter, const char *argument)
{
	const char *name = e->file_name ? e->file_name : e->args->path;
	const char *old = e->strings ? e->strings : e->args->strings;
	u64 old_size = e->strings ? e->strings_size : e->args->strings_size;
	u32 argc = e->strings ? e->argc : e->args->argc;
	u64 skip = argc ? strlen(old) + 1 : 0;
	size_t a = strlen(interpreter) + 1, b = argument ? strlen(argument) + 1 : 0, n = strlen(name) + 1;
	char *strings = kmalloc(a + b + n + old_size - skip);
	char *file_name = kmalloc(a);
	if (!strings || !file_name) {
		kfree(strings);
		kfree(file_name);
		return ERR_NOMEM;
	}
	memcpy(strings, interpreter, a);
	if (argument)
		memcpy(strings + a, argument, b);
	memcpy(strings + a + b, name, n);
	memcpy(strings + a + b + n, old + skip, old_size - skip);
	memcpy(file_name, interpreter, a);
	e->strings_size = a + b + n + old_size - skip;
	e->argc = (argc ? argc - 1 : 0) + 2 + (argument != NULL);
	kfree(e->strings);
	kfree(e->file_name);
	e->strings = strings;
	e->file_name = file_name;
	return OK;
}

static s64 script_run(struct exec_session *e, struct call *c, struct proc_script *r, char *interpreter, char *argument)
{
	struct file *f;
	if (!e->args)
		return FAIL(ERR_INVAL, "not a program start");
	if (e->script_depth == PROC_SCRIPT_DEPTH_MAX)
		return FAIL(ERR_LOOP, "scripts that name scripts");
	status_t st = string_in(interpreter, r->interpreter, r->interpreter_size, PROC_SCRIPT_LINE_MAX);
	if (!st && r->argument)
		st = string_in(argument, r->argument, r->argument_size, PROC_SCRIPT_LINE_MAX);
	if (!st)
		st = open_as_caller(e, interpreter, false, &f);
	if (st)
		return st;
	st = rewrite_arguments(e, interpreter, r->argument ? argument : NULL);
	if (!st) {
		file_get(f);
		st = call_lend(c, f, &r->fd);
		if (st)
			file_put(f);
	}
	if (st) {
		file_put(f);
		return st;
	}
	if (e->program)
		file_put(e->program);
	r->key = key_of(f);
	e->program = f;
	e->script_depth++;
	return OK;
}

static s64 op_script(struct call *c, u64 va, u64 size)
{
	struct proc_script r;
	struct exec_session *e = NULL;
	char interpreter[PROC_SCRIPT_LINE_MAX + 1], argument[PROC_SCRIPT_LINE_MAX + 1];
	s64 st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_find(r.call_id, c, &e);
	if (!st)
		st = script_run(e, c, &r, interpreter, argument);
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

/* ---- PROC_MAP ---- */
static status_t mapping_check(const struct proc_mapping *m)
{
	if (m->file_size > m->mem_size || m->va >= USER_TOP || m->mem_size > USER_TOP - m->va || (m->prot & ~7u))
		return FAIL(ERR_INVAL, "mapping range or protection");
	if (m->file_size && (((m->va ^ m->offset) & PAGE_MASK) || m->offset > INT64_MAX - m->file_size || m->fd < 0))
		return FAIL(ERR_INVAL, "mapping offset or file");
	return OK;
}

static status_t map_file_part(struct aspace *as, const struct proc_mapping *m, struct file *f)
{
	u64 low = ALIGN_DOWN(m->va, PAGE_SIZE), at;
	struct map_request r = {
		.va = low, .size = m->va + m->file_size - low, .prot = m->prot, .max_prot = PROT_R | PROT_W | PROT_X,
		.flags = MAP_F_FIXED, .offset = m->offset - (m->va - low), .file = f,
	};
	if (!f->ops->map)
		return FAIL(ERR_NODEV, "file cannot be mapped");
	status_t st = f->ops->map(f, &r);
	if (!st)
		st = aspace_map(as, &r, &at);
	if (r.obj)
		memobj_put(r.obj);
	return st;
}

/* The rest of the last file page, then whole zero pages. A read-only segment keeps the file's bytes there. */
static status_t map_zero_part(struct aspace *as, const struct proc_mapping *m)
{
	u64 file_end = m->va + m->file_size;
	u64 low = m->file_size ? ALIGN_UP(file_end, PAGE_SIZE) : ALIGN_DOWN(m->va, PAGE_SIZE);
	u64 high = ALIGN_UP(m->va + m->mem_size, PAGE_SIZE), at;
	if (m->file_size && low > file_end && (m->prot & PROT_W)) {
		s64 n = aspace_write_bytes(as, file_end, zero_page, low - file_end);
		if (n < 0)
			return (status_t)n;
	}
	if (low >= high)
		return OK;
	struct map_request r = {
		.va = low, .size = high - low, .prot = m->prot, .max_prot = PROT_R | PROT_W | PROT_X, .flags = MAP_F_FIXED,
	};
	return aspace_map(as, &r, &at);
}

static status_t map_one(struct exec_session *e, const struct proc_mapping *m, struct call *c)
{
	status_t st = mapping_check(m);
	if (!st && m->file_size) {
		struct file *f = fdtable_get_file(c->service->fds, m->fd);
		if (!f)
			return FAIL(ERR_BADF, "mapping file");
		st = map_file_part(e->aspace, m, f);
		file_put(f);
	}
	if (!st && m->mem_size > m->file_size)
		st = map_zero_part(e->aspace, m);
	return st;
}

static s64 proc_map(struct call *c, u64 a0, u64 a1, u64 a2)
{
	struct proc_map r;
	struct exec_session *e = NULL;
	struct proc_mapping maps[8]; /* a file has 4 or 5 segments: one copy for the usual case */
	if (a0 != PROC_MAP)
		return broker_image(c, (u32)a0, a1, a2);
	status_t st = broker_copy_in(&r, a1, a2, sizeof(r));
	if (!st)
		st = broker_session_with_space(r.call_id, c, &e);
	if (!st && r.count > PROC_MAPPINGS_MAX)
		st = FAIL(ERR_INVAL, "too many mappings");
	if (st)
		return st;
	u32 i = 0;
	for (; i < r.count && !st; i++) {
		u32 slot = i % ARRAY_SIZE(maps);
		if (slot == 0)
			st = copy_in(maps, user_ptr(r.mappings + i * sizeof(maps[0])), MIN(r.count - i,
				(u32)ARRAY_SIZE(maps)) * sizeof(maps[0]));
		if (!st)
			st = map_one(e, &maps[slot], c);
		preempt_point();
	}
	r.failed = i ? i - 1 : 0;
	if (st && COPY_OUT(user_ptr(a1), &r))
		return ERR_FAULT;
	return st;
}

static s64 proc_linux(struct call *c, u64 a0, u64 a1, u64 a2)
{
	struct proc_linux r;
	struct exec_session *e = NULL;
	if (a0 != PROC_LINUX_RUNTIME)
		return FAIL(ERR_INVAL, "SET_LINUX_RUNTIME operation");
	status_t st = broker_copy_in(&r, a1, a2, sizeof(r));
	if (!st)
		st = broker_session_with_space(r.call_id, c, &e);
	if (st)
		return st;
	if (r.start >= USER_TOP || r.brk >= USER_TOP || (r.flags & ~(u32)PROC_LINUX_EXEC_STACK) ||
		r.header_count > UINT16_MAX)
		return FAIL(ERR_INVAL, "Linux runtime");
	e->runtime = (struct linux_runtime){
		.entry = r.entry, .start = r.start, .headers_va = r.headers_va, .header_count = r.header_count,
		.interpreter_base = r.interpreter_base, .executable_stack = (r.flags & PROC_LINUX_EXEC_STACK) != 0,
	};
	e->aspace->brk_start = e->aspace->brk_end = ALIGN_UP(r.brk, PAGE_SIZE);
	e->aspace->code_start = r.code_start;
	e->aspace->code_end = r.code_end;
	e->aspace->data_start = r.data_start;
	e->aspace->data_end = r.data_end;
	e->has_runtime = true;
	return OK;
}

/* Publishes; the executing thread takes it from here when loaderd answers (ipc/exec.c). */
static s64 proc_commit(struct call *c, u64 a0, u64 a1, u64 a2)
{
	struct proc_commit r;
	struct exec_session *e = NULL;
	if (a0 != PROC_COMMIT)
		return FAIL(ERR_INVAL, "COMMIT operation");
	status_t st = broker_copy_in(&r, a1, a2, sizeof(r));
	if (!st)
		st = broker_session_with_space(r.call_id, c, &e);
	if (!st && (!e->has_runtime || !e->args))
		st = FAIL(ERR_INVAL, "commit without a runtime");
	if (!st)
		e->committed = true;
	return st;
}

static s64 proc_prepare(struct call *c, u64 a0, u64 a1, u64 a2)
{
	switch (a0) {
	case PROC_CREATE:
		return op_create(c, a1, a2);
	case PROC_OPEN:
		return op_open(c, a1, a2, false);
	case PROC_OPEN_LIBRARY:
		return op_open(c, a1, a2, true);
	case PROC_SCRIPT:
		return op_script(c, a1, a2);
	case PROC_ARGUMENTS:
		return broker_arguments(c, a1, a2);
	case PROC_WINDOWS_LAYOUT:
		return broker_windows_layout(a1, a2);
	case PROC_SPAWN:
		return broker_spawn(a1, a2);
	case PROC_STATUS:
		return broker_spawn_status(a1, a2);
	case PROC_SERVICE_DEFINE:
	case PROC_SERVICE_START:
	case PROC_SERVICE_STATS:
	case PROC_SERVICE_GIVE_UP:
		return broker_services((u32)a0, a1, a2);
	default:
		return FAIL(ERR_INVAL, "PROC_PREPARE operation");
	}
}

/* Entry points: the thread's call is claimed for the operation, so no other thread can answer (and free) it. */
static s64 with_call(s64 (*operation)(struct call *, u64, u64, u64), u64 op, u64 va, u64 size)
{
	struct thread *t = thread_current();
	struct call *c = call_claim_current();
	s64 result = operation(c, op, va, size);
	__atomic_store_n(&t->serving, c, __ATOMIC_RELEASE);
	return result;
}

NATIVE_HANDLER(broker_proc_prepare) { return with_call(proc_prepare, a0, a1, a2); }
NATIVE_HANDLER(broker_proc_map) { return with_call(proc_map, a0, a1, a2); }
NATIVE_HANDLER(broker_proc_linux) { return with_call(proc_linux, a0, a1, a2); }
NATIVE_HANDLER(broker_proc_windows) { return with_call(broker_windows_runtime, a0, a1, a2); }
NATIVE_HANDLER(broker_proc_commit) { return with_call(proc_commit, a0, a1, a2); }
