// SPDX-License-Identifier: MIT
// virtio-9p transport: carries whole messages for vfsd. Each slot has a fixed request and a fixed reply buffer in kept
// pages and its own tag (its number). Finished requests stay findable by call id, so a repeat is not sent again.
#include <pthread.h>
#include <string.h>

#include "storaged.h"

#define FEATURE_MOUNT_TAG BIT(0)
#define RING_SIZE 16u           /* NINEP_SLOTS chains of two descriptors, rounded up */
#define MESSAGE_HEADER 7u       /* size[4] type[1] tag[2] */
#define TAG_OFFSET 5

struct transport {
	struct ring ring;
	u8 *buffers;            /* per slot: request, then reply */
	pthread_cond_t slot_free;
};
static struct transport transports[DEVICES_MAX];

static u8 *request_buffer(u32 device, u32 slot) { return transports[device].buffers + (u64)slot * 2 * NINEP_BUFFER; }
static u8 *reply_buffer(u32 device, u32 slot) { return request_buffer(device, slot) + NINEP_BUFFER; }

static void read_tag(struct device *d)
{
	char *tag = d->state->ninep.tag;
	u32 length = *(volatile u16 *)(volatile void *)d->config;
	length = MIN(length, STORAGE_NAME_MAX - 1);
	for (u32 i = 0; i < length; i++)
		tag[i] = (char)d->config[2 + i];
	tag[length] = 0;
}

static void fix_descriptors(struct transport *t, u64 bus)
{
	for (u32 i = 0; i < NINEP_SLOTS; i++) {
		struct ring_descriptor *out = &t->ring.descriptors[2 * i];
		out[0] = (struct ring_descriptor){ bus + (u64)i * 2 * NINEP_BUFFER, 0, DESCRIPTOR_NEXT, (u16)(2 * i + 1) };
		out[1] = (struct ring_descriptor){ out[0].address + NINEP_BUFFER, NINEP_BUFFER, DESCRIPTOR_WRITE, 0 };
	}
}

/* A slot that was never published belongs to a call that is sent again. */
static void drop_unsent(struct device *d, struct transport *t)
{
	for (u32 i = 0; i < NINEP_SLOTS; i++) {
		struct ninep_slot *s = &d->state->ninep.slots[i];
		if (s->use == SLOT_POSTED && (u16)s->sequence == ring_published(&t->ring))
			s->use = SLOT_FREE;
	}
}

status_t ninep_start(u32 device)
{
	struct device *d = &devices[device];
	struct transport *t = &transports[device];
	bool fresh = !d->state->ready;
	u8 *va;
	u64 bus = 0;
	pthread_cond_init(&t->slot_free, NULL);
	status_t st = fresh ? device_begin(d, FEATURE_MOUNT_TAG) : OK;
	if (st == OK)
		st = dma_region(d, "9p.buffers", NINEP_SLOTS * 2 * NINEP_BUFFER, &t->buffers, &bus, NULL);
	u64 buffer_bus = bus;
	if (st == OK)
		st = dma_region(d, "9p.ring", ring_bytes(RING_SIZE), &va, &bus, NULL);
	if (st == OK)
		st = ring_make(&t->ring, &d->state->ninep.ring, d, 0, RING_SIZE, va, bus, fresh);
	if (st)
		return st;
	if (!fresh) {
		drop_unsent(d, t);
		ninep_service(device); /* before a request can take a slot whose end was noted and not yet counted */
		ring_kick(&t->ring);   /* the last one published may not have been told */
		return OK;
	}
	fix_descriptors(t, buffer_bus);
	read_tag(d);
	device_go(d);
	return OK;
}

s64 ninep_find(struct service_request *r)
{
	char tag[STORAGE_NAME_MAX];
	s64 n = request_string(r, tag, sizeof(tag));
	if (n < 0)
		return n;
	struct storage_state *s = storage();
	for (u32 i = 0; i < s->device_count; i++)
		if (s->devices[i].kind == DEVICE_9P && strcmp(s->devices[i].ninep.tag, tag) == 0) {
			struct storage_9p_reply reply = { i, NINEP_BUFFER };
			request_reply_args(r, &reply, sizeof(reply));
			return OK;
		}
	return ERR_NOENT;
}

/* ---- repeats ---- */
static s64 answer(struct service_request *r, const u8 *reply, u32 bytes)
{
	if (bytes > r->message.reply_capacity)
		return ERR_MSGSIZE;
	memcpy(r->reply_payload, reply, bytes);
	r->reply_payload_size = bytes;
	return OK;
}

static void store_entry(u64 *id, u8 *reply, u32 *bytes, u64 call_id, const u8 *from, u32 size)
{
	*id = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memcpy(reply, from, size);
	*bytes = size;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	*id = call_id;
}

static void remember(const struct ninep_slot *slot, const u8 *reply)
{
	struct storage_state *s = storage();
	if (slot->nested && slot->reply_bytes <= CHANGE_BYTES) {
		struct change_entry *c = &s->changes[s->change_next % CHANGE_ENTRIES];
		store_entry(&c->call_id, c->reply, &c->bytes, slot->call_id, reply, slot->reply_bytes);
		s->change_next++;
	} else if (slot->reply_bytes <= HISTORY_BYTES) {
		struct history_entry *h = &s->history[s->history_next % HISTORY_ENTRIES];
		store_entry(&h->call_id, h->reply, &h->bytes, slot->call_id, reply, slot->reply_bytes);
		s->history_next++;
	}
}

/* SERVICE_REPLY_LATER: in flight, will be answered; ERR_NOENT: not known. */
static s64 answer_repeat(struct service_request *r, u32 device)
{
	const u64 id = r->message.call_id;
	struct storage_state *s = storage();
	for (u32 i = 0; i < NINEP_SLOTS; i++) {
		struct ninep_slot *slot = &s->devices[device].ninep.slots[i];
		if (slot->call_id == id && slot->use == SLOT_POSTED)
			return SERVICE_REPLY_LATER;
		if (slot->call_id == id && slot->use == SLOT_DONE)
			return answer(r, reply_buffer(device, i), slot->reply_bytes);
	}
	for (u32 i = 0; i < HISTORY_ENTRIES; i++)
		if (s->history[i].call_id == id)
			return answer(r, s->history[i].reply, s->history[i].bytes);
	for (u32 i = 0; i < CHANGE_ENTRIES; i++)
		if (s->changes[i].call_id == id)
			return answer(r, s->changes[i].reply, s->changes[i].bytes);
	return ERR_NOENT;
}

/* ---- sending ---- */
/* A free slot, or the one that finished longest ago; waits while all are in flight. */
static u32 take_slot(u32 device)
{
	struct ninep_state *n = &storage()->devices[device].ninep;
	for (;;) {
		u32 best = NINEP_SLOTS;
		for (u32 i = 0; i < NINEP_SLOTS; i++) {
			if (n->slots[i].use == SLOT_FREE)
				return i;
			if (n->slots[i].use == SLOT_DONE &&
			    (best == NINEP_SLOTS || (s16)(n->slots[i].sequence - n->slots[best].sequence) < 0))
				best = i;
		}
		if (best < NINEP_SLOTS)
			return best;
		pthread_cond_wait(&transports[device].slot_free, &storage_mutex);
	}
}

static void post(u32 device, u32 index, const struct service_request *r)
{
	struct transport *t = &transports[device];
	struct ninep_slot *slot = &storage()->devices[device].ninep.slots[index];
	u8 *message = request_buffer(device, index);
	u16 tag = (u16)index;
	slot->use = SLOT_FREE;
	memcpy(message, r->payload, r->message.payload_size);
	slot->tag = (u32)message[TAG_OFFSET] | (u32)message[TAG_OFFSET + 1] << 8;
	if (slot->tag != 0xffff) /* NOTAG of Tversion stays */
		memcpy(message + TAG_OFFSET, &tag, sizeof(tag));
	t->ring.descriptors[2 * index].length = r->message.payload_size;
	slot->call_id = r->message.call_id;
	slot->nested = (r->message.flags & IPC_NESTED) != 0;
	slot->sequence = ring_published(&t->ring);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	slot->use = SLOT_POSTED;
	ring_publish(&t->ring, (u16)(2 * index));
	ring_kick(&t->ring);
}

s64 ninep_exchange(struct service_request *r)
{
	const struct storage_9p_exchange *e = request_args(r);
	u32 device = e->device;
	if (device >= storage()->device_count || devices[device].state->kind != DEVICE_9P)
		return ERR_NODEV;
	if (r->message.payload_size < MESSAGE_HEADER || r->message.payload_size > NINEP_BUFFER)
		return ERR_MSGSIZE;
	device_lock();
	s64 st = ERR_NOENT;
	if (r->message.flags & IPC_RETRY || e->repeat)
		st = answer_repeat(r, device);
	if (st == ERR_NOENT) {
		post(device, take_slot(device), r);
		st = SERVICE_REPLY_LATER;
	}
	device_unlock();
	return st;
}

void ninep_service(u32 device)
{
	struct transport *t = &transports[device];
	struct ninep_state *n = &storage()->devices[device].ninep;
	u32 head, length;
	while (ring_next_used(&t->ring, &head, &length)) {
		u32 index = (head / 2) & (NINEP_SLOTS - 1);
		struct ninep_slot *slot = &n->slots[index];
		u8 *reply = reply_buffer(device, index);
		u16 tag = (u16)slot->tag;
		memcpy(reply + TAG_OFFSET, &tag, sizeof(tag));
		slot->reply_bytes = MIN(length, NINEP_BUFFER);
		remember(slot, reply);
		slot->use = SLOT_DONE;
		t->ring.state->last_used++;
		pthread_cond_signal(&t->slot_free);
		if (service_reply_later(slot->call_id, OK, NULL, 0, reply, slot->reply_bytes))
			continue; /* the call has not come back yet after a restart: its repeat finds the slot */
	}
}
