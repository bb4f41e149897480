/* SPDX-License-Identifier: MIT */
/* Private to the device broker: the machine's PCI functions, kept DMA regions and interrupt counters.
 * Nothing here is ever freed: it belongs to functions, which stay, and outlives service instances. */
#ifndef AMBOS_KERNEL_BROKER_DEV_INTERNAL_H
#define AMBOS_KERNEL_BROKER_DEV_INTERNAL_H

#include "file.h"
#include "native.h"

#include "core/broker_dev.h"

#define PCI_FUNCTIONS_MAX 64u /* QEMU machines have about ten; more are logged and ignored */

/* Locks: [d] dev_mutex, [I] immutable after the scan. */
struct pci_function {
	struct dev_function info;  /* [I] */
	u32 owner;                 /* [d] enum service_id, 0: free */
	u8 msix_offset;            /* [I] capability in config space, 0: none */
	u8 *msix_table;            /* [d] mapped on first use */
};
extern struct mutex dev_mutex;

/* dev_pci.c: all under dev_mutex. */
void pci_scan(void);
u32 pci_count(void);
struct pci_function *pci_at(u32 index);
struct pci_function *pci_find(u32 address);
u32 pci_read(u32 address, u32 offset, u32 size);
void pci_write(u32 address, u32 offset, u32 size, u32 value);

status_t dev_dma_get(struct pci_function *f, struct dev_dma *d) MUST_CHECK;   /* dev_dma.c */
status_t dev_bar_map(struct pci_function *f, struct dev_map *m) MUST_CHECK;
status_t dev_irq_open(struct pci_function *f, struct dev_irq *q) MUST_CHECK;  /* dev_irq.c */

#endif
