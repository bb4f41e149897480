// SPDX-License-Identifier: MIT
/* Extended register state: XSAVE, eager; FXSAVE where there is no XSAVE. Components that programs get: x87, SSE,
 * AVX, AVX-512 when the CPU has them. Standard (not compacted) format, which signal frames show. SDM vol. 1, 13. */
#include "arch.h"
#include "string.h"

#define XCR0_WANTED 0xe7ull /* x87, SSE, AVX, AVX-512 (three parts) */
#define LEGACY_SIZE 512
#define XSAVE_HEADER_SIZE 64
#define MXCSR_AT 24
#define MXCSR_DEFAULT 0x1f80
#define FCW_DEFAULT 0x37f
#define MXCSR_MASK 0xffffu /* with DAZ, as every x86-64 CPU that is still in use */

static u64 xcr0;
static size_t area_size = LEGACY_SIZE;

void fpu_detect(void)
{
	u32 r[4];
	if (!cpu_features.xsave)
		return;
	cpuid(0xd, 0, r);
	xcr0 = r[0] & XCR0_WANTED;
	if ((xcr0 & 0xe0) != 0xe0) /* AVX-512 comes whole or not at all */
		xcr0 &= ~0xe0ull;
}

void fpu_init_this(void)
{
	u32 r[4];
	__asm__ volatile("fninit");
	if (!xcr0)
		return;
	__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)xcr0), "d"((u32)(xcr0 >> 32)));
	cpuid(0xd, 0, r);
	area_size = r[1];
}

size_t fpu_area_size(void) { return area_size; }

void fpu_save(void *area)
{
	if (!xcr0)
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	else if (cpu_features.xsaveopt)
		__asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"((u32)xcr0), "d"((u32)(xcr0 >> 32)) : "memory");
	else
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"((u32)xcr0), "d"((u32)(xcr0 >> 32)) : "memory");
}

void fpu_restore(const void *area)
{
	if (!xcr0)
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
	else
		__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"((u32)xcr0), "d"((u32)(xcr0 >> 32)) : "memory");
}

void fpu_init_area(void *area)
{
	u8 *p = area;
	u16 fcw = FCW_DEFAULT;
	u32 mxcsr = MXCSR_DEFAULT;
	memset(p, 0, area_size);
	memcpy(p, &fcw, sizeof(fcw));
	memcpy(p + MXCSR_AT, &mxcsr, sizeof(mxcsr));
	if (xcr0) { /* load everything from the area on first use: SSE and x87 state are ours, the rest initial */
		u64 present = 3;
		memcpy(p + LEGACY_SIZE, &present, sizeof(present));
	}
}

void fpu_set_control(void *area, u16 control) { memcpy(area, &control, sizeof(control)); }

#define X87_BYTES 160u /* control, MXCSR and stack; then the 16 SSE registers */
#define SSE_BYTES 256u

void fpu_get_legacy(const void *area, void *out)
{
	const u8 *p = area;
	u8 *to = out;
	u64 present = xcr0 ? *(const u64 *)(p + LEGACY_SIZE) : 3;
	u16 fcw = FCW_DEFAULT;
	memset(to, 0, LEGACY_SIZE);
	if (present & 1)
		memcpy(to, p, X87_BYTES);
	else
		memcpy(to, &fcw, sizeof(fcw));
	memcpy(to + MXCSR_AT, p + MXCSR_AT, 2 * sizeof(u32));
	if (present & 2)
		memcpy(to + X87_BYTES, p + X87_BYTES, SSE_BYTES);
}

void fpu_set_legacy(void *area, const void *from, u32 mxcsr)
{
	u8 *p = area;
	memcpy(p, from, MXCSR_AT);
	memcpy(p + MXCSR_AT, &mxcsr, sizeof(mxcsr));
	memcpy(p + MXCSR_AT + 8, (const u8 *)from + MXCSR_AT + 8, X87_BYTES + SSE_BYTES - MXCSR_AT - 8);
	if (xcr0)
		*(u64 *)(p + LEGACY_SIZE) |= 3;
}

u64 fpu_features(void) { return xcr0; }

#define AVX_BIT 4u
#define AVX_AT 576u /* of the standard format, on every CPU */
#define AVX_BYTES 256u

bool fpu_get_avx(const void *area, void *out)
{
	const u8 *p = area;
	bool present = xcr0 & *(const u64 *)(p + LEGACY_SIZE) & AVX_BIT;
	if (present)
		memcpy(out, p + AVX_AT, AVX_BYTES);
	return present;
}

void fpu_set_avx(void *area, const void *from)
{
	u8 *p = area;
	if (!(xcr0 & AVX_BIT))
		return;
	*(u64 *)(p + LEGACY_SIZE) &= ~(u64)AVX_BIT;
	if (!from)
		return;
	memcpy(p + AVX_AT, from, AVX_BYTES);
	*(u64 *)(p + LEGACY_SIZE) |= AVX_BIT;
}

status_t fpu_validate(void *area, size_t size)
{
	const u8 *p = area;
	const u64 *header = (const u64 *)(p + LEGACY_SIZE);
	if (size < area_size)
		return ERR_INVAL;
	u32 mxcsr = *(const u32 *)(p + MXCSR_AT);
	if (mxcsr & ~MXCSR_MASK)
		return ERR_INVAL;
	if (!xcr0)
		return OK;
	for (u32 i = 1; i < XSAVE_HEADER_SIZE / 8; i++) /* no compacted form; reserved bytes are zero */
		if (header[i])
			return ERR_INVAL;
	return header[0] & ~xcr0 ? ERR_INVAL : OK;
}
