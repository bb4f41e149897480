// SPDX-License-Identifier: MIT
// libFuzzer harness: whatever a manifest holds, no text of the result reaches outside the document.
// CFLAGS: -Iwindows/ntdll
// LINK: windows/ntdll/manifest.c windows/ntdll/manifest_xml.c
#include <stdlib.h>

#include "manifest.h"

static const uint16_t *low, *high;
static void inside(const struct xml_text *text)
{
	if (text->at && (text->at < low || text->at + text->count > high))
		__builtin_trap();
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct manifest manifest;
	size_t units = 0;
	uint16_t *text = malloc(size * sizeof(*text) + 1);
	if (text && xml_decode(data, size, text, &units) && manifest_read(&manifest, text, units)) {
		low = text;
		high = text + units;
		inside(&manifest.identity.name);
		for (unsigned i = 0; i < manifest.file_count; i++)
			inside(&manifest.files[i].name);
		for (unsigned i = 0; i < manifest.dependency_count; i++)
			inside(&manifest.dependencies[i].name);
		for (unsigned i = 0; i < manifest.setting_count; i++)
			inside(&manifest.settings[i].value);
	}
	free(text);
	return 0;
}
