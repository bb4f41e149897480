// SPDX-License-Identifier: MIT
/* The smallest Windows program, for the row "start to exit". */
#include <stdio.h>

int main(void)
{
	puts("hello");
	return 0;
}
