// SPDX-License-Identifier: MIT
/* The end: all CPUs stopped, message, registers, symbolised stack, last errors and trace events, then power off.
 * Backtrace: frame pointers in debug builds, every text address on the stack in release builds. */
#include "debug.h"
#include "sched_internal.h"
#include "string.h"
#include "trace.h"
#include "trap.h"

#define PANIC_EXIT_CODE 0x55 /* isa-debug-exit: QEMU exits with 0xab */
#define STACK_WORDS_MAX 512
#define FRAMES_MAX 24
#define LOG_LINES_SHOWN 12
#define ERRORS_SHOWN 5
#define EVENTS_SHOWN 16

struct symbol { u64 address; const char *name; };
extern const struct symbol kernel_symbols[] WEAK; /* missing in the first link */
extern const u8 kernel_text_start[], kernel_text_end[];
void __stack_chk_fail(void) NORETURN;
u64 __stack_chk_guard = 0x595e9fbd94fda766ull; /* replaced in boot.S */

static u32 panicking;

static bool is_text(u64 address) { return address >= (u64)kernel_text_start && address < (u64)kernel_text_end; }

const char *symbol_find(u64 address, u64 *offset)
{
	const struct symbol *best = NULL;
	for (const struct symbol *s = kernel_symbols; s && s->address && s->address <= address; s++)
		best = s;
	*offset = best ? address - best->address : 0;
	return best ? best->name : NULL;
}

static void print_address(u64 address)
{
	u64 offset;
	const char *name = symbol_find(address, &offset);
	klog(LOG_ERROR, "  %016lx %s+0x%lx", (unsigned long)address, name ? name : "?", (unsigned long)offset);
}

static bool on_stack(u64 p)
{
	u64 base = (u64)thread_current()->kernel_stack;
	return IS_ALIGNED(p, 8) && p >= base && p + 16 <= base + KERNEL_STACK_SIZE;
}

static void backtrace(u64 sp, u64 frame UNUSED)
{
	u32 shown = 0;
#ifdef AMBOS_DEBUG
	for (; on_stack(frame) && shown < FRAMES_MAX; shown++) {
		print_address(((u64 *)frame)[1]);
		u64 next = ((u64 *)frame)[0];
		if (next <= frame)
			break;
		frame = next;
	}
	if (shown > 2)
		return;
#endif
	for (u32 i = 0; i < STACK_WORDS_MAX && on_stack(sp) && shown < FRAMES_MAX; i++, sp += 8)
		if (is_text(*(u64 *)sp)) {
			print_address(*(u64 *)sp);
			shown++;
		}
}

static void panic_begin(void)
{
	__asm__ volatile("cli");
	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
		cpu_halt_forever(); /* the second one: its log would only hide the first */
	arch_stop_others();
	cpu_this()->lock_depth = 0; /* what is held stays held */
	log_break_locks();
	log_print_tail(LOG_LINES_SHOWN);
	log_set_level(LOG_DEBUG);
}

static void panic_end(u64 sp, u64 frame)
{
	struct thread *t = thread_current();
	klog(LOG_ERROR, "  cpu %u, thread %s tid %u, last call %lu", cpu_this()->id, t->name, t->tid, (unsigned long)t->syscall_nr);
	backtrace(sp, frame);
	errors_print(ERRORS_SHOWN);
	trace_print(EVENTS_SHOWN);
	machine_power_off(PANIC_EXIT_CODE);
}

static void print_message(const char *fmt, va_list ap)
{
	char text[256];
	fmt_vsnprintf(text, sizeof(text), fmt, ap);
	klog(LOG_ERROR, "PANIC: %s", text);
}

void panic(const char *fmt, ...)
{
	va_list ap;
	panic_begin();
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	panic_end((u64)__builtin_frame_address(0), (u64)__builtin_frame_address(0));
	cpu_halt_forever();
}

void panic_frame(const struct trap_frame *f, const char *fmt, ...)
{
	va_list ap;
	panic_begin();
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	klog(LOG_ERROR, "  vector %lu error %lx cs %lx rflags %lx", f->vector, f->error, f->cs, f->rflags);
	klog(LOG_ERROR, "  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
	klog(LOG_ERROR, "  rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi, f->rbp, f->rsp);
	klog(LOG_ERROR, "  r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10, f->r11);
	klog(LOG_ERROR, "  r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13, f->r14, f->r15);
	print_address(f->rip);
	panic_end(f->rsp, f->rbp);
	cpu_halt_forever();
}

/* NMI: another CPU panics. */
void panic_stop_here(const struct trap_frame *f)
{
	if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE))
		cpu_halt_forever();
	klog(LOG_WARN, "NMI at %lx, ignored", f->rip);
}

void __stack_chk_fail(void) { panic("kernel stack corrupted (stack protector)"); }
