// SPDX-License-Identifier: MIT
// Requests to the mount point manager of any bytes: parts that pass the check lie inside, and every reply fits.
// LINK: kernel/nt/mount_point.c kernel/nt/text.c
// CFLAGS: -Ikernel/include -Ilib/base
#include "nt_mount.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nt_mount_point request, told;
	struct nt_mount_points head;
	struct nt_mount_wanted wanted = { 0 };
	uint8_t reply[NT_MOUNT_REPLY_MAX];
	if (size < sizeof(request))
		return 0;
	memcpy(&request, data, sizeof(request));
	if (!nt_mount_request_is_sound(&request, (uint32_t)size))
		return 0;
	for (uint32_t i = 0; i < NT_MOUNT_PARTS; i++) {
		wanted.bytes[i] = request.part[i].bytes;
		memcpy(wanted.text[i], data + request.part[i].at, MIN(request.part[i].bytes, NT_MOUNT_TEXT_MAX));
	}
	uint32_t bytes = nt_mount_reply(&wanted, reply);
	memcpy(&head, reply, sizeof(head));
	if (head.size != bytes || bytes > sizeof(reply) || head.count > NT_VOLUMES * 2)
		abort();
	for (uint32_t i = 0; i < head.count; i++) {
		memcpy(&told, reply + sizeof(head) + i * sizeof(told), sizeof(told));
		if (!nt_mount_request_is_sound(&told, bytes))
			abort();
	}
	return 0;
}
