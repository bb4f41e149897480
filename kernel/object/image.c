// SPDX-License-Identifier: MIT
/* Image objects: a memory object in RVA layout with the sections and facts of its PE file. loaderd fills the bytes once,
 * through its own shared mapping; programs map them copy-on-write, so clean pages are shared by all processes.
 * A mapping keeps the image as its vma->file; offset 0 of it is the image's base. */
#include "image.h"
#include "../../lib/base/string.h"

struct image {
	struct image_layout layout;      /* [I] all of it */
	struct memobj *memory;
	struct image_section *sections;  /* layout.section_count */
	char *name;
};

static void image_free(struct image *i)
{
	if (i->memory)
		memobj_put(i->memory);
	kfree(i->sections);
	kfree(i->name);
	kfree(i);
}

static void image_release(struct file *f) { image_free(f->object); }

static s64 image_read(struct file *f, struct io_buf *to, u64 *pos)
{
	struct image *i = f->object;
	s64 done = pos ? memobj_read(i->memory, to, *pos) : ERR_INVAL;
	if (done > 0)
		*pos += (u64)done;
	return done;
}

static const struct file_ops image_ops = { .name = "image", .read = image_read, .release = image_release };

bool image_is(const struct file *f) { return f->ops == &image_ops; }
const struct image_layout *image_layout(const struct file *f) { return &((const struct image *)f->object)->layout; }
const char *image_name(const struct file *f) { return ((const struct image *)f->object)->name; }
struct memobj *image_memory(const struct file *f) { return ((const struct image *)f->object)->memory; }

static status_t check(const struct image_layout *l, const struct image_section *s)
{
	u64 end = 0;
	if (!l->size || l->size > IMAGE_BYTES_MAX || !IS_ALIGNED(l->size, PAGE_SIZE) || !IS_ALIGNED(l->base, PAGE_SIZE))
		return FAIL(ERR_INVAL, "image size or base");
	if (l->base > USER_TOP || l->size > USER_TOP - l->base || !l->section_count || l->section_count > IMAGE_SECTIONS_MAX)
		return FAIL(ERR_INVAL, "image place or number of sections");
	for (u32 i = 0; i < l->section_count; i++) {
		if (s[i].rva < end || !IS_ALIGNED(s[i].rva | s[i].size, PAGE_SIZE) || !s[i].size || (s[i].prot & ~7u) ||
		    (s[i].flags & ~(u32)IMAGE_SECTION_SHARED))
			return FAIL(ERR_INVAL, "image section");
		end = (u64)s[i].rva + s[i].size;
	}
	return end <= l->size ? OK : FAIL(ERR_INVAL, "image sections exceed its size");
}

status_t image_create(const struct image_layout *layout, const struct image_section *sections, const char *name,
		      struct file **out)
{
	status_t st = check(layout, sections);
	if (st)
		return st;
	struct image *i = kzalloc(sizeof(*i));
	if (!i)
		return ERR_NOMEM;
	i->layout = *layout;
	i->memory = memobj_create(layout->size, NULL, NULL);
	i->sections = kmalloc(layout->section_count * sizeof(*sections));
	i->name = kmalloc(strlen(name) + 1);
	struct file *f = i->memory && i->sections && i->name ? file_create(&image_ops, i, 0) : NULL;
	if (!f) {
		image_free(i);
		return ERR_NOMEM;
	}
	memcpy(i->sections, sections, layout->section_count * sizeof(*sections));
	memcpy(i->name, name, strlen(name) + 1);
	*out = f;
	return OK;
}

static status_t map_section(struct aspace *as, struct file *f, const struct image_section *s, u64 base)
{
	struct image *i = f->object;
	struct map_request r = {
		.va = base + s->rva, .size = s->size, .prot = s->prot, .max_prot = PROT_R | PROT_W | PROT_X,
		.flags = MAP_F_FIXED | MAP_F_NOREPLACE | (s->flags & IMAGE_SECTION_SHARED ? MAP_F_SHARED : 0),
		.obj = i->memory, .offset = s->rva, .file = f,
	};
	u64 at;
	return aspace_map(as, &r, &at);
}

bool image_place_is_free(struct aspace *as, const struct file *f)
{
	const struct image_layout *l = image_layout(f);
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, l->base);
	bool free = !v || v->start >= l->base + l->size;
	mutex_unlock(&as->lock);
	return free;
}

status_t image_map_at(struct aspace *as, struct file *f, u64 base)
{
	struct image *i = f->object;
	status_t st = OK;
	for (u32 n = 0; n < i->layout.section_count && !st; n++) {
		st = map_section(as, f, &i->sections[n], base);
		if (st && n && aspace_unmap(as, base, i->sections[n].rva)) { /* nothing was there */ }
	}
	return st;
}

status_t image_map(struct aspace *as, struct file *f)
{
	return image_place_is_free(as, f) ? image_map_at(as, f, image_layout(f)->base) : ERR_EXIST;
}

struct file *image_at(struct aspace *as, u64 va, u64 *base)
{
	struct file *f = NULL;
	mutex_lock(&as->lock);
	struct vma *v = aspace_find_vma_locked(as, va);
	if (v && v->start <= va && v->file && image_is(v->file)) {
		f = v->file;
		file_get(f);
		*base = v->start - v->offset;
	}
	mutex_unlock(&as->lock);
	return f;
}
