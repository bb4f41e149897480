// SPDX-License-Identifier: MIT
// The system DLLs of this boot: named by registry/compat/windows-system-dlls.txt, read in place from the system image,
// placed one after the other in the order of the list (so that a restarted loaderd finds the same addresses), laid out
// and relocated at first need. Beside them one image object with the NLS tables and the API set schema.
#include "pe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../lib/erofs/erofs.h"

#define LIST_PATH "/system/registry/compat/windows-system-dlls.txt"
#define SYSTEM_FOLDER "/system/drive_c/Windows/System32/"
#define DOS_FOLDER "C:\\Windows\\System32\\"
#define DLLS_MAX 640u                   /* all of libwine's */
#define SLOT_GAP 0x10000u               /* granularity of NT, and a hole between two DLLs */

struct pe_api_set pe_api_set;
struct windows_mapping pe_nls[WINDOWS_NLS_COUNT], pe_api_set_mapping;
static struct pe_system_dll dlls[DLLS_MAX];
static u32 dll_count;
static struct pe_loaded data_image;     /* fd and base only */
static struct erofs image;
static bool opened;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;

static status_t find_file(const char *path, struct pe_source *out)
{
	struct erofs_inode inode;
	const char *reason;
	status_t st = erofs_inode(&image, image.root_nid, &inode, &reason);
	while (!st && *path) {
		path += *path == '/';
		u32 n = (u32)strcspn(path, "/");
		struct erofs_entry e;
		st = erofs_lookup(&image, &inode, path, n, &e);
		if (!st)
			st = erofs_inode(&image, e.nid, &inode, &reason);
		path += n;
	}
	if (!st && (inode.mode & 0170000) != 0100000)
		st = ERR_NOENT;
	if (!st && inode.flat_size != inode.size)
		st = ERR_NOEXEC; /* the image build makes flat files only */
	if (!st)
		*out = (struct pe_source){ .memory = image.image + inode.data_offset, .size = inode.size, .fd = -1 };
	return st;
}

/* ---- the list ---- */
static status_t add_dll(const char *name, u32 n, bool known, u64 *next, struct pe_trouble *t)
{
	char path[sizeof(SYSTEM_FOLDER) + sizeof(dlls[0].name)];
	const char *step = "headers";
	struct pe_system_dll *d = &dlls[dll_count];
	if (dll_count == DLLS_MAX || n >= sizeof(d->name))
		return pe_fail(t, "system_dll_list", ERR_RANGE, "%.*s", (int)n, name);
	memcpy(d->name, name, n);
	d->name[n] = '\0';
	d->known = known;
	memcpy(path, SYSTEM_FOLDER, sizeof(SYSTEM_FOLDER) - 1);
	memcpy(path + sizeof(SYSTEM_FOLDER) - 1, d->name, n + 1);
	status_t st = find_file(path, &d->source);
	if (st == ERR_NOENT)
		return OK; /* the image build names what is missing; so does the start that needs it */
	d->pe = st ? NULL : malloc(sizeof(*d->pe));
	if (!st && !d->pe)
		st = ERR_NOMEM;
	if (!st)
		st = pe_parse(d->source.memory, MIN(d->source.size, (u64)PE_HEADERS_MAX), d->source.size, d->pe, &step);
	if (st)
		return pe_fail(t, step, st, "%s", d->name);
	d->base = *next;
	pthread_mutex_init(&d->make_lock, NULL);
	*next += ALIGN_UP((u64)d->pe->size, (u64)SLOT_GAP) + SLOT_GAP;
	dll_count++;
	return OK;
}

/* Lines: name ["known"], '#' begins a comment. */
static status_t read_list(const struct pe_source *list, u64 next, struct pe_trouble *t)
{
	const char *at = (const char *)list->memory, *end = at + list->size;
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));
		eol = eol ? eol : end;
		const char *stop = memchr(at, '#', (size_t)(eol - at));
		stop = stop ? stop : eol;
		while (at < stop && (*at == ' ' || *at == '\t'))
			at++;
		const char *word = at;
		while (at < stop && *at != ' ' && *at != '\t' && *at != '\r')
			at++;
		bool known = false;
		for (const char *k = at; k + 5 <= stop && !known; k++)
			known = memcmp(k, "known", 5) == 0;
		status_t st = at > word ? add_dll(word, (u32)(at - word), known, &next, t) : OK;
		if (st)
			return st;
		at = eol + 1;
	}
	return dll_count ? OK : pe_fail(t, "system_dll_list", ERR_NOENT, "no system DLL in the image");
}

/* ---- NLS tables and API sets ---- */
struct data_part { const char *path; struct pe_source source; u64 offset; };

static status_t find_api_set(struct pe_source *schema, struct pe_trouble *t)
{
	static struct pe_image pe;
	const char *step = "headers";
	struct pe_source file;
	status_t st = find_file(SYSTEM_FOLDER "apisetschema.dll", &file);
	if (!st)
		st = pe_parse(file.memory, MIN(file.size, (u64)PE_HEADERS_MAX), file.size, &pe, &step);
	if (st)
		return pe_fail(t, step, st, "apisetschema.dll");
	for (u32 i = 0; i < pe.section_count; i++) {
		if (strcmp(pe.sections[i].name, ".apiset") != 0)
			continue;
		*schema = (struct pe_source){ .memory = file.memory + pe.sections[i].raw_offset,
			.size = MIN(pe.sections[i].raw_size, pe.sections[i].virtual_size), .fd = -1 };
		return OK;
	}
	return pe_fail(t, "api_sets", ERR_NOENT, "apisetschema.dll has no .apiset");
}

static status_t make_data_object(struct data_part *parts, u32 count, u64 base, u64 size, struct pe_trouble *t)
{
	struct image_section section = { .size = (u32)size, .prot = 1 };
	struct proc_image r = {
		.layout = { .base = base, .preferred = base, .size = size, .flags = IMAGE_DATA, .section_count = 1 },
		.sections = (u64)&section, .name = (u64)"", .name_size = 0,
	};
	s64 st = ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_IMAGE_CREATE, (u64)&r, sizeof(r), 0, 0);
	if (st)
		return pe_fail(t, "nls_object", (status_t)st, "%llu bytes", (unsigned long long)size);
	for (u32 i = 0; i < count; i++)
		memcpy((u8 *)r.va + parts[i].offset, parts[i].source.memory, parts[i].source.size);
	munmap((void *)r.va, size);
	data_image.fd = r.fd;
	data_image.base = base;
	return OK;
}

static status_t open_data(u64 base, u64 *size, struct pe_trouble *t)
{
	static struct data_part parts[WINDOWS_NLS_COUNT + 1] = {
		[WINDOWS_NLS_LOCALE] = { .path = SYSTEM_FOLDER "locale.nls" },
		[WINDOWS_NLS_SORT] = { .path = SYSTEM_FOLDER "sortdefault.nls" },
		[WINDOWS_NLS_CASE] = { .path = SYSTEM_FOLDER "l_intl.nls" },
		[WINDOWS_NLS_ANSI] = { .path = SYSTEM_FOLDER "c_1252.nls" },
		[WINDOWS_NLS_OEM] = { .path = SYSTEM_FOLDER "c_437.nls" },
		[WINDOWS_NLS_NORM_C] = { .path = SYSTEM_FOLDER "normnfc.nls" },
	};
	status_t st = find_api_set(&parts[WINDOWS_NLS_COUNT].source, t);
	*size = 0;
	for (u32 i = 0; i <= WINDOWS_NLS_COUNT && !st; i++) {
		if (parts[i].path && find_file(parts[i].path, &parts[i].source))
			st = pe_fail(t, "nls_tables", ERR_NOENT, "%s", parts[i].path);
		parts[i].offset = *size;
		*size += ALIGN_UP(parts[i].source.size, PAGE_SIZE);
	}
	if (!st)
		st = make_data_object(parts, WINDOWS_NLS_COUNT + 1, base, *size, t);
	for (u32 i = 0; i < WINDOWS_NLS_COUNT && !st; i++)
		pe_nls[i] = (struct windows_mapping){ base + parts[i].offset, parts[i].source.size };
	const struct data_part *schema = &parts[WINDOWS_NLS_COUNT];
	pe_api_set_mapping = (struct windows_mapping){ base + schema->offset, schema->source.size };
	pe_api_set = (struct pe_api_set){ schema->source.memory, schema->source.size };
	return st;
}

static status_t open_locked(struct pe_trouble *t)
{
	struct proc_windows_layout layout;
	struct pe_source list;
	const char *reason = "no system image";
	u64 size = 0, data_size = 0;
	if (opened)
		return OK;
	const void *bytes = service_system_image(&size);
	if (!bytes || erofs_open(&image, bytes, size, &reason))
		return pe_fail(t, "system_image", ERR_NOENT, "%s", reason);
	if (find_file(LIST_PATH, &list))
		return pe_fail(t, "system_dll_list", ERR_NOENT, "%s", LIST_PATH);
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_WINDOWS_LAYOUT, (u64)&layout, sizeof(layout), 0, 0);
	if (st)
		return pe_fail(t, "layout", (status_t)st, "kernel");
	status_t made = open_data(layout.system_base, &data_size, t);
	if (!made)
		made = read_list(&list, ALIGN_UP(layout.system_base + data_size, (u64)SLOT_GAP) + SLOT_GAP, t);
	opened = !made;
	return made;
}

status_t pe_system_open(struct pe_trouble *t)
{
	pthread_mutex_lock(&open_lock);
	status_t st = open_locked(t);
	pthread_mutex_unlock(&open_lock);
	return st;
}

/* ---- look-up ---- */
s32 pe_system_find(const char *name)
{
	for (u32 i = 0; i < dll_count; i++)
		if (pe_name_compare(dlls[i].name, name) == 0)
			return (s32)i;
	return -1;
}

struct pe_system_dll *pe_system_at(s32 index) { return &dlls[index]; }
s32 pe_system_data_fd(void) { return data_image.fd; }

static struct pe_loaded *make_locked(s32 index, struct pe_trouble *t)
{
	struct pe_system_dll *d = &dlls[index];
	char dos_name[sizeof(DOS_FOLDER) + sizeof(d->name)] = DOS_FOLDER;
	struct pe_loaded *l = calloc(1, sizeof(*l));
	if (!l) {
		if (pe_fail(t, "memory", ERR_NOMEM, "%s", d->name)) { /* the caller sees NULL */ }
		return NULL;
	}
	pthread_mutex_init(&l->make_lock, NULL);
	pthread_mutex_init(&l->bind_lock, NULL);
	memcpy(dos_name + sizeof(DOS_FOLDER) - 1, d->name, strlen(d->name) + 1);
	if (pe_loaded_make(&d->source, d->pe, d->base, dos_name, (u32)index + 1, l, t)) {
		free(l);
		return NULL;
	}
	return l;
}

struct pe_loaded *pe_system_loaded(s32 index, struct pe_trouble *t)
{
	struct pe_system_dll *d = &dlls[index];
	struct pe_loaded *l = __atomic_load_n(&d->loaded, __ATOMIC_ACQUIRE);
	if (l)
		return l;
	pthread_mutex_lock(&d->make_lock);
	if (!d->loaded)
		__atomic_store_n(&d->loaded, make_locked(index, t), __ATOMIC_RELEASE);
	l = d->loaded;
	pthread_mutex_unlock(&d->make_lock);
	return l;
}
