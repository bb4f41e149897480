// SPDX-License-Identifier: MIT
/* SYS_AMBOS_DEV_BROKER: operations of abi/core/broker_dev.h. native_dispatch has checked the capability.
 * Each operation: copy the struct in, look the function up, check that the caller owns it, act, copy out. */
#include "dev_internal.h"

#include "base/string.h"
#include "service.h"

#define REG_COMMAND 0x04
#define COMMAND_MEMORY 2u
#define COMMAND_BUS_MASTER 4u
#define COMMAND_NO_INTX 0x400u
#define CONFIG_BYTES 256u

/* Before the address space's: mapping happens under it. */
struct mutex dev_mutex = {
	.rank = RANK_EXEC_MUTEX,
	.waiters = { .lock = SPINLOCK_INIT(RANK_WAIT_QUEUE), .waiters = { &dev_mutex.waiters.waiters,
			&dev_mutex.waiters.waiters } },
};

static u32 caller_service(void) { return process_current()->service->id; }

static status_t owned(u32 address, struct pci_function **out)
{
	struct pci_function *f = pci_find(address);
	if (!f)
		return FAIL(ERR_NODEV, "no such PCI function");
	if (f->owner != caller_service())
		return FAIL(ERR_PERM, "PCI function of another service");
	*out = f;
	return OK;
}

static status_t op_enumerate(struct dev_function *d)
{
	u32 index = d->index;
	if (index >= pci_count())
		return ERR_NOENT;
	*d = pci_at(index)->info;
	return OK;
}

static status_t op_claim(struct dev_claim *c)
{
	if (c->flags & ~(u32)DEV_BUS_MASTER)
		return FAIL(ERR_INVAL, "unknown claim flag");
	struct pci_function *f = pci_find(c->address);
	if (!f)
		return FAIL(ERR_NODEV, "no such PCI function");
	if (f->owner && f->owner != caller_service())
		return FAIL(ERR_BUSY, "PCI function has an owner");
	f->owner = caller_service();
	u32 command = pci_read(c->address, REG_COMMAND, 2) | COMMAND_MEMORY | COMMAND_NO_INTX;
	if (c->flags & DEV_BUS_MASTER)
		command |= COMMAND_BUS_MASTER;
	pci_write(c->address, REG_COMMAND, 2, command);
	return OK;
}

static status_t op_config_read(struct dev_config *c)
{
	if (c->size != 1 && c->size != 2 && c->size != 4)
		return FAIL(ERR_INVAL, "size of a config access");
	if (!IS_ALIGNED(c->offset, c->size) || c->offset >= CONFIG_BYTES)
		return FAIL(ERR_INVAL, "offset of a config access");
	struct pci_function *f;
	status_t st = owned(c->address, &f);
	if (st == OK)
		c->value = pci_read(c->address, c->offset, c->size);
	return st;
}

static status_t op_map_bar(struct dev_map *m)
{
	struct pci_function *f;
	status_t st = owned(m->address, &f);
	return st ? st : dev_bar_map(f, m);
}

static status_t op_dma(struct dev_dma *d)
{
	struct pci_function *f;
	status_t st = owned(d->address, &f);
	return st ? st : dev_dma_get(f, d);
}

static status_t op_irq(struct dev_irq *q)
{
	struct pci_function *f;
	status_t st = owned(q->address, &f);
	return st ? st : dev_irq_open(f, q);
}

union dev_argument {
	struct dev_function function;
	struct dev_claim claim;
	struct dev_config config;
	struct dev_map map;
	struct dev_dma dma;
	struct dev_irq irq;
};

static size_t argument_size(u64 op)
{
	switch (op) {
	case DEV_ENUMERATE: return sizeof(struct dev_function);
	case DEV_CLAIM: return sizeof(struct dev_claim);
	case DEV_CONFIG_READ: return sizeof(struct dev_config);
	case DEV_MAP_BAR: return sizeof(struct dev_map);
	case DEV_DMA: return sizeof(struct dev_dma);
	case DEV_IRQ: return sizeof(struct dev_irq);
	default: return 0;
	}
}

static status_t run_locked(u64 op, union dev_argument *a)
{
	pci_scan();
	switch (op) {
	case DEV_ENUMERATE: return op_enumerate(&a->function);
	case DEV_CLAIM: return op_claim(&a->claim);
	case DEV_CONFIG_READ: return op_config_read(&a->config);
	case DEV_MAP_BAR: return op_map_bar(&a->map);
	case DEV_DMA: return op_dma(&a->dma);
	default: return op_irq(&a->irq);
	}
}

NATIVE_HANDLER(broker_dev)
{
	union dev_argument a;
	size_t size = argument_size(a0);
	if (!size)
		return FAIL(ERR_INVAL, "unknown device operation");
	status_t st = broker_copy_in(&a, a1, a2, size);
	if (st)
		return st;
	mutex_lock(&dev_mutex);
	st = run_locked(a0, &a);
	mutex_unlock(&dev_mutex);
	return st ? st : copy_out(user_ptr(a1), &a, size);
}
