// SPDX-License-Identifier: MIT
/* What NtGlobalFlag asks of heaps: fill patterns behind busy blocks and in free ones, checked by RtlValidateHeap.
 * The flag itself comes from the program's key below "Image File Execution Options". */
#include "heap.h"

ULONG heap_global_flags(void)
{
	static const struct { ULONG global, flags; } table[] = {
		{ 0x10, HEAP_TAIL_CHECKING_ENABLED }, { 0x20, HEAP_FREE_CHECKING_ENABLED },
		{ 0x40, HEAP_CHECK_PARAMETERS | HEAP_TAIL_CHECKING_ENABLED | HEAP_FREE_CHECKING_ENABLED },
		{ 0x80, HEAP_CHECK_ALL | HEAP_TAIL_CHECKING_ENABLED | HEAP_FREE_CHECKING_ENABLED },
		{ 0x800, HEAP_IS_SHARED }, { 0x200000, HEAP_DISABLE_COALESCE_ON_FREE }, { 0x2000000, HEAP_WITH_PAGES },
	};
	ULONG global = current_peb()->NtGlobalFlag, flags = 0;
	for (unsigned i = 0; global && i < sizeof(table) / sizeof(table[0]); i++)
		if (global & table[i].global)
			flags |= table[i].flags;
	return flags;
}

void heap_fill_free(struct heap_block *block)
{
	for (uint32_t *at = (uint32_t *)((struct heap_free *)block + 1); at < (uint32_t *)heap_next(block); at++)
		*at = HEAP_FREE_FILL;
}

bool heap_free_intact(struct heap_block *block)
{
	for (uint32_t *at = (uint32_t *)((struct heap_free *)block + 1); at < (uint32_t *)heap_next(block); at++)
		if (*at != HEAP_FREE_FILL)
			return false;
	return true;
}

bool heap_tail_intact(const struct heap *heap, struct heap_block *block)
{
	const unsigned char *tail = (const unsigned char *)(block + 1) + heap_block_bytes(block);
	if (!(heap->flags & HEAP_TAIL_CHECKING_ENABLED) || heap_state(block) == HEAP_LARGE)
		return true;
	for (unsigned i = 0; i < HEAP_TAIL_BYTES; i++)
		if (tail[i] != HEAP_TAIL_FILL)
			return false;
	return true;
}

#define KEY L"\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\"
#define KEY_CHARACTERS (sizeof(KEY) / sizeof(WCHAR) - 1)
#define NAME_CHARACTERS 256u /* of a key */
#define VALUE_PARTIAL 2      /* KeyValuePartialInformation */

static HANDLE open_options(const WCHAR *name, ULONG characters)
{
	WCHAR path[KEY_CHARACTERS + NAME_CHARACTERS] = KEY;
	HANDLE key;
	if (!characters || characters > NAME_CHARACTERS)
		return NULL;
	memcpy(path + KEY_CHARACTERS, name, characters * sizeof(WCHAR));
	UNICODE_STRING text = { .Length = (USHORT)((KEY_CHARACTERS + characters) * sizeof(WCHAR)), .Buffer = path };
	text.MaximumLength = text.Length;
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .ObjectName = &text, .Attributes = OBJ_CASE_INSENSITIVE };
	return NtOpenKey(&key, KEY_QUERY_VALUE, &attributes) ? NULL : key;
}

static ULONG hexadecimal(const WCHAR *text, ULONG characters)
{
	ULONG value = 0;
	for (ULONG i = 0; i < characters && text[i]; i++) {
		WCHAR c = text[i] | 32;
		if (c >= '0' && c <= '9')
			value = value << 4 | (ULONG)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (ULONG)(c - 'a' + 10);
		else if (c != 'x')
			break;
	}
	return value;
}

/* `image` is the program's path; 0 when nothing is set. A number, or text in hexadecimal. */
ULONG heap_flag_of_program(const WCHAR *image, ULONG characters)
{
	ULONG start = characters, length, flag = 0;
	struct { ULONG title, type, bytes; WCHAR text[16]; } value;
	UNICODE_STRING name;
	while (start && image[start - 1] != '\\' && image[start - 1] != '/')
		start--;
	HANDLE key = open_options(image + start, characters - start);
	if (!key)
		return 0;
	RtlInitUnicodeString(&name, L"GlobalFlag");
	if (!NtQueryValueKey(key, &name, VALUE_PARTIAL, &value, sizeof(value), &length)) {
		if (value.type == REG_DWORD)
			memcpy(&flag, value.text, sizeof(flag));
		else if (value.type == REG_SZ)
			flag = hexadecimal(value.text, value.bytes / sizeof(WCHAR));
	}
	NtClose(key);
	return flag;
}
