// SPDX-License-Identifier: MIT
// Copies an ELF that lies in kernel memory (boot archive) into an address space: rootd, the foundation services
// and init=NAME start this way, so that no service is needed to start one.
#include "exec.h"
#include "../../lib/base/string.h"
#include "../../lib/elf/elf.h"

#define PIE_BASE 0x555555554000ull /* where Linux puts position-independent programs without ASLR */

static status_t fill_segment(struct aspace *as, u64 va, const u8 *bytes, const struct elf_segment *s)
{
	if (s->file_size == 0)
		return OK;
	s64 n = aspace_write_bytes(as, va, bytes + s->offset, s->file_size);
	if (n < 0)
		return (status_t)n;
	return (u64)n == s->file_size ? OK : ERR_FAULT;
}

/* Code and constants of a page-aligned archive member are mapped where they lie: nothing to copy at a restart. */
static bool lies_in_place(u64 bias, const u8 *bytes, const struct elf_segment *s)
{
	u64 at = (u64)bytes + s->offset;
	return !(s->prot & ELF_W) && s->file_size == s->mem_size && (u64)bytes >= KERNEL_BASE &&
	       IS_ALIGNED((u64)bytes, PAGE_SIZE) && (at & PAGE_MASK) == ((s->va + bias) & PAGE_MASK);
}

static status_t map_in_place(struct aspace *as, u64 low, u64 high, const u8 *bytes, const struct elf_segment *s)
{
	struct memobj *o = memobj_create(high - low, NULL, NULL);
	if (!o)
		return ERR_NOMEM;
	o->backing = (u64)bytes + ALIGN_DOWN(s->offset, PAGE_SIZE) - KERNEL_BASE;
	o->backing_size = high - low;
	struct map_request r = {
		.va = low, .size = high - low, .prot = s->prot, .max_prot = PROT_R | PROT_W | PROT_X, .flags = MAP_F_FIXED, .obj = o,
	};
	u64 at;
	status_t st = aspace_map(as, &r, &at);
	memobj_put(o);
	return st;
}

static status_t load_segment(struct aspace *as, u64 bias, const u8 *bytes, u64 size, const struct elf_segment *s)
{
	if (s->file_size > size || s->offset > size - s->file_size)
		return ERR_NOEXEC;
	u64 low = ALIGN_DOWN(s->va + bias, PAGE_SIZE);
	u64 high = ALIGN_UP(s->va + bias + s->mem_size, PAGE_SIZE);
	if (low == high)
		return OK;
	if (lies_in_place(bias, bytes, s))
		return map_in_place(as, low, high, bytes, s);
	struct map_request r = {
		.va = low, .size = high - low, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W | PROT_X,
		.flags = MAP_F_FIXED,
	};
	u64 at;
	status_t st = aspace_map(as, &r, &at);
	if (!st)
		st = fill_segment(as, s->va + bias, bytes, s);
	if (!st && s->prot != (ELF_R | ELF_W))
		st = aspace_protect(as, low, high - low, s->prot);
	return st;
}

status_t image_load_memory(struct aspace *as, const void *bytes, u64 size, struct linux_runtime *out)
{
	struct elf_image *image = kmalloc(sizeof(*image));
	const char *step = "memory";
	if (!image)
		return ERR_NOMEM;
	status_t st = elf_parse_header(bytes, size, image, &step);
	if (!st && (image->headers_offset > size))
		st = ERR_NOEXEC;
	if (!st)
		st = elf_parse_segments((const u8 *)bytes + image->headers_offset, size - image->headers_offset, image, &step);
	if (!st && image->interpreter_size)
		st = ERR_NOEXEC; /* nothing could open it yet */
	u64 bias = 0;
	if (!st && image->type == ELF_TYPE_DYN)
		bias = ALIGN_UP(PIE_BASE, image->alignment) - image->low;
	for (u32 i = 0; !st && i < image->segment_count; i++)
		st = load_segment(as, bias, bytes, size, &image->segments[i]);
	if (!st) {
		as->brk_start = as->brk_end = ALIGN_UP(image->brk + bias, PAGE_SIZE);
		as->code_start = image->code_start + bias;
		as->code_end = image->code_end + bias;
		as->data_start = image->data_start + bias;
		as->data_end = image->data_end + bias;
		*out = (struct linux_runtime){
			.entry = image->entry + bias, .start = image->entry + bias,
			.headers_va = image->headers_va ? image->headers_va + bias : 0, .header_count = image->header_count,
		};
	} else {
		klog(LOG_ERROR, "boot image refused: step=%s errno=%d", step, -st);
	}
	kfree(image);
	return st;
}
