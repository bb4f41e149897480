// SPDX-License-Identifier: MIT
// loaderd: turns a file into a program. Two operations; see README.md.
#include "../../abi/proto/loader.h"
#include "pe.h"
#include "plan.h"

static const struct service_op ops[] = {
	SERVICE_OP(LOADER_LOAD, struct loader_load_request, load_program),
	SERVICE_OP(LOADER_IMAGE, struct loader_image_request, load_image),
};

int main(void)
{
	static const struct service_config config = {
		.name = "loaderd", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 2,
		.state_root_size = 8, /* pe_image.c: the next place of an image */
	};
	return service_run(&config);
}
