// SPDX-License-Identifier: MIT
/* Object caches and kmalloc. Each CPU has a magazine (a stack of free objects) per cache, so the common
 * allocation is a dozen instructions without a lock; behind it one lock per cache and slabs of 1..8 pages.
 * Entry points: slab_create/alloc/free, kmalloc/kzalloc/kfree.
 * A slab page's struct page says which cache it belongs to, so kfree needs no size; blocks over 2 KiB are
 * whole page orders (PAGE_FLAG_SLAB clear, order on the head page). */
#include "frame.h"
#include "spinlock.h"
#include "string.h"

#define MAX_CACHES 96      /* named caches and size classes together; creation beyond it is a programming error */
#define MAGAZINE_SIZE 15   /* with the count: two cache lines */
#define MAGAZINE_BATCH 8
#define MIN_ALIGN 16
#define MIN_OBJECTS_PER_SLAB 8
#define MAX_SLAB_ORDER 3
#define LARGEST_CLASS 2048

struct magazine {
	u64 count;
	void *objects[MAGAZINE_SIZE];
};
/* Locks: [l] lock, [I] immutable. */
struct slab_cache {
	struct spinlock lock;
	u32 id, size, order, per_slab; /* [I] */
	struct list_node partial;      /* [l] slabs with a free object */
	u32 empty_slabs;               /* [l] of them, wholly free */
	const char *name;
};

static struct slab_cache cache_table[MAX_CACHES];
static u32 cache_count;
static struct spinlock create_lock = SPINLOCK_INIT(RANK_SLAB);

static const u16 class_sizes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048 };
static struct slab_cache *class_caches[ARRAY_SIZE(class_sizes)];
static u8 class_of_16[LARGEST_CLASS / 16 + 1]; /* by (size + 15) / 16 */

static struct magazine *magazines_of_cpu(void)
{
	struct cpu *c = cpu_this();
	if (unlikely(!c->slab_cache)) {
		u32 order = 0;
		while ((PAGE_SIZE << order) < sizeof(struct magazine) * MAX_CACHES)
			order++;
		struct page *p = page_alloc_order(order, ALLOC_ZERO);
		if (!p)
			return NULL;
		c->slab_cache = page_va(p);
	}
	return c->slab_cache;
}

static struct page *slab_head(struct slab_cache *c, const void *object)
{
	return phys_to_page(virt_to_phys(object) & ~((PAGE_SIZE << c->order) - 1));
}

/* A new slab with all objects on its free list; lock not held. */
static struct page *slab_grow(struct slab_cache *c)
{
	struct page *p = page_alloc_order(c->order, 0);
	if (!p)
		return NULL;
	for (u64 i = 0; i < 1ull << c->order; i++) {
		p[i].flags = PAGE_FLAG_SLAB;
		p[i].slab = c;
	}
	char *base = page_va(p);
	for (u32 i = 0; i < c->per_slab; i++)
		*(void **)(base + (u64)i * c->size) = i + 1 < c->per_slab ? base + (u64)(i + 1) * c->size : NULL;
	p->free_objects = base;
	p->slab_used = 0;
	stat_add(&stat_slab_pages, 1 << c->order);
	return p;
}

static void slab_release(struct slab_cache *c, struct page *p)
{
	for (u64 i = 0; i < 1ull << c->order; i++)
		p[i].flags = 0;
	p->slab_used = 0;
	stat_add(&stat_slab_pages, -(1 << c->order));
	page_free_order(p, c->order);
}

static void magazine_fill_locked(struct slab_cache *c, struct magazine *m)
{
	while (m->count < MAGAZINE_BATCH && !list_empty(&c->partial)) {
		struct page *p = list_first(&c->partial, struct page, lru);
		if (p->slab_used == 0)
			c->empty_slabs--;
		while (m->count < MAGAZINE_BATCH && p->free_objects) {
			void *object = p->free_objects;
			p->free_objects = *(void **)object;
			p->slab_used++;
			m->objects[m->count++] = object;
		}
		if (!p->free_objects)
			list_remove(&p->lru);
	}
}

static void *slab_alloc_slow(struct slab_cache *c)
{
	struct magazine *m = magazines_of_cpu();
	if (!m)
		return NULL;
	m += c->id;
	spin_lock(&c->lock);
	magazine_fill_locked(c, m);
	spin_unlock(&c->lock);
	if (m->count == 0) {
		struct page *p = slab_grow(c);
		if (!p)
			return NULL;
		spin_lock(&c->lock);
		list_push_front(&c->partial, &p->lru);
		c->empty_slabs++;
		magazine_fill_locked(c, m);
		spin_unlock(&c->lock);
	}
	return m->objects[--m->count];
}

void *slab_alloc(struct slab_cache *c)
{
	struct magazine *m = cpu_this()->slab_cache;
	if (likely(m)) {
		m += c->id;
		if (likely(m->count))
			return m->objects[--m->count];
	}
	return slab_alloc_slow(c);
}

/* Returns a slab that became surplus, to be released without the lock. */
static struct page *object_return_locked(struct slab_cache *c, void *object)
{
	struct page *p = slab_head(c, object);
	DEBUG_ASSERT(p->flags == PAGE_FLAG_SLAB && p->slab == c && p->slab_used > 0);
	if (!p->free_objects)
		list_push_front(&c->partial, &p->lru);
	*(void **)object = p->free_objects;
	p->free_objects = object;
	if (--p->slab_used)
		return NULL;
	if (c->empty_slabs) {
		list_remove(&p->lru);
		return p;
	}
	c->empty_slabs++;
	return NULL;
}

static void slab_free_slow(struct slab_cache *c, void *object)
{
	struct magazine *m = magazines_of_cpu();
	struct page *surplus[MAGAZINE_BATCH + 1];
	u32 surplus_count = 0;
	spin_lock(&c->lock);
	if (m) {
		m += c->id;
		for (u32 i = 0; i < MAGAZINE_BATCH && m->count; i++) {
			struct page *p = object_return_locked(c, m->objects[--m->count]);
			if (p)
				surplus[surplus_count++] = p;
		}
	}
	struct page *p = object_return_locked(c, object);
	if (p)
		surplus[surplus_count++] = p;
	spin_unlock(&c->lock);
	for (u32 i = 0; i < surplus_count; i++)
		slab_release(c, surplus[i]);
}

void slab_free(struct slab_cache *c, void *object)
{
	struct magazine *m = cpu_this()->slab_cache;
#ifdef AMBOS_DEBUG
	memset(object, 0xdb, c->size);
#endif
	if (likely(m)) {
		m += c->id;
		if (likely(m->count < MAGAZINE_SIZE)) {
			m->objects[m->count++] = object;
			return;
		}
	}
	slab_free_slow(c, object);
}

struct slab_cache *slab_create(const char *name, size_t size, size_t align)
{
	spin_lock(&create_lock);
	if (cache_count == MAX_CACHES)
		panic("slab: too many caches (%s)", name);
	struct slab_cache *c = &cache_table[cache_count];
	c->id = cache_count++;
	spin_unlock(&create_lock);
	ASSERT(size && size <= PAGE_SIZE && align <= PAGE_SIZE);
	spin_init(&c->lock, RANK_SLAB);
	list_init(&c->partial);
	c->name = name;
	c->size = (u32)ALIGN_UP(size, MAX(align, (size_t)MIN_ALIGN));
	while (c->order < MAX_SLAB_ORDER && (PAGE_SIZE << c->order) / c->size < MIN_OBJECTS_PER_SLAB)
		c->order++;
	c->per_slab = (u32)((PAGE_SIZE << c->order) / c->size);
	return c;
}

void slab_init(void)
{
	for (u32 i = 0, units = 0; i < ARRAY_SIZE(class_sizes); i++) {
		class_caches[i] = slab_create("kmalloc", class_sizes[i], MIN_ALIGN);
		for (; units <= class_sizes[i] / 16u; units++)
			class_of_16[units] = (u8)i;
	}
}

/* ---- kmalloc ---- */

void *kmalloc(size_t size)
{
	if (likely(size <= LARGEST_CLASS))
		return slab_alloc(class_caches[class_of_16[(size + 15) / 16]]);
	if (size > PAGE_SIZE << MAX_ORDER)
		return NULL;
	u32 order = 0;
	while ((PAGE_SIZE << order) < size)
		order++;
	struct page *p = page_alloc_order(order, 0);
	if (!p)
		return NULL;
	stat_add(&stat_slab_pages, 1 << order);
	return page_va(p);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);
	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *object)
{
	if (!object)
		return;
	struct page *p = phys_to_page(virt_to_phys(object));
	ASSERT(p != NULL);
	if (p->flags & PAGE_FLAG_SLAB) {
		slab_free(p->slab, object);
		return;
	}
	ASSERT(IS_ALIGNED((u64)object, PAGE_SIZE) && p->refs == 1);
	stat_add(&stat_slab_pages, -(1 << p->order));
	page_free_order(p, p->order);
}
