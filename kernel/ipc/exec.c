// SPDX-License-Identifier: MIT
// execve and the kernel's half of every program start: open with the caller's credentials, ask loaderd once, build the
// stack, commit. Each failure before exec_commit is the caller's errno and leaves the caller untouched.
#include "exec.h"
#include "../../abi/proto/loader.h"
#include "file.h"
#include "ipc_internal.h"
#include "linux.h"
#include "signal.h"
#include "vfs.h"
#include "../../lib/base/string.h"

#define STACK_LIMIT_DEFAULT MIB(8)
#define STRINGS_SHARE 4              /* argv and envp may take a quarter of the stack limit, as Linux */
#define STRINGS_MAX MIB(4)           /* largest kernel allocation; Linux allows 6 MiB with a raised stack limit */
#define RLIMIT_STACK_INDEX 3

void exec_session_reset(struct exec_session *e)
{
	if (e->aspace)
		aspace_put(e->aspace);
	if (e->program)
		file_put(e->program);
	kfree(e->strings);
	kfree(e->file_name);
	kfree(e->blob);
	if (e->image)
		file_put(e->image);
	e->aspace = NULL;
	e->program = e->image = NULL;
	e->blob = NULL;
	e->strings = e->file_name = NULL;
	e->strings_size = 0;
	e->argc = e->script_depth = 0;
	e->has_runtime = e->committed = false;
}

static u64 stack_limit_current(void)
{
	u64 limit = process_current()->rlimits[RLIMIT_STACK_INDEX].soft;
	return limit == UINT64_MAX ? GIB(1) : limit;
}

static s64 ask_loader(struct exec_session *e)
{
	struct node *n = e->args->file->where.node;
	struct loader_load_request request = { 0 };
	if (n) {
		request.node_version = n->version;
		request.node_cookie = n->cookie;
		request.node_fs = n->fs->id;
	}
	struct route_request r = {
		.service = SERVICE_LOADERD, .op = LOADER_LOAD, .cause = HOP_BY_DESIGN, .args = &request,
		.args_size = sizeof(request), .payload = e->args->path, .payload_size = (u32)strlen(e->args->path),
		.attach = e->args->file, .killable_only = true, .exec = e,
	};
	s64 st = route_call(&r);
	if (st < 0)
		return st;
	return e->committed ? OK : FAIL(ERR_NOEXEC, "loaderd answered without a commit");
}

static void comm_from_path(char name[16], const char *path)
{
	const char *slash = strrchr(path, '/');
	str_copy(name, slash ? slash + 1 : path, 16);
}

#define WINDOWS_SHADOW_BYTES 40 /* of the x64 calling convention: four homes and the return address */
static status_t windows_start_build(struct exec_session *e, struct exec_image *image)
{
	u32 pid = process_current()->pid;
	status_t st = nt_process_build(e->aspace, &e->windows, e->blob, pid, pid);
	image->windows = &e->windows;
	image->entry = e->windows.start.process_start;
	image->stack_pointer = e->windows.stack_top - WINDOWS_SHADOW_BYTES;
	return st;
}

static s64 finish(struct exec_session *e)
{
	struct exec_args effective = *e->args;
	struct exec_image image = { .aspace = e->aspace, .entry = e->runtime.start };
	if (e->strings) {
		effective.strings = e->strings;
		effective.strings_size = e->strings_size;
		effective.argc = e->argc;
	}
	struct file *program = e->program ? e->program : e->args->file;
	const struct cred *old = thread_current()->cred;
	status_t st = exec_credentials(program, old, &image.cred, &e->runtime.secure);
	if (st)
		return st;
	if (e->blob)
		st = windows_start_build(e, &image);
	else
		st = linux_stack_build(e->aspace, &e->runtime, &effective, image.cred ? image.cred : old,
			e->stack_limit, &image.stack_pointer);
	if (st) {
		if (image.cred)
			cred_put(image.cred);
		return st;
	}
	file_get(program);
	image.exe = program;
	comm_from_path(image.name, e->args->path);
	e->aspace = NULL; /* taken over */
	exec_session_reset(e);
	exec_args_free(e->args);
	exec_commit(&image);
	return OK;
}

s64 exec_run(struct exec_args *args)
{
	struct exec_session e = { .args = args, .thread = thread_current(), .stack_limit = stack_limit_current() };
	s64 st = ask_loader(&e);
	if (st == OK)
		st = finish(&e);
	if (st < 0)
		exec_session_reset(&e);
	return st;
}

/* ---- execve(2), execveat(2) ---- */
struct string_buffer {
	char *bytes;
	u64 used, capacity, limit;
};

static status_t buffer_reserve(struct string_buffer *b, u64 more)
{
	if (b->used + more <= b->capacity)
		return OK;
	if (b->used + more > b->limit)
		return ERR_2BIG;
	u64 capacity = MAX(b->capacity * 2, ALIGN_UP(b->used + more, PAGE_SIZE));
	char *bytes = kmalloc(capacity);
	if (!bytes)
		return ERR_NOMEM;
	memcpy(bytes, b->bytes, b->used);
	kfree(b->bytes);
	b->bytes = bytes;
	b->capacity = capacity;
	return OK;
}

#define STRING_MAX KIB(128)  /* one argument or variable, MAX_ARG_STRLEN */
#define FIRST_CAPACITY 2048u /* a usual argv and envp */
static status_t append_string(struct string_buffer *b, u64 va)
{
	u64 chunk = 128;
	for (;;) {
		status_t st = buffer_reserve(b, chunk);
		if (st)
			return st;
		u64 room = MIN(b->capacity - b->used, STRING_MAX);
		s64 n = copy_in_string(b->bytes + b->used, user_ptr(va), room);
		if (n >= 0) {
			b->used += (u64)n + 1;
			return OK;
		}
		if (n != ERR_NAMETOOLONG)
			return (status_t)n;
		if (room == STRING_MAX)
			return ERR_2BIG;
		chunk = MIN(room * 2, STRING_MAX);
	}
}

#define POINTERS_AT_ONCE 16
static status_t append_array(struct string_buffer *b, u64 va, u32 *count)
{
	u64 pointers[POINTERS_AT_ONCE];
	*count = 0;
	while (va) {
		/* whole groups, but never past a page that might end the array */
		u64 n = MIN((u64)POINTERS_AT_ONCE, (PAGE_SIZE - (va & PAGE_MASK)) / 8);
		n = MAX(n, 1u);
		status_t st = copy_in(pointers, user_ptr(va), n * 8);
		if (st)
			return st;
		for (u64 i = 0; i < n; i++) {
			if (!pointers[i])
				return OK;
			st = append_string(b, pointers[i]);
			if (st)
				return st;
			++*count;
		}
		va += n * 8;
		preempt_point();
	}
	return OK;
}

s64 exec_copy_strings(struct exec_args *args, u64 argv, u64 envp, u64 limit)
{
	struct string_buffer b = { .bytes = kmalloc(FIRST_CAPACITY), .capacity = FIRST_CAPACITY,
		.limit = MIN(limit, STRINGS_MAX) };
	if (!b.bytes)
		return ERR_NOMEM;
	status_t st = append_array(&b, argv, &args->argc);
	if (!st && args->argc == 0) { /* an empty argv becomes one empty string, as Linux since 5.18 */
		b.bytes[b.used++] = '\0';
		args->argc = 1;
	}
	if (!st)
		st = append_array(&b, envp, &args->envc);
	if (!st && b.used + (args->argc + (u64)args->envc) * 8 > b.limit)
		st = ERR_2BIG;
	if (st) {
		kfree(b.bytes);
		return st;
	}
	args->strings = b.bytes;
	args->strings_size = b.used;
	return OK;
}

/* AT_EXECFN: the path as given; by descriptor it is /dev/fd/N or /dev/fd/N/path. */
static char *exec_name(int dirfd, const char *path)
{
	bool by_fd = dirfd != -100 && path[0] != '/';
	size_t size = strlen(path) + (by_fd ? 24 : 1);
	char *name = kmalloc(size);
	if (name && by_fd)
		fmt_snprintf(name, size, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d%s", dirfd, path);
	else if (name)
		memcpy(name, path, size);
	return name;
}

#define AT_FDCWD_K (-100)
#define AT_SYMLINK_NOFOLLOW_K 0x100
#define AT_EMPTY_PATH_K 0x1000
static s64 exec_at(int dirfd, u64 path_va, u64 argv, u64 envp, u32 flags)
{
	char *path;
	struct exec_args args = { 0 };
	if (flags & ~(u32)(AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K))
		return FAIL(ERR_INVAL, "execveat flags");
	s64 st = path_copy_in(user_ptr(path_va), &path);
	if (st)
		return st;
	st = vfs_open_exec(dirfd, path, flags, &args.file);
	if (st == OK && !(args.path = exec_name(dirfd, path)))
		st = ERR_NOMEM;
	path_free(path);
	if (st == OK)
		st = exec_copy_strings(&args, argv, envp, stack_limit_current() / STRINGS_SHARE);
	if (st == OK)
		st = exec_run(&args);
	if (st < 0)
		exec_args_free(&args);
	return st;
}

LINUX_HANDLER(execve)
{
	return exec_at(AT_FDCWD_K, a0, a1, a2, 0);
}

LINUX_HANDLER(execveat)
{
	return exec_at((int)a0, a1, a2, a3, (u32)a4);
}
