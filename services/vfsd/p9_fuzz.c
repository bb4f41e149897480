// SPDX-License-Identifier: MIT
// libFuzzer harness: the input is a reply; it is read as each kind of reply that vfsd reads.
// LINK: services/vfsd/p9.c
#include "p9.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 buf[1 << 17];
	struct p9 m;
	struct p9_attributes a;
	struct p9_entry e;
	u32 n = (u32)MIN(size, sizeof(buf));
	memcpy(buf, data, n);
	if (n > 4 && !p9_reply(&m, buf, n, (u8)(buf[4] - 1))) {
		struct p9 again = m;
		if (!p9_get_attributes(&again, &a) && a.size > INT64_MAX)
			__builtin_trap();
		again = m;
		u32 count = p9_get32(&again);
		if (!again.bad)
			again.size = MIN(again.size, again.at + MIN(count, again.size - again.at));
		while (p9_get_entry(&again, &e))
			if (e.name[e.name_size - 1] == '/')
				__builtin_trap();
		again = m;
		u16 length;
		const char *s = p9_get_string(&again, &length);
		if (s && length && s[length - 1] == 1)
			buf[0]++;
	}
	return 0;
}
