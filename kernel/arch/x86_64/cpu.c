// SPDX-License-Identifier: MIT
/* Descriptors, control registers and MSRs of each CPU. cpu_init runs on the CPU itself. */
#include "arch.h"
#include "process.h"

struct idt_gate { u16 low; u16 selector; u8 ist, type; u16 mid; u32 high, zero; } PACKED;

_Static_assert(offsetof(struct cpu, current) == 8 && offsetof(struct cpu, kernel_stack_top) == 16 &&
	       offsetof(struct cpu, user_rsp_scratch) == 24, "entry.S");
_Static_assert(offsetof(struct thread, kernel_rsp) == 0 && offsetof(struct thread, work) == 24, "entry.S");
_Static_assert(offsetof(struct trap_frame, rax) == 10 * 8 && offsetof(struct trap_frame, vector) == 15 * 8 &&
	       offsetof(struct trap_frame, cs) == 18 * 8, "entry.S");

struct cpu *cpus[MAX_CPUS];
u32 cpu_count;
static struct idt_gate idt[256];
static struct cpu boot_cpu;
static struct arch_cpu boot_arch;
static u8 boot_ist[3 * 4096] __attribute__((aligned(16)));
u64 __stack_chk_guard = 0x5bd1e995a7c31d00ull;
void __stack_chk_fail(void) NORETURN;
void __stack_chk_fail(void) { panic("kernel stack smashed"); }

#define GATE_INTERRUPT 0x8e
#define GATE_INTERRUPT_USER 0xee
#define STUB_BYTES 16
#define EFLAGS_CLEARED_ON_SYSCALL 0x257fd5u /* everything but the reserved and ID bits: IF, DF, AC, TF, NT ... */

static void idt_build(void)
{
	for (u32 i = 0; i < 256; i++) {
		u64 a = (u64)(trap_stubs + i * STUB_BYTES);
		u8 ist = i == 2 ? 1 : i == 8 ? 2 : i == 18 ? 3 : 0;
		bool user = i == 3 || i == 4;
		idt[i] = (struct idt_gate){ (u16)a, KERNEL_CS, ist, user ? GATE_INTERRUPT_USER : GATE_INTERRUPT,
					    (u16)(a >> 16), (u32)(a >> 32), 0 };
	}
}

static void descriptors_load(struct cpu *c)
{
	struct arch_cpu *a = c->arch;
	u64 t = (u64)&a->tss;
	a->gdt[2] = 0x00af9b000000ffffull;
	a->gdt[3] = 0x00cf93000000ffffull;
	a->gdt[4] = 0x00cffb000000ffffull;
	a->gdt[5] = 0x00cff3000000ffffull;
	a->gdt[6] = 0x00affb000000ffffull;
	a->gdt[8] = (sizeof(struct tss) - 1) | (t & 0xffffff) << 16 | 0x89ull << 40 | (t >> 24 & 0xff) << 56;
	a->gdt[9] = t >> 32;
	for (u32 i = 0; i < 3; i++)
		a->tss.ist[i] = (u64)(a->ist_stacks + (i + 1) * 4096);
	a->tss.io_map = sizeof(struct tss);
	struct { u16 limit; u64 base; } PACKED gp = { sizeof(a->gdt) - 1, (u64)a->gdt }, ip = { sizeof(idt) - 1, (u64)idt };
	__asm__ volatile("lgdt %0; lidt %1" : : "m"(gp), "m"(ip));
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1: mov %1, %%ss; mov %1, %%ds; mov %1, %%es"
			 : : "i"(KERNEL_CS), "r"(KERNEL_DS) : "rax", "memory");
	__asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}

static bool tsc_aux_known;

bool cpu_number_in_tsc_aux(void) { return tsc_aux_known; }

void cpu_init(struct cpu *c)
{
	u32 r[4];
	if (c == &boot_cpu) {
		c->arch = &boot_arch;
		boot_arch.ist_stacks = boot_ist;
		idt_build();
	}
	descriptors_load(c);
	c->self = c;
	c->timer_deadline_ns = UINT64_MAX;
	write_msr(MSR_GS_BASE, (u64)c);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	write_msr(MSR_STAR, (u64)0x23 << 48 | (u64)KERNEL_CS << 32);
	write_msr(MSR_LSTAR, (u64)syscall_entry);
	write_msr(MSR_SFMASK, EFLAGS_CLEARED_ON_SYSCALL & ~0x2u);
	cpuid(7, 0, r);
	u64 cr4 = read_cr4();
	cr4 |= 1 << 7 | 1 << 9 | 1 << 10;        /* PGE, OSFXSR, OSXMMEXCPT */
	if (r[1] & 1 << 0)
		cr4 |= 1 << 16;                  /* FSGSBASE */
	if (r[1] & 1 << 7)
		cr4 |= 1 << 20;                  /* SMEP */
	if (r[1] & 1 << 20)
		cr4 |= 1 << 21;                  /* SMAP */
	if (r[2] & 1 << 2)
		cr4 |= 1 << 11;                  /* UMIP */
	write_cr4(cr4);
	cpuid(0x80000001, 0, r);
	tsc_aux_known = r[3] & 1u << 27;
	if (tsc_aux_known)
		write_msr(MSR_TSC_AUX, c->id); /* rdtscp and rdpid tell programs where they run */
	fpu_init_cpu();
}

void boot_cpu_init(void);
void boot_cpu_init(void)
{
	cpus[0] = &boot_cpu;
	cpu_count = 1;
	boot_cpu.online = 1;
	cpu_init(&boot_cpu);
}
