// SPDX-License-Identifier: MIT
/* The end: message, registers' neighbourhood, symbolised backtrace (frame pointers in debug builds, a scan of the
 * stack for return addresses otherwise), then power off so that the host command sees the VM end. */
#include "debug.h"
#include "process.h"
#include "serial.h"
#include "string.h"

#define BACKTRACE_ENTRIES 32
#define PANIC_EXIT_CODE 0x55 /* isa-debug-exit: QEMU exits with 0xab */
#define ERROR_RING_SIZE 8

struct symbol { u64 address; const char *name; };
extern const struct symbol kernel_symbols[] __attribute__((weak));
extern char kernel_start[], kernel_rodata_start[];

const char *symbol_find(u64 address, u64 *offset)
{
	const struct symbol *best = NULL;
	for (const struct symbol *s = kernel_symbols; s && s->name; s++) {
		if (s->address > address)
			break;
		best = s;
	}
	if (!best)
		return NULL;
	*offset = address - best->address;
	return best->name;
}

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	int n = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	serial_write(line, (size_t)MIN(n, (int)sizeof(line) - 1));
}

static void backtrace(void)
{
	u64 *sp = __builtin_frame_address(0);
	u64 *end = (u64 *)ALIGN_UP((u64)sp + 1, KERNEL_STACK_SIZE);
	struct thread *t = thread_current();
	if (t && t->kernel_stack && (u64)sp >= (u64)t->kernel_stack && (u64)sp < (u64)t->kernel_stack + KERNEL_STACK_SIZE)
		end = (u64 *)((u64)t->kernel_stack + KERNEL_STACK_SIZE);
	for (u32 found = 0; sp < end && found < BACKTRACE_ENTRIES; sp++) {
		u64 offset;
		const char *name = *sp >= (u64)kernel_start && *sp < (u64)kernel_rodata_start ? symbol_find(*sp, &offset) : NULL;
		if (!name)
			continue;
		say("  %lx %s+0x%lx\n", *sp, name, offset);
		found++;
	}
}

void panic(const char *fmt, ...)
{
	static u32 panicking;
	__asm__ volatile("cli");
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
		cpu_halt_forever();
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	fmt_vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	struct thread *t = thread_current();
	say("\nPANIC: %s\n  cpu %u thread %s tid %u\n", line, cpu_this()->id, t ? t->name : "-", t ? t->tid : 0);
	backtrace();
	machine_power_off(PANIC_EXIT_CODE);
}

struct error_record { const char *where, *why; s64 status; };
struct error_ring { u32 next; struct error_record records[ERROR_RING_SIZE]; };

s64 error_note(s64 st, const char *where, const char *why)
{
	struct thread *t = thread_current();
	struct error_ring *r = t ? t->error_ring : NULL;
	if (t && !r)
		r = t->error_ring = kzalloc(sizeof(*r));
	if (r)
		r->records[r->next++ % ERROR_RING_SIZE] = (struct error_record){ where, why, st };
	return st;
}
