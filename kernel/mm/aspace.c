// SPDX-License-Identifier: MIT
/* Address spaces: life cycle, loading on a CPU, and the VMA tree.
 * Entry points: aspace_create/put/switch, aspace_find_vma_locked, and for kernel/mm the vma_* helpers.
 * Invariants: 1. VMAs do not overlap and are never empty; 2. root_refs is 1 while refs > 0 plus 1 for each CPU
 * whose CR3 is page_table, so a CPU that idles on a dead space's (empty) tables is harmless: whoever drops
 * root_refs to 0 frees the root and the struct. */
#include "frame.h"
#include "map.h"
#include "random.h"
#include "string.h"

#define STACK_REGION GIB(16)     /* stack tops are spread over this much below USER_TOP */
#define STACK_GAP GIB(1)         /* room for stacks to grow before they meet mappings */
#define MMAP_RANDOM_PAGES BIT(28) /* 28 bits, as vm.mmap_rnd_bits */

void nt_regions_free(struct aspace *as) WEAK; /* nt_memory.h */

phys_t zero_page_pa;
u32 aspaces_dying;
static u16 upper_slots[256]; /* root entries of the kernel half that are in use: a handful, fixed by vmap_init */
static u32 upper_count;
static struct slab_cache *aspace_cache, *vma_cache;

void aspace_init(void)
{
	struct page *zero = page_alloc(ALLOC_ZERO);
	if (!zero)
		panic("no memory for the zero page");
	for (u32 i = 256; i < 512; i++)
		if (((u64 *)phys_to_virt(kernel_page_table))[i])
			upper_slots[upper_count++] = (u16)i;
	zero->flags |= PAGE_FLAG_PINNED;
	zero_page_pa = page_to_phys(zero);
	aspace_cache = slab_create("aspace", sizeof(struct aspace), 64);
	vma_cache = slab_create("vma", sizeof(struct vma), 16);
	memobj_init();
	account_init();
}

u64 aspace_random_stack_top(void)
{
	return USER_TOP - (random_u64() % (STACK_REGION >> PAGE_SHIFT) << PAGE_SHIFT);
}

struct aspace *aspace_create(struct account *account)
{
	struct page *root = page_alloc(0);
	struct aspace *as = root ? slab_alloc(aspace_cache) : NULL;
	if (!as) {
		if (root)
			page_put(root);
		return NULL;
	}
	memset(as, 0, sizeof(*as));
	u64 *table = page_va(root);
	const u64 *kernel = phys_to_virt(kernel_page_table);
	page_clear(table);
	for (u32 i = 0; i < upper_count; i++)
		table[upper_slots[i]] = kernel[upper_slots[i]];
	stat_add(&stat_pagetable_pages, 1);
	account_get(as->account = account);
	as->refs = 1;
	as->root_refs = 1;
	as->page_table = page_to_phys(root);
	list_init(&as->tables);
	mutex_init(&as->lock, RANK_ASPACE_MUTEX);
	spin_init(&as->table_lock, RANK_PAGE_TABLE);
	as->limit_as_bytes = as->limit_data_bytes = UINT64_MAX;
	as->limit_stack_bytes = MIB(8); /* Linux's default RLIMIT_STACK */
	as->mmap_top = USER_TOP - STACK_REGION - STACK_GAP - (random_u64() % MMAP_RANDOM_PAGES << PAGE_SHIFT);
	return as;
}

void aspace_root_free(struct aspace *as)
{
	stat_add(&stat_pagetable_pages, -1);
	page_put(phys_to_page(as->page_table));
	slab_free(aspace_cache, as);
}

void aspace_switch(struct aspace *as)
{
	struct cpu *c = cpu_this();
	struct aspace *old = c->aspace;
	if (old == as)
		return;
	if (as) {
		aspace_switch_loaded(c, old, as);
		return;
	}
	c->aspace = NULL;
	load_page_table(kernel_page_table);
	aspace_unloaded(old, BIT(c->id));
}

static void destroy_vmas(struct aspace *as)
{
	struct list_node dead;
	list_init(&dead);
	struct rb_node *n = rb_first(&as->vmas);
	while (n) {
		struct vma *v = rb_entry(n, struct vma, node);
		n = rb_next(n);
		vma_bury(v, &dead); /* first: from here no reverse map walks the entries */
		pt_release_range(as, v->start, v->end);
	}
	as->vmas.node = NULL;
	as->vma_hint = NULL;
	vma_release_dead(&dead);
}

void aspace_put(struct aspace *as)
{
	if (!as || __atomic_sub_fetch(&as->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (cpu_this()->aspace == as)
		aspace_switch(NULL);
	u64 resident = as->resident_pages, tables = as->table_pages;
	__atomic_add_fetch(&aspaces_dying, 1, __ATOMIC_RELAXED);
	destroy_vmas(as);
	if (as->nt_regions.node && nt_regions_free)
		nt_regions_free(as);
	pt_free_tables(as);
	__atomic_sub_fetch(&aspaces_dying, 1, __ATOMIC_RELAXED);
	memory_came_back(resident + tables);
	account_put(as->account);
	aspace_root_put(as);
}

/* ---- VMAs ---- */

struct vma *vma_alloc(struct aspace *as)
{
	if (as->vma_count >= VMA_COUNT_MAX)
		return NULL;
	struct vma *v = slab_alloc(vma_cache);
	if (!v)
		return NULL;
	memset(v, 0, sizeof(*v));
	v->as = as;
	list_init(&v->memobj_link);
	return v;
}

/* Only the struct: for one that never entered its object's reverse map. */
void vma_free(struct vma *v) { slab_free(vma_cache, v); }

void vma_attach_object(struct vma *v)
{
	if (v->file)
		file_get(v->file);
	if (!v->obj)
		return;
	memobj_get(v->obj);
	spin_lock(&v->obj->index_lock);
	list_push_back(&v->obj->mappings, &v->memobj_link);
	spin_unlock(&v->obj->index_lock);
}

/* Leaves the reverse map at once; references are dropped by vma_release_dead, because the last reference of a
 * file or object may sleep and take locks that rank before as->lock. */
void vma_bury(struct vma *v, struct list_node *dead)
{
	if (v->obj) {
		spin_lock(&v->obj->index_lock);
		list_remove(&v->memobj_link);
		spin_unlock(&v->obj->index_lock);
	}
	list_push_back(dead, &v->memobj_link);
}

void vma_release_dead(struct list_node *dead)
{
	struct list_node *n;
	while ((n = list_pop_front(dead))) {
		struct vma *v = list_entry(n, struct vma, memobj_link);
		if (v->obj)
			memobj_put(v->obj);
		if (v->file)
			file_put(v->file);
		vma_free(v);
	}
}

void vma_set_range(struct vma *v, u64 start, u64 end)
{
	if (v->obj)
		spin_lock(&v->obj->index_lock);
	v->offset += start - v->start;
	v->start = start;
	v->end = end;
	if (v->obj)
		spin_unlock(&v->obj->index_lock);
}

struct vma *vma_next(struct vma *v)
{
	struct rb_node *n = rb_next(&v->node);
	return n ? rb_entry(n, struct vma, node) : NULL;
}

struct vma *vma_prev(struct vma *v)
{
	struct rb_node *n = rb_prev(&v->node);
	return n ? rb_entry(n, struct vma, node) : NULL;
}

void vma_insert(struct aspace *as, struct vma *v)
{
	struct rb_node *parent = NULL, **slot = &as->vmas.node;
	while (*slot) {
		parent = *slot;
		slot = v->start < rb_entry(parent, struct vma, node)->start ? &parent->left : &parent->right;
	}
	rb_insert(&as->vmas, &v->node, parent, slot);
	as->vma_count++;
}

void vma_remove(struct aspace *as, struct vma *v)
{
	if (as->vma_hint == v)
		as->vma_hint = NULL;
	rb_remove(&as->vmas, &v->node);
	as->vma_count--;
}

struct vma *aspace_find_vma_locked(struct aspace *as, u64 va)
{
	struct vma *found = as->vma_hint;
	if (found && va >= found->start && va < found->end)
		return found;
	found = NULL;
	for (struct rb_node *n = as->vmas.node; n;) {
		struct vma *v = rb_entry(n, struct vma, node);
		if (va < v->end) {
			found = v;
			if (va >= v->start)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (found)
		as->vma_hint = found;
	return found;
}
