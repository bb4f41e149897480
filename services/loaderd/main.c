// SPDX-License-Identifier: MIT
// loaderd: turns a file into a program. Two operations; see README.md.
#include "../../abi/proto/loader.h"
#include "pe.h"
#include "plan.h"

#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_OWN_FD 3u /* 0 to 2 are reserved for every service */

static const struct service_op ops[] = {
	SERVICE_OP(LOADER_LOAD, struct loader_load_request, load_program),
	SERVICE_OP(LOADER_IMAGE, struct loader_image_request, load_image),
};

/* Descriptors outlive an instance. The image objects of the last one are made again; running programs keep theirs. */
static status_t start(bool first)
{
	if (!first)
		syscall(SYS_close_range, FIRST_OWN_FD, ~0u, 0u);
	return OK;
}

int main(void)
{
	static const struct service_config config = {
		.name = "loaderd", .start = start, .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 2,
		.state_root_size = 8, /* pe_image.c: the next place of an image */
	};
	return service_run(&config);
}
