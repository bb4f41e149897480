/* SPDX-License-Identifier: MIT */
/* Device interrupts: a vector with a handler (interrupts off, must not sleep). The message for MSI is
 * irq_msi_address() / the vector itself. */
#ifndef AMBOS_KERNEL_IRQ_H
#define AMBOS_KERNEL_IRQ_H

#include "status.h"

int irq_allocate_vector(void (*fn)(void *arg), void *arg) MUST_CHECK; /* vector or ERR_NOSPC */
void irq_free_vector(int vector);
/* An ISA line through the I/O APIC, with the MADT's overrides. ERR_NODEV without an I/O APIC. */
status_t irq_route_isa(u32 line, void (*fn)(void *arg), void *arg) MUST_CHECK;
u64 irq_msi_address(void);  /* delivers to the boot CPU */

#endif
