// SPDX-License-Identifier: MIT
// The first service.
#include "service.h"

void start_rootd(void)
{
	panic("no init=NAME on the command line and rootd is not landed");
}
