// SPDX-License-Identifier: MIT
// virtio 1.x over PCI (virtio 1.1, section 4.1): capability walk, feature negotiation, DMA regions.
#include <string.h>

#include "storaged.h"

#define VENDOR_VIRTIO 0x1af4
#define MODERN_DEVICE_BASE 0x1040   /* device id = base + type; older ids carry the type in the subsystem */
#define CAPABILITY_LIST 0x34
#define CAPABILITY_VENDOR 0x09
#define CAPABILITY_STEPS 48         /* 192 bytes of 4-byte capabilities */
enum { CFG_COMMON = 1, CFG_NOTIFY = 2, CFG_DEVICE = 4 };
/* struct virtio_pci_common_cfg */
enum {
	COMMON_FEATURE_SELECT = 0, COMMON_FEATURE = 4, COMMON_DRIVER_SELECT = 8, COMMON_DRIVER = 12,
			COMMON_CONFIG_VECTOR = 16,
	COMMON_STATUS = 20,
};
enum { STATUS_ACKNOWLEDGE = 1, STATUS_DRIVER = 2, STATUS_DRIVER_OK = 4, STATUS_FEATURES_OK = 8 };
#define FEATURE_VERSION_1 BIT(32)
#define RESET_TRIES 1000000         /* reads of the status register; QEMU resets within the write */

struct device devices[DEVICES_MAX];

static void write32(volatile u8 *p, u32 v) { *(volatile u32 *)(volatile void *)p = v; }
static u32 read32(const volatile u8 *p) { return *(const volatile u32 *)(const volatile void *)p; }
static void write16(volatile u8 *p, u16 v) { *(volatile u16 *)(volatile void *)p = v; }

static u32 config_read(u32 address, u32 offset, u32 size)
{
	struct dev_config c = { .address = address, .offset = (u16)offset, .size = (u16)size };
	return dev_broker(DEV_CONFIG_READ, &c, sizeof(c)) ? 0 : c.value;
}

static u32 kind_of(const struct dev_function *f)
{
	if (f->vendor != VENDOR_VIRTIO)
		return DEVICE_NONE;
	u32 type = f->device >= MODERN_DEVICE_BASE ? (u32)f->device - MODERN_DEVICE_BASE : f->subsystem;
	return type == DEVICE_CONSOLE || type == DEVICE_9P ? type : DEVICE_NONE;
}

/* Maps the part of a BAR that a capability names. */
static volatile u8 *map_part(u32 address, u8 at)
{
	struct dev_map m = { .address = address, .bar = config_read(address, at + 4u, 1) };
	u32 offset = config_read(address, at + 8u, 4), length = config_read(address, at + 12u, 4);
	m.offset = ALIGN_DOWN(offset, (u32)PAGE_SIZE);
	m.size = ALIGN_UP((u64)offset + length, PAGE_SIZE) - m.offset;
	if (dev_broker(DEV_MAP_BAR, &m, sizeof(m)))
		return NULL;
	return (volatile u8 *)(m.va + offset - m.offset);
}

static status_t map_registers(struct device *d)
{
	const u32 address = d->state->address;
	u8 at = (u8)config_read(address, CAPABILITY_LIST, 1) & 0xfc;
	for (u32 i = 0; at >= 0x40 && i < CAPABILITY_STEPS; i++) {
		if (config_read(address, at, 1) == CAPABILITY_VENDOR) {
			u32 type = config_read(address, at + 3u, 1);
			if (type == CFG_COMMON && !d->common)
				d->common = map_part(address, at);
			if (type == CFG_NOTIFY && !d->notify) {
				d->notify = map_part(address, at);
				d->notify_multiplier = config_read(address, at + 16u, 4);
			}
			if (type == CFG_DEVICE && !d->config)
				d->config = map_part(address, at);
		}
		at = (u8)config_read(address, at + 1u, 1) & 0xfc;
	}
	return d->common && d->notify && d->config ? OK : ERR_NODEV;
}

status_t dma_region(struct device *d, const char *name, u64 size, u8 **va, u64 *bus, bool *existed)
{
	struct dev_dma r = { .address = d->state->address, .size = ALIGN_UP(size, PAGE_SIZE) };
	strncpy(r.name, name, sizeof(r.name) - 1);
	s64 st = dev_broker(DEV_DMA, &r, sizeof(r));
	if (st)
		return (status_t)st;
	*va = (u8 *)r.va;
	*bus = r.bus;
	if (existed)
		*existed = r.existed;
	return OK;
}

status_t device_begin(struct device *d, u64 wanted)
{
	wanted |= FEATURE_VERSION_1;
	d->common[COMMON_STATUS] = 0;
	for (u32 i = 0; d->common[COMMON_STATUS] != 0; i++)
		if (i == RESET_TRIES)
			return ERR_TIMEDOUT;
	d->common[COMMON_STATUS] = STATUS_ACKNOWLEDGE;
	d->common[COMMON_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	u64 offered = 0;
	for (u32 half = 0; half < 2; half++) {
		write32(d->common + COMMON_FEATURE_SELECT, half);
		offered |= (u64)read32(d->common + COMMON_FEATURE) << (32 * half);
	}
	if ((offered & wanted) != wanted) {
		service_log("device %x does not offer features 0x%llx", d->state->address,
				(unsigned long long)(wanted & ~offered));
		return ERR_NODEV;
	}
	for (u32 half = 0; half < 2; half++) {
		write32(d->common + COMMON_DRIVER_SELECT, half);
		write32(d->common + COMMON_DRIVER, (u32)(wanted >> (32 * half)));
	}
	d->common[COMMON_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
	if (!(d->common[COMMON_STATUS] & STATUS_FEATURES_OK))
		return ERR_NODEV;
	write16(d->common + COMMON_CONFIG_VECTOR, 0);
	return OK;
}

void device_go(struct device *d)
{
	d->common[COMMON_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
	d->state->ready = 1;
}

static status_t claim(struct device *d)
{
	struct dev_claim c = { .address = d->state->address, .flags = DEV_BUS_MASTER };
	s64 st = dev_broker(DEV_CLAIM, &c, sizeof(c));
	if (st)
		return (status_t)st;
	if (d->state->irq_fd > 0)
		return OK; /* the descriptor table is kept */
	struct dev_irq q = { .address = d->state->address, .vector = 0 };
	st = dev_broker(DEV_IRQ, &q, sizeof(q));
	if (st == OK)
		d->state->irq_fd = q.fd;
	return (status_t)st;
}

static void find_all(struct storage_state *s)
{
	struct dev_function f = { .index = 0 };
	u32 count = 0;
	for (u32 i = 0; dev_broker(DEV_ENUMERATE, &f, sizeof(f)) == OK; f.index = ++i) {
		u32 kind = kind_of(&f);
		if (kind == DEVICE_NONE || count == DEVICES_MAX)
			continue;
		s->devices[count].kind = kind;
		s->devices[count].address = f.address;
		count++;
	}
	s->device_count = count;
}

status_t devices_find(void)
{
	struct storage_state *s = storage();
	if (!s->device_count)
		find_all(s);
	for (u32 i = 0; i < s->device_count; i++) {
		devices[i].state = &s->devices[i];
		status_t st = claim(&devices[i]);
		if (st == OK)
			st = map_registers(&devices[i]);
		if (st) {
			service_log("device %x: not usable, status %d", s->devices[i].address, st);
			return st;
		}
	}
	return OK;
}
