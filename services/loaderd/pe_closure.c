// SPDX-License-Identifier: MIT
// All modules of a program, in load order: main, ntdll, kernel32 and what it needs, then the program's imports depth
// first. A DLL beside the program goes before a system DLL of that name unless the list says "known".
#include "pe.h"

#include <string.h>

#define HASH_SEED 0xcbf29ce484222325ull
#define HASH_PRIME 0x100000001b3ull
#define BIND_ATTEMPTS 8u     /* instances that other starts bound first */

static u64 mix(u64 h, u64 v) { return (h ^ v) * HASH_PRIME; }

static s32 module_of(const struct pe_program *p, const struct pe_loaded *l)
{
	for (u32 i = 0; i < p->module_count; i++) {
		const struct pe_module *m = &p->modules[i];
		if (m->loaded == l || (!l->system && !m->loaded->system && m->loaded->base == l->base &&
		    m->key.cookie == l->key.cookie && m->key.fs == l->key.fs))
			return (s32)i;
	}
	return -1;
}

/* ---- DLLs beside the program ---- */
static struct pe_module *local_known(struct pe_program *p, const char *name)
{
	for (u32 i = 0; i < p->module_count; i++)
		if (!p->modules[i].loaded->system && pe_name_compare(p->modules[i].path, name) == 0)
			return &p->modules[i];
	return NULL;
}

static status_t local_open(struct pe_program *p, const char *name, struct proc_open *o)
{
	char path[PE_PATH_MAX];
	const char *slash = strrchr(p->unix_path, '/');
	size_t n = slash ? (size_t)(slash - p->unix_path) + 1 : 0, m = strlen(name);
	if (n + m >= sizeof(path))
		return ERR_NOENT;
	memcpy(path, p->unix_path, n);
	memcpy(path + n, name, m + 1);
	*o = (struct proc_open){ .call_id = p->call_id, .path = (u64)path, .path_size = (u32)(n + m) };
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_OPEN_LIBRARY, (u64)o, sizeof(*o), 0, 0);
	return st == ERR_NOTDIR || st == ERR_ACCES || st == ERR_ISDIR ? ERR_NOENT : (status_t)st;
}

static status_t make_of_file(int fd, u64 base, const char *dos_name, struct pe_loaded *l, struct pe_trouble *t)
{
	static __thread struct pe_image pe;
	static __thread u8 head[PE_HEADERS_MAX];
	struct pe_source s;
	const char *step = "headers";
	status_t st = pe_source_open(fd, &l->key, &s);
	if (!st)
		st = pe_source_read(&s, head, MIN(s.size, (u64)PE_HEADERS_MAX), 0);
	if (st)
		return pe_fail(t, "read", st, "%s", dos_name);
	st = pe_parse(head, MIN(s.size, (u64)PE_HEADERS_MAX), s.size, &pe, &step);
	if (st)
		return pe_fail(t, step, st, "%s", dos_name);
	return pe_loaded_make(&s, &pe, base, dos_name, 0, l, t);
}

/* The image of a file, held for the caller; whoever comes first makes it, the others wait. `again`: not the cached one. */
static status_t image_of_file(int fd, const struct proc_file_key *key, u64 base, const char *dos_name, bool again,
			      struct pe_loaded **out, struct pe_trouble *t)
{
	for (;;) {
		bool fresh;
		struct pe_loaded *l = pe_cache_take(key, base, again, &fresh);
		*out = NULL;
		if (!l) {
			pe_fail(t, "image_cache", ERR_NOMEM, "%s", dos_name);
			return ERR_NOMEM;
		}
		status_t st = fresh ? make_of_file(fd, base, dos_name, l, t) : OK;
		if (fresh)
			pe_cache_made(l, !st);
		bool usable = fresh ? !st : pe_loaded_wait(l) && (!base || l->base == base);
		if (usable) {
			*out = l;
			return OK;
		}
		pe_cache_put(l);
		if (fresh)
			return st;
		again = true; /* its maker failed, or it went elsewhere: this start finds out by itself */
	}
}

static void dos_name_of(const struct pe_program *p, const char *name, char *out, u32 room)
{
	const char *slash = strrchr(p->unix_path, '/');
	size_t n = MIN((size_t)(slash ? slash - p->unix_path : 0), (size_t)(room / 2));
	bool drive_c = strncmp(p->unix_path, WINDOWS_DRIVE_C "/", sizeof(WINDOWS_DRIVE_C)) == 0;
	size_t skip = drive_c ? sizeof(WINDOWS_DRIVE_C) - 1 : 0, at = 2;
	memcpy(out, drive_c ? "C:" : "Z:", 2);
	for (size_t i = skip; i < n; i++)
		out[at++] = (char)(p->unix_path[i] == '/' ? '\\' : p->unix_path[i]);
	out[at++] = '\\';
	size_t m = MIN(strlen(name), room - at - 1);
	memcpy(out + at, name, m);
	out[at + m] = '\0';
}

static status_t module_append(struct pe_program *p, struct pe_loaded *l, const char *path, s32 fd,
			      const struct proc_file_key *key, struct pe_trouble *t)
{
	if (p->module_count == PE_MODULES_MAX)
		return pe_fail(t, "module_count", ERR_RANGE, "%s", path);
	struct pe_module *m = &p->modules[p->module_count++];
	*m = (struct pe_module){ .loaded = l, .fd = fd, .key = *key };
	size_t n = MIN(strlen(path), sizeof(m->path) - 1);
	memcpy(m->path, path, n);
	m->path[n] = '\0';
	return OK;
}

static struct pe_loaded *local_resolve(struct pe_program *p, const char *name, status_t *st, struct pe_trouble *t)
{
	char dos[IMAGE_NAME_MAX];
	struct proc_open o;
	struct pe_loaded *l = NULL;
	struct pe_module *have = local_known(p, name);
	if (have)
		return have->loaded;
	*st = local_open(p, name, &o);
	if (*st)
		return NULL;
	dos_name_of(p, name, dos, sizeof(dos));
	*st = image_of_file(o.fd, &o.key, 0, dos, false, &l, t);
	if (!*st && !pe_is_dll(&l->pe))
		*st = pe_fail(t, "not_a_dll", ERR_NOEXEC, "%s", name);
	if (!*st)
		*st = module_append(p, l, name, o.fd, &o.key, t);
	if (*st && l)
		pe_cache_put(l);
	return *st ? NULL : l;
}

struct pe_loaded *pe_resolve(struct pe_program *p, const struct pe_loaded *importer, const char *dll, status_t *st,
			     struct pe_trouble *t)
{
	char name[PE_HOST_MAX * 2], host[PE_HOST_MAX];
	*st = pe_api_set_find(&pe_api_set, dll, host);
	pe_canonical_name(*st ? dll : host, name);
	s32 index = pe_system_find(name);
	bool contract = *st == OK;
	if (p && !importer->system && !contract && (index < 0 || !pe_system_at(index)->known)) {
		struct pe_loaded *l = local_resolve(p, name, st, t);
		if (l || *st != ERR_NOENT)
			return l;
	}
	*st = ERR_NOENT;
	if (index < 0)
		return NULL;
	struct pe_loaded *l = pe_system_loaded(index, t);
	*st = l ? OK : ERR_NOMEM;
	return l;
}

/* ---- the walk ---- */
static status_t add(struct pe_program *p, struct pe_loaded *l);

static status_t depend(struct pe_program *p, u32 module, struct pe_loaded *on)
{
	status_t st = module_of(p, on) < 0 || !on->system ? add(p, on) : OK;
	s32 index = module_of(p, on);
	struct pe_module *m = &p->modules[module];
	for (u32 i = 0; i < m->dependency_count; i++)
		if ((s32)m->dependencies[i] == index)
			return st;
	if (!st && index >= 0 && m->dependency_count < PE_DEPENDENCIES_MAX)
		m->dependencies[m->dependency_count++] = (u32)index;
	return st;
}

static status_t add_system(struct pe_program *p, struct pe_loaded *l)
{
	static const struct proc_file_key none;
	if (module_of(p, l) >= 0)
		return OK;
	u64 bound;
	status_t st = pe_bind(NULL, l, PE_SYSTEM_BINDING, &bound, &p->trouble);
	if (st)
		return st;
	u32 module = p->module_count;
	st = module_append(p, l, pe_system_at((s32)l->system - 1)->name, -1, &none, &p->trouble);
	for (u32 i = 0; i < l->depend_count && !st; i++) {
		struct pe_loaded *on = pe_system_loaded(l->depends[i], &p->trouble);
		st = on ? depend(p, module, on) : ERR_NOMEM;
	}
	return st;
}

struct pe_loaded *pe_import_target(struct pe_program *p, const struct pe_loaded *l, u32 n, struct pe_import *i, status_t *st,
				   struct pe_trouble *t)
{
	const char *step = "imports";
	struct pe_view v = pe_view_of(l);
	*st = pe_import_at(&v, n, i, &step);
	if (*st) {
		*st = *st == ERR_NOENT ? OK : pe_fail(t, step, *st, "descriptor %u", n);
		return NULL;
	}
	struct pe_loaded *target = pe_resolve(p, l, i->dll, st, t);
	if (!target && *st == ERR_NOENT)
		*st = pe_fail(t, "missing_dll", ERR_LIBACC, "%s", i->dll);
	return target;
}

/* Modules of the program itself are appended by local_resolve; here their imports are followed once. */
static status_t add_local(struct pe_program *p, struct pe_loaded *l)
{
	s32 module = module_of(p, l);
	if (module < 0 || p->modules[module].followed)
		return OK;
	p->modules[module].followed = true;
	for (u32 n = 0;; n++) {
		struct pe_import i;
		status_t st;
		struct pe_loaded *on = pe_import_target(p, l, n, &i, &st, &p->trouble);
		if (!on)
			return st;
		st = depend(p, (u32)module, on);
		if (st)
			return st;
	}
}

static status_t add(struct pe_program *p, struct pe_loaded *l) { return l->system ? add_system(p, l) : add_local(p, l); }

/* ---- binding of the program's own images ---- */
static u64 binding_of(const struct pe_program *p, const struct pe_module *m)
{
	u64 h = HASH_SEED;
	for (u32 i = 0; i < m->dependency_count; i++) {
		const struct pe_loaded *l = p->modules[m->dependencies[i]].loaded;
		h = mix(mix(mix(h, l->base), l->key.cookie), l->key.version);
	}
	return h | 2; /* never 0 or 1 */
}

/* Another instance of the module's image: one bound as this program needs, else a fresh one. Takes the old one's place. */
static status_t other_instance(struct pe_program *p, struct pe_module *m, u64 binding)
{
	char dos[IMAGE_NAME_MAX];
	struct pe_loaded *l = pe_cache_find(&m->key, m->loaded->base, binding);
	dos_name_of(p, m->path, dos, sizeof(dos));
	status_t st = l ? OK : image_of_file(m->fd, &m->key, m->loaded->base, dos, true, &l, &p->trouble);
	if (st)
		return st;
	pe_cache_put(m->loaded);
	m->loaded = l;
	return OK;
}

/* An instance of the image whose imports are bound as this program needs; a fresh one when another program's differ. */
static status_t bind_local(struct pe_program *p, u32 module)
{
	struct pe_module *m = &p->modules[module];
	u64 binding = binding_of(p, m), bound = 0;
	status_t made = OK;
	for (u32 i = 0; i < BIND_ATTEMPTS && !made && bound != binding; i++) {
		made = i ? other_instance(p, m, binding) : OK;
		if (!made)
			made = pe_bind(p, m->loaded, binding, &bound, &p->trouble);
	}
	if (made || bound != binding)
		return made ? made : pe_fail(&p->trouble, "image_cache", ERR_AGAIN, "%s", m->path);
	struct pe_loaded *l = m->loaded;
	for (u32 i = 0; i < l->depend_count; i++) { /* forwarders may need more than the imports name */
		struct pe_loaded *on = pe_system_loaded(l->depends[i], &p->trouble);
		status_t st = on ? depend(p, module, on) : ERR_NOMEM;
		if (st)
			return st;
	}
	return OK;
}

static status_t add_by_name(struct pe_program *p, const char *name)
{
	s32 index = pe_system_find(name);
	struct pe_loaded *l = index < 0 ? NULL : pe_system_loaded(index, &p->trouble);
	if (index < 0)
		return pe_fail(&p->trouble, "missing_dll", ERR_LIBACC, "%s", name);
	return l ? add(p, l) : ERR_NOMEM;
}

static status_t check_program(struct pe_program *p, const struct pe_loaded *l)
{
	if (pe_is_dll(&l->pe))
		return pe_fail(&p->trouble, "is_a_dll", ERR_NOEXEC, "not a program");
	if (l->pe.subsystem != PE_CONSOLE && l->pe.subsystem != PE_GUI)
		return pe_fail(&p->trouble, "subsystem", ERR_NOEXEC, "%u", l->pe.subsystem);
	return OK;
}

status_t pe_closure(struct pe_program *p)
{
	char dos[IMAGE_NAME_MAX];
	const char *slash = strrchr(p->unix_path, '/'), *name = slash ? slash + 1 : p->unix_path;
	struct pe_loaded *l = NULL;
	p->module_count = 0;
	dos_name_of(p, name, dos, sizeof(dos));
	status_t st = image_of_file(p->fd, &p->key, 0, dos, false, &l, &p->trouble);
	if (!st && (st = module_append(p, l, name, p->fd, &p->key, &p->trouble)))
		pe_cache_put(l);
	if (!st)
		st = check_program(p, l);
	if (!st)
		st = pe_system_open(&p->trouble);
	if (!st)
		st = add_by_name(p, "ntdll.dll");
	if (!st)
		st = l->pe.directories[PE_IMPORT].size ? add_by_name(p, "kernel32.dll") : OK;
	if (!st)
		st = add(p, l);
	for (u32 i = 0; i < p->module_count && !st; i++)
		if (!p->modules[i].loaded->system)
			st = bind_local(p, i);
	return st;
}

void pe_program_put(struct pe_program *p)
{
	while (p->module_count)
		pe_cache_put(p->modules[--p->module_count].loaded);
}

/* ---- LOADER_IMAGE ---- */
status_t pe_image_for_section(int fd, const struct proc_file_key *key, u64 base, const char *dos_name,
			      struct pe_loaded **out, struct pe_trouble *t)
{
	return image_of_file(fd, key, base, dos_name, false, out, t);
}
