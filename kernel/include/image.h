/* SPDX-License-Identifier: MIT */
/* Image objects: PE files in RVA layout, made by loaderd, shared by all processes that map them. A file with
 * image_ops; NtCreateSection(SEC_IMAGE) holds one. A mapping's vma->file is the image, offset 0 is its base. */
#ifndef AMBOS_KERNEL_IMAGE_H
#define AMBOS_KERNEL_IMAGE_H

#include "file.h"
#include "../../abi/core/broker.h"

/* Takes over nothing; copies layout, sections and name. ERR_INVAL when they do not fit each other. */
status_t image_create(const struct image_layout *layout, const struct image_section *sections, const char *name,
		      struct file **out) MUST_CHECK;
bool image_is(const struct file *f);
const struct image_layout *image_layout(const struct file *f); /* of an image */
const char *image_name(const struct file *f);                  /* path as loaderd gave it */
struct memobj *image_memory(const struct file *f);
/* All sections at layout->base. ERR_EXIST when something is there; nothing stays mapped after an error. */
status_t image_map(struct aspace *as, struct file *image) MUST_CHECK;
/* A further view elsewhere, in a free place: its content is relocated for the image's own base. */
status_t image_map_at(struct aspace *as, struct file *image, u64 base) MUST_CHECK;
bool image_place_is_free(struct aspace *as, const struct file *image);
/* The image that `va` belongs to (referenced) and its base in this space; NULL: no image there. */
struct file *image_at(struct aspace *as, u64 va, u64 *base);

/* Asks loaderd: `pe` (and its absolute path) or, with pe NULL, the system DLL `name`. base 0: where it usually goes. */
status_t image_request(struct file *pe, const char *name, u64 base, struct file **image) MUST_CHECK;

#endif
