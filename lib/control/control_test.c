// SPDX-License-Identifier: MIT
// Unit test of the control protocol: round trips, limits, and every truncation of a valid launch.
// LINK: lib/control/control.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "../../tests/unit.h"

static s64 encode_sample(void *buffer, u32 capacity)
{
	char *const argv[] = { "bash", "-c", "" };
	char *const envp[] = { "TERM=xterm" };
	const struct control_share shares[] = { { "share0", "/host", "rw" } };
	struct control_launch_request request = {
		.head = { .argc = 3, .envc = 1, .share_count = 1, .fd_kind = { 2, 1, 0 } },
		.user = "root", .cwd = "/host", .program = "bash", .argv = argv, .envp = envp, .shares = shares,
	};
	return control_encode_launch(&request, buffer, capacity);
}

static void launch_round_trip(void)
{
	char buffer[512];
	s64 size = encode_sample(buffer, sizeof(buffer));
	struct control_header header;
	struct control_launch_view view;
	check("launch_encodes", size > 0 && control_parse_header(buffer, &header) == OK);
	check("launch_size_matches", (s64)header.size + 8 == size);
	check("launch_decodes", control_decode_launch(buffer + 8, header.size, &view) == OK);
	check("launch_names", !strcmp(view.user, "root") && !strcmp(view.cwd, "/host") && !strcmp(view.program, "bash"));
	check("launch_argv", !strcmp(control_string(&view, view.argv_first + 1), "-c"));
	check("launch_env", !strcmp(control_string(&view, view.env_first), "TERM=xterm"));
	check("launch_share", !strcmp(control_string(&view, view.share_first + 1), "/host"));
	bool refused = true;
	for (u32 cut = 0; cut < header.size; cut++)
		refused &= control_decode_launch(buffer + 8, cut, &view) != OK;
	check("every_truncated_launch_is_refused", refused);
	bool small = true;
	for (u32 capacity = 0; capacity < (u32)size; capacity++) {
		char *exact = malloc(capacity + 1);
		small &= encode_sample(exact, capacity) == ERR_2BIG;
		free(exact);
	}
	check("every_small_buffer_is_refused", small);
}

static void headers(void)
{
	struct control_header header, bad = { CONTROL_EXIT, sizeof(struct control_exit) + 1 };
	check("wrong_fixed_size_is_refused", control_parse_header(&bad, &header) == ERR_PROTO);
	bad = (struct control_header){ CONTROL_TYPE_COUNT, 0 };
	check("unknown_type_is_refused", control_parse_header(&bad, &header) == ERR_PROTO);
	bad = (struct control_header){ CONTROL_LAUNCH, CONTROL_PAYLOAD_MAX + 1 };
	check("too_large_launch_is_refused", control_parse_header(&bad, &header) == ERR_PROTO);
	bad = (struct control_header){ CONTROL_DRAINED, 0 };
	check("empty_payload_is_accepted", control_parse_header(&bad, &header) == OK);
}

int main(void)
{
	launch_round_trip();
	headers();
	return failures != 0;
}
