// SPDX-License-Identifier: MIT
/* Environment blocks: "NAME=value" strings, an empty one at the end. The process's own is read by upper DLLs under the PEB lock. */
#include <ntdll.h>

static SIZE_T block_characters(const WCHAR *block)
{
	const WCHAR *p = block;
	while (*p)
		p += wcslen(p) + 1;
	SIZE_T count = (SIZE_T)(p - block) + 1;
	return count < 2 ? 2 : count; /* an empty block is two NULs */
}
static SIZE_T name_characters(const WCHAR *entry)
{
	const WCHAR *equals = wcschr(entry + (*entry != 0), '='); /* the first character may be '=' (=C:) */
	return equals ? (SIZE_T)(equals - entry) : wcslen(entry);
}
static int compare(const WCHAR *a, SIZE_T a_count, const WCHAR *b, SIZE_T b_count)
{
	for (SIZE_T i = 0; i < a_count && i < b_count; i++) {
		int difference = RtlUpcaseUnicodeChar(a[i]) - RtlUpcaseUnicodeChar(b[i]);
		if (difference)
			return difference;
	}
	return a_count == b_count ? 0 : a_count < b_count ? -1 : 1;
}
/* The value of name, or NULL. */
static const WCHAR *find(const WCHAR *block, const WCHAR *name, SIZE_T characters)
{
	for (const WCHAR *entry = block; *entry; entry += wcslen(entry) + 1) {
		SIZE_T count = name_characters(entry);
		if (entry[count] == '=' && !compare(entry, count, name, characters))
			return entry + count + 1;
	}
	return NULL;
}
static const WCHAR *own_block(void) { return current_peb()->ProcessParameters->Environment; }

NTSTATUS NTAPI RtlQueryEnvironmentVariable(PWSTR block, PCWSTR name, SIZE_T characters, PWSTR value, SIZE_T size, SIZE_T *needed);
NTSTATUS NTAPI RtlQueryEnvironmentVariable(PWSTR block, PCWSTR name, SIZE_T characters, PWSTR value, SIZE_T size, SIZE_T *needed)
{
	NTSTATUS status = STATUS_VARIABLE_NOT_FOUND;
	SIZE_T length = 0;
	if (!block)
		RtlAcquirePebLock();
	const WCHAR *found = characters ? find(block ? block : own_block(), name, characters) : NULL;
	if (found) {
		length = wcslen(found);
		if (length < size) {
			memcpy(value, found, (length + 1) * sizeof(WCHAR));
			status = STATUS_SUCCESS;
		} else if (length == size && size) {
			memcpy(value, found, length * sizeof(WCHAR));
			status = STATUS_SUCCESS;
		} else {
			status = STATUS_BUFFER_TOO_SMALL;
			length++;
		}
	}
	if (!block)
		RtlReleasePebLock();
	*needed = length;
	return status;
}
NTSTATUS NTAPI RtlQueryEnvironmentVariable_U(PWSTR block, PUNICODE_STRING name, PUNICODE_STRING value)
{
	SIZE_T length;
	NTSTATUS status = RtlQueryEnvironmentVariable(block, name->Buffer, name->Length / sizeof(WCHAR), value->Buffer,
		value->MaximumLength / sizeof(WCHAR), &length);
	value->Length = (USHORT)((length - (status == STATUS_BUFFER_TOO_SMALL)) * sizeof(WCHAR));
	return status;
}
/* A copy of block with name set to value (NULL: removed), sorted place kept by insertion before the first greater name. */
static WCHAR *rebuilt(const WCHAR *block, const UNICODE_STRING *name, const UNICODE_STRING *value, SIZE_T *bytes)
{
	SIZE_T characters = name->Length / sizeof(WCHAR), added = value ? characters + value->Length / sizeof(WCHAR) + 2 : 0;
	WCHAR *fresh = heap_allocate((block_characters(block) + added + 1) * sizeof(WCHAR)), *to = fresh;
	bool placed = !value;
	if (!fresh)
		return NULL;
	for (const WCHAR *entry = block;; entry += wcslen(entry) + 1) {
		int order = *entry ? compare(entry, name_characters(entry), name->Buffer, characters) : 1;
		if (!placed && order >= 0) {
			memcpy(to, name->Buffer, name->Length);
			to += characters;
			*to++ = '=';
			memcpy(to, value->Buffer, value->Length);
			to += value->Length / sizeof(WCHAR);
			*to++ = 0;
			placed = true;
		}
		if (!*entry)
			break;
		if (order) {
			SIZE_T count = wcslen(entry) + 1;
			memcpy(to, entry, count * sizeof(WCHAR));
			to += count;
		}
	}
	*to++ = 0;
	if (to - fresh < 2)
		*to++ = 0;
	*bytes = (SIZE_T)(to - fresh) * sizeof(WCHAR);
	WCHAR *exact = heap_allocate(*bytes);
	if (exact)
		memcpy(exact, fresh, *bytes);
	heap_free(fresh);
	return exact;
}
NTSTATUS NTAPI RtlSetEnvironmentVariable(PWSTR *block, PUNICODE_STRING name, PUNICODE_STRING value);
NTSTATUS NTAPI RtlSetEnvironmentVariable(PWSTR *block, PUNICODE_STRING name, PUNICODE_STRING value)
{
	SIZE_T bytes;
	NTSTATUS status = STATUS_SUCCESS;
	if (!name || !name->Buffer || !name->Length)
		return STATUS_INVALID_PARAMETER_1;
	for (SIZE_T i = 1; i < name->Length / sizeof(WCHAR); i++)
		if (name->Buffer[i] == '=')
			return STATUS_INVALID_PARAMETER;
	if (value && !value->Buffer)
		value = NULL;
	RtlAcquirePebLock();
	RTL_USER_PROCESS_PARAMETERS *parameters = current_peb()->ProcessParameters;
	WCHAR *old = block ? *block : parameters->Environment;
	WCHAR *fresh = NULL;
	if (!value && !find(old, name->Buffer, name->Length / sizeof(WCHAR)))
		status = STATUS_SUCCESS;
	else if (!(fresh = rebuilt(old, name, value, &bytes)))
		status = STATUS_NO_MEMORY;
	if (fresh && !value) { /* removed in place: the block keeps its size */
		memcpy(old, fresh, bytes);
		heap_free(fresh);
		fresh = NULL;
	}
	if (fresh && block && *block != parameters->Environment) {
		*block = fresh;
	} else if (fresh) {
		parameters->Environment = fresh;
		parameters->EnvironmentSize = bytes;
		parameters->EnvironmentVersion++;
		if (block)
			*block = fresh;
	}
	if (fresh)
		heap_free(old);
	RtlReleasePebLock();
	return status;
}
NTSTATUS NTAPI RtlCreateEnvironment(BOOLEAN inherit, PWSTR *block);
NTSTATUS NTAPI RtlCreateEnvironment(BOOLEAN inherit, PWSTR *block)
{
	RtlAcquirePebLock();
	const WCHAR *source = inherit ? own_block() : L"\0";
	SIZE_T bytes = block_characters(source) * sizeof(WCHAR);
	*block = heap_allocate_zeroed(bytes);
	if (*block)
		memcpy(*block, source, inherit ? bytes : sizeof(WCHAR));
	RtlReleasePebLock();
	return *block ? STATUS_SUCCESS : STATUS_NO_MEMORY;
}
NTSTATUS NTAPI RtlDestroyEnvironment(PWSTR block);
NTSTATUS NTAPI RtlDestroyEnvironment(PWSTR block)
{
	return RtlFreeHeap(current_peb()->ProcessHeap, 0, block) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}
void NTAPI RtlSetCurrentEnvironment(PWSTR fresh, PWSTR *old);
void NTAPI RtlSetCurrentEnvironment(PWSTR fresh, PWSTR *old)
{
	RtlAcquirePebLock();
	RTL_USER_PROCESS_PARAMETERS *parameters = current_peb()->ProcessParameters;
	WCHAR *previous = parameters->Environment;
	parameters->Environment = fresh;
	parameters->EnvironmentSize = RtlSizeHeap(current_peb()->ProcessHeap, 0, fresh);
	parameters->EnvironmentVersion++;
	RtlReleasePebLock();
	if (old)
		*old = previous;
	else
		heap_free(previous);
}
/* %NAME% by its value; an unknown name stays as written. Length in characters with the NUL. */
NTSTATUS NTAPI RtlExpandEnvironmentStrings(const WCHAR *block, WCHAR *source, SIZE_T count, WCHAR *to, SIZE_T size, SIZE_T *needed);
NTSTATUS NTAPI RtlExpandEnvironmentStrings(const WCHAR *block, WCHAR *source, SIZE_T count, WCHAR *to, SIZE_T size, SIZE_T *needed)
{
	SIZE_T total = 0;
	if (!block)
		RtlAcquirePebLock();
	const WCHAR *environment = block ? block : own_block();
	for (SIZE_T i = 0; i < count;) {
		const WCHAR *from = source + i;
		SIZE_T length = 1, end = i + 1;
		if (*from == '%') {
			while (end < count && source[end] != '%')
				end++;
			const WCHAR *value = end < count ? find(environment, from + 1, end - i - 1) : NULL;
			if (value && end > i + 1) {
				from = value;
				length = wcslen(value);
				end++;
			} else {
				length = end - i;
			}
		}
		for (SIZE_T j = 0; j < length; j++, total++)
			if (total < size)
				to[total] = from[j];
		i = end;
	}
	if (!block)
		RtlReleasePebLock();
	if (size)
		to[total < size ? total : size - 1] = 0;
	if (needed)
		*needed = total + 1;
	return total < size ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}
NTSTATUS NTAPI RtlExpandEnvironmentStrings_U(PCWSTR block, const UNICODE_STRING *source, UNICODE_STRING *to, ULONG *needed);
NTSTATUS NTAPI RtlExpandEnvironmentStrings_U(PCWSTR block, const UNICODE_STRING *source, UNICODE_STRING *to, ULONG *needed)
{
	SIZE_T characters;
	NTSTATUS status = RtlExpandEnvironmentStrings(block, source->Buffer, source->Length / sizeof(WCHAR), to->Buffer,
		to->MaximumLength / sizeof(WCHAR), &characters);
	if (needed)
		*needed = (ULONG)(characters * sizeof(WCHAR));
	if (!status)
		to->Length = (USHORT)((characters - 1) * sizeof(WCHAR));
	return status;
}
