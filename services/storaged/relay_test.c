// SPDX-License-Identifier: MIT
// Relays against a simulated device and file, with the service dying around every COUNTED_IO, publish and kick:
// the bytes that arrive are exactly the bytes that were sent.
// LINK: services/storaged/ring.c
// CFLAGS: -Iservices/storaged
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storaged.h"

static void maybe_die(void);
static void dying_publish(struct ring *r, u16 head)
{
	maybe_die();
	ring_publish(r, head);
	maybe_die();
}
#define ring_publish dying_publish
#include "relay.c"
#undef ring_publish

#define TOTAL (2u << 20)
#define PORT 3

static jmp_buf death;
static bool mortal;
static u32 deaths, death_one_in;
static struct storage_state state;
static u8 registers[4096], notify_page[4096];
static struct device fake = { .common = registers, .notify = notify_page, .notify_multiplier = 4 };
static u8 *regions[2];
static u8 ring_memory[2][16384] __attribute__((aligned(4096)));
static u8 source[TOTAL], sink[TOTAL];
static u64 source_at, sink_at, device_at;
static u16 device_seen[2];

static void maybe_die(void)
{
	if (mortal && (u32)rand() % death_one_in == 0) {
		deaths++;
		longjmp(death, 1);
	}
}

/* ---- what relay.c calls ---- */
struct storage_state *storage(void) { return &state; }
struct device *console_device(void) { return &fake; }
void console_send(u32 port, u16 event, u16 value) { }
void wake_loop(void) { }
void service_panic(const char *fmt, ...) { abort(); }
status_t dma_region(struct device *d, const char *name, u64 size, u8 **va, u64 *bus, bool *existed)
{
	u32 direction = name[6] == 't' ? STORAGE_TO_HOST : STORAGE_FROM_HOST;
	if (!regions[direction])
		regions[direction] = calloc(1, size);
	*va = regions[direction];
	*bus = (u64)*va;
	return OK;
}

/* The kernel's COUNTED_IO on a file that takes and gives odd amounts: all or nothing with respect to death. */
s64 ambos_call(u32 number, u64 write, u64 fd, u64 data, u64 size, u64 counter)
{
	maybe_die();
	if (rand() % 4 == 0)
		return ERR_AGAIN;
	u64 some = 1 + (u64)rand() % 70000, n = MIN(size, some), left = TOTAL - (write ? sink_at : source_at);
	n = MIN(n, left);
	if (write)
		memcpy(sink + sink_at, (void *)data, n);
	else
		memcpy((void *)data, source + source_at, n);
	*(write ? &sink_at : &source_at) += n;
	*(u64 *)counter += n;
	maybe_die();
	return (s64)n;
}

/* ---- the device's side of a ring ---- */
static void device_run(u32 direction)
{
	struct ring *r = &rings[PORT][direction].ring;
	while (device_seen[direction] != r->available->idx && rand() % 8) {
		u16 head = r->available->ring[device_seen[direction] & (PORT_RING_SIZE - 1)];
		struct ring_descriptor *d = &r->descriptors[head];
		u32 n = d->length;
		if (direction == STORAGE_TO_HOST) {
			memcpy(sink + sink_at, (void *)d->address, n);
			sink_at += n;
		} else {
			u64 some = rand() % 2 ? n : 1 + (u32)rand() % n;
			n = (u32)MIN(some, TOTAL - device_at);
			if (n == 0)
				return;
			memcpy((void *)d->address, source + device_at, n);
			device_at += n;
		}
		u16 used = r->used->idx;
		r->used->ring[used & (PORT_RING_SIZE - 1)].id = head;
		r->used->ring[used & (PORT_RING_SIZE - 1)].length = n;
		r->used->idx = (u16)(used + 1);
		device_seen[direction]++;
	}
}

static void start_instance(u32 direction, bool fresh)
{
	memset(rings, 0, sizeof(rings));
	if (relay_make_ring(PORT, direction, ring_memory[direction], (u64)ring_memory[direction], fresh))
		abort();
	if (!fresh && map_buffers(PORT, direction))
		abort();
}

static void run(u32 direction, u32 one_in, const char *name)
{
	memset(&state, 0, sizeof(state));
	memset(sink, 0, sizeof(sink));
	source_at = sink_at = device_at = 0;
	device_seen[0] = device_seen[1] = 0;
	death_one_in = one_in;
	strcpy(state.ports[PORT].name, "ambos.fd1");
	state.ports[PORT].announced = 1;
	start_instance(direction, true);
	if (relay_attach(PORT, direction, 0))
		abort();
	for (u32 round = 0; sink_at < TOTAL && round < 1000000; round++) {
		short events;
		mortal = one_in != 0;
		if (setjmp(death) == 0)
			relay_step(PORT, direction, &events);
		else
			start_instance(direction, false);
		mortal = false;
		device_run(direction);
	}
	bool exact = sink_at == TOTAL && memcmp(source, sink, TOTAL) == 0;
	printf("%s %s (%u deaths)\n", exact ? "ok" : "FAIL", name, deaths);
	if (!exact)
		exit(1);
}

int main(void)
{
	*(u16 *)(registers + 24) = 1024; /* queue size that the device offers */
	for (u32 i = 0; i < TOTAL; i++)
		source[i] = (u8)(rand() >> 7);
	run(STORAGE_TO_HOST, 0, "to_host_is_exact");
	run(STORAGE_FROM_HOST, 0, "from_host_is_exact");
	for (u32 i = 0; i < 20; i++) {
		run(STORAGE_TO_HOST, 5, "to_host_is_exact_when_the_service_dies");
		run(STORAGE_FROM_HOST, 5, "from_host_is_exact_when_the_service_dies");
	}
	return 0;
}
