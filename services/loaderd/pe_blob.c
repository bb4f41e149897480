// SPDX-License-Identifier: MIT
// The runtime blob (abi/nt/runtime.h): one buffer, fixed part first, then tables, then text.
#include "pe.h"

#include <stdlib.h>
#include <string.h>

#define BLOB_TEXT_ROOM 0x10000u      /* first guess; grows */
#define ANSI_CODE_PAGE 1252u
#define OEM_CODE_PAGE 437u
#define LCID_EN_US 0x409u
#define OS_MAJOR 10u
#define OS_BUILD 19045u              /* what programs of today expect at least */
#define OS_PLATFORM_NT 2u
#define SHOW_DEFAULT 10u             /* SW_SHOWDEFAULT */

struct builder {
	u8 *at;
	u32 used, room;
	bool failed;
	struct pe_text16 text;
};

static u32 reserve(struct builder *b, u32 bytes)
{
	u32 offset = ALIGN_UP(b->used, 8u);
	if (offset + bytes > b->room) {
		u32 room = MAX(b->room * 2, offset + bytes + BLOB_TEXT_ROOM);
		u8 *at = realloc(b->at, room);
		if (!at || room > PROC_WINDOWS_BLOB_MAX) {
			b->failed = true;
			b->at = at ? at : b->at;
			return 0;
		}
		memset(at + b->room, 0, room - b->room);
		b->at = at;
		b->room = room;
	}
	b->used = offset + bytes;
	return offset;
}

/* What was put into b->text since it was emptied, as one string. */
static struct windows_text take_text(struct builder *b)
{
	u32 bytes = b->text.count * 2, offset = reserve(b, bytes + 2);
	b->failed |= b->text.failed;
	if (!b->failed) {
		memcpy(b->at + offset, b->text.at, bytes);
		memset(b->at + offset + bytes, 0, 2);
	}
	b->text.count = 0;
	return (struct windows_text){ offset, bytes };
}

static struct windows_text add_text(struct builder *b, const char *utf8)
{
	pe_put(&b->text, utf8, strlen(utf8));
	return take_text(b);
}

static struct windows_text add_path(struct builder *b, const char *prefix, const char *unix_path, bool slash)
{
	pe_put(&b->text, prefix, strlen(prefix));
	pe_put_dos_path(&b->text, unix_path);
	if (slash && b->text.count && b->text.at[b->text.count - 1] != '\\')
		pe_put_unit(&b->text, '\\');
	return take_text(b);
}

static struct windows_runtime *head(struct builder *b) { return (struct windows_runtime *)(void *)b->at; }

/* ---- modules ---- */
static struct windows_text module_path(struct builder *b, const struct pe_program *p, const struct pe_module *m)
{
	char path[PE_PATH_MAX];
	const char *slash = strrchr(p->unix_path, '/');
	size_t n = slash ? (size_t)(slash - p->unix_path) + 1 : 0, length = strlen(m->path);
	if (m->loaded->system) {
		static const char folder[] = WINDOWS_DRIVE_C "/Windows/System32/";
		n = sizeof(folder) - 1;
		memcpy(path, folder, n);
	} else {
		n = MIN(n, sizeof(path) - sizeof(m->path));
		memcpy(path, p->unix_path, n);
	}
	memcpy(path + n, m->path, length + 1);
	return add_path(b, "", path, false);
}

static void add_module(struct builder *b, const struct pe_program *p, u32 index, u32 table)
{
	const struct pe_module *m = &p->modules[index];
	const struct pe_image *pe = &m->loaded->pe;
	struct windows_module out = {
		.base = m->loaded->base, .size = pe->size, .entry = pe->entry ? m->loaded->base + pe->entry : 0,
		.flags = (index == 0 ? WINDOWS_MODULE_MAIN : 0) | (index == 1 ? WINDOWS_MODULE_NTDLL : 0) |
			(m->loaded->system ? WINDOWS_MODULE_SYSTEM : 0) |
			(m->loaded->base != pe->preferred_base ? WINDOWS_MODULE_RELOCATED : 0),
		.dependency_count = m->dependency_count, .time_stamp = pe->time_stamp, .checksum = pe->checksum,
	};
	out.path = module_path(b, p, m);
	out.name = add_text(b, m->path);
	out.dependencies = reserve(b, m->dependency_count * 4);
	if (b->failed)
		return;
	memcpy(b->at + out.dependencies, m->dependencies, m->dependency_count * 4);
	memcpy(b->at + table + index * sizeof(out), &out, sizeof(out));
}

static void add_modules(struct builder *b, const struct pe_program *p)
{
	u32 table = reserve(b, p->module_count * (u32)sizeof(struct windows_module));
	for (u32 i = 0; i < p->module_count && !b->failed; i++)
		add_module(b, p, i, table);
	head(b)->modules = table;
	head(b)->module_count = p->module_count;
}

/* ---- parameters ---- */
static const struct windows_parameters *given_parameters(const struct pe_program *p)
{
	const struct proc_arguments *a = &p->arguments;
	const struct windows_parameters *g = (const void *)(p->text + a->nt_offset);
	bool sound = a->nt_bytes >= sizeof(*g) && g->magic == WINDOWS_PARAMETERS_MAGIC && g->bytes == a->nt_bytes;
	return sound ? g : NULL;
}

/* Bytes of the parent's, kept in whole units; out->bytes is their true count. */
static bool take_bytes(struct builder *b, const struct windows_parameters *g, struct windows_text t, struct windows_text *out)
{
	if (!g || !t.offset || t.offset > g->bytes || t.bytes > g->bytes - t.offset)
		return false;
	for (u32 i = 0; i < t.bytes; i += 2) {
		u16 unit = 0;
		memcpy(&unit, (const u8 *)g + t.offset + i, t.bytes - i < 2 ? 1 : 2);
		pe_put_unit(&b->text, unit);
	}
	*out = take_text(b);
	if (out->bytes > t.bytes)
		out->bytes = t.bytes;
	return true;
}

/* A string that an NT parent gave; false: none. */
static bool take_given(struct builder *b, const struct windows_parameters *g, struct windows_text t, struct windows_text *out)
{
	return t.bytes % 2 == 0 && take_bytes(b, g, t, out);
}

static void add_strings(struct builder *b, const struct pe_program *p, const struct windows_parameters *g,
			struct windows_runtime *r)
{
	static const struct windows_parameters none;
	const struct windows_parameters *w = g ? g : &none;
	r->image_path = add_path(b, "", p->unix_path, false);
	r->nt_image_path = add_path(b, "\\??\\", p->unix_path, false);
	if (!take_given(b, g, w->command_line, &r->command_line)) {
		pe_put_command_line(&b->text, p);
		r->command_line = take_text(b);
	}
	if (!take_given(b, g, w->current_directory, &r->current_directory))
		r->current_directory = add_path(b, "", p->unix_cwd, true);
	if (!take_given(b, g, w->environment, &r->environment)) {
		pe_put_environment(&b->text, p);
		r->environment = take_text(b);
	}
	if (!take_given(b, g, w->window_title, &r->window_title))
		r->window_title = add_path(b, "", p->unix_path, false);
	if (!take_given(b, g, w->desktop, &r->desktop))
		r->desktop = add_text(b, "WinSta0\\Default");
	take_given(b, g, w->dll_path, &r->dll_path);
	take_bytes(b, g, w->runtime_info, &r->runtime_info);
	r->user_locale_name = add_text(b, "en-US");
	r->time_zone.standard_name = add_text(b, "@tzres.dll,-22000"); /* strings of the staged tzres.dll */
	r->time_zone.daylight_name = add_text(b, "@tzres.dll,-22001");
	r->time_zone.key_name = add_text(b, "UTC");
}

static void fill_handles(const struct pe_program *p, const struct windows_parameters *g, struct windows_runtime *r)
{
	bool given = g && (g->flags & WINDOWS_PARAMETERS_HANDLES);
	for (u32 i = 0; i < 3; i++)
		r->standard_handles[i] = given ? g->standard_handles[i] :
			p->arguments.open_fds & 1u << i ? WINDOWS_HANDLE_OF_FD(i) : 0;
	r->console_handle = given ? g->console_handle : WINDOWS_CONSOLE_OF_TERMINAL;
	r->process_group_id = g && g->process_group_id ? g->process_group_id : p->arguments.pid;
	r->show_window = g ? g->show_window : SHOW_DEFAULT;
}

static void fill_numbers(const struct pe_program *p, struct windows_runtime *r)
{
	const struct pe_image *pe = &p->modules[0].loaded->pe;
	r->magic = WINDOWS_RUNTIME_MAGIC;
	r->version = WINDOWS_RUNTIME_VERSION;
	memcpy(r->nls, pe_nls, sizeof(r->nls));
	r->api_set = pe_api_set_mapping;
	r->ansi_code_page = ANSI_CODE_PAGE;
	r->oem_code_page = OEM_CODE_PAGE;
	r->user_locale = r->system_locale = LCID_EN_US;
	r->processor_count = p->arguments.processors;
	r->session_id = 1;
	r->os_major = OS_MAJOR;
	r->os_build = OS_BUILD;
	r->os_platform = OS_PLATFORM_NT;
	r->heap_reserve = pe->heap_reserve;
	r->heap_commit = pe->heap_commit;
	r->stack_reserve = pe->stack_reserve;
	r->stack_commit = pe->stack_commit;
	r->subsystem = pe->subsystem;
	r->subsystem_major = pe->subsystem_major;
	r->subsystem_minor = pe->subsystem_minor;
	r->missing_stubs = pe_export_address(p->modules[1].loaded, "AmbosMissingImport");
	r->parent_process_id = p->arguments.parent_pid;
}

status_t pe_build_blob(struct pe_program *p, u8 **blob, u32 *bytes)
{
	struct builder b = { 0 };
	struct windows_runtime r = { 0 };
	const struct windows_parameters *given = given_parameters(p);
	reserve(&b, sizeof(r));
	fill_numbers(p, &r);
	fill_handles(p, given, &r);
	add_strings(&b, p, given, &r);
	if (!b.failed) {
		memcpy(b.at, &r, sizeof(r));
		add_modules(&b, p);
	}
	free(b.text.at);
	if (b.failed) {
		free(b.at);
		return pe_fail(&p->trouble, "runtime_blob", ERR_NOMEM, "%u bytes", b.used);
	}
	head(&b)->bytes = b.used;
	*blob = b.at;
	*bytes = b.used;
	return OK;
}
