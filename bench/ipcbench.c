// SPDX-License-Identifier: MIT
// Round trip of a routed call, 64 bytes each way, from a program to toyd and back (design section 5). Runs as
// init=ipcbench on a kernel with `services test_ipc`; under -icount shift=0 the TSC counts instructions.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tests/core/native.h"

#define ROUNDS 2000 /* or argv[1] */
#define BYTES 64
#define ECHO IPC_SHORT_CALL(SERVICE_TOYD, TOY_ECHO, BYTES, BYTES)

static u64 tsc(void)
{
	u32 low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
	u8 out[BYTES], in[BYTES];
	memset(out, 0x5a, sizeof(out));
	while (call_short(ECHO, out, in) == ERR_SRCH)
		usleep(1000);
	for (int i = 0; i < 100; i++)
		call_short(ECHO, out, in);
	u64 start = tsc();
	for (int i = 0; i < rounds; i++)
		if (call_short(ECHO, out, in) != OK)
			return 1;
	u64 cycles = tsc() - start;
	printf("figure ipc round trip 64+64 bytes: %llu tsc\n", (unsigned long long)(cycles / (u64)rounds));
	return memcmp(in, out, BYTES) != 0;
}
