// SPDX-License-Identifier: MIT
// Native calls refused: each row of calls.def by a program without capabilities, and each broker, by toyd that has them all, with
// null, unmapped, kernel, misaligned and maximal pointers and sizes, unknown operations, and structs full of bad values.
// Runs on a kernel with test_ipc. A wrong success is printed; the kernel and the services must be there afterwards.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../abi/core/broker.h"
#include "native.h"

#define OPERATIONS 64u /* every broker's operations are below */
#define STRUCT_MAX 200u
#define KERNEL_ADDRESS 0xffffffff80200000ull
#define UNMAPPED 0x123456000ull

struct row { u32 number; const char *name; bool broker; };
static const struct row rows[] = {
#define AMBOS_CALL(number, NAME, ...) { (number), #NAME, (number) >= 16 },
#include "../../abi/core/calls.def"
#undef AMBOS_CALL
};
static int failures;
static u64 calls;

static s64 by_toyd(const struct toy_native *q, const void *payload, u32 size)
{
	s64 result = 0;
	struct ipc_outcall o = {
		.service = SERVICE_TOYD, .op = TOY_NATIVE, .args_size = sizeof(*q), .attached_fd = -1, .args = (u64)q,
		.payload = (u64)payload, .payload_size = size, .reply_args = (u64)&result, .reply_args_size = sizeof(result),
	};
	s64 st = native_call1(AMBOS_CALL_IPC_CALL, (u64)&o);
	calls++;
	if (st)
		printf("FAIL broker_abuse toyd does not answer: %lld\n", (long long)st);
	failures += st != 0;
	return result;
}

static void without_capability(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].number == AMBOS_CALL_IPC_CALL || rows[i].number == AMBOS_CALL_IPC_CALL_SHORT)
			continue; /* open to programs by test_ipc */
		s64 st;
		u64 a0 = 1, a1 = UNMAPPED, a2 = 64;
		__asm__ volatile("syscall" : "=a"(st), "+D"(a0), "+S"(a1), "+d"(a2) : "a"((u64)(AMBOS_CALL_BASE | rows[i].number))
				 : "rcx", "r8", "r9", "r10", "r11", "memory");
		if (st != ERR_PERM)
			printf("FAIL broker_abuse %s by a program: %lld\n", rows[i].name, (long long)st);
		failures += st != ERR_PERM;
	}
	printf("ok broker_abuse %u native calls are refused to a program\n", (u32)ARRAY_SIZE(rows) - 1);
}

static void expect_refused(const struct row *r, u32 op, s64 st, const char *what)
{
	if (st < 0)
		return;
	printf("FAIL broker_abuse %s operation %u with %s: %lld\n", r->name, op, what, (long long)st);
	failures++;
}

/* Ends the machine if asked properly: not for a test. */
static bool skipped(const struct row *r, u32 op)
{
	return r->number == AMBOS_CALL_MM_BROKER && op == MM_POWER_OFF;
}

static void bad_pointers(const struct row *r)
{
	static const struct { u64 pointer; const char *name; } bad[] = {
		{ 0, "null" }, { UNMAPPED, "unmapped" }, { KERNEL_ADDRESS, "kernel" }, { UNMAPPED + 1, "misaligned" }, { UINT64_MAX, "maximal" },
		{ 0x7fffffffeff8, "end of user space" }, { 0x800000000000, "non-canonical" },
	};
	for (u32 op = 0; op < OPERATIONS; op++)
		for (u32 b = 0; b < ARRAY_SIZE(bad) && !skipped(r, op); b++)
			for (u64 size = 8; size <= STRUCT_MAX; size += 8) {
				struct toy_native q = { .number = r->number, .a0 = op, .pointer = bad[b].pointer, .size = size };
				expect_refused(r, op, by_toyd(&q, NULL, 0), bad[b].name);
			}
}

static void bad_sizes(const struct row *r)
{
	static const u64 sizes[] = { 0, 1, 3, UINT32_MAX, UINT64_MAX, 1ull << 47 };
	u8 zero[STRUCT_MAX] = { 0 };
	for (u32 op = 0; op < OPERATIONS; op++)
		for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct toy_native q = { .number = r->number, .use_payload = 1, .a0 = op, .size = sizes[i] };
			expect_refused(r, op, by_toyd(&q, zero, sizeof(zero)), "a bad size");
		}
}

/* Their structs are all output: any content is fine. */
static bool takes_no_input(const struct row *r, u32 op)
{
	return (r->number == AMBOS_CALL_MM_BROKER && op == MM_SYSTEM_IMAGE) || (r->number == AMBOS_CALL_VFS_BROKER && op == 2) ||
	       (r->number == AMBOS_CALL_PROC_PREPARE_BROKER && op == PROC_WINDOWS_LAYOUT);
}

/* Whole structs of one bad word: every field null-but-wrong, stale, a kernel address, maximal. */
static void bad_structs(const struct row *r)
{
	static const u64 words[] = { UINT64_MAX, KERNEL_ADDRESS, UNMAPPED + 1, 0x7fffffff7fffffff };
	u64 bytes[STRUCT_MAX / 8];
	for (u32 w = 0; w < ARRAY_SIZE(words); w++) {
		for (u32 i = 0; i < ARRAY_SIZE(bytes); i++)
			bytes[i] = words[w];
		for (u32 op = 0; op < OPERATIONS; op++)
			for (u64 size = 4; size <= STRUCT_MAX && !skipped(r, op) && !takes_no_input(r, op); size += 4) {
				struct toy_native q = { .number = r->number, .use_payload = 1, .a0 = op, .size = size };
				expect_refused(r, op, by_toyd(&q, bytes, sizeof(bytes)), "bad fields");
			}
	}
}

int main(void)
{
	struct toy_value v;
	setvbuf(stdout, NULL, _IONBF, 0);
	while (call_service(SERVICE_TOYD, TOY_GET, NULL, 0, &v, sizeof(v)) == ERR_SRCH)
		usleep(1000);
	without_capability();
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].broker)
			continue;
		int before = failures;
		bad_pointers(&rows[i]);
		bad_sizes(&rows[i]);
		bad_structs(&rows[i]);
		if (failures == before)
			printf("ok broker_abuse %s refuses bad arguments\n", rows[i].name);
	}
	printf("figure broker_abuse: %llu calls\n", (unsigned long long)calls);
	return failures != 0;
}
