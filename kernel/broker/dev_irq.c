// SPDX-License-Identifier: MIT
/* Interrupts as files: one counter per (function, MSI-X vector), which outlives the service's instances.
 * read blocks until the count is not 0, returns it (8 bytes) and clears it, as an eventfd does; poll: not 0. */
#include "dev_internal.h"

#include "irq.h"

#define MSIX_ENTRY_BYTES 16u
#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u

/* Locks: [d] dev_mutex, [a] atomic. */
struct irq_counter {
	u32 address, vector;     /* [d] */
	u64 count;               /* [a] */
	struct wait_queue queue;
};
static struct irq_counter *counters[DEV_IRQS_MAX]; /* never freed: files and the vector point at them */
static u32 counter_count;

static void on_interrupt(void *arg)
{
	struct irq_counter *c = arg;
	__atomic_add_fetch(&c->count, 1, __ATOMIC_RELEASE);
	wake_all(&c->queue);
}

static s64 irq_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct irq_counter *c = f->object;
	u64 value;
	if (to->remaining < sizeof(value))
		return ERR_INVAL;
	while (!(value = __atomic_exchange_n(&c->count, 0, __ATOMIC_ACQ_REL))) {
		if (f->flags & O_NONBLOCK_K)
			return ERR_AGAIN;
		status_t st = WAIT_EVENT(&c->queue, c->count != 0, DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
		if (st)
			return ERR_RESTART;
	}
	return io_buf_put(to, &value, sizeof(value)) == sizeof(value) ? (s64)sizeof(value) : ERR_FAULT;
}

static u32 irq_poll(struct file *f, struct poll_table *table)
{
	struct irq_counter *c = f->object;
	poll_wait(table, &c->queue);
	return __atomic_load_n(&c->count, __ATOMIC_ACQUIRE) ? POLL_IN | POLL_RDNORM : 0;
}

static const struct file_ops irq_ops = { .name = "irq", .read = irq_read, .poll = irq_poll };

static status_t map_table(struct pci_function *f)
{
	if (f->msix_table)
		return OK;
	u32 where = pci_read(f->info.address, f->msix_offset + 4u, 4);
	u32 bar = where & 7;
	u64 offset = where & ~7u, bytes = (u64)f->info.irq_count * MSIX_ENTRY_BYTES;
	if (bar >= DEV_BAR_COUNT || !f->info.bar_address[bar] || offset + bytes > f->info.bar_size[bar])
		return FAIL(ERR_IO, "MSI-X table outside of its BAR");
	u64 pa = f->info.bar_address[bar] + offset, start = ALIGN_DOWN(pa, PAGE_SIZE);
	u8 *va = mmio_map(start, ALIGN_UP(pa + bytes, PAGE_SIZE) - start, true);
	if (!va)
		return ERR_NOMEM;
	f->msix_table = va + (pa - start);
	return OK;
}

static status_t connect_vector(struct pci_function *f, struct irq_counter *c)
{
	status_t st = map_table(f);
	if (st)
		return st;
	int vector = irq_allocate_vector(on_interrupt, c);
	if (vector < 0)
		return vector;
	const u64 message_address = irq_msi_address();
	volatile u32 *entry = (volatile u32 *)(void *)(f->msix_table + (size_t)c->vector * MSIX_ENTRY_BYTES);
	entry[0] = (u32)message_address;
	entry[1] = (u32)(message_address >> 32);
	entry[2] = (u32)vector;
	entry[3] = 0; /* not masked */
	u32 control = pci_read(f->info.address, f->msix_offset + 2u, 2);
	pci_write(f->info.address, f->msix_offset + 2u, 2, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
	return OK;
}

static status_t find_counter(struct pci_function *f, u32 vector, struct irq_counter **out)
{
	for (u32 i = 0; i < counter_count; i++)
		if (counters[i]->address == f->info.address && counters[i]->vector == vector) {
			*out = counters[i];
			return OK;
		}
	if (counter_count == DEV_IRQS_MAX)
		return FAIL(ERR_NOSPC, "all interrupt counters are taken");
	struct irq_counter *c = kzalloc(sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->address = f->info.address;
	c->vector = vector;
	wait_queue_init(&c->queue);
	status_t st = connect_vector(f, c);
	if (st) {
		kfree(c);
		return st;
	}
	counters[counter_count++] = c;
	*out = c;
	return OK;
}

status_t dev_irq_open(struct pci_function *f, struct dev_irq *q)
{
	if (q->vector >= f->info.irq_count)
		return FAIL(ERR_INVAL, "no such MSI-X vector");
	struct irq_counter *c = NULL;
	status_t st = find_counter(f, q->vector, &c);
	if (st)
		return st;
	struct file *file = file_create(&irq_ops, c, 0);
	if (!file)
		return ERR_NOMEM;
	int fd = fdtable_install(thread_current()->fds, file, 0, FD_CLOEXEC_K);
	if (fd < 0) {
		file_put(file);
		return fd;
	}
	q->fd = fd;
	return OK;
}
