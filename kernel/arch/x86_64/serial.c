// SPDX-License-Identifier: MIT
/* COM1, polled: the log and, in init= mode, the console. Also how the machine is switched off. */
#include "arch.h"
#include "serial.h"

#define COM1 0x3f8
#define LINE_STATUS (COM1 + 5)
#define DEBUG_EXIT_PORT 0xf4 /* isa-debug-exit: QEMU ends with (code << 1) | 1 */
#define ACPI_PM1A_CONTROL 0x604 /* q35 */
#define ACPI_SLEEP_S5 0x2000

void serial_init(void)
{
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x80);
	out8(COM1, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);
	out8(COM1 + 2, 0xc7);
	out8(COM1 + 4, 3);
}

void serial_write(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		while (!(in8(LINE_STATUS) & 0x20))
			cpu_relax_poll();
		out8(COM1, (u8)text[i]);
	}
}

int serial_read(void) { return in8(LINE_STATUS) & 1 ? in8(COM1) : -1; }

void machine_power_off(u32 code)
{
	out8(DEBUG_EXIT_PORT, (u8)code);
	out16(ACPI_PM1A_CONTROL, ACPI_SLEEP_S5);
	cpu_halt_forever();
}

void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}
