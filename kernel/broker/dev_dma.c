// SPDX-License-Identifier: MIT
/* Memory of devices: DMA regions, kept by (function, name) so that a new service instance adopts its rings, and BAR
 * windows. Both are memory objects over physical ranges, mapped shared into the calling service. */
#include "dev_internal.h"

#include "base/string.h"

/* Locks: [d] dev_mutex. */
struct dma_region {
	u32 address;            /* [d] function */
	char name[DEV_NAME_BYTES];
	phys_t physical;
	u64 size;
	struct memobj *object;  /* [d] keeps the pages: never dropped */
};
static struct dma_region regions[DEV_DMA_REGIONS_MAX];
static u32 region_count;

static status_t map_physical(struct memobj *object, u64 size, const char *name, u64 *va)
{
	struct map_request r = {
		.size = size, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W, .flags = MAP_F_SHARED,
				.obj = object, .name = name,
	};
	return aspace_map(process_current()->aspace, &r, va);
}

static struct memobj *physical_object(phys_t pa, u64 size, u32 flags)
{
	struct memobj *object = memobj_create(size, NULL, NULL);
	if (!object)
		return NULL;
	object->backing = pa;
	object->backing_size = size;
	object->flags |= flags;
	return object;
}

static u32 order_of(u64 size)
{
	u32 order = 0;
	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static struct dma_region *find_region(u32 address, const char *name)
{
	for (u32 i = 0; i < region_count; i++)
		if (regions[i].address == address && strcmp(regions[i].name, name) == 0)
			return &regions[i];
	return NULL;
}

static status_t new_region(const struct pci_function *f, const struct dev_dma *d, struct dma_region **out)
{
	if (region_count == DEV_DMA_REGIONS_MAX)
		return FAIL(ERR_NOSPC, "all DMA regions are taken");
	struct page *page = page_alloc_order(order_of(d->size), 0);
	if (!page)
		return FAIL(ERR_NOMEM, "no contiguous pages for DMA");
	phys_t pa = page_to_phys(page);
	memset(phys_to_virt(pa), 0, d->size);
	struct memobj *object = physical_object(pa, d->size, MEMOBJ_PHYSICAL);
	if (!object) {
		page_free_order(page, order_of(d->size));
		return ERR_NOMEM;
	}
	struct dma_region *r = &regions[region_count++];
	*r = (struct dma_region){ .address = f->info.address, .physical = pa, .size = d->size, .object = object };
	str_copy(r->name, d->name, sizeof(r->name));
	*out = r;
	return OK;
}

status_t dev_dma_get(struct pci_function *f, struct dev_dma *d)
{
	if (!d->name[0] || strnlen(d->name, DEV_NAME_BYTES) == DEV_NAME_BYTES)
		return FAIL(ERR_INVAL, "DMA region without a name");
	if (!d->size || !IS_ALIGNED(d->size, PAGE_SIZE) || d->size > DEV_DMA_MAX_BYTES)
		return FAIL(ERR_INVAL, "size of a DMA region");
	struct dma_region *r = find_region(f->info.address, d->name);
	d->existed = r != NULL;
	if (r && r->size != d->size)
		return FAIL(ERR_EXIST, "DMA region exists with another size");
	status_t st = r ? OK : new_region(f, d, &r);
	if (st)
		return st;
	d->bus = r->physical;
	return map_physical(r->object, r->size, "[dma]", &d->va);
}

status_t dev_bar_map(struct pci_function *f, struct dev_map *m)
{
	if (m->bar >= DEV_BAR_COUNT || !f->info.bar_address[m->bar])
		return FAIL(ERR_INVAL, "no such BAR");
	u64 limit = ALIGN_UP(f->info.bar_size[m->bar], PAGE_SIZE);
	if (!m->size || !IS_ALIGNED(m->size | m->offset, PAGE_SIZE) || m->offset > limit || m->size > limit - m->offset)
		return FAIL(ERR_INVAL, "range of a BAR");
	u64 pa = f->info.bar_address[m->bar] + m->offset;
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return FAIL(ERR_INVAL, "BAR shares its page with others");
	struct memobj *object = physical_object(pa, m->size, MEMOBJ_PHYSICAL | MEMOBJ_UNCACHED);
	if (!object)
		return ERR_NOMEM;
	status_t st = map_physical(object, m->size, "[bar]", &m->va);
	memobj_put(object); /* the mapping holds its own */
	return st;
}
