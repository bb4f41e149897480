// SPDX-License-Identifier: MIT
/* The first and last words of a process: start from the blob, and the ends that name what is missing. */
#include <ntdll.h>
#include <nt/runtime.h>

const struct windows_runtime *runtime_blob;

static ULONG text_bytes(const char *text)
{
	ULONG bytes = 0;
	while (text[bytes])
		bytes++;
	return bytes;
}
void debug_text(const char *text)
{
	IO_STATUS_BLOCK io;
	HANDLE error = runtime_blob ? (HANDLE)runtime_blob->standard_handles[2] : NULL;
	if (error)
		NtWriteFile(error, NULL, NULL, NULL, &io, text, text_bytes(text), NULL, NULL);
}
/* Called by import stubs (loaderd's and build/exports.awk's): the program needs what we do not have. */
DECLSPEC_NORETURN void NTAPI AmbosMissingImport(const char *module, const char *function)
{
	char line[256];
	ULONG used = 0;
	const char *parts[] = { "ambos: missing function ", module, "!", function, "\n" };
	for (unsigned i = 0; i < ARRAYSIZE(parts); i++)
		for (const char *p = parts[i]; *p && used < sizeof(line) - 1; p++)
			line[used++] = *p;
	line[used] = 0;
	NtAmbosMissing(line, used);
	debug_text(line);
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), STATUS_ENTRYPOINT_NOT_FOUND);
}
