// SPDX-License-Identifier: MIT
// What loaderd needs besides the ELF operations to start a Windows program: the start's arguments, image objects,
// stores into the prepared space, SET_WINDOWS_RUNTIME. Contract: abi/core/broker.h. Also image_request: the kernel's
// question for LOADER_IMAGE.
#include "broker.h"
#include "cpu.h"
#include "exec.h"
#include "file.h"
#include "image.h"
#include "mm.h"
#include "nt_start.h"
#include "user_ptr.h"
#include "vfs.h"
#include "../../abi/proto/loader.h"
#include "../../lib/base/string.h"

#define WRITE_CHUNK 512u /* an import table of a usual program in one or two steps */

/* ---- PROC_ARGUMENTS ---- */
struct text_out { u64 va; u64 room, size; };

static status_t text_put(struct text_out *o, const void *bytes, u64 n)
{
	status_t st = o->size + n <= o->room ? copy_out(user_ptr(o->va + o->size), bytes, n) : OK;
	o->size += n;
	return st;
}

static status_t put_path(struct text_out *o, struct position at, struct position root, char *buf)
{
	s64 n = at.node ? vfs_path_of(at, root, buf, PROC_PATH_MAX) : 0;
	buf[n < 0 ? 0 : MIN(n, (s64)PROC_PATH_MAX - 1)] = '\0';
	return text_put(o, buf, strlen(buf) + 1);
}

static status_t put_places(struct text_out *o, struct exec_session *e)
{
	char *buf = kmalloc(PROC_PATH_MAX);
	if (!buf)
		return ERR_NOMEM;
	struct fs_context *fs = e->thread->fs;
	spin_lock(&fs->lock);
	struct position root = fs_root(fs), cwd = fs_cwd(fs);
	position_get(root);
	position_get(cwd);
	spin_unlock(&fs->lock);
	struct file *program = e->program ? e->program : e->args->file;
	status_t st = put_path(o, program->where, root, buf);
	if (!st)
		st = put_path(o, cwd, root, buf);
	position_put(root);
	position_put(cwd);
	kfree(buf);
	return st;
}

static void describe_fds(struct exec_session *e, struct proc_arguments *r)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = fdtable_get_file(e->thread->fds, fd);
		if (!f)
			continue;
		if (!(fdtable_get_flags(e->thread->fds, fd) & FD_CLOEXEC_K))
			r->open_fds |= 1u << fd;
		if (strcmp(f->ops->name, "tty") == 0)
			r->terminal_fds |= 1u << fd;
		file_put(f);
	}
}

static void describe_process(struct exec_session *e, struct proc_arguments *r)
{
	struct process *p = e->thread->process;
	r->pid = p->pid;
	r->parent_pid = p->parent ? p->parent->pid : 0;
	r->session = p->sid;
	r->uid = e->thread->cred->uid;
	r->gid = e->thread->cred->gid;
	r->processors = cpu_count;
	r->argc = e->strings ? e->argc : e->args->argc;
	r->envc = e->args->envc;
	r->nt_bytes = e->args->nt_parameters_size;
	r->open_fds = r->terminal_fds = 0;
	describe_fds(e, r);
}

s64 broker_arguments(struct call *c, u64 va, u64 size)
{
	struct proc_arguments r;
	struct exec_session *e = NULL;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_find(r.call_id, c, &e);
	if (!st && !e->args)
		st = FAIL(ERR_INVAL, "not a program start");
	if (st)
		return st;
	struct text_out o = { .va = r.va, .room = r.size };
	st = e->strings ? text_put(&o, e->strings, e->strings_size) : text_put(&o, e->args->strings, e->args->strings_size);
	if (!st)
		st = put_places(&o, e);
	r.nt_offset = (u32)o.size;
	if (!st && e->args->nt_parameters)
		st = text_put(&o, e->args->nt_parameters, e->args->nt_parameters_size);
	if (st)
		return st;
	describe_process(e, &r);
	r.size = (u32)o.size;
	st = COPY_OUT(user_ptr(va), &r);
	return st ? st : o.size > o.room ? ERR_RANGE : OK;
}

s64 broker_windows_layout(u64 va, u64 size)
{
	struct proc_windows_layout r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	r.system_base = nt_system_base();
	r.image_base = nt_image_base();
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

/* ---- image objects ---- */
static status_t image_install(struct file *f, const struct proc_image *r, s32 *fd, u64 *va)
{
	struct map_request m = {
		.size = r->layout.size, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W,
		.flags = MAP_F_SHARED | MAP_F_NORESERVE, .obj = image_memory(f), .name = "[image]",
	};
	struct aspace *as = process_current()->aspace;
	status_t st = aspace_map(as, &m, va);
	if (st)
		return st;
	*fd = fdtable_install(thread_current()->fds, f, 0, 0);
	if (*fd < 0 && aspace_unmap(as, *va, r->layout.size)) { /* nothing was there */ }
	return *fd < 0 ? *fd : OK;
}

static status_t image_copy_in(const struct proc_image *r, struct image_section *sections, char *name)
{
	if (!r->layout.section_count || r->layout.section_count > IMAGE_SECTIONS_MAX || r->name_size > IMAGE_NAME_MAX)
		return FAIL(ERR_INVAL, "image sections or name");
	status_t st = copy_in(sections, user_ptr(r->sections), r->layout.section_count * sizeof(*sections));
	if (!st)
		st = copy_in(name, user_ptr(r->name), r->name_size);
	name[r->name_size] = '\0';
	return st;
}

static s64 op_image_create(u64 va, u64 size)
{
	struct proc_image r;
	struct file *f = NULL;
	s64 st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	struct image_section *sections = kmalloc(IMAGE_SECTIONS_MAX * sizeof(*sections) + IMAGE_NAME_MAX + 1);
	if (!sections)
		return ERR_NOMEM;
	char *name = (char *)(sections + IMAGE_SECTIONS_MAX);
	st = image_copy_in(&r, sections, name);
	if (!st)
		st = image_create(&r.layout, sections, name, &f);
	kfree(sections);
	if (!st)
		st = image_install(f, &r, &r.fd, &r.va);
	if (st && f)
		file_put(f);
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

static s64 op_image_use(struct call *c, u32 op, u64 va, u64 size)
{
	struct proc_image_use r;
	struct exec_session *e = NULL;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = op == PROC_IMAGE_GIVE ? broker_session_find(r.call_id, c, &e) : broker_session_with_space(r.call_id, c, &e);
	struct file *f = st ? NULL : fdtable_get_file(c->service->fds, r.fd);
	if (!st && (!f || !image_is(f)))
		st = FAIL(ERR_BADF, "not an image object");
	if (!st && op == PROC_MAP_IMAGE) {
		st = image_map(e->aspace, f);
	} else if (!st && op == PROC_IMAGE_MAPPABLE) {
		st = image_place_is_free(e->aspace, f) ? OK : ERR_EXIST;
	} else if (!st) {
		if (e->image)
			file_put(e->image);
		e->image = f;
		return OK;
	}
	if (f)
		file_put(f);
	return st;
}

static s64 op_write(struct call *c, u64 va, u64 size)
{
	struct proc_write r;
	struct exec_session *e = NULL;
	u8 chunk[WRITE_CHUNK];
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_with_space(r.call_id, c, &e);
	if (!st && (r.va > USER_TOP || r.size > USER_TOP - r.va))
		st = FAIL(ERR_INVAL, "PROC_WRITE range");
	for (u64 done = 0; !st && done < r.size;) {
		u64 n = MIN(r.size - done, (u64)WRITE_CHUNK);
		st = copy_in(chunk, user_ptr(r.from + done), n);
		s64 stored = st ? 0 : aspace_write_bytes(e->aspace, r.va + done, chunk, n);
		if (!st && stored != (s64)n)
			st = stored < 0 ? (status_t)stored : ERR_FAULT;
		done += n;
	}
	return st;
}

s64 broker_image(struct call *c, u32 op, u64 va, u64 size)
{
	switch (op) {
	case PROC_IMAGE_CREATE:
		return op_image_create(va, size);
	case PROC_MAP_IMAGE:
	case PROC_IMAGE_GIVE:
	case PROC_IMAGE_MAPPABLE:
		return op_image_use(c, op, va, size);
	case PROC_WRITE:
		return op_write(c, va, size);
	default:
		return FAIL(ERR_INVAL, "PROC_MAP operation");
	}
}

/* ---- SYS_AMBOS_PROC_SET_WINDOWS_RUNTIME_BROKER ---- */
s64 broker_windows_runtime(struct call *c, u64 op, u64 va, u64 size)
{
	struct proc_windows r;
	struct exec_session *e = NULL;
	if (op != PROC_WINDOWS_RUNTIME)
		return FAIL(ERR_INVAL, "SET_WINDOWS_RUNTIME operation");
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (!st)
		st = broker_session_with_space(r.call_id, c, &e);
	if (st)
		return st;
	if (!r.blob_bytes || r.blob_bytes > PROC_WINDOWS_BLOB_MAX || r.process_start >= USER_TOP)
		return FAIL(ERR_INVAL, "Windows runtime");
	void *blob = kmalloc(r.blob_bytes);
	if (!blob)
		return ERR_NOMEM;
	st = copy_in(blob, user_ptr(r.blob), r.blob_bytes);
	if (st) {
		kfree(blob);
		return st;
	}
	kfree(e->blob);
	e->blob = blob;
	e->windows.start = (struct windows_start){
		.process_start = r.process_start, .thread_start = r.thread_start,
		.exception_dispatcher = r.exception_dispatcher, .apc_dispatcher = r.apc_dispatcher,
		.blob_bytes = r.blob_bytes, .image_base = r.image_base,
		.stack_reserve = r.stack_reserve, .stack_commit = r.stack_commit,
	};
	nt_layout_choose(e->aspace);
	e->has_runtime = true;
	return OK;
}

status_t image_request(struct file *pe, const char *name, u64 base, struct file **image)
{
	struct exec_session e = { .thread = thread_current() };
	struct loader_image_request request = { .flags = pe ? 0 : LOADER_IMAGE_KNOWN, .base = base };
	struct node *n = pe ? pe->where.node : NULL;
	if (n) {
		request.node_version = n->version;
		request.node_cookie = n->cookie;
		request.node_fs = n->fs->id;
	}
	struct route_request r = {
		.service = SERVICE_LOADERD, .op = LOADER_IMAGE, .cause = HOP_BY_DESIGN, .args = &request,
		.args_size = sizeof(request), .payload = name, .payload_size = (u32)strlen(name), .attach = pe,
		.killable_only = true, .exec = &e,
	};
	s64 st = route_call(&r);
	if (st >= 0 && !e.image)
		st = FAIL(ERR_NOEXEC, "loaderd answered without an image");
	if (st >= 0) {
		*image = e.image;
		e.image = NULL;
	}
	exec_session_reset(&e);
	return st < 0 ? (status_t)st : OK;
}
