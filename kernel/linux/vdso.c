// SPDX-License-Identifier: MIT
/* The vDSO: one image (kernel/vdso) and one page of clock data, shared by all programs as two pages of one object.
 * The data page is written here only: at first use and when the wall clock is set. */
#include "cpu.h"
#include "linux.h"
#include "../vdso/vdso_data.h"
#include "../../lib/base/string.h"

extern const u8 vdso_image_start[], vdso_image_end[]; /* vdso_image.S */

static struct memobj *image;
static struct vdso_data *data;
static struct spinlock data_lock = SPINLOCK_INIT(RANK_OBJECT);

void vdso_update_clock(void)
{
	if (!data)
		return;
	spin_lock(&data_lock);
	u32 sequence = data->sequence;
	__atomic_store_n(&data->sequence, sequence + 1, __ATOMIC_SEQ_CST);
	data->wall_boot_ns = time_boot_wall_ns();
	__atomic_store_n(&data->sequence, sequence + 2, __ATOMIC_SEQ_CST);
	spin_unlock(&data_lock);
}

/* Two adjacent frames that are never freed: image, then data. */
static status_t image_make(void)
{
	struct page *pages = page_alloc_order(1, ALLOC_ZERO);
	struct memobj *o = pages ? memobj_create(2 * PAGE_SIZE, NULL, NULL) : NULL;
	if (!o)
		return ERR_NOMEM;
	u8 *at = page_va(pages);
	memcpy(at, vdso_image_start, (size_t)(vdso_image_end - vdso_image_start));
	data = (struct vdso_data *)(at + VDSO_IMAGE_SIZE);
	u64 base, mult;
	time_clock_parameters(&base, &mult);
	data->tsc_base = base;
	data->mult = mult;
	data->cpu_in_tsc_aux = cpu_number_in_tsc_aux();
	o->flags |= MEMOBJ_PHYSICAL; /* the data page changes in place */
	o->backing = page_to_phys(pages);
	o->backing_size = 2 * PAGE_SIZE;
	vdso_update_clock();
	__atomic_store_n(&image, o, __ATOMIC_RELEASE);
	return OK;
}

status_t vdso_map(struct aspace *as, u64 *base)
{
	static struct mutex lock = { .rank = RANK_EXEC_MUTEX, .waiters = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(lock.waiters.waiters) } };
	status_t st = OK;
	if (unlikely(!__atomic_load_n(&image, __ATOMIC_ACQUIRE))) {
		mutex_lock(&lock);
		if (!image)
			st = image_make();
		mutex_unlock(&lock);
		if (st)
			return st;
	}
	struct map_request r = {
		.size = 2 * PAGE_SIZE, .prot = PROT_R | PROT_X, .max_prot = PROT_R | PROT_X, .flags = MAP_F_SHARED, .obj = image,
		.name = "[vdso]",
	};
	memobj_get(image);
	st = aspace_map(as, &r, base);
	if (st)
		memobj_put(image);
	return st;
}
