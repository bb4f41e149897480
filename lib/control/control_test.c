// SPDX-License-Identifier: MIT
// Unit test of the control protocol: round trips, limits, and every truncation of a valid launch.
// LINK: lib/control/control.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

static int failures;
static void check(bool ok, const char *name)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
	failures += !ok;
}

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
	check(size > 0 && control_parse_header(buffer, &header) == OK, "launch_encodes");
	check((s64)header.size + 8 == size, "launch_size_matches");
	check(control_decode_launch(buffer + 8, header.size, &view) == OK, "launch_decodes");
	check(!strcmp(view.user, "root") && !strcmp(view.cwd, "/host") && !strcmp(view.program, "bash"), "launch_names");
	check(!strcmp(control_string(&view, view.argv_first + 1), "-c"), "launch_argv");
	check(!strcmp(control_string(&view, view.env_first), "TERM=xterm"), "launch_env");
	check(!strcmp(control_string(&view, view.share_first + 1), "/host"), "launch_share");
	bool refused = true;
	for (u32 cut = 0; cut < header.size; cut++)
		refused &= control_decode_launch(buffer + 8, cut, &view) != OK;
	check(refused, "every_truncated_launch_is_refused");
	bool small = true;
	for (u32 capacity = 0; capacity < (u32)size; capacity++) {
		char *exact = malloc(capacity + 1);
		small &= encode_sample(exact, capacity) == ERR_2BIG;
		free(exact);
	}
	check(small, "every_small_buffer_is_refused");
}

static void headers(void)
{
	struct control_header header, bad = { CONTROL_EXIT, sizeof(struct control_exit) + 1 };
	check(control_parse_header(&bad, &header) == ERR_PROTO, "wrong_fixed_size_is_refused");
	bad = (struct control_header){ CONTROL_TYPE_COUNT, 0 };
	check(control_parse_header(&bad, &header) == ERR_PROTO, "unknown_type_is_refused");
	bad = (struct control_header){ CONTROL_LAUNCH, CONTROL_PAYLOAD_MAX + 1 };
	check(control_parse_header(&bad, &header) == ERR_PROTO, "too_large_launch_is_refused");
	bad = (struct control_header){ CONTROL_DRAINED, 0 };
	check(control_parse_header(&bad, &header) == OK, "empty_payload_is_accepted");
}

int main(void)
{
	launch_round_trip();
	headers();
	return failures != 0;
}
