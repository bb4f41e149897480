// SPDX-License-Identifier: MIT
/* Sections: of files, of the paging file (plain memory), of images; views of them.
 * A section of a file keeps the node by an open file of its own, so closing the file's handle ends share modes and
 * delete-on-close as NT has it. Image sections hold an image object that loaderd made (image.h). */
#include "nt_memory.h"

#include "string.h"
#include "../vfs/vfs_internal.h"

#include "reserve.h"
#include "section.h"

enum { SECTION_QUERY = 1, SECTION_MAP_WRITE = 2, SECTION_MAP_READ = 4, SECTION_MAP_EXECUTE = 8, SECTION_EXTEND_SIZE = 16 };
enum { SEC_64K_PAGES = 0x80000, SEC_FILE = 0x800000, SEC_IMAGE = 0x1000000, SEC_PROTECTED_IMAGE = 0x2000000, SEC_RESERVE = 0x4000000,
	SEC_COMMIT = 0x8000000, SEC_NOCACHE = 0x10000000, SEC_WRITECOMBINE = 0x40000000 };
#define SEC_LARGE_PAGES 0x80000000u
#define SEC_IMAGE_NO_EXECUTE 0x11000000u

struct nt_section {
	struct memobj *memory;       /* NULL: image */
	struct file *backing;        /* open file of our own, or the image; NULL: paging file */
	struct file *reserve;        /* of SEC_RESERVE: which pages are committed */
	u64 size;
	u32 attributes, protect;
};

static void section_release(struct file *f)
{
	struct nt_section *s = f->object;
	if (s->memory)
		memobj_put(s->memory);
	if (s->backing)
		file_put(s->backing);
	if (s->reserve)
		file_put(s->reserve);
	kfree(s);
}

static const struct file_ops section_ops = { .name = "section", .release = section_release, .nt_type = NT_TYPE_SECTION };

/* ---- creation ---- */
static s64 check_attributes(u32 attributes, u32 protect, bool has_file)
{
	u32 prot, flags, kind = attributes & (SEC_IMAGE | SEC_RESERVE | SEC_COMMIT);
	u32 known = kind | SEC_NOCACHE | (kind == SEC_IMAGE ? SEC_PROTECTED_IMAGE : SEC_WRITECOMBINE);
	if (attributes == (SEC_COMMIT | SEC_LARGE_PAGES) && !has_file)
		return NT(PRIVILEGE_NOT_HELD);
	if ((attributes & ~known) || !kind || (kind & (kind - 1)))
		return NT(INVALID_PARAMETER_6);
	if (kind == SEC_IMAGE && !has_file)
		return NT(INVALID_FILE_FOR_SECTION);
	if (protect & ~0xffu & ~(u32)(NT_PAGE_NOCACHE | NT_PAGE_WRITECOMBINE))
		return NT(INVALID_PAGE_PROTECTION);
	return nt_protection_in(protect, &prot, &flags);
}

static u32 file_access_for(u32 protect)
{
	const u32 read_data = 1, write_data = 2, execute = 0x20;
	u32 access = protect & (NT_PAGE_READWRITE | NT_PAGE_EXECUTE_READWRITE) ? read_data | write_data : read_data;
	if (protect & (NT_PAGE_EXECUTE | NT_PAGE_EXECUTE_READ | NT_PAGE_EXECUTE_READWRITE | NT_PAGE_EXECUTE_WRITECOPY))
		access |= execute;
	return access & ~execute; /* execution follows the mount, not the handle: Windows handles often lack the bit */
}

static s64 section_size(struct file *f, struct nt_section *s, u64 wanted)
{
	struct node *n = f->where.node;
	u64 have = n->data->size;
	s->size = wanted ? wanted : have;
	if (!s->size)
		return NT(MAPPED_FILE_SIZE_ZERO);
	if (s->size <= have)
		return 0;
	if (!(s->protect & (NT_PAGE_READWRITE | NT_PAGE_EXECUTE_READWRITE)))
		return NT(SECTION_TOO_BIG);
	return f->ops->truncate ? f->ops->truncate(f, s->size) : NT(INVALID_FILE_FOR_SECTION);
}

static s64 make_of_file(struct file *f, struct nt_section *s, u64 wanted)
{
	struct node *n = f->where.node;
	if (!n || !node_is_regular(n) || !n->data)
		return NT(INVALID_FILE_FOR_SECTION);
	s64 st = section_size(f, s, wanted);
	if (st)
		return st;
	struct position at = f->where;
	st = open_position(at, O_PATH_K, false, &s->backing);
	if (st)
		return st;
	s->memory = n->data;
	memobj_get(s->memory);
	return 0;
}

static bool begins_as_program(struct node *n)
{
	struct page *page;
	phys_t pa;
	if (memobj_get_page(n->data, 0, MEMOBJ_READ, &page, &pa))
		return true; /* nobody knows */
	bool found = !memcmp(phys_to_virt(pa), "MZ", 2);
	if (page)
		page_put(page);
	return found;
}

static s64 make_of_image(struct file *f, struct nt_section *s)
{
	struct node *n = f->where.node;
	if (!n || !node_is_regular(n) || !n->data || !n->data->size)
		return NT(INVALID_FILE_FOR_SECTION);
	char *path = kmalloc(PATH_MAX_BYTES);
	if (!nt_image_open || !path) {
		kfree(path);
		return path ? NT(NOT_SUPPORTED) : ERR_NOMEM;
	}
	if (vfs_path_of(f->where, (struct position){ 0 }, path, PATH_MAX_BYTES) < 0)
		path[0] = '\0';
	s64 st = nt_image_open(f, path, &s->backing, &s->size);
	kfree(path);
	return st == ERR_NOEXEC ? begins_as_program(f->where.node) ? NT(INVALID_IMAGE_FORMAT) : NT(INVALID_IMAGE_NOT_MZ) : st;
}

static s64 make_plain(struct nt_section *s, u64 wanted)
{
	if (!wanted)
		return NT(INVALID_PARAMETER_4);
	s->size = ALIGN_UP(wanted, PAGE_SIZE);
	s->memory = memobj_create(ALIGN_UP(wanted, PAGE_SIZE), NULL, NULL);
	if (!s->memory)
		return ERR_NOMEM;
	s->memory->flags |= MEMOBJ_SHARED_ANON;
	if (s->attributes & SEC_RESERVE && !(s->reserve = nt_reserve_create(s->size)))
		return ERR_NOMEM;
	return 0;
}

static s64 make_section(struct file *f, u32 attributes, u32 protect, u64 size, struct file **out)
{
	struct nt_section *s = kzalloc(sizeof(*s));
	if (!s)
		return ERR_NOMEM;
	s->attributes = attributes & SEC_IMAGE ? SEC_IMAGE | SEC_FILE :
		f ? (attributes & (SEC_NOCACHE | SEC_WRITECOMBINE)) | SEC_FILE : attributes;
	s->protect = protect & 0xff;
	struct file *section = file_create(&section_ops, s, 2);
	if (!section) {
		kfree(s);
		return ERR_NOMEM;
	}
	s64 st = attributes & SEC_IMAGE ? make_of_image(f, s) : f ? make_of_file(f, s, size) : make_plain(s, size);
	if (st)
		file_put(section);
	else
		*out = section;
	return st;
}

static s64 create_section(const u64 *a)
{
	struct nt_object_attributes oa;
	struct file *f = NULL, *section = NULL;
	u64 size = 0, none = 0;
	if (COPY_OUT(user_ptr(a[0]), &none)) /* kernelbase hands the variable on even when the call fails */
		return NT(ACCESS_VIOLATION);
	s64 st = check_attributes((u32)a[5], (u32)a[4], a[6]);
	if (!st && a[3])
		st = copy_in(&size, user_ptr(a[3]), 8);
	if (!st && a[6])
		st = nt_handle_get(a[6], NT_TYPE_FILE, (u32)a[5] & SEC_IMAGE ? 0 : file_access_for((u32)a[4]), &f);
	if (st)
		return st;
	st = nt_object_attributes_in(a[2], &oa);
	if (!st) {
		st = make_section(f, (u32)a[5], (u32)a[4], size, &section);
		if (!st)
			st = nt_name_insert(&oa, &section);
		if (!st || st == NT(OBJECT_NAME_EXISTS))
			st = nt_handle_out(section, nt_access_map(NT_TYPE_SECTION, (u32)a[1]), oa.attributes, a[0], st);
		else if (section)
			file_put(section);
		nt_object_attributes_free(&oa);
	}
	if (f)
		file_put(f);
	return st;
}

NT_HANDLER(CreateSection) { return create_section(a); }

NT_HANDLER(CreateSectionEx)
{
	struct nt_place place = { 0 };
	s64 st = nt_place_in(a[7], (u32)a[8], &place);
	if (!st && (place.low || place.high || place.alignment))
		st = NT(INVALID_PARAMETER);
	return st ? st : create_section(a);
}

/* \KnownDlls\name: an image of a system DLL, asked of loaderd each time (it keeps them). */
static s64 open_known_dll(const struct nt_object_attributes *oa, u32 prefix, u64 access, u64 handle_va)
{
	char name[64];
	u32 i = 0, length = oa->name.bytes / 2 - prefix;
	struct file *section;
	if (!nt_image_open || length >= sizeof(name))
		return NT(OBJECT_NAME_NOT_FOUND);
	for (; i < length; i++) {
		u16 c = oa->name.text[prefix + i];
		if (c >= 128 || c == '\\' || c == '/')
			return NT(OBJECT_NAME_NOT_FOUND);
		name[i] = (char)c;
	}
	name[i] = '\0';
	struct nt_section *s = kzalloc(sizeof(*s));
	section = s ? file_create(&section_ops, s, 2) : NULL;
	if (!section) {
		kfree(s);
		return ERR_NOMEM;
	}
	s->attributes = SEC_IMAGE | SEC_FILE;
	s->protect = NT_PAGE_EXECUTE_WRITECOPY;
	s64 st = nt_image_open(NULL, name, &s->backing, &s->size);
	if (st) {
		file_put(section);
		return st == ERR_NOENT ? NT(OBJECT_NAME_NOT_FOUND) : st;
	}
	return nt_handle_out(section, nt_access_map(NT_TYPE_SECTION, (u32)access), oa->attributes, handle_va, 0);
}

NT_HANDLER(OpenSection)
{
	static const char known[] = "\\knowndlls\\";
	struct nt_object_attributes oa;
	struct file *section;
	s64 st = nt_object_attributes_in(a[2], &oa);
	if (st)
		return st;
	u32 i = 0;
	while (known[i] && i < oa.name.bytes / 2 && (oa.name.text[i] | (oa.name.text[i] >= 'A' && oa.name.text[i] <= 'Z' ? 32 : 0)) == known[i])
		i++;
	if (!known[i]) {
		st = open_known_dll(&oa, i, a[1], a[0]);
	} else {
		st = nt_name_open(&oa, NT_TYPE_SECTION, &section);
		if (!st)
			st = nt_handle_out(section, nt_access_map(NT_TYPE_SECTION, (u32)a[1]), oa.attributes, a[0], 0);
	}
	nt_object_attributes_free(&oa);
	return st;
}

NT_HANDLER(ExtendSection)
{
	struct file *f;
	u64 size;
	s64 st = copy_in(&size, user_ptr(a[1]), 8);
	if (!st)
		st = nt_handle_get(a[0], NT_TYPE_SECTION, SECTION_EXTEND_SIZE, &f);
	if (st)
		return st;
	struct nt_section *s = f->object;
	if (!s->backing || (s->attributes & SEC_IMAGE))
		st = NT(SECTION_NOT_EXTENDED);
	else if (size > s->size && size > s->memory->size)
		st = position_truncate(s->backing->where, size);
	if (!st) {
		s->size = MAX(s->size, size);
		st = copy_out(user_ptr(a[1]), &s->size, 8);
	}
	file_put(f);
	return st;
}

/* ---- queries ---- */
struct section_basic { u64 base; u32 attributes, unused; u64 size; };
_Static_assert(sizeof(struct section_basic) == 24, "layout");

/* The returned length is a SIZE_T. */
static s64 section_answer(const u64 *a, const void *data, u64 size)
{
	s64 st = nt_query_out(a[2], a[3], 0, data, (u32)size, false);
	return st || !a[4] ? st : copy_out(user_ptr(a[4]), &size, sizeof(size)) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(QuerySection)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_SECTION, SECTION_QUERY, &f);
	if (st)
		return st;
	const struct nt_section *s = f->object;
	if ((u32)a[1] == 0) {
		struct section_basic b = { .attributes = s->attributes, .size = s->size };
		if (s->attributes & SEC_IMAGE)
			b.base = nt_image_base(s->backing);
		st = section_answer(a, &b, sizeof(b));
	} else if ((u32)a[1] == 1) {
		struct section_image_information i;
		if (a[3] < sizeof(i)) {
			st = NT(INFO_LENGTH_MISMATCH);
		} else if (s->attributes & SEC_IMAGE) {
			nt_image_information(s->backing, &i);
			st = section_answer(a, &i, sizeof(i));
		} else {
			st = NT(SECTION_NOT_IMAGE);
		}
	} else {
		st = NT(INVALID_INFO_CLASS);
	}
	file_put(f);
	return st;
}

/* ---- views ---- */
struct view_call { u64 process, base_va, offset_va, size_va; u32 type, protect; struct nt_place place; };

static u32 section_access_for(u32 protect)
{
	switch (protect & 0xff) {
	case NT_PAGE_READWRITE:
		return SECTION_MAP_WRITE;
	case NT_PAGE_EXECUTE_READWRITE:
		return SECTION_MAP_WRITE | SECTION_MAP_EXECUTE;
	case NT_PAGE_EXECUTE:
	case NT_PAGE_EXECUTE_READ:
	case NT_PAGE_EXECUTE_WRITECOPY:
		return SECTION_MAP_READ | SECTION_MAP_EXECUTE;
	default: /* also of pages without access */
		return SECTION_MAP_READ;
	}
}

/* May a view have `protect` when the section was made with s->protect? */
static bool view_allowed(const struct nt_section *s, u32 protect)
{
	u32 own, wanted, flags;
	if (nt_protection_in(s->protect, &own, &flags) || nt_protection_in(protect & 0xff, &wanted, &flags))
		return false;
	if (s->protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		own &= ~(u32)PROT_W;
	if (protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		wanted &= ~(u32)PROT_W;
	return !(wanted & ~own);
}

static s64 map_plain(struct aspace *as, struct file *section, const struct view_call *c, u64 offset, u64 size, u64 *va)
{
	struct nt_section *s = section->object;
	bool copy = c->protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY);
	bool reserved = s->reserve;
	u32 prot, flags, section_prot, unused;
	s64 st = nt_protection_in(c->protect, &prot, &flags);
	if (!st)
		st = nt_protection_in(s->protect, &section_prot, &unused);
	if (st)
		return st;
	if (s->protect & (NT_PAGE_WRITECOPY | NT_PAGE_EXECUTE_WRITECOPY))
		section_prot = copy ? section_prot : section_prot & ~(u32)PROT_W;
	struct map_request m = {
		.size = size, .prot = reserved ? 0 : prot, .max_prot = copy ? PROT_R | PROT_W | PROT_X : section_prot | PROT_R | PROT_X,
		.flags = (copy ? 0 : MAP_F_SHARED) | (reserved ? MAP_F_RESERVED : flags), .obj = s->memory, .offset = offset,
		.file = s->backing,
	};
	u32 caching = (s->attributes & SEC_NOCACHE ? NT_PAGE_NOCACHE : 0) | (s->attributes & SEC_WRITECOMBINE ? NT_PAGE_WRITECOMBINE : 0);
	struct nt_view view = {
		.map = &m, .section = s->reserve, .type = NT_MEM_MAPPED, .protect = c->protect | caching,
		.region_flags = (reserved ? NT_REGION_RESERVED_SECTION : 0) | (s->backing ? NT_REGION_FILE : 0),
		.placeholder = c->type & NT_MEM_REPLACE_PLACEHOLDER,
	};
	return nt_memory_map(as, &c->place, &view, va);
}

static s64 map_view(struct aspace *as, struct file *section, const struct view_call *c, u64 base, u64 offset, u64 size)
{
	struct nt_section *s = section->object;
	s64 st;
	if (s->attributes & SEC_IMAGE) {
		st = nt_image_map(as, s->backing, c->place.base, &base, &size);
	} else {
		if (!view_allowed(s, c->protect))
			return NT(SECTION_PROTECTION);
		if (offset >= s->size || size > s->size - offset)
			return NT(INVALID_VIEW_SIZE);
		size = ALIGN_UP(size ? size : s->size - offset, PAGE_SIZE);
		st = map_plain(as, section, c, offset, size, &base);
	}
	if (st && st != NT(IMAGE_NOT_AT_BASE))
		return st;
	s64 copied = copy_out(user_ptr(c->base_va), &base, 8);
	if (!copied)
		copied = copy_out(user_ptr(c->size_va), &size, 8);
	if (!copied && c->offset_va)
		copied = copy_out(user_ptr(c->offset_va), &offset, 8);
	return copied ? copied : st;
}

static s64 map_call(u64 handle, struct view_call *c)
{
	const u32 known = NT_MEM_RESERVE | NT_MEM_TOP_DOWN | NT_MEM_REPLACE_PLACEHOLDER | 0x800000 /* MEM_DIFFERENT_IMAGE_BASE_OK */;
	u64 base, size, offset = 0, alignment = c->type & NT_MEM_REPLACE_PLACEHOLDER ? PAGE_SIZE : NT_ALLOCATION_GRANULARITY;
	struct aspace *as;
	struct file *section;
	s64 st = copy_in(&base, user_ptr(c->base_va), 8);
	if (!st)
		st = copy_in(&size, user_ptr(c->size_va), 8);
	if (!st && c->offset_va)
		st = copy_in(&offset, user_ptr(c->offset_va), 8);
	if (st)
		return st;
	if ((c->type & ~known) || base >= USER_TOP || size >= USER_TOP)
		return NT(INVALID_PARAMETER);
	if (base && nt_place_limited(&c->place) && (!c->place.high || base >= c->place.high || c->place.low || c->place.alignment))
		return NT(INVALID_PARAMETER);
	if (!IS_ALIGNED(base, alignment) || !IS_ALIGNED(offset, alignment))
		return NT(MAPPED_ALIGNMENT);
	c->place.base = base;
	c->place.top_down = c->type & NT_MEM_TOP_DOWN;
	st = nt_handle_get(handle, NT_TYPE_SECTION, section_access_for(c->protect), &section);
	if (st)
		return st;
	st = nt_process_space_get(c->process, NT_PROCESS_VM_OPERATION, &as);
	if (!st) {
		st = map_view(as, section, c, base, offset, size);
		aspace_put(as);
	}
	file_put(section);
	return st;
}

NT_HANDLER(MapViewOfSection)
{
	struct view_call c = { .process = a[1], .base_va = a[2], .offset_va = a[5], .size_va = a[6], .type = (u32)a[8], .protect = (u32)a[9] };
	if ((u32)a[7] != 1 && (u32)a[7] != 2) /* ViewShare, ViewUnmap */
		return NT(INVALID_PARAMETER_8);
	s64 st = nt_zero_bits_limit(a[3], &c.place.high);
	return st ? st == NT(INVALID_PARAMETER_3) ? NT(INVALID_PARAMETER_4) : st : map_call(a[0], &c);
}

NT_HANDLER(MapViewOfSectionEx)
{
	struct view_call c = { .process = a[1], .base_va = a[2], .offset_va = a[3], .size_va = a[4], .type = (u32)a[5], .protect = (u32)a[6] };
	s64 st = nt_place_in(a[7], (u32)a[8], &c.place);
	return st ? st : map_call(a[0], &c);
}

static s64 unmap_call(u64 process, u64 va, u32 flags)
{
	struct aspace *as;
	s64 st = nt_process_space_get(process, NT_PROCESS_VM_OPERATION, &as);
	if (st)
		return st;
	st = va < USER_TOP ? nt_memory_unmap(as, va, flags) : NT(NOT_MAPPED_VIEW);
	aspace_put(as);
	return st;
}

NT_HANDLER(UnmapViewOfSection) { return unmap_call(a[0], a[1], 0); }

NT_HANDLER(UnmapViewOfSectionEx)
{
	if ((u32)a[2] & ~(u32)(NT_MEM_PRESERVE_PLACEHOLDER | 1 /* MEM_UNMAP_WITH_TRANSIENT_BOOST */))
		return NT(INVALID_PARAMETER);
	return unmap_call(a[0], a[1], (u32)a[2] & NT_MEM_PRESERVE_PLACEHOLDER);
}
