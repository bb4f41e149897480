// SPDX-License-Identifier: MIT
/* Extended state: XSAVE in the standard format (signal frames show it to programs), eager switching. */
#include "arch.h"
#include "string.h"

#define XCR0_WANTED 0xe7u /* x87, SSE, AVX, AVX-512 (opmask, ZMM_Hi256, Hi16_ZMM) */
#define FXSAVE_BYTES 512
#define XSAVE_HEADER_BYTES 64
#define MXCSR_DEFAULT 0x1f80u

static u64 xcr0;
static u32 area_bytes = FXSAVE_BYTES + XSAVE_HEADER_BYTES;
static u32 mxcsr_mask = 0xffff;

void fpu_init_cpu(void)
{
	u32 r[4];
	u64 cr0;
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	cr0 = (cr0 & ~(u64)(1 << 2 | 1 << 3)) | 1 << 1 | 1 << 5; /* EM and TS off, MP and NE on */
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
	cpuid(1, 0, r);
	if (!(r[2] & 1u << 26))
		panic("this CPU has no XSAVE; Ambos needs x86-64-v2 with XSAVE (QEMU: -cpu max)");
	write_cr4(read_cr4() | 1 << 18);
	cpuid(13, 0, r);
	xcr0 = r[0] & XCR0_WANTED;
	if ((xcr0 & 0xe0) != 0xe0)
		xcr0 &= ~0xe0ull;
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)xcr0), "d"((u32)(xcr0 >> 32)));
	cpuid(13, 0, r);
	area_bytes = r[1];
}

size_t fpu_area_size(void) { return area_bytes; }
void fpu_save(void *area) { __asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory"); }
void fpu_restore(const void *area) { __asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory"); }

void fpu_init_area(void *area)
{
	memset(area, 0, area_bytes);
	*(u16 *)area = 0x37f;
	*(u32 *)((u8 *)area + 24) = MXCSR_DEFAULT;
	*(u64 *)((u8 *)area + FXSAVE_BYTES) = 0; /* XSTATE_BV: everything in its initial state */
	*(u64 *)((u8 *)area + FXSAVE_BYTES) |= 3;
}

status_t fpu_validate(void *area, size_t size)
{
	u8 *p = area;
	if (size < area_bytes)
		return ERR_INVAL;
	*(u32 *)(p + 24) &= mxcsr_mask;
	u64 *header = (u64 *)(p + FXSAVE_BYTES);
	if (header[0] & ~xcr0)
		return ERR_INVAL;
	for (u32 i = 1; i < 8; i++)
		if (header[i])
			return ERR_INVAL;
	return OK;
}
