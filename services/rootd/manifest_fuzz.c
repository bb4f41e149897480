// SPDX-License-Identifier: MIT
// libFuzzer harness: any text is parsed or refused with a reason.
// LINK: services/rootd/manifest.c
#include <stdlib.h>

#include "manifest.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct proc_service_define d;
	u32 line = 0;
	const char *why = NULL;
	status_t st = manifest_parse((const char *)data, size, &d, &line, &why);
	if ((st != OK) != (why != NULL))
		abort();
	return 0;
}
