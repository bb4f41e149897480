// SPDX-License-Identifier: MIT
// libFuzzer harness of access checks: any list that is valid can be walked; what is granted was asked for or is the maximum.
// LINK: kernel/nt/access_check.c
// CFLAGS: -Ikernel/nt
#include "access_check.h"

#include <stdlib.h>
#include <string.h>

static const struct nt_member members[] = {
	{ { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 21, 1000 } }, NT_GROUP_ENABLED }, { { 1, 1, { 0, 0, 0, 0, 0, 1 }, { 0 } }, NT_GROUP_ENABLED },
	{ { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 544 } }, NT_GROUP_DENY_ONLY },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nt_mapping map = { 0x120089, 0x120116, 0x1200a0, 0x1f01ff };
	struct nt_subject s = { members, 3, members + 1, 0, false, 0x2000, 0 };
	u32 desired;
	if (size < 5)
		return 0;
	memcpy(&desired, data, 4);
	s.restricting_count = data[4] & 1;
	s.write_restricted = data[4] & 2;
	s.privileges = data[4] >> 2 & 3;
	/* its own allocation: a read behind the list is found */
	u32 room = (u32)(size - 5);
	u8 *list = malloc(room + 1);
	memcpy(list, data + 5, room);
	list = realloc(list, room ? room : 1);
	if (nt_acl_valid(list, room)) {
		struct nt_protection p = { &members[0].sid, data[4] & 0x10 ? NULL : list, data[4] & 0x20 ? list : NULL };
		struct nt_verdict v = nt_access_check(&s, &p, desired, &map);
		if (v.result != NT_ACCESS_GRANTED && v.granted)
			abort();
		if (v.result == NT_ACCESS_GRANTED && (desired & 0x1ffffff & ~v.granted))
			abort();
	}
	free(list);
	return 0;
}
