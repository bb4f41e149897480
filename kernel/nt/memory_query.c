// SPDX-License-Identifier: MIT
/* NtQueryVirtualMemory: basic, mapped file name, region and image information, working set state of pages. */
#include "nt_memory.h"

#include "string.h"
#include "../mm/map.h"
#include "image.h"

#define WORKING_SET_PAGES_MAX 4096u  /* per call */
enum { MEMORY_BASIC = 0, MEMORY_MAPPED_NAME = 2, MEMORY_REGION = 3, MEMORY_WORKING_SET_EX = 4,
	MEMORY_IMAGE = 6, MEMORY_BASIC_PRIVILEGED = 8 };

enum { REGION_DATA_FILE = 2, REGION_IMAGE = 4 }; /* private memory and the paging file have no bit */
struct region_information { u64 allocation_base; u32 protect, type; u64 size, commit_size, partition, node; };
struct image_information { u64 base, size; u32 flags, unused; };
struct working_set_entry { u64 va, flags; };
_Static_assert(sizeof(struct region_information) == 48 && sizeof(struct image_information) == 24, "layout");

/* As nt_query_out, but the returned length is a SIZE_T. */
static s64 put(const u64 *a, const void *data, u64 size)
{
	if (a[4] < size)
		return NT(INFO_LENGTH_MISMATCH);
	if (copy_out(user_ptr(a[3]), data, size) || (a[5] && COPY_OUT(user_ptr(a[5]), &size)))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static s64 query_basic(struct aspace *as, const u64 *a)
{
	struct nt_memory_basic b;
	if (a[1] >= NT_ADDRESS_TOP)
		return NT(INVALID_PARAMETER);
	nt_memory_query(as, a[1], &b);
	return put(a, &b, sizeof(b));
}

/* UNICODE_STRING and its text in one buffer. */
static s64 put_string(const u64 *a, const struct nt_string *s)
{
	struct { u16 length, maximum; u32 unused; u64 text; } head = { (u16)s->bytes, (u16)(s->bytes + 2), 0, a[3] + 16 };
	u64 size = sizeof(head) + s->bytes + 2;
	if (a[5] && COPY_OUT(user_ptr(a[5]), &size))
		return NT(ACCESS_VIOLATION);
	if (a[4] < size)
		return a[4] < sizeof(head) ? NT(INFO_LENGTH_MISMATCH) : NT(BUFFER_OVERFLOW);
	if (COPY_OUT(user_ptr(a[3]), &head) || copy_out(user_ptr(head.text), s->text, s->bytes + 2))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static struct file *file_at(struct aspace *as, u64 va)
{
	struct file *f = NULL;
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, va);
	if (v && v->start <= va && v->file) {
		f = v->file;
		file_get(f);
	}
	mutex_unlock(&as->lock);
	return f;
}

static s64 image_string(struct file *image, struct nt_string *out)
{
	static const u16 prefix[] = { '\\', '?', '?', '\\' };
	const char *name = image_name(image);
	u32 length = (u32)strlen(name), skip = length > 1 && name[1] == ':' ? ARRAY_SIZE(prefix) : 0;
	u16 *text = kmalloc((length + ARRAY_SIZE(prefix) + 1) * sizeof(u16));
	if (!text)
		return ERR_NOMEM;
	memcpy(text, prefix, skip * sizeof(u16));
	for (u32 i = 0; i <= length; i++)
		text[skip + i] = (u8)name[i];
	*out = (struct nt_string){ text, (skip + length) * 2 };
	return 0;
}

static s64 query_name(struct aspace *as, const u64 *a)
{
	struct nt_string name = { 0 };
	struct file *f = file_at(as, a[1]);
	if (!f)
		return NT(INVALID_ADDRESS);
	s64 st = image_is(f) ? image_string(f, &name) : nt_file_object_name(f, &name);
	file_put(f);
	if (!st)
		st = name.text ? put_string(a, &name) : NT(INVALID_ADDRESS);
	nt_string_free(&name);
	return st;
}

static s64 query_region(struct aspace *as, const u64 *a)
{
	struct nt_memory_basic b;
	struct nt_region r;
	nt_memory_query(as, a[1], &b);
	if (b.state == NT_MEM_FREE)
		return NT(INVALID_ADDRESS);
	struct file *mapped = file_at(as, a[1]);
	struct region_information out = { .allocation_base = b.allocation_base, .protect = b.allocation_protect, .size = b.size };
	if (nt_memory_region_at(as, a[1], &r)) {
		out.size = r.end - r.start;
		if (r.section)
			file_put(r.section);
	}
	out.type = b.type == NT_MEM_IMAGE ? REGION_IMAGE : b.type == NT_MEM_MAPPED && mapped ? REGION_DATA_FILE : 0;
	if (mapped)
		file_put(mapped);
	u32 size = a[4] < sizeof(out) && a[4] >= 24 ? 24 : sizeof(out); /* the short form of older callers */
	return put(a, &out, size);
}

static s64 query_image(struct aspace *as, const u64 *a)
{
	struct image_information out = { 0 };
	struct file *image = image_at(as, a[1], &out.base);
	if (!image)
		return NT(INVALID_ADDRESS);
	out.size = image_layout(image)->size;
	file_put(image);
	return put(a, &out, sizeof(out));
}

/* PSAPI_WORKING_SET_EX: bit 0 valid, share count 1, protection, shared bit 15. */
static s64 query_working_set(struct aspace *as, const u64 *a)
{
	struct working_set_entry e;
	u64 count = a[4] / sizeof(e);
	if (!count || count > WORKING_SET_PAGES_MAX)
		return NT(INFO_LENGTH_MISMATCH);
	for (u64 i = 0; i < count; i++) {
		struct nt_memory_basic b;
		u8 resident = 0;
		if (COPY_IN(&e, user_ptr(a[3] + i * sizeof(e))))
			return NT(ACCESS_VIOLATION);
		e.flags = 0;
		if (e.va < NT_ADDRESS_TOP)
			nt_memory_query(as, e.va, &b);
		if (e.va < NT_ADDRESS_TOP && b.state == NT_MEM_COMMIT &&
		    !aspace_resident(as, ALIGN_DOWN(e.va, PAGE_SIZE), 1, &resident) && resident)
			e.flags = 1 | 1u << 1 | (u64)(b.protect & 0x7ff) << 4 | (b.type == NT_MEM_PRIVATE ? 0 : 1u << 15);
		if (COPY_OUT(user_ptr(a[3] + i * sizeof(e)), &e))
			return NT(ACCESS_VIOLATION);
	}
	u64 size = count * sizeof(e);
	return a[5] ? COPY_OUT(user_ptr(a[5]), &size) : 0;
}

static s64 query(struct aspace *as, const u64 *a)
{
	switch ((u32)a[2]) {
	case MEMORY_BASIC:
	case MEMORY_BASIC_PRIVILEGED:
		return query_basic(as, a);
	case MEMORY_MAPPED_NAME:
		return query_name(as, a);
	case MEMORY_REGION:
		return query_region(as, a);
	case MEMORY_WORKING_SET_EX:
		return query_working_set(as, a);
	case MEMORY_IMAGE:
		return query_image(as, a);
	default:
		return NT(INVALID_INFO_CLASS);
	}
}

NT_HANDLER(QueryVirtualMemory)
{
	struct aspace *as;
	s64 st = nt_process_space_get(a[0], NT_PROCESS_QUERY_LIMITED_INFORMATION, &as);
	if (st)
		return st;
	st = query(as, a);
	aspace_put(as);
	return st;
}
