// SPDX-License-Identifier: MIT
// Files become image objects: laid out by RVA, relocated, cached by (file version, base, what they are bound to).
#include "pe.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_SLOTS 128u                /* programs and DLLs of their own in use at once, by all workers */
#define CACHE_BYTES_MAX (256ull << 20)  /* kept beyond the running start */
#define PLACE_GAP 0x10000u              /* allocation granularity of NT */
#define PLACES_BYTES (256ull << 30)     /* of the window for images that are not at their own base */
#define BASE_FIELD 48u                  /* ImageBase in the PE header: it names the base in force */

static struct pe_loaded cache[CACHE_SLOTS];
static u64 cache_clock;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER, place_lock = PTHREAD_MUTEX_INITIALIZER;

status_t pe_source_open(int fd, const struct proc_file_key *key, struct pe_source *out)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	*out = (struct pe_source){ .fd = fd, .size = (u64)st.st_size, .key = *key };
	return OK;
}

status_t pe_source_read(const struct pe_source *s, void *buf, u64 size, u64 offset)
{
	if (offset > s->size || size > s->size - offset)
		return ERR_NOEXEC;
	if (s->memory) {
		memcpy(buf, s->memory + offset, size);
		return OK;
	}
	for (u64 done = 0; done < size;) {
		ssize_t n = pread(s->fd, (u8 *)buf + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : ERR_NOEXEC;
		done += (u64)n;
	}
	return OK;
}

/* ---- one image ---- */
static bool name_is(const struct pe_section *s, const char *name) { return strcmp(s->name, name) == 0; }

/* mingw marks these writable; nothing writes them once a system DLL is bound. */
static bool never_written(const struct pe_section *s)
{
	return name_is(s, ".idata") || name_is(s, ".rsrc") || name_is(s, ".rodata");
}

/* Neighbours of equal protection are one mapping: half as many for a mingw DLL. */
static u32 add_section(struct image_section *out, u32 n, struct image_section add)
{
	struct image_section *last = n ? &out[n - 1] : NULL;
	if (last && last->prot == add.prot && last->flags == add.flags && last->rva + last->size == add.rva) {
		last->size += add.size;
		return n;
	}
	out[n] = add;
	return n + 1;
}

static u32 fill_sections(const struct pe_image *pe, bool system, struct image_section *out)
{
	u32 n = add_section(out, 0, (struct image_section){ .size = (u32)ALIGN_UP((u64)pe->headers_size, PAGE_SIZE), .prot = 1 });
	for (u32 i = 0; i < pe->section_count; i++) {
		const struct pe_section *s = &pe->sections[i];
		u32 prot = 1u | (s->flags & PE_SCN_WRITE && !(system && never_written(s)) ? 2u : 0) |
			(s->flags & PE_SCN_EXECUTE ? 4u : 0);
		n = add_section(out, n, (struct image_section){
			.rva = s->rva, .size = (u32)ALIGN_UP((u64)s->virtual_size, PAGE_SIZE), .prot = prot,
			.flags = s->flags & PE_SCN_SHARED && s->flags & PE_SCN_WRITE ? IMAGE_SECTION_SHARED : 0,
		});
	}
	return n;
}

static struct image_layout layout_of(const struct pe_image *pe, u64 base, u64 file_size, u32 system)
{
	return (struct image_layout){
		.base = base, .preferred = pe->preferred_base, .size = pe->size, .entry = pe->entry,
		.stack_reserve = pe->stack_reserve, .stack_commit = pe->stack_commit,
		.flags = (pe_is_dll(pe) ? IMAGE_DLL : 0) | (system ? IMAGE_SYSTEM : 0) |
			(base != pe->preferred_base ? IMAGE_RELOCATED : 0) |
			(pe_is_movable(pe) ? IMAGE_HAS_RELOCATIONS : 0),
		.subsystem = pe->subsystem, .subsystem_major = pe->subsystem_major, .subsystem_minor = pe->subsystem_minor,
		.machine = pe->machine, .characteristics = pe->characteristics, .dll_characteristics = pe->dll_characteristics,
		.os_major = pe->os_major, .os_minor = pe->os_minor, .checksum = pe->checksum,
		.time_stamp = pe->time_stamp, .loader_flags = pe->loader_flags,
		.file_size = file_size > UINT32_MAX ? UINT32_MAX : (u32)file_size,
	};
}

static status_t fill_bytes(const struct pe_source *s, struct pe_loaded *l, struct pe_trouble *t)
{
	const char *step = "relocate";
	status_t st = pe_source_read(s, l->bytes, l->pe.headers_size, 0);
	for (u32 i = 0; i < l->pe.section_count && !st; i++) {
		const struct pe_section *c = &l->pe.sections[i];
		st = pe_source_read(s, l->bytes + c->rva, c->raw_size, c->raw_offset);
	}
	if (st)
		return pe_fail(t, "read_sections", st, "%llu bytes", (unsigned long long)s->size);
	struct pe_view v = pe_view_of(l);
	st = pe_relocate(l->bytes, &v, l->base - l->pe.preferred_base, &step);
	if (st)
		return pe_fail(t, step, st, "base %llx", (unsigned long long)l->base);
	u32 header;
	memcpy(&header, l->bytes + 60, sizeof(header));
	if ((u64)header + BASE_FIELD + 8 <= l->pe.size)
		memcpy(l->bytes + header + BASE_FIELD, &l->base, 8);
	st = pe_exports_open(&v, &l->exports, &step);
	l->has_exports = !st;
	return st && st != ERR_NOENT ? pe_fail(t, step, st, "exports") : OK;
}

status_t pe_loaded_make(const struct pe_source *s, const struct pe_image *pe, u64 base, const char *dos_name, u32 system,
			struct pe_loaded *l, struct pe_trouble *t)
{
	struct image_section sections[PE_SECTIONS_MAX + 1];
	bool movable = pe_is_movable(pe);
	if (!base)
		base = movable && pe_is_dll(pe) ? pe_cache_place(pe->size) : pe->preferred_base;
	if (!base || (!movable && base != pe->preferred_base))
		return pe_fail(t, "image_base", ERR_NOEXEC, "no relocations, base %llx", (unsigned long long)base);
	struct proc_image r = { .layout = layout_of(pe, base, s->size, system), .sections = (u64)sections, .name = (u64)dos_name };
	r.layout.section_count = fill_sections(pe, system, sections);
	r.name_size = (u32)MIN(strlen(dos_name), (size_t)IMAGE_NAME_MAX);
	s64 st = ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_IMAGE_CREATE, (u64)&r, sizeof(r), 0, 0);
	if (st)
		return pe_fail(t, "image_object", (status_t)st, "%u bytes", pe->size);
	l->base = base;
	l->bytes = (u8 *)r.va;
	l->fd = r.fd;
	l->system = system;
	l->pe = *pe;
	status_t filled = fill_bytes(s, l, t);
	if (filled) {
		munmap(l->bytes, pe->size);
		close(l->fd);
		l->bytes = NULL;
	}
	return filled;
}

/* ---- the cache of files ---- */
static bool key_equal(const struct proc_file_key *a, const struct proc_file_key *b)
{
	return a->fs == b->fs && a->cookie == b->cookie && a->version == b->version;
}

static struct pe_loaded *find_locked(const struct proc_file_key *key, u64 base, u64 binding)
{
	for (u32 i = 0; i < CACHE_SLOTS && key->fs; i++) {
		struct pe_loaded *l = &cache[i];
		if (!l->taken || !key_equal(&l->key, key) || (base && l->base && l->base != base) ||
		    (binding && __atomic_load_n(&l->binding, __ATOMIC_ACQUIRE) != binding))
			continue;
		l->used = ++cache_clock;
		l->users++;
		return l;
	}
	return NULL;
}

struct pe_loaded *pe_cache_find(const struct proc_file_key *key, u64 base, u64 binding)
{
	pthread_mutex_lock(&cache_lock);
	struct pe_loaded *l = find_locked(key, base, binding);
	pthread_mutex_unlock(&cache_lock);
	return l;
}

static void drop_locked(struct pe_loaded *l)
{
	if (l->bytes) {
		munmap(l->bytes, l->pe.size);
		close(l->fd);
	}
	l->bytes = NULL;
	l->taken = false;
}

/* The oldest that no start holds; NULL: all are held. */
static struct pe_loaded *oldest_locked(u64 *total)
{
	struct pe_loaded *found = NULL;
	*total = 0;
	for (u32 i = 0; i < CACHE_SLOTS; i++) {
		if (!cache[i].taken || cache[i].users) {
			*total += cache[i].taken && cache[i].bytes ? cache[i].pe.size : 0;
			continue;
		}
		*total += cache[i].bytes ? cache[i].pe.size : 0;
		if (!found || cache[i].used < found->used)
			found = &cache[i];
	}
	return found;
}

static struct pe_loaded *free_slot_locked(void)
{
	u64 total;
	struct pe_loaded *old;
	while ((old = oldest_locked(&total)) && total > CACHE_BYTES_MAX)
		drop_locked(old);
	for (u32 i = 0; i < CACHE_SLOTS; i++)
		if (!cache[i].taken)
			return &cache[i];
	if (old)
		drop_locked(old);
	return old;
}

struct pe_loaded *pe_cache_take(const struct proc_file_key *key, u64 base, bool again, bool *fresh)
{
	pthread_mutex_lock(&cache_lock);
	struct pe_loaded *l = again ? NULL : find_locked(key, base, 0);
	*fresh = !l;
	if (!l && (l = free_slot_locked())) {
		*l = (struct pe_loaded){ .key = *key, .base = base, .fd = -1, .taken = true, .users = 1, .used = ++cache_clock };
		pthread_mutex_init(&l->make_lock, NULL);
		pthread_mutex_init(&l->bind_lock, NULL);
		pthread_mutex_lock(&l->make_lock); /* nobody else has seen it */
	}
	pthread_mutex_unlock(&cache_lock);
	return l;
}

void pe_cache_made(struct pe_loaded *l, bool ok)
{
	pthread_mutex_lock(&cache_lock);
	if (!ok)
		l->key = (struct proc_file_key){ 0 };
	pthread_mutex_unlock(&cache_lock);
	pthread_mutex_unlock(&l->make_lock);
}

bool pe_loaded_wait(struct pe_loaded *l)
{
	pthread_mutex_lock(&l->make_lock);
	bool made = l->bytes != NULL;
	pthread_mutex_unlock(&l->make_lock);
	return made;
}

void pe_cache_put(struct pe_loaded *l)
{
	if (l->system)
		return;
	pthread_mutex_lock(&cache_lock);
	if (!--l->users && !l->key.fs)
		drop_locked(l);
	pthread_mutex_unlock(&cache_lock);
}

/* Places are given once and remembered across a restart of loaderd: running programs keep theirs. */
u64 pe_cache_place(u32 size)
{
	struct proc_windows_layout layout;
	u64 *next = state_root();
	if (ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_WINDOWS_LAYOUT, (u64)&layout, sizeof(layout), 0, 0))
		return 0;
	pthread_mutex_lock(&place_lock);
	txn_begin();
	u64 at = *next, step = ALIGN_UP((u64)size, (u64)PLACE_GAP) + PLACE_GAP;
	TXN_SET(*next, at + step > PLACES_BYTES ? step : at + step); /* around again: the kernel refuses a place in use */
	txn_commit(NULL, OK);
	pthread_mutex_unlock(&place_lock);
	return layout.image_base + (at + step > PLACES_BYTES ? 0 : at);
}
