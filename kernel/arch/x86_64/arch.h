/* SPDX-License-Identifier: MIT */
/* Private to arch/x86_64: registers, selectors, descriptors, and who calls whom at start. */
#ifndef AMBOS_ARCH_H
#define AMBOS_ARCH_H

#include "cpu.h"
#include "trap.h"

#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40

#define MSR_EFER 0xc0000080u
#define MSR_STAR 0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_SFMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103
#define MSR_APIC_BASE 0x1bu

#define VECTOR_PAGE_FAULT 14
#define VECTOR_DEVICE_FIRST 0x40
#define VECTOR_DEVICE_LAST 0xdf
#define VECTOR_TIMER 0xf0
#define VECTOR_RESCHEDULE 0xf1
#define VECTOR_SHOOTDOWN 0xf2
#define VECTOR_STOP 0xf3
#define VECTOR_SPURIOUS 0xff

struct tss { u32 reserved0; u64 rsp[3]; u64 reserved1; u64 ist[7]; u64 reserved2; u16 reserved3, io_map; } PACKED;
struct arch_cpu {
	u64 gdt[10];
	struct tss tss;
	u8 *ist_stacks;
};

static inline u64 read_msr(u32 msr)
{
	u32 lo, hi;
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}
static inline void write_msr(u32 msr, u64 v) { __asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory"); }
static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static inline void out16(u16 port, u16 v) { __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port)); }
static inline u8 in8(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline u64 read_tsc(void) { u32 lo, hi; __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); return (u64)hi << 32 | lo; }
static inline u64 read_cr2(void) { u64 v; __asm__ volatile("mov %%cr2, %0" : "=r"(v)); return v; }
static inline u64 read_cr3(void) { u64 v; __asm__ volatile("mov %%cr3, %0" : "=r"(v)); return v; }
static inline void write_cr3(u64 v) { __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory"); }
static inline u64 read_cr4(void) { u64 v; __asm__ volatile("mov %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr4(u64 v) { __asm__ volatile("mov %0, %%cr4" : : "r"(v)); }
static inline void cpuid(u32 leaf, u32 sub, u32 r[4])
{
	__asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

void cpu_init(struct cpu *c);          /* descriptors, MSRs, control registers of the calling CPU */
void fpu_init_cpu(void);
void apic_init(void);                  /* boot CPU: maps and measures; then apic_init_cpu on each */
void apic_init_cpu(void);
void apic_send(u32 apic_id, u32 vector);
void apic_eoi(void);
void smp_start(void);
void acpi_init(void);
void time_init(void);
void serial_init(void);
void boot_main(u32 start_info) NORETURN;
void trap_dispatch(struct trap_frame *f);
void shootdown_answer(void);
void shootdown_interrupt(void);
extern char trap_stubs[], syscall_entry[];

#endif
