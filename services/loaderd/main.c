// SPDX-License-Identifier: MIT
// loaderd: turns a file into a program. One operation; see README.md.
#include "../../abi/proto/loader.h"
#include "plan.h"

static const struct service_op ops[] = {
	SERVICE_OP(LOADER_LOAD, struct loader_load_request, load_program),
};

int main(void)
{
	static const struct service_config config = {
		.name = "loaderd", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 1, .state_root_size = 8,
	};
	return service_run(&config);
}
