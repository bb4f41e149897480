/* SPDX-License-Identifier: MIT */
/* storaged: virtio-pci drivers (console ports, 9p). One lock, device_lock, covers rings and the state below.
 *
 * What a restart finds (no device is reset): rings and buffers in DMA regions that the device broker keeps, and
 * struct storage_state. Neither is changed by transactions; each step is a single store whose repetition is harmless:
 *  (1) `avail->idx` is the only record of what was given to the device; slot number = sequence modulo slot count.
 *  (2) `last_used` is stored after everything that an element's completion causes.
 *  (3) bytes move between a file and a buffer only by COUNTED_IO on relay.moved, so file and counter agree.
 *  (4) relay.base[] of a slot is stored before the sequence number that makes it count. */
#ifndef AMBOS_STORAGED_H
#define AMBOS_STORAGED_H

#include <pthread.h>

#include "core/broker_dev.h"
#include "proto/storage.h"
#include "service/service.h"

#define DEVICES_MAX 20u       /* one console, CONTROL_SHARES_MAX 9p devices, a few spare */
#define PORTS_MAX 8u          /* the host command makes ports 1 to 5 */
#define PORT_RING_SIZE 64u    /* descriptors; a relay uses the first relay.slots of them */
#define NINEP_SLOTS 4u        /* requests in flight per share: vfsd has few workers */
#define NINEP_BUFFER 65536u   /* msize */
#define HISTORY_ENTRIES 64u   /* finished 9p requests remembered for repeats after our death */
#define HISTORY_BYTES 512u    /* replies of operations that must not run twice are shorter; reads are repeated */
#define CHANGE_ENTRIES 256u   /* finished nested ones, for repeats after vfsd's death: it may die several times before
                               * one call is repeated, while others are answered */
#define CHANGE_BYTES 64u      /* Rlcreate, the longest, has 24 */

enum device_kind { DEVICE_NONE, DEVICE_CONSOLE = 3, DEVICE_9P = 9 }; /* virtio device ids */

/* One split ring: a queue of the device. Kept in the state object except the addresses. */
struct ring_state {
	u32 size;             /* slots, a power of two; 0: not set up */
	u32 last_used;        /* 16 bits count */
};
struct relay {
	struct ring_state ring;
	u32 attached;         /* stored last in attach */
	u32 ended;            /* end of file, end of input, or the peer is gone; the file is closed */
	s32 fd;
	u32 slots, slot_bytes; /* slots: a power of two */
	u64 moved;            /* bytes read from (TO_HOST) or written to (FROM_HOST) the file */
	u64 end_at;           /* FROM_HOST: end of input; UINT64_MAX: not known yet */
	u64 base[PORT_RING_SIZE]; /* TO_HOST: `moved` at the end of a slot; FROM_HOST: at its start */
};
struct port_state {
	u32 announced;
	char name[STORAGE_NAME_MAX];
	struct relay relays[2]; /* enum storage_direction */
};
enum slot_use { SLOT_FREE, SLOT_POSTED, SLOT_DONE };
struct ninep_slot {
	u64 call_id;
	u32 use;              /* enum slot_use */
	u32 sequence;         /* avail->idx that published it (16 bits count): not reached yet = never sent */
	u32 reply_bytes;
	u32 tag;              /* the caller's */
	u32 nested, unused;
};
struct ninep_state {
	struct ring_state ring;
	char tag[STORAGE_NAME_MAX];
	struct ninep_slot slots[NINEP_SLOTS];
};
struct device_state {
	u32 ready;            /* stored last in set-up: adopt instead of reset */
	u32 kind, address;
	s32 irq_fd;
	struct ninep_state ninep; /* DEVICE_9P */
};
struct history_entry {
	u64 call_id;          /* stored last */
	u32 bytes, unused;
	u8 reply[HISTORY_BYTES];
};
struct change_entry {
	u64 call_id;          /* as above */
	u32 bytes, unused;
	u8 reply[CHANGE_BYTES];
};
struct storage_state {
	u32 device_count;
	u32 history_next, change_next;
	s32 wake_fd; /* eventfd of the device thread; 0: not made yet */
	struct device_state devices[DEVICES_MAX];
	struct ring_state control_rx, control_tx;
	struct port_state ports[PORTS_MAX];
	struct history_entry history[HISTORY_ENTRIES];
	struct change_entry changes[CHANGE_ENTRIES];
};

/* What this instance knows of a device: mapped registers. */
struct device {
	struct device_state *state;
	volatile u8 *common, *notify, *config;
	u32 notify_multiplier;
};
/* A mapped ring. Descriptor chains are fixed when it is made. */
struct ring {
	struct ring_state *state;
	struct ring_descriptor { u64 address; u32 length; u16 flags, next; } *descriptors;
	volatile struct ring_available { u16 flags, idx; u16 ring[]; } *available;
	volatile struct ring_used { u16 flags, idx; struct { u32 id, length; } ring[]; } *used;
	volatile u16 *doorbell;
	u16 queue;
};
#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2

extern pthread_mutex_t storage_mutex; /* what device_lock takes */
void device_lock(void);
void device_unlock(void);
struct storage_state *storage(void);
s64 dev_broker(u32 op, void *argument, u32 size);
void wake_loop(void);             /* the device thread looks again at everything */

/* virtio_pci.c */
status_t devices_find(void);      /* fills state on first start, maps registers on each */
extern struct device devices[DEVICES_MAX];
status_t dma_region(struct device *d, const char *name, u64 size, u8 **va, u64 *bus, bool *existed);
status_t device_begin(struct device *d, u64 wanted_features);  /* reset, negotiate; then rings, then device_ready */
void device_go(struct device *d);

/* ring.c */
u64 ring_bytes(u32 size);
/* Maps the ring at `va`; with `fresh` empties it and tells the device. */
status_t ring_make(struct ring *r, struct ring_state *state, struct device *d, u16 queue, u32 size, u8 *va,
		u64 bus, bool fresh);
static inline u16 ring_published(const struct ring *r) { return r->available->idx; }
static inline u32 ring_in_flight(const struct ring *r) { return (u16)(r->available->idx - r->state->last_used); }
void ring_publish(struct ring *r, u16 head);
void ring_kick(struct ring *r);
/* The next finished element: its head and length. False: none, or the device broke the rules (logged once). */
bool ring_next_used(struct ring *r, u32 *head, u32 *length);
static inline void ring_quiet(struct ring *r, bool quiet) { r->available->flags = quiet; }

/* console.c: the console device and its control queue */
status_t console_start(struct device *d);
void console_service(void);       /* handles what has arrived on the control queue; lock held */
void console_send(u32 port, u16 event, u16 value);
struct device *console_device(void);
s32 port_find(const char *name);  /* port number, or ERR_AGAIN */

/* relay.c */
status_t relay_make_ring(u32 port, u32 direction, u8 *va, u64 bus, bool fresh);
status_t relay_attach(u32 port, u32 direction, s32 fd);
void relay_end(u32 port, u32 direction, u64 bytes);
void relay_progress(u32 port, u32 direction, struct storage_progress *out);
void relay_adopt(void);
/* Moves what can be moved; *events: poll events to wait for on the relay's file, 0 none. True: did something. */
bool relay_step(u32 port, u32 direction, short *events);
void relay_quiet(u32 port, u32 direction, bool quiet);

/* ninep.c */
status_t ninep_start(u32 device);
s64 ninep_find(struct service_request *r);
s64 ninep_exchange(struct service_request *r);
void ninep_service(u32 device);   /* replies to finished requests; lock held */

/* loop.c */
void loop_start(void);

#endif
