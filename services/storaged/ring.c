// SPDX-License-Identifier: MIT
// Split virtqueues (virtio 1.1, section 2.6). A ring is one page-aligned piece of a kept DMA region:
// descriptors, available ring, used ring.
#include <string.h>

#include "storaged.h"

enum {
	COMMON_QUEUE_SELECT = 22, COMMON_QUEUE_SIZE = 24, COMMON_QUEUE_VECTOR = 26,
			COMMON_QUEUE_ENABLE = 28, COMMON_QUEUE_NOTIFY = 30,
	COMMON_QUEUE_DESCRIPTORS = 32, COMMON_QUEUE_AVAILABLE = 40, COMMON_QUEUE_USED = 48,
};

static u64 available_offset(u32 size) { return 16ull * size; }
static u64 used_offset(u32 size) { return ALIGN_UP(available_offset(size) + 6 + 2ull * size, 64); }
u64 ring_bytes(u32 size) { return ALIGN_UP(used_offset(size) + 6 + 8ull * size, PAGE_SIZE); }

static void set16(struct device *d, u32 offset, u16 v) { *(volatile u16 *)(volatile void *)(d->common + offset) = v; }
static u16 get16(struct device *d, u32 offset) { return *(volatile u16 *)(volatile void *)(d->common + offset); }
static void set64(struct device *d, u32 offset, u64 v)
{
	*(volatile u32 *)(volatile void *)(d->common + offset) = (u32)v;
	*(volatile u32 *)(volatile void *)(d->common + offset + 4) = (u32)(v >> 32);
}

static status_t tell_device(struct ring *r, struct device *d, u32 size, u64 bus)
{
	if (get16(d, COMMON_QUEUE_SIZE) < size)
		return ERR_NODEV;
	set16(d, COMMON_QUEUE_SIZE, (u16)size);
	set16(d, COMMON_QUEUE_VECTOR, 0);
	set64(d, COMMON_QUEUE_DESCRIPTORS, bus);
	set64(d, COMMON_QUEUE_AVAILABLE, bus + available_offset(size));
	set64(d, COMMON_QUEUE_USED, bus + used_offset(size));
	set16(d, COMMON_QUEUE_ENABLE, 1);
	return OK;
}

status_t ring_make(struct ring *r, struct ring_state *state, struct device *d, u16 queue, u32 size, u8 *va,
		u64 bus, bool fresh)
{
	r->state = state;
	r->queue = queue;
	r->descriptors = (void *)va;
	r->available = (void *)(va + available_offset(size));
	r->used = (void *)(va + used_offset(size));
	set16(d, COMMON_QUEUE_SELECT, queue);
	r->doorbell = (void *)(d->notify + (u64)get16(d, COMMON_QUEUE_NOTIFY) * d->notify_multiplier);
	if (!fresh)
		return OK;
	memset(va, 0, ring_bytes(size));
	state->last_used = 0;
	state->size = size;
	return tell_device(r, d, size, bus);
}

void ring_publish(struct ring *r, u16 head)
{
	u16 idx = r->available->idx;
	r->available->ring[idx & (r->state->size - 1)] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->available->idx = (u16)(idx + 1);
}

void ring_kick(struct ring *r)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(r->used->flags & 1))
		*r->doorbell = r->queue;
}

bool ring_next_used(struct ring *r, u32 *head, u32 *length)
{
	u16 last = (u16)r->state->last_used;
	if (r->used->idx == last)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*head = r->used->ring[last & (r->state->size - 1)].id;
	*length = r->used->ring[last & (r->state->size - 1)].length;
	return true;
}
