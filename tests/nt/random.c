// SPDX-License-Identifier: MIT
/* Random bytes by each of the doors that programs use: advapi32, bcrypt, bcryptprimitives, the C library. */
#define _CRT_RAND_S
#include "check.h"
#include <stdlib.h>

#define BYTES 64 /* more than one system call gives on two processors */
static BOOL (WINAPI *generate)(void *, ULONG);
static LONG (WINAPI *generate_in_system)(void *, UCHAR *, ULONG, ULONG);
static unsigned char first[BYTES], second[BYTES];

static int distinct(void)
{
	int count = 0;
	for (int i = 0; i < BYTES; i++)
		count += first[i] != second[i];
	return count;
}
CASE(advapi32_gives_random_bytes)
{
	generate = (void *)GetProcAddress(LoadLibraryA("advapi32.dll"), "SystemFunction036");
	CHECK(generate && generate(first, BYTES) && generate(second, BYTES));
	CHECK(distinct() > BYTES / 2);
}
CASE(bcrypt_gives_random_bytes)
{
	generate_in_system = (void *)GetProcAddress(LoadLibraryA("bcrypt.dll"), "BCryptGenRandom");
	memset(first, 0, BYTES);
	CHECK(generate_in_system && generate_in_system(NULL, first, BYTES, 2) == 0 && generate_in_system(NULL, second, BYTES, 2) == 0);
	CHECK(distinct() > BYTES / 2);
}
CASE(the_c_library_gives_random_numbers)
{
	unsigned int a = 0, b = 0;
	CHECK(rand_s(&a) == 0 && rand_s(&b) == 0 && a != b);
}

int main(void)
{
	RUN(advapi32_gives_random_bytes);
	RUN(bcrypt_gives_random_bytes);
	RUN(the_c_library_gives_random_numbers);
	return check_summary();
}
