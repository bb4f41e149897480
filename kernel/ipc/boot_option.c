// SPDX-License-Identifier: MIT
// Looks words up in the kernel command line.
#include "boot_option.h"
#include "boot_info.h"
#include "../../lib/base/string.h"

const char *boot_option(const char *key, char *buf, size_t size)
{
	size_t key_length = strlen(key);
	const char *p = boot_info.command_line;
	while (*p) {
		while (*p == ' ')
			p++;
		const char *end = p;
		while (*end && *end != ' ')
			end++;
		size_t length = (size_t)(end - p);
		if (length >= key_length && memcmp(p, key, key_length) == 0 && (length == key_length || p[key_length] == '=')) {
			size_t skip = length == key_length ? key_length : key_length + 1;
			if (length - skip >= size)
				return NULL;
			memcpy(buf, p + skip, length - skip);
			buf[length - skip] = '\0';
			return buf;
		}
		p = end;
	}
	return NULL;
}
