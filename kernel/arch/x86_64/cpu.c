// SPDX-License-Identifier: MIT
/* One processor: features, descriptor tables, control registers, system call MSRs, per-CPU data.
 * cpu_init_boot runs before anything else in C (GS must be valid); cpu_init_this on each processor. */
#include "arch.h"
#include "../../abi/core/ipc.h"
#include "process.h"
#include "sched_internal.h"
#include "string.h"
#include "switch.h"

_Static_assert(offsetof(struct cpu, current) == CPU_CURRENT && offsetof(struct cpu, kernel_stack_top) == CPU_STACK_TOP &&
	       offsetof(struct cpu, user_rsp_scratch) == CPU_SCRATCH && offsetof(struct cpu, need_resched) == CPU_NEED_RESCHED,
	       "entry.S knows struct cpu");
_Static_assert(offsetof(struct thread, kernel_rsp) == THREAD_RSP && offsetof(struct thread, work) == THREAD_WORK,
	       "entry.S knows struct thread");
_Static_assert(offsetof(struct trap_frame, rax) == FRAME_RAX && offsetof(struct trap_frame, rip) == FRAME_RIP &&
	       offsetof(struct trap_frame, r11) == FRAME_R11 && offsetof(struct trap_frame, rcx) == FRAME_RCX &&
	       offsetof(struct trap_frame, cs) == FRAME_CS && offsetof(struct trap_frame, rflags) == FRAME_RFLAGS &&
	       offsetof(struct trap_frame, rsp) == FRAME_RSP && sizeof(struct trap_frame) == FRAME_SIZE,
	       "entry.S knows struct trap_frame");
_Static_assert((u32)AMBOS_CALL_BASE == NATIVE_BIT && (int)AMBOS_CALL_IPC_CALL_SHORT == NATIVE_CALL_SHORT &&
	       (int)AMBOS_CALL_IPC_ANSWER == NATIVE_ANSWER, "entry.S knows the native calls");

/* PAT entry 1 (PWT alone) is write combining; the others are as after reset. */
#define PAT_VALUE 0x0007040600070106ull

struct cpu *cpus[MAX_CPUS];
u32 cpu_count = 1;
struct cpu_features cpu_features;
u8 trap_smap;
bool cpu_direct_switch;

static struct cpu boot_cpu;
static struct arch_cpu boot_arch;
static struct thread boot_idle;

void cpu_halt_forever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void cpu_init_boot(void)
{
	boot_cpu.self = &boot_cpu;
	boot_cpu.arch = &boot_arch;
	boot_cpu.current = boot_cpu.idle = &boot_idle;
	boot_cpu.kernel_stack_top = (u64)boot_stack_top;
	boot_cpu.timer_deadline_ns = UINT64_MAX;
	boot_cpu.online = 1;
	boot_idle.kernel_stack = boot_stack;
	boot_idle.on_cpu = 1;
	boot_idle.state = THREAD_RUNNING;
	str_copy(boot_idle.name, "idle0", sizeof(boot_idle.name));
	cpus[0] = &boot_cpu;
	wrmsr(MSR_GS_BASE, (u64)&boot_cpu);
}

void cpu_detect(void)
{
	u32 r[4];
	cpuid(0, 0, r);
	u32 max_leaf = r[0];
	cpuid(1, 0, r);
	cpu_features.xsave = r[2] & BIT(26);
	if (max_leaf >= 7) {
		cpuid(7, 0, r);
		cpu_features.fsgsbase = r[1] & BIT(0);
		cpu_features.smep = r[1] & BIT(7);
		cpu_features.smap = r[1] & BIT(20);
		cpu_features.umip = r[2] & BIT(2);
		string_use_rep = r[1] & BIT(9);
	}
	if (cpu_features.xsave) {
		cpuid(0xd, 1, r);
		cpu_features.xsaveopt = r[0] & BIT(0);
	}
	cpuid(0x80000001, 0, r);
	cpu_features.gib_pages = r[3] & BIT(26);
	cpu_features.tsc_aux = r[3] & BIT(27);
	trap_smap = cpu_features.smap;
	cpu_direct_switch = cpu_features.smap && cpu_features.fsgsbase && cpu_features.xsaveopt;
}

bool cpu_number_in_tsc_aux(void) { return cpu_features.tsc_aux; }

static void descriptors_load(struct cpu *c)
{
	struct arch_cpu *a = c->arch;
	u64 tss = (u64)&a->tss;
	a->gdt[KERNEL_CS / 8] = 0x00af9b000000ffffull;
	a->gdt[KERNEL_DS / 8] = 0x00cf93000000ffffull;
	a->gdt[USER_CS32 / 8] = 0x00cffb000000ffffull;
	a->gdt[USER_DS / 8] = 0x00cff3000000ffffull;
	a->gdt[USER_CS / 8] = 0x00affb000000ffffull;
	a->gdt[TSS_SELECTOR / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
	a->gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
	a->tss.io_map_base = sizeof(struct tss);
	c->tss_stack = (u64 *)(void *)((u8 *)&a->tss + offsetof(struct tss, rsp));
	*c->tss_stack = c->kernel_stack_top;
	for (int i = 0; i < 3; i++)
		a->tss.ist[i] = (u64)(a->ist_stacks[i] + IST_STACK_SIZE);
	struct { u16 limit; u64 base; } PACKED pointer = { sizeof(a->gdt) - 1, (u64)a->gdt };
	u16 none = 0, data = KERNEL_DS, task = TSS_SELECTOR;
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(none));
	__asm__ volatile("mov %0, %%ss" : : "r"(data));
	__asm__ volatile("ltr %0" : : "r"(task));
	wrmsr(MSR_GS_BASE, (u64)c);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

void cpu_init_this(struct cpu *c)
{
	u64 cr4 = READ_CR(4) | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	cr4 |= cpu_features.smep ? CR4_SMEP : 0;
	cr4 |= cpu_features.smap ? CR4_SMAP : 0;
	cr4 |= cpu_features.umip ? CR4_UMIP : 0;
	cr4 |= cpu_features.fsgsbase ? CR4_FSGSBASE : 0;
	cr4 |= cpu_features.xsave ? CR4_OSXSAVE : 0;
	WRITE_CR(4, cr4);
	WRITE_CR(0, (READ_CR(0) | CR0_WP | CR0_MP | CR0_NE) & ~(CR0_EM | CR0_TS));
	descriptors_load(c);
	idt_load();
	wrmsr(MSR_PAT, PAT_VALUE);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NXE);
	wrmsr(MSR_STAR, (u64)KERNEL_CS << 32 | (u64)USER_CS32 << 48);
	wrmsr(MSR_LSTAR, (u64)(cpu_direct_switch ? syscall_entry : syscall_entry_general));
	wrmsr(MSR_CSTAR, (u64)syscall_entry_compat);
	wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | 0x10000 /* RF */);
	if (cpu_features.tsc_aux)
		wrmsr(MSR_TSC_AUX, c->id); /* rdtscp and rdpid tell programs where they run */
	fpu_init_this();
}

/* ---- user segment bases ---- */

void thread_segments_save(struct thread *t)
{
	if (!cpu_features.fsgsbase)
		return; /* then a program changes them only through arch_prctl, which stores to the thread */
	t->user_fs_base = read_fs_base();
	t->user_gs_base = read_user_gs_base();
}

void thread_segments_load(const struct thread *t)
{
	if (cpu_features.fsgsbase) {
		write_fs_base(t->user_fs_base);
		write_user_gs_base(t->user_gs_base);
	} else {
		wrmsr(MSR_FS_BASE, t->user_fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, t->user_gs_base);
	}
}

struct trap_frame *thread_user_frame(struct thread *t)
{
	return (struct trap_frame *)(void *)((u8 *)t->kernel_stack + KERNEL_STACK_SIZE) - 1;
}

/* ---- switching ---- */

void arch_thread_prepare(struct thread *t, void (*fn)(void *), void *arg)
{
	u64 *sp = (u64 *)(void *)thread_user_frame(t);
	*--sp = (u64)thread_start;
	*--sp = 0;        /* rbp */
	*--sp = 0;        /* rbx */
	*--sp = (u64)fn;  /* r12 */
	*--sp = (u64)arg; /* r13 */
	*--sp = 0;
	*--sp = 0;
	*--sp = (u64)context_switch_resume;
	t->kernel_rsp = (u64)sp;
}

/* The registers of user mode that the kernel itself does not save on entry. */
void arch_switch_user_state(struct cpu *c, struct thread *from, struct thread *to)
{
	if (from->fpu_area && from->state != THREAD_DEAD) {
		thread_segments_save(from);
		fpu_save(from->fpu_area);
		from->fpu_cpu = c->id + 1;
		c->fpu_owner = from;
	}
	stack_for_traps(c, to);
	if (!to->fpu_area)
		return;
	thread_segments_load(to);
	if (c->fpu_owner != to || to->fpu_cpu != c->id + 1)
		fpu_restore(to->fpu_area);
	c->fpu_owner = NULL;
}
