// SPDX-License-Identifier: MIT
// The console device (virtio 1.1, section 5.3) with many ports: its control queue announces ports and their names.
// All messages are handled so that a repeat after a restart changes nothing.
#include <string.h>

#include "storaged.h"

#define FEATURE_MULTIPORT BIT(1)
#define QUEUE_CONTROL_RX 2
#define QUEUE_CONTROL_TX 3
#define CONTROL_SLOTS 32u       /* more than the ports' messages at start: ours are sent while theirs arrive */
#define CONTROL_BYTES 128u      /* header and a name */
enum console_event {
	EVENT_DEVICE_READY = 0, EVENT_DEVICE_ADD = 1, EVENT_DEVICE_REMOVE = 2, EVENT_PORT_READY = 3, EVENT_CONSOLE_PORT = 4,
	EVENT_RESIZE = 5, EVENT_PORT_OPEN = 6, EVENT_PORT_NAME = 7,
};
struct console_message { u32 port; u16 event, value; };

static struct device *console;
static struct ring rx, tx;
static u8 *rx_buffers, *tx_buffers;

struct device *console_device(void) { return console; }

static void fill_rx(void)
{
	while (ring_in_flight(&rx) < CONTROL_SLOTS)
		ring_publish(&rx, ring_published(&rx) & (CONTROL_SLOTS - 1));
	ring_kick(&rx);
}

static void reap_tx(void)
{
	u32 head, length;
	while (ring_next_used(&tx, &head, &length))
		tx.state->last_used++;
}

void console_send(u32 port, u16 event, u16 value)
{
	reap_tx();
	for (u32 i = 0; ring_in_flight(&tx) == CONTROL_SLOTS; i++)
		reap_tx(); /* QEMU takes control messages at once */
	u16 slot = ring_published(&tx) & (CONTROL_SLOTS - 1);
	struct console_message message = { port, event, value };
	memcpy(tx_buffers + slot * CONTROL_BYTES, &message, sizeof(message));
	ring_publish(&tx, slot);
	ring_kick(&tx);
}

static void on_message(const struct console_message *m, const char *name, u32 name_bytes)
{
	struct storage_state *s = storage();
	if (m->port >= PORTS_MAX)
		return;
	struct port_state *p = &s->ports[m->port];
	if (m->event == EVENT_DEVICE_ADD)
		console_send(m->port, EVENT_PORT_READY, 1);
	if (m->event == EVENT_PORT_NAME && name_bytes && !p->announced) {
		u32 n = MIN(name_bytes, STORAGE_NAME_MAX - 1);
		memcpy(p->name, name, n);
		p->name[n] = 0;
		p->announced = 1;
	}
}

void console_service(void)
{
	u32 head, length;
	if (!console)
		return;
	bool any = false;
	while (ring_next_used(&rx, &head, &length)) {
		const u8 *data = rx_buffers + (head & (CONTROL_SLOTS - 1)) * CONTROL_BYTES;
		struct console_message message;
		if (length >= sizeof(message) && length <= CONTROL_BYTES) {
			memcpy(&message, data, sizeof(message));
			on_message(&message, (const char *)data + sizeof(message), length - (u32)sizeof(message));
		}
		rx.state->last_used++;
		any = true;
	}
	if (any)
		fill_rx();
}

s32 port_find(const char *name)
{
	struct storage_state *s = storage();
	for (u32 i = 0; i < PORTS_MAX; i++)
		if (s->ports[i].announced && strcmp(s->ports[i].name, name) == 0)
			return (s32)i;
	return console ? ERR_AGAIN : ERR_NOENT;
}

static status_t make_queue(struct ring *r, struct ring_state *state, u16 queue, const char *name,
			   bool device_writes, u8 **buffers, bool fresh)
{
	u8 *va;
	u64 bus, ring_size = ring_bytes(CONTROL_SLOTS);
	status_t st = dma_region(console, name, ring_size + CONTROL_SLOTS * CONTROL_BYTES, &va, &bus, NULL);
	if (st == OK)
		st = ring_make(r, state, console, queue, CONTROL_SLOTS, va, bus, fresh);
	if (st)
		return st;
	*buffers = va + ring_size;
	for (u32 i = 0; fresh && i < CONTROL_SLOTS; i++) {
		r->descriptors[i].address = bus + ring_size + i * CONTROL_BYTES;
		r->descriptors[i].length = device_writes ? CONTROL_BYTES : (u32)sizeof(struct console_message);
		r->descriptors[i].flags = device_writes ? DESCRIPTOR_WRITE : 0;
	}
	return OK;
}

/* The queues of all ports are made before DRIVER_OK, as the standard demands; their buffers when they are attached. */
static status_t make_port_queues(bool fresh)
{
	u8 *va;
	u64 bus, each = ring_bytes(PORT_RING_SIZE);
	status_t st = dma_region(console, "port.rings", each * PORTS_MAX * 2, &va, &bus, NULL);
	for (u32 i = 0; st == OK && i < 2 * PORTS_MAX; i++)
		st = relay_make_ring(i / 2, i % 2, va + i * each, bus + i * each, fresh);
	return st;
}

status_t console_start(struct device *d)
{
	struct storage_state *s = storage();
	bool fresh = !d->state->ready;
	console = d;
	status_t st = fresh ? device_begin(d, FEATURE_MULTIPORT) : OK;
	if (st == OK)
		st = make_queue(&rx, &s->control_rx, QUEUE_CONTROL_RX, "control.rx", true, &rx_buffers, fresh);
	if (st == OK)
		st = make_queue(&tx, &s->control_tx, QUEUE_CONTROL_TX, "control.tx", false, &tx_buffers, fresh);
	if (st == OK)
		st = make_port_queues(fresh);
	if (st)
		return st;
	if (fresh) {
		device_go(d);
		fill_rx();
		console_send(0, EVENT_DEVICE_READY, 1);
	} else {
		fill_rx();
		relay_adopt();
	}
	return OK;
}
