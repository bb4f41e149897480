// SPDX-License-Identifier: MIT
// One LOADER_LOAD: follow scripts, make the plans of program and interpreter, have the kernel map them, commit.
// Any step may be repeated after a restart: PROC_CREATE and the script rewrite start over.
#include "pe.h"
#include "plan.h"

#include <string.h>

#include "../../abi/proto/loader.h"

struct load {
	u64 call_id;
	int fd;
	struct proc_file_key key;
	struct proc_create space;
	struct plan program, interpreter;
	u64 program_bias, interpreter_bias;
	const char *step;
};

static status_t fail(struct load *l, const char *step, s64 st)
{
	l->step = step;
	return (status_t)st;
}

static status_t follow_script(struct load *l)
{
	struct proc_script s = {
		.call_id = l->call_id, .interpreter = (u64)l->program.interpreter,
			.interpreter_size = l->program.interpreter_size,
		.argument = l->program.argument_size ? (u64)l->program.argument : 0, .argument_size = l->program.argument_size,
	};
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SCRIPT, (u64)&s, sizeof(s), 0, 0);
	if (st)
		return fail(l, st == ERR_LOOP ? "script_depth" : "script_interpreter_open", st);
	l->fd = s.fd;
	l->key = s.key;
	return OK;
}

static status_t plan_program(struct load *l)
{
	for (u32 depth = 0; depth <= PROC_SCRIPT_DEPTH_MAX; depth++) {
		status_t st = plan_make(l->fd, &l->key, &l->program, &l->step);
		if (st || l->program.kind != PLAN_SCRIPT)
			return st;
		st = follow_script(l);
		if (st)
			return st;
	}
	return fail(l, "script_depth", ERR_LOOP);
}

static status_t map_image(struct load *l, const struct elf_image *image, u64 bias, int fd)
{
	struct proc_mapping maps[ELF_SEGMENTS_MAX];
	for (u32 i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segments[i];
		maps[i] = (struct proc_mapping){
			.va = s->va + bias, .offset = s->offset, .file_size = s->file_size,
				.mem_size = s->mem_size, .prot = s->prot,
			.fd = s->file_size ? fd : -1,
		};
	}
	struct proc_map m = { .call_id = l->call_id, .mappings = (u64)maps, .count = image->segment_count };
	s64 st = ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_MAP, (u64)&m, sizeof(m), 0, 0);
	return st ? fail(l, "map", st) : OK;
}

/* Places `image` below the mmap area's top, aligned as it asks. */
static status_t place_below(struct load *l, const struct elf_image *image, u64 *bias)
{
	u64 size = image->high - image->low;
	if (size + image->alignment > l->space.mmap_base)
		return fail(l, "address_space", ERR_NOMEM);
	u64 base = ALIGN_DOWN(l->space.mmap_base - size, image->alignment);
	l->space.mmap_base = base;
	*bias = base - image->low;
	return OK;
}

static status_t place_program(struct load *l)
{
	const struct elf_image *image = &l->program.image;
	l->program_bias = 0;
	if (image->type == ELF_TYPE_EXEC)
		return OK;
	if (!l->program.interpreter_size)
		return place_below(l, image, &l->program_bias);
	u64 base = ALIGN_DOWN(l->space.program_base, image->alignment);
	if (image->high - image->low > l->space.mmap_base - MIN(base, l->space.mmap_base))
		return fail(l, "address_space", ERR_NOMEM);
	l->program_bias = base - image->low;
	return OK;
}

static status_t load_interpreter(struct load *l)
{
	struct proc_open o = { .call_id = l->call_id, .path = (u64)l->program.interpreter,
		.path_size = l->program.interpreter_size };
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_OPEN, (u64)&o, sizeof(o), 0, 0);
	if (st)
		return fail(l, "interpreter_open", st);
	status_t made = plan_make(o.fd, &o.key, &l->interpreter, &l->step);
	if (made == ERR_NOEXEC || (!made && l->interpreter.kind != PLAN_ELF))
		return fail(l, "interpreter_format", ERR_LIBBAD);
	if (made)
		return made;
	l->interpreter_bias = 0;
	if (l->interpreter.image.type == ELF_TYPE_DYN) {
		made = place_below(l, &l->interpreter.image, &l->interpreter_bias);
		if (made)
			return made;
	}
	return map_image(l, &l->interpreter.image, l->interpreter_bias, o.fd);
}

static status_t set_runtime(struct load *l)
{
	const struct elf_image *image = &l->program.image;
	bool dynamic = l->program.interpreter_size != 0;
	u64 bias = l->program_bias;
	struct proc_linux r = {
		.call_id = l->call_id, .entry = image->entry + bias,
		.start = dynamic ? l->interpreter.image.entry + l->interpreter_bias : image->entry + bias,
		.headers_va = image->headers_va ? image->headers_va + bias : 0, .header_count = image->header_count,
		.flags = image->executable_stack ? PROC_LINUX_EXEC_STACK : 0,
		.interpreter_base = dynamic ? l->interpreter.image.low + l->interpreter_bias : 0, .brk = image->brk + bias,
		.code_start = image->code_start + bias, .code_end = image->code_end + bias,
		.data_start = image->data_start + bias, .data_end = image->data_end + bias,
	};
	s64 st = ambos_call(AMBOS_CALL_PROC_SET_LINUX_RUNTIME_BROKER, PROC_LINUX_RUNTIME, (u64)&r, sizeof(r), 0, 0);
	return st ? fail(l, "runtime", st) : OK;
}

static status_t commit(struct load *l)
{
	struct proc_commit c = { l->call_id };
	s64 st = ambos_call(AMBOS_CALL_PROC_COMMIT_BROKER, PROC_COMMIT, (u64)&c, sizeof(c), 0, 0);
	return st ? fail(l, "commit", st) : OK;
}

static status_t create_space(struct load *l)
{
	l->space.call_id = l->call_id;
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_CREATE, (u64)&l->space, sizeof(l->space), 0, 0);
	return st ? fail(l, "address_space", st) : OK;
}

static status_t load_run(struct load *l)
{
	status_t st = plan_program(l);
	if (!st && l->program.kind == PLAN_PE)
		return OK; /* its own pipeline */
	if (!st)
		st = create_space(l);
	if (!st)
		st = place_program(l);
	if (!st)
		st = map_image(l, &l->program.image, l->program_bias, l->fd);
	if (!st && l->program.interpreter_size)
		st = load_interpreter(l);
	if (!st)
		st = set_runtime(l);
	return st ? st : commit(l);
}

s64 load_program(struct service_request *r)
{
	static __thread struct load load; /* 10 KiB: too large for a worker's stack twice over */
	const struct loader_load_request *q = request_args(r);
	load.call_id = r->message.call_id;
	load.fd = r->message.attached_fd;
	load.key = (struct proc_file_key){ q->node_cookie, q->node_version, q->node_fs, 0 };
	load.step = "unknown";
	status_t st = load_run(&load);
	if (!st && load.program.kind == PLAN_PE)
		return pe_load(load.call_id, load.fd, &load.key, (const char *)r->payload);
	if (st)
		log_refusal(false, "elf step failed exec=%s step=%s errno=%d", (const char *)r->payload, load.step, -st);
	return st;
}
