/* SPDX-License-Identifier: MIT */
/* Encoder and decoder of abi/proto/control.h, shared by the host command and runtimed: pure, no allocation.
 * Everything from the other side passes through control_parse_header and control_decode_launch before use. */
#ifndef AMBOS_LIB_CONTROL_H
#define AMBOS_LIB_CONTROL_H

#include "../../abi/core/status.h"
#include "../../abi/proto/control.h"

/* Checks type and size (fixed payloads must have exactly their size). OK, or ERR_PROTO. `data` holds 8 bytes. */
status_t control_parse_header(const void *data, struct control_header *out) MUST_CHECK;

/* What a launch payload means; strings point into the payload.
 * Share i is strings share_first + 3 * i and the two after. */
struct control_launch_view {
	struct control_launch head;
	const char *user, *cwd, *program;
	const char *strings;   /* all strings, in order */
	u32 string_count;
	u32 argv_first, env_first, share_first;
};
/* ERR_PROTO unless counts, kinds and NULs are exactly right. */
status_t control_decode_launch(const void *payload, u32 size, struct control_launch_view *out) MUST_CHECK;
/* The next string after `s`; the caller counts. */
const char *control_next_string(const char *s);
/* String number `index` (linear walk), index < string_count. */
const char *control_string(const struct control_launch_view *view, u32 index);

struct control_share { const char *tag, *guest_path, *options; };
struct control_launch_request {
	struct control_launch head; /* argc, envc, share_count; strings_size is filled in */
	const char *user, *cwd, *program;
	char *const *argv, *const *envp;
	const struct control_share *shares;
};
/* Writes header and payload. Bytes written, or ERR_2BIG when the capacity or a protocol limit is exceeded. */
s64 control_encode_launch(const struct control_launch_request *request, void *buffer, u32 capacity) MUST_CHECK;
/* Header plus a fixed payload. Bytes written; capacity is at least 8 + size. */
u32 control_encode(u32 type, const void *payload, u32 size, void *buffer);

const char *control_step_name(u32 step);

#endif
