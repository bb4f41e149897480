// SPDX-License-Identifier: MIT
// /proc/cpuinfo from CPUID of the CPU that runs us: a virtual machine's CPUs are alike.
#include "shown.h"
#include <cpuid.h>

#define LEAF_BRAND 0x80000002u
#define LEAF_EXTENDED 0x80000001u
#define LEAF_ADDRESS 0x80000008u

struct cpuid { u32 eax, ebx, ecx, edx; };
static struct cpuid cpuid(u32 leaf)
{
	struct cpuid c = { 0 };
	if ((u32)__get_cpuid_max(leaf & 0x80000000u, NULL) >= leaf)
		__cpuid_count(leaf, 0, c.eax, c.ebx, c.ecx, c.edx);
	return c;
}

struct flag { u8 bit; const char *name; };
#define F(bit, name) { bit, #name }
static const struct flag leaf1_edx[] = {
	F(0, fpu),   F(1, vme),  F(2, de),     F(3, pse),      F(4, tsc),   F(5, msr),   F(6, pae),
	F(7, mce),   F(8, cx8),  F(9, apic),   F(11, sep),     F(12, mtrr), F(13, pge),  F(14, mca),
	F(15, cmov), F(16, pat), F(17, pse36), F(19, clflush), F(23, mmx),  F(24, fxsr), F(25, sse),
	F(26, sse2), F(27, ss),  F(28, ht),    F(255, ),
};
static const struct flag extended_edx[] = { F(11, syscall), F(20, nx), F(26, pdpe1gb),
					    F(27, rdtscp),  F(29, lm), F(255, ) };
static const struct flag leaf1_ecx[] = {
	F(0, pni),     F(1, pclmulqdq), F(9, ssse3),   F(12, fma),        F(13, cx16), F(19, sse4_1),
	F(20, sse4_2), F(21, x2apic),   F(22, movbe),  F(23, popcnt),     F(25, aes),  F(26, xsave),
	F(28, avx),    F(29, f16c),     F(30, rdrand), F(31, hypervisor), F(255, ),
};
static const struct flag extended_ecx[] = { F(0, lahf_lm), F(5, abm), F(6, sse4a), F(8, 3dnowprefetch), F(255, ) };
static const struct flag leaf7_ebx[] = {
	F(0, fsgsbase), F(3, bmi1), F(5, avx2),  F(7, smep),        F(8, bmi2),  F(9, erms),    F(16, avx512f),
	F(18, rdseed),  F(19, adx), F(20, smap), F(23, clflushopt), F(24, clwb), F(29, sha_ni), F(255, ),
};

static void add_flags(struct text *t, const struct flag *f, u32 bits)
{
	for (; f->bit != 255; f++)
		if (bits >> f->bit & 1)
			text_print(t, " %s", f->name);
}

static void brand(char out[49])
{
	for (u32 i = 0; i < 3; i++) {
		struct cpuid c = cpuid(LEAF_BRAND + i);
		memcpy(out + 16 * i, &c, 16);
	}
	out[48] = '\0';
	if (!out[0])
		str_copy(out, "unknown", 48);
}

static void show_cpu(struct text *t, u32 number, u32 count)
{
	struct cpuid vendor = cpuid(0), one = cpuid(1), seven = cpuid(7), extended = cpuid(LEAF_EXTENDED),
		     address = cpuid(LEAF_ADDRESS);
	char name[49], maker[13] = "";
	u32 family = one.eax >> 8 & 15, model = one.eax >> 4 & 15;
	if (family == 15 || family == 6)
		model |= one.eax >> 12 & 0xf0;
	if (family == 15)
		family += one.eax >> 20 & 0xff;
	memcpy(maker, &vendor.ebx, 4);
	memcpy(maker + 4, &vendor.edx, 4);
	memcpy(maker + 8, &vendor.ecx, 4);
	brand(name);
	text_print(t,
		   "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: "
		   "%s\nstepping\t: %u\n",
		   number, maker, family, model, name, one.eax & 15);
	text_print(t,
		   "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial "
		   "apicid\t: %u\n",
		   count, number, count, number, number);
	text_print(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:", vendor.eax);
	add_flags(t, leaf1_edx, one.edx);
	add_flags(t, extended_edx, extended.edx);
	add_flags(t, leaf1_ecx, one.ecx);
	add_flags(t, extended_ecx, extended.ecx);
	add_flags(t, leaf7_ebx, seven.ebx);
	text_print(t,
		   "\nbugs\t\t:\nclflush size\t: %u\ncache_alignment\t: 64\naddress sizes\t: %u bits physical, %u "
		   "bits virtual\n",
		   MAX((one.ebx >> 8 & 0xff) * 8, 64u), address.eax & 0xff, address.eax >> 8 & 0xff);
	text_print(t, "power management:\n\n");
}

status_t show_cpu_info(struct shown_context *c);
status_t show_cpu_info(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	for (u32 i = 0; !st && i < m.cpus; i++)
		show_cpu(c->text, i, m.cpus);
	return st;
}
