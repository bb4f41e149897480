// SPDX-License-Identifier: MIT
// libFuzzer harness: no frame from the other side reads outside its payload.
// LINK: lib/control/control.c
#include "control.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct control_header header;
	struct control_launch_view view;
	if (size >= sizeof(header) && control_parse_header(data, &header) == OK && header.type == CONTROL_LAUNCH &&
	    header.size == size - sizeof(header) && control_decode_launch(data + 8, header.size, &view) == OK)
		for (u32 i = 0; i < view.string_count; i += view.string_count / 8 + 1)
			if (control_string(&view, i) > (const char *)data + size)
				__builtin_trap();
	if (size <= UINT32_MAX && control_decode_launch(data, (u32)size, &view) == OK && !view.program)
		__builtin_trap();
	return 0;
}
