/* SPDX-License-Identifier: MIT */
/* Private to arch/x86_64: registers, descriptor tables, what the files of this folder offer each other. */
#ifndef AMBOS_ARCH_H
#define AMBOS_ARCH_H

#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_CS32 0x23
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40

#define FRAME_RBX 40
#define FRAME_R11 48
#define FRAME_RAX 80
#define FRAME_RCX 88
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_SIZE 176
#define NATIVE_BIT 0x80000000
#define NATIVE_CALL_SHORT 7
#define NATIVE_ANSWER 8
#define THREAD_RSP 0
#define THREAD_WORK 24
#define CPU_CURRENT 8
#define CPU_STACK_TOP 16
#define CPU_SCRATCH 24
#define CPU_NEED_RESCHED 36

#define MSR_EFER 0xc0000080
#define EFER_SCE 1
#define EFER_LME 0x100
#define EFER_NXE 0x800
#define AP_TRAMPOLINE 0x8000 /* one page below 1 MiB, never given to mm */

#ifndef __ASSEMBLY__
#include "boot_info.h"
#include "cpu.h"
#include "process.h"
#include "trap.h"

#define MSR_APIC_BASE 0x1b
#define MSR_PAT 0x277
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103

#define CR0_WP BIT(16)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_NE BIT(5)
#define CR4_PGE BIT(7)
#define CR4_OSFXSR BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP BIT(11)
#define CR4_FSGSBASE BIT(16)
#define CR4_OSXSAVE BIT(18)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)

#define RFLAGS_TF 0x100
#define RFLAGS_IF 0x200
#define RFLAGS_DF 0x400
#define RFLAGS_NT 0x4000
#define RFLAGS_AC 0x40000

#define PTE_PRESENT BIT(0)
#define PTE_WRITE BIT(1)
#define PTE_WRITE_THROUGH BIT(3)
#define PTE_UNCACHED BIT(4)
#define PTE_LARGE BIT(7)
#define PTE_GLOBAL BIT(8)
#define PTE_NX BIT(63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define VECTOR_DEVICE_FIRST 0x30
#define VECTOR_DEVICE_LAST 0xdf
#define VECTOR_TIMER 0xef
#define VECTOR_RESCHEDULE 0xf0
#define VECTOR_SHOOTDOWN 0xf1
#define VECTOR_SPURIOUS 0xff

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, io_map_base;
} PACKED;

#define IST_STACK_SIZE 8192
struct arch_cpu {
	u64 gdt[10];
	struct tss tss ALIGNED(16);
	u8 ist_stacks[3][IST_STACK_SIZE] ALIGNED(16); /* double fault, NMI, machine check */
};

struct cpu_features { bool smap, smep, umip, fsgsbase, xsave, xsaveopt, gib_pages, tsc_aux; };
extern struct cpu_features cpu_features;

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return ((u64)hi << 32) | lo;
}
static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u32 inl(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline void outb(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outw(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline void outl(u16 port, u32 v) { __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port)); }
static inline u64 rdtsc(void)
{
	u32 lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return ((u64)hi << 32) | lo;
}
static inline void cpuid(u32 leaf, u32 sub, u32 out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub));
}
#define READ_CR(n) ({ u64 v_; __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v_) : : "memory"); v_; })
#define WRITE_CR(n, v) __asm__ volatile("mov %0, %%cr" #n : : "r"((u64)(v)) : "memory")

static inline u64 read_fs_base(void) { u64 v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline void write_fs_base(u64 v) { __asm__ volatile("wrfsbase %0" : : "r"(v)); }
/* The user's GS base while in the kernel; needs FSGSBASE. */
static inline u64 read_user_gs_base(void)
{
	u64 v;
	__asm__ volatile("swapgs; rdgsbase %0; swapgs" : "=r"(v));
	return v;
}
static inline void write_user_gs_base(u64 v) { __asm__ volatile("swapgs; wrgsbase %0; swapgs" : : "r"(v)); }

/* What ACPI says about processors and interrupts; acpi.c. */
struct platform {
	u32 apic_ids[MAX_CPUS]; /* enabled processors, in MADT order */
	u32 apic_count;
	phys_t lapic_phys, ioapic_phys;
	u32 ioapic_gsi_base;
	u8 isa_gsi[16];                     /* ISA line -> GSI */
	u16 isa_flags[16];                  /* MADT polarity and trigger */
	u16 pm_timer_port, pm_control_port; /* 0: none */
};
extern struct platform platform;

/* boot_info.c, acpi.c, paging.c */
void boot_info_read(phys_t start_info);
void boot_info_reserve(phys_t base, u64 size);
void acpi_read(void);
void paging_init(void);                 /* final kernel tables, loaded */
void *fixmap_mmio(u32 slot, phys_t pa); /* one uncached page */
enum { FIXMAP_LAPIC, FIXMAP_IOAPIC };
/* entry.S, boot.S */
extern u8 ap_trampoline_start[], ap_trampoline_end[];
extern u64 ap_page_table, ap_next;
extern u8 trap_smap;
extern const u8 kernel_image_start[], kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_data_end[], kernel_image_end[];
extern u8 boot_stack[], boot_stack_top[];

/* cpu.c */
void cpu_detect(void);
void cpu_init_boot(void);
void cpu_init_this(struct cpu *c);    /* descriptor tables, control registers, MSRs */
/* idt.c, trap.c */
void idt_init(void);
void idt_load(void);
void trap_dispatch(struct trap_frame *f);
/* apic.c */
void apic_init(void);
void apic_init_this(void);
void apic_end_of_interrupt(void);
u32 apic_id_this(void);
void apic_send(u32 apic_id, u32 low);
void apic_send_nmi_others(void);
void apic_timer_set(u64 count);
u32 apic_timer_read(void);
void irq_dispatch(u32 vector);
/* time.c */
void time_init(void);
extern u64 apic_ticks_per_ms;
/* smp.c */
void smp_start(void);
/* tlb.c */
void tlb_answer(void);
/* fpu.c */
void fpu_detect(void);
void fpu_init_this(void);
/* entry.S */
extern const u8 trap_stubs[], iret_user[], syscall_entry[], syscall_entry_general[], syscall_entry_compat[], context_switch_resume[];
extern bool cpu_direct_switch; /* the CPU has all that switch.h and copy_short use */
struct thread *context_switch(struct thread *from, struct thread *to);
void thread_start(void);
#endif

#endif
