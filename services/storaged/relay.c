// SPDX-License-Identifier: MIT
// Relays: bytes between a queue of a port and a file (pipe end, pty master). See storaged.h for the rules that make
// each step repeatable. Files are non-blocking; a relay that cannot go on says which poll events it needs.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "storaged.h"

#define EVENT_PORT_OPEN 6
#define COUNTED_READ 0
#define COUNTED_WRITE 1
#define POLL_READ 0x001  /* POLLIN */
#define POLL_WRITE 0x004 /* POLLOUT */

/* Buffers per direction. Program bytes: few large ones to the host, many of the size that QEMU fills at a time from
 * the host (4 KiB, neighbours are written in one go). Control and terminal traffic is small. */
struct shape { u32 slots, slot_bytes; };
static const struct shape bulk[2] = { { 8, 65536 }, { 64, 4096 } }, small[2] = { { 8, 4096 }, { 8, 4096 } };
#define PIPE_WANTED_BYTES (1 << 18) /* fewer switches between program and relay; refused is fine */

struct port_ring {
	struct ring ring;
	u8 *buffers;
};
static struct port_ring rings[PORTS_MAX][2];

static struct relay *relay_of(u32 port, u32 direction) { return &storage()->ports[port].relays[direction]; }

status_t relay_make_ring(u32 port, u32 direction, u8 *va, u64 bus, bool fresh)
{
	u16 queue = (u16)((port ? 2 * port + 2 : 0) + (direction == STORAGE_TO_HOST));
	return ring_make(&rings[port][direction].ring, &relay_of(port, direction)->ring, console_device(),
			 queue, PORT_RING_SIZE, va, bus, fresh);
}

static bool is_bulk(const char *name)
{
	return strncmp(name, "ambos.fd", 8) == 0;
}

static status_t map_buffers(u32 port, u32 direction)
{
	struct relay *r = relay_of(port, direction);
	struct port_ring *p = &rings[port][direction];
	char name[DEV_NAME_BYTES] = "port?.?";
	u64 bus;
	name[4] = (char)('0' + port);
	name[6] = direction == STORAGE_TO_HOST ? 't' : 'f';
	status_t st = dma_region(console_device(), name, (u64)r->slots * r->slot_bytes, &p->buffers, &bus, NULL);
	if (st)
		return st;
	for (u32 i = 0; i < r->slots; i++) {
		p->ring.descriptors[i].address = bus + (u64)i * r->slot_bytes;
		if (direction == STORAGE_TO_HOST)
			continue; /* length is set with the bytes */
		p->ring.descriptors[i].length = r->slot_bytes;
		p->ring.descriptors[i].flags = DESCRIPTOR_WRITE;
	}
	return OK;
}

static s64 counted_io(u32 write, s32 fd, void *data, u64 size, u64 *counter)
{
	return ambos_call(AMBOS_CALL_COUNTED_IO, write, (u64)fd, (u64)data, size, (u64)counter);
}

static void end_relay(struct relay *r)
{
	r->ended = 1;
	if (r->fd > 0)
		close(r->fd); /* a repeat after a restart closes nothing: the number is remembered as used up */
	r->fd = -1;
}

/* ---- guest to host ---- */
static void reap_sent(struct port_ring *p)
{
	u32 head, length;
	while (ring_next_used(&p->ring, &head, &length))
		p->ring.state->last_used++;
}

static bool publish_bytes(struct relay *r, struct port_ring *p)
{
	u16 sequence = ring_published(&p->ring);
	u32 slot = sequence & (r->slots - 1), before = (u16)(sequence - 1) & (r->slots - 1);
	u64 length = r->moved - r->base[before];
	if (length == 0)
		return false;
	p->ring.descriptors[slot].length = (u32)length;
	r->base[slot] = r->moved;
	ring_publish(&p->ring, (u16)slot);
	return true;
}

static bool step_to_host(struct relay *r, struct port_ring *p, short *events)
{
	bool any = false;
	reap_sent(p);
	while (ring_in_flight(&p->ring) < r->slots) {
		if (publish_bytes(r, p)) { /* read by an earlier instance, or just now */
			any = true;
			continue;
		}
		if (r->ended)
			break;
		u32 slot = ring_published(&p->ring) & (r->slots - 1);
		s64 n = counted_io(COUNTED_READ, r->fd, p->buffers + (u64)slot * r->slot_bytes, r->slot_bytes, &r->moved);
		if (n == ERR_AGAIN || n == ERR_INTR) {
			*events = POLL_READ;
			break;
		}
		if (n <= 0)
			end_relay(r); /* end of file, or EIO of a pty without slaves */
	}
	if (any)
		ring_kick(&p->ring);
	return any;
}

/* ---- host to guest ---- */
static u32 element_length(const struct relay *r, const struct port_ring *p, u16 sequence)
{
	return MIN(p->ring.used->ring[sequence & (PORT_RING_SIZE - 1)].length, r->slot_bytes);
}

/* Bytes that lie together in memory from the first unwritten one on. */
static u64 ready_bytes(const struct relay *r, const struct port_ring *p, u64 *offset)
{
	u16 sequence = (u16)r->ring.last_used, end = p->ring.used->idx;
	u32 slot = sequence & (r->slots - 1);
	u64 done = r->moved - r->base[slot], total = element_length(r, p, sequence);
	*offset = (u64)slot * r->slot_bytes + done;
	while (element_length(r, p, sequence) == r->slot_bytes && ++slot < r->slots && (u16)(sequence + 1) != end) {
		sequence++;
		total += element_length(r, p, sequence);
	}
	return total - done;
}

static void retire_written(struct relay *r, struct port_ring *p)
{
	while ((u16)r->ring.last_used != p->ring.used->idx) {
		u16 sequence = (u16)r->ring.last_used;
		u64 end = r->base[sequence & (r->slots - 1)] + element_length(r, p, sequence);
		if (r->moved < end && !r->ended)
			break;
		r->base[(u16)(sequence + 1) & (r->slots - 1)] = end;
		r->ring.last_used++;
	}
}

static bool refill(struct relay *r, struct port_ring *p)
{
	bool any = false;
	while (ring_in_flight(&p->ring) < r->slots && !r->ended) {
		ring_publish(&p->ring, ring_published(&p->ring) & (u16)(r->slots - 1));
		any = true;
	}
	if (any)
		ring_kick(&p->ring);
	return any;
}

static bool step_from_host(struct relay *r, struct port_ring *p, short *events)
{
	bool any = false;
	retire_written(r, p);
	while (!r->ended && (u16)r->ring.last_used != p->ring.used->idx) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		u64 offset, size = ready_bytes(r, p, &offset);
		s64 n = counted_io(COUNTED_WRITE, r->fd, p->buffers + offset, size, &r->moved);
		if (n == ERR_AGAIN || n == ERR_INTR) {
			*events = POLL_WRITE;
			break;
		}
		if (n < 0)
			end_relay(r); /* nobody reads any more */
		any = true;
		retire_written(r, p);
	}
	if (!r->ended && r->moved >= r->end_at)
		end_relay(r);
	return refill(r, p) || any;
}

/* ---- for loop.c and the requests; lock held ---- */
bool relay_step(u32 port, u32 direction, short *events)
{
	struct relay *r = relay_of(port, direction);
	*events = 0;
	if (!r->attached)
		return false;
	return direction == STORAGE_TO_HOST ? step_to_host(r, &rings[port][direction], events)
					    : step_from_host(r, &rings[port][direction], events);
}

/* Interrupts are needed only while a relay waits for the device. */
void relay_quiet(u32 port, u32 direction, bool quiet)
{
	ring_quiet(&rings[port][direction].ring, quiet);
}

status_t relay_attach(u32 port, u32 direction, s32 fd)
{
	struct relay *r = relay_of(port, direction);
	const struct shape *shape = is_bulk(storage()->ports[port].name) ? &bulk[direction] : &small[direction];
	if (r->attached)
		return ERR_BUSY;
	r->slots = shape->slots;
	r->slot_bytes = shape->slot_bytes;
	status_t st = map_buffers(port, direction);
	if (st)
		return st;
	int own = dup(fd);
	if (own < 0)
		return -errno;
	fcntl(own, F_SETFL, O_NONBLOCK);
	fcntl(own, F_SETPIPE_SZ, PIPE_WANTED_BYTES);
	r->end_at = UINT64_MAX;
	r->fd = own;
	r->attached = 1;
	console_send(port, EVENT_PORT_OPEN, 1);
	wake_loop();
	return OK;
}

void relay_end(u32 port, u32 direction, u64 bytes)
{
	struct relay *r = relay_of(port, direction);
	if (direction == STORAGE_FROM_HOST)
		r->end_at = bytes;
	else if (!r->ended)
		end_relay(r);
	wake_loop();
}

void relay_progress(u32 port, u32 direction, struct storage_progress *out)
{
	struct relay *r = relay_of(port, direction);
	short events;
	relay_step(port, direction, &events);
	*out = (struct storage_progress){ .bytes = r->moved, .attached = r->attached, .ended = r->ended };
	if (direction == STORAGE_TO_HOST)
		out->idle = r->ended || (events & POLL_READ);
}

void relay_adopt(void)
{
	for (u32 port = 0; port < PORTS_MAX; port++)
		for (u32 direction = 0; direction < 2; direction++)
			if (relay_of(port, direction)->attached) {
				if (map_buffers(port, direction))
					service_panic("buffers of port %u are lost", port);
				console_send(port, EVENT_PORT_OPEN, 1); /* the old instance may not have come to it */
			}
}
