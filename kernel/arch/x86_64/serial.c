// SPDX-License-Identifier: MIT
/* COM1 (16550): output by polling in FIFO-sized steps, input by interrupt or poll. Also the ways to end the VM. */
#include "arch.h"
#include "serial.h"
#include "irq.h"
#include "sched_internal.h"

#define COM1 0x3f8
#define COM1_LINE 4
#define LINE_STATUS 5
#define THR_EMPTY 0x20
#define DATA_READY 1
#define FIFO_SIZE 16
#define READY_SPINS 100000      /* a UART that never gets ready is absent: drop the text */
#define DEBUG_EXIT_PORT 0xf4    /* QEMU's isa-debug-exit; nothing answers when it is absent */
#define ACPI_CONTROL_PORT 0x604 /* q35's PM1a control when there is no FADT */
#define ACPI_SLEEP_S5 0x2000

static struct spinlock serial_lock = SPINLOCK_INIT(RANK_LOG + 1);
static void (*input)(u8 byte);

void serial_init(void)
{
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 0x80);
	outb(COM1, 1); /* 115200 */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3); /* 8N1 */
	outb(COM1 + 2, 7); /* FIFOs on and empty */
	outb(COM1 + 4, 0xb);
}

static void wait_empty(void)
{
	for (u32 i = 0; !(inb(COM1 + LINE_STATUS) & THR_EMPTY) && i < READY_SPINS; i++)
		cpu_pause();
}

void serial_write(const char *text, size_t size)
{
	u32 room = 0;
	spin_lock(&serial_lock);
	for (size_t i = 0; i < size; i++) {
		if (room < 2) {
			wait_empty();
			room = FIFO_SIZE;
		}
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) {
			outb(COM1, '\r');
			room--;
		}
		outb(COM1, (u8)text[i]);
		room--;
	}
	spin_unlock(&serial_lock);
}

void serial_break_lock(void) { spin_init(&serial_lock, (enum lock_rank)(RANK_LOG + 1)); }

int serial_read(void)
{
	return inb(COM1 + LINE_STATUS) & DATA_READY ? inb(COM1) : -1;
}

static void serial_interrupt(void *arg UNUSED)
{
	int byte;
	while ((byte = serial_read()) >= 0)
		if (input)
			input((u8)byte);
}

void serial_set_input(void (*fn)(u8 byte))
{
	static bool routed;
	input = fn;
	if (!routed && irq_route_isa(COM1_LINE, serial_interrupt, NULL))
		return;
	routed = true;
	outb(COM1 + 1, fn ? 1 : 0);
}

void machine_power_off(u32 code)
{
	__asm__ volatile("cli");
	outl(DEBUG_EXIT_PORT, code);
	outw(platform.pm_control_port ? platform.pm_control_port : ACPI_CONTROL_PORT, ACPI_SLEEP_S5);
	cpu_halt_forever();
}

void arch_stop_others(void)
{
	if (cpu_count > 1)
		apic_send_nmi_others();
}
