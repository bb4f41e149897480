// SPDX-License-Identifier: MIT
// The initial stack of a Linux program. From high to low addresses: 8 zero bytes, path of the program, strings
// (envp above argv), "x86_64", 16 random bytes, auxv, envp pointers, argv pointers, argc; argc is 16-byte aligned.
#include "exec.h"
#include "linux.h"
#include "random.h"
#include "../../lib/base/string.h"

#define STACK_TOP_GAP_MAX_PAGES 0x3fff        /* 14 random bits of pages, stays below USER_TOP */
#define STACK_INITIAL_BYTES KIB(132)          /* what Linux maps at first; it grows on faults */
#define STACK_GUARD_BYTES MIB(1)
#define MMAP_GAP_MIN MIB(128)                 /* room kept below the stack for it to grow, as Linux */
#define MMAP_GAP_MAX (USER_TOP / 6 * 5)
#define MMAP_RANDOM_PAGES 0xfffffffull        /* 28 bits, as Linux */
#define BRK_RANDOM_PAGES 0x1fffull            /* 32 MiB, as Linux */
#define PIE_BASE 0x555555554000ull            /* two thirds of the address space, as Linux */
#define AUXV_MAX 24
#define CLOCK_TICKS 100

enum auxv_type {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9,
	AT_UID = 11, AT_EUID = 12, AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16, AT_CLKTCK = 17,
	AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2 = 26, AT_EXECFN = 31, AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51,
};
#define SIGNAL_FRAME_BYTES 1024 /* ucontext, siginfo and return address beside the extended state */

struct stack_layout {
	u64 top, path_va, strings_va, platform_va, random_va, vectors_va;
	u64 words;
};

static u32 cpuid_features(void)
{
	u32 a = 1, b, c = 0, d;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

static u64 random_pages(u64 mask)
{
	return (random_u64() & mask) << PAGE_SHIFT;
}

/* Code lies at one random place per boot, as on systems with a shared cache of libraries: a translating emulator (and a
 * branch predictor) then meets the same addresses in each process; an exec is several times faster under TCG. Stack
 * and heap move with each exec. */
static u64 boot_slide(void)
{
	static u64 slide;
	u64 chosen = __atomic_load_n(&slide, __ATOMIC_ACQUIRE), none = 0;
	if (chosen)
		return chosen;
	chosen = random_pages(MMAP_RANDOM_PAGES) + PAGE_SIZE;
	return __atomic_compare_exchange_n(&slide, &none, chosen, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
		? chosen : none;
}

static status_t map_stack(struct aspace *as, const struct linux_runtime *rt, u64 bytes, u64 limit, u64 top)
{
	u64 size = MIN(ALIGN_UP(bytes, PAGE_SIZE) + STACK_INITIAL_BYTES, MAX(limit, ALIGN_UP(bytes,
		PAGE_SIZE) + PAGE_SIZE));
	size = ALIGN_UP(size, PAGE_SIZE);
	struct map_request r = {
		.va = top - size, .size = size, .prot = PROT_R | PROT_W | (rt->executable_stack ? PROT_X : 0),
		.max_prot = PROT_R | PROT_W | PROT_X, .flags = MAP_F_FIXED | MAP_F_GROWSDOWN | MAP_F_STACK, .name = "[stack]",
	};
	u64 at;
	as->limit_stack_bytes = limit;
	return aspace_map(as, &r, &at);
}

/* mmap searches downwards from below the room that the stack may grow into. stack_start holds the top until the
 * stack is built. */
void linux_layout_choose(struct aspace *as, u64 limit)
{
	u64 stack_top = USER_TOP - random_pages(STACK_TOP_GAP_MAX_PAGES);
	as->stack_start = stack_top;
	u64 gap = MIN(MAX(limit + STACK_GUARD_BYTES + (STACK_TOP_GAP_MAX_PAGES << PAGE_SHIFT), MMAP_GAP_MIN), MMAP_GAP_MAX);
	as->mmap_top = ALIGN_DOWN(USER_TOP - gap, PAGE_SIZE) - boot_slide();
}

u64 exec_program_base(void)
{
	return PIE_BASE + boot_slide();
}

static u32 fill_auxv(u64 *v, const struct aspace *as, const struct linux_runtime *rt, const struct cred *c,
		     const struct stack_layout *l)
{
	const u64 pairs[][2] = {
		{ AT_SYSINFO_EHDR, as->vdso_base }, { AT_HWCAP, cpuid_features() }, { AT_PAGESZ,
			PAGE_SIZE }, { AT_CLKTCK, CLOCK_TICKS },
		{ AT_PHDR, rt->headers_va }, { AT_PHENT, 56 }, { AT_PHNUM, rt->header_count }, { AT_BASE,
			rt->interpreter_base },
		{ AT_FLAGS, 0 }, { AT_ENTRY, rt->entry }, { AT_UID, c->uid }, { AT_EUID, c->euid }, { AT_GID, c->gid },
		{ AT_EGID, c->egid }, { AT_SECURE, rt->secure }, { AT_RANDOM, l->random_va }, { AT_HWCAP2, 0 },
		{ AT_EXECFN, l->path_va }, { AT_PLATFORM, l->platform_va },
		{ AT_MINSIGSTKSZ, fpu_area_size() + SIGNAL_FRAME_BYTES }, { AT_NULL, 0 },
	};
	u32 n = 0;
	_Static_assert(ARRAY_SIZE(pairs) <= AUXV_MAX, "raise AUXV_MAX");
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i][0] == AT_SYSINFO_EHDR && !pairs[i][1])
			continue;
		v[n++] = pairs[i][0];
		v[n++] = pairs[i][1];
	}
	return n;
}

static const char *fill_pointers(u64 *v, u32 count, const char *at, const struct exec_args *args, u64 strings_va)
{
	for (u32 i = 0; i < count; i++) {
		v[i] = strings_va + (u64)(at - args->strings);
		at += strlen(at) + 1;
	}
	v[count] = 0;
	return at;
}

static status_t write_all(struct aspace *as, u64 va, const void *from, u64 size)
{
	s64 n = size ? aspace_write_bytes(as, va, from, size) : 0;
	return n < 0 ? (status_t)n : (u64)n == size ? OK : ERR_FAULT;
}

static status_t write_vectors(struct aspace *as, const struct linux_runtime *rt, const struct exec_args *args,
			      const struct cred *c, const struct stack_layout *l)
{
	u64 *v = kmalloc(l->words * sizeof(u64));
	if (!v)
		return ERR_NOMEM;
	v[0] = args->argc;
	const char *at = fill_pointers(v + 1, args->argc, args->strings, args, l->strings_va);
	as->arg_start = l->strings_va;
	as->arg_end = as->env_start = l->strings_va + (u64)(at - args->strings);
	as->env_end = l->strings_va + args->strings_size;
	fill_pointers(v + 2 + args->argc, args->envc, at, args, l->strings_va);
	u32 used = 3 + args->argc + args->envc;
	used += fill_auxv(v + used, as, rt, c, l);
	status_t st = write_all(as, l->vectors_va, v, used * sizeof(u64));
	kfree(v);
	return st;
}

/* path, strings, platform and random bytes are one contiguous area; written in one copy when small. */
static status_t write_strings(struct aspace *as, const struct exec_args *args, const struct stack_layout *l)
{
	u8 random[16];
	status_t st = write_all(as, l->path_va, args->path, strlen(args->path) + 1);
	if (!st)
		st = write_all(as, l->strings_va, args->strings, args->strings_size);
	if (!st)
		st = write_all(as, l->platform_va, "x86_64", 7);
	random_bytes(random, sizeof(random));
	return st ? st : write_all(as, l->random_va, random, sizeof(random));
}

status_t linux_stack_build(struct aspace *as, const struct linux_runtime *rt, const struct exec_args *args,
			   const struct cred *cred, u64 stack_limit, u64 *sp)
{
	struct stack_layout l;
	l.top = as->stack_start;
	l.path_va = l.top - 8 - (strlen(args->path) + 1);
	l.strings_va = l.path_va - args->strings_size;
	l.platform_va = ALIGN_DOWN(l.strings_va - 7, 8);
	l.random_va = l.platform_va - 16;
	l.words = 1 + (u64)args->argc + 1 + args->envc + 1 + AUXV_MAX * 2;
	l.vectors_va = ALIGN_DOWN(l.random_va - l.words * 8, 16);
	status_t st = map_stack(as, rt, l.top - l.vectors_va, stack_limit, l.top);
	if (!st)
		st = vdso_map(as, &as->vdso_base);
	if (!st)
		st = write_strings(as, args, &l);
	if (!st)
		st = write_vectors(as, rt, args, cred, &l);
	as->stack_start = l.vectors_va;
	as->brk_start = as->brk_end = as->brk_start + random_pages(BRK_RANDOM_PAGES);
	*sp = l.vectors_va;
	return st;
}
