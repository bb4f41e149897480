// SPDX-License-Identifier: MIT
// The PE pipeline, one start: arguments -> closure (images, binding) -> address space -> maps -> blob -> runtime ->
// commit. LOADER_IMAGE takes the same images. A step may be repeated after a restart: PROC_CREATE starts over.
#include "pe.h"
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "../../abi/proto/loader.h"
#include "../../lib/base/string.h"

#define TEXT_FIRST_ROOM 0x4000u      /* argv, environment and paths of a usual start */
#define KNOWN_NAME_MAX 64u

status_t pe_fail(struct pe_trouble *t, const char *step, status_t st, const char *fmt, ...)
{
	if (t->step)
		return st; /* the first cause */
	va_list args;
	va_start(args, fmt);
	t->step = step;
	fmt_vsnprintf(t->detail, sizeof(t->detail), fmt, args);
	va_end(args);
	return st;
}

static status_t prepare(struct pe_program *p, u32 op, void *request, u64 size, const char *step)
{
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, op, (u64)request, size, 0, 0);
	return st ? pe_fail(&p->trouble, step, (status_t)st, "kernel") : OK;
}

static status_t read_arguments(struct pe_program *p)
{
	if (!p->text) {
		p->text = malloc(TEXT_FIRST_ROOM);
		p->text_room = p->text ? TEXT_FIRST_ROOM : 0;
	}
	for (u32 attempt = 0; attempt < 2; attempt++) {
		struct proc_arguments *a = &p->arguments;
		*a = (struct proc_arguments){ .call_id = p->call_id, .va = (u64)p->text, .size = p->text_room };
		s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_ARGUMENTS, (u64)a, sizeof(*a), 0, 0);
		if (st == OK)
			return OK;
		char *larger = st == ERR_RANGE ? realloc(p->text, a->size) : NULL;
		if (!larger)
			return pe_fail(&p->trouble, "arguments", st == ERR_RANGE ? ERR_NOMEM : (status_t)st, "kernel");
		p->text = larger;
		p->text_room = a->size;
	}
	return pe_fail(&p->trouble, "arguments", ERR_AGAIN, "they grew");
}

static void find_places(struct pe_program *p)
{
	const char *at = p->text;
	for (u32 i = 0; i < p->arguments.argc + p->arguments.envc; i++)
		at += strlen(at) + 1;
	p->unix_path = at;
	p->unix_cwd = at + strlen(at) + 1;
}

static status_t map_image(struct pe_program *p, s32 fd, const char *name)
{
	struct proc_image_use u = { .call_id = p->call_id, .fd = fd };
	s64 st = ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_MAP_IMAGE, (u64)&u, sizeof(u), 0, 0);
	return st ? pe_fail(&p->trouble, "map", (status_t)st, "%s", name) : OK;
}

static status_t map_all(struct pe_program *p)
{
	struct proc_create space = { .call_id = p->call_id };
	status_t st = prepare(p, PROC_CREATE, &space, sizeof(space), "address_space");
	for (u32 i = 0; i < p->module_count && !st; i++)
		st = map_image(p, p->modules[i].loaded->fd, p->modules[i].path);
	if (!st)
		st = map_image(p, pe_system_data_fd(), "NLS tables");
	if (!st && pe_stub_fd() >= 0)
		st = map_image(p, pe_stub_fd(), "stubs");
	return st;
}

static status_t set_runtime(struct pe_program *p, u8 *blob, u32 bytes)
{
	const struct pe_loaded *ntdll = p->modules[1].loaded, *program = p->modules[0].loaded;
	struct proc_windows r = {
		.call_id = p->call_id, .process_start = pe_export_address(ntdll, "AmbosProcessStart"),
		.thread_start = pe_export_address(ntdll, "AmbosThreadStart"),
		.exception_dispatcher = pe_export_address(ntdll, "KiUserExceptionDispatcher"),
		.apc_dispatcher = pe_export_address(ntdll, "KiUserApcDispatcher"),
		.blob = (u64)blob, .blob_bytes = bytes, .image_base = program->base,
		.stack_reserve = program->pe.stack_reserve, .stack_commit = program->pe.stack_commit,
	};
	if (!r.process_start || !r.thread_start || !r.exception_dispatcher || !r.apc_dispatcher)
		return pe_fail(&p->trouble, "entry_points", ERR_LIBBAD, "ntdll.dll lacks one of its four");
	s64 st = ambos_call(AMBOS_CALL_PROC_SET_WINDOWS_RUNTIME_BROKER, PROC_WINDOWS_RUNTIME, (u64)&r, sizeof(r), 0, 0);
	return st ? pe_fail(&p->trouble, "runtime", (status_t)st, "kernel") : OK;
}

static status_t commit(struct pe_program *p)
{
	struct proc_commit c = { p->call_id };
	s64 st = ambos_call(AMBOS_CALL_PROC_COMMIT_BROKER, PROC_COMMIT, (u64)&c, sizeof(c), 0, 0);
	return st ? pe_fail(&p->trouble, "commit", (status_t)st, "kernel") : OK;
}

static status_t run(struct pe_program *p)
{
	u8 *blob = NULL;
	u32 bytes = 0;
	status_t st = read_arguments(p);
	if (st)
		return st;
	find_places(p);
	st = pe_closure(p);
	if (!st)
		st = map_all(p);
	if (!st)
		st = pe_build_blob(p, &blob, &bytes);
	if (!st)
		st = set_runtime(p, blob, bytes);
	free(blob);
	return st ? st : commit(p);
}

s64 pe_load(u64 call_id, int fd, const struct proc_file_key *key, const char *path)
{
	static __thread struct pe_program p; /* 100 KiB, and its text's room is kept */
	p.call_id = call_id;
	p.fd = fd;
	p.key = *key;
	p.trouble = (struct pe_trouble){ 0 };
	status_t st = run(&p);
	if (st)
		log_refusal(true, "pe step failed exec=%s step=%s errno=%d (%s)", path, p.trouble.step ? p.trouble.step : "unknown", -st,
			p.trouble.detail);
	pe_program_put(&p);
	return st;
}

/* ---- LOADER_IMAGE ---- */
static void dos_name(const char *unix_path, char out[IMAGE_NAME_MAX])
{
	size_t prefix = sizeof(WINDOWS_DRIVE_C) - 1, at = 2;
	bool drive_c = strncmp(unix_path, WINDOWS_DRIVE_C "/", prefix + 1) == 0;
	memcpy(out, drive_c ? "C:" : "Z:", 2);
	for (const char *s = unix_path + (drive_c ? prefix : 0); *s && at < IMAGE_NAME_MAX - 1; s++)
		out[at++] = (char)(*s == '/' ? '\\' : *s);
	out[at] = '\0';
}

/* A file of System32 that is on the list is the prelinked image, whatever base was asked for: all of its users share it. */
static s32 system_index(const char *path, bool known)
{
	static const char folder[] = WINDOWS_DRIVE_C "/windows/system32/";
	char head[sizeof(folder)];
	if (known)
		return pe_system_find(path);
	size_t n = sizeof(folder) - 1;
	if (strlen(path) <= n || strchr(path + n, '/'))
		return -1;
	memcpy(head, path, n);
	head[n] = '\0';
	return pe_name_compare(head, folder) == 0 ? pe_system_find(path + n) : -1;
}

static status_t find_image(const struct loader_image_request *q, int fd, const char *path, struct pe_loaded **out,
			   struct pe_trouble *t)
{
	struct proc_file_key key = { q->node_cookie, q->node_version, q->node_fs, 0 };
	char name[IMAGE_NAME_MAX];
	bool known = q->flags & LOADER_IMAGE_KNOWN;
	status_t st = pe_system_open(t);
	s32 index = st ? -1 : system_index(path, known);
	if (st)
		return st;
	if (index < 0 && (known || fd < 0))
		return ERR_NOENT;
	if (index >= 0 && (!q->base || q->base == pe_system_at(index)->base)) {
		struct pe_loaded *l = *out = pe_system_loaded(index, t);
		u64 bound;
		return l ? pe_bind(NULL, l, PE_SYSTEM_BINDING, &bound, t) : ERR_NOMEM;
	}
	dos_name(path, name);
	return pe_image_for_section(fd, &key, q->base, name, out, t);
}

s64 load_image(struct service_request *r)
{
	const struct loader_image_request *q = request_args(r);
	struct pe_trouble trouble = { 0 };
	struct pe_loaded *l = NULL;
	if (q->flags & ~(u32)LOADER_IMAGE_KNOWN)
		return ERR_INVAL;
	status_t st = find_image(q, r->message.attached_fd, (const char *)r->payload, &l, &trouble);
	if (!st) {
		struct proc_image_use u = { .call_id = r->message.call_id, .fd = l->fd };
		st = (status_t)ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_IMAGE_GIVE, (u64)&u, sizeof(u), 0, 0);
		pe_cache_put(l);
	} else if (trouble.step) {
		log_refusal(false, "pe step failed image=%s step=%s errno=%d (%s)", (const char *)r->payload, trouble.step, -st, trouble.detail);
	}
	return st;
}
