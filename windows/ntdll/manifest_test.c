// SPDX-License-Identifier: MIT
// Unit test of the manifest reader: one line per case.
// CFLAGS: -Iwindows/ntdll
// LINK: windows/ntdll/manifest.c windows/ntdll/manifest_xml.c
#include <stdio.h>
#include <string.h>

#include "manifest.h"
#include "../../tests/unit.h"

#define ASSEMBLY_OPEN "<assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0'>"
#define WHOLE(inside) ASSEMBLY_OPEN inside "</assembly>"
static struct manifest manifest;
static uint16_t text[8192];

static bool read_bytes(const void *bytes, size_t count)
{
	size_t units;
	return xml_decode(bytes, count, text, &units) && manifest_read(&manifest, text, units);
}
static bool reads(const char *document) { return read_bytes(document, strlen(document)); }

static void contents(void)
{
	check("whole manifest", reads("\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -- > b -->" WHOLE(
		"<assemblyIdentity type='win32' name='A &amp; B&#x43;' version='1.2.3'/>"
		"<dependency optional='yes'><dependentAssembly><assemblyIdentity name='dep' version='6.0.0.0'/></dependentAssembly></dependency>"
		"<file name='x.dll'><unknown><file name='not.dll'/></unknown></file>"
		"<trustInfo xmlns='urn:schemas-microsoft-com:asm.v3'><security><requestedPrivileges>"
		"<requestedExecutionLevel level='asInvoker' uiAccess='false'/></requestedPrivileges></security></trustInfo>") "\0\0\n"));
	check("identity with entities", xml_equals(&manifest.identity.name, "A & BC") && manifest.identity.version[1] == 2);
	check("dependency", manifest.dependency_count == 1 && manifest.dependencies[0].optional &&
		xml_equals(&manifest.dependencies[0].name, "dep") && manifest.dependencies[0].version[0] == 6);
	check("only files of the assembly", manifest.file_count == 1 && xml_equals(&manifest.files[0].name, "x.dll"));
	check("run level", manifest.run_level == MANIFEST_AS_INVOKER && !manifest.ui_access);
	check("supported system", reads(WHOLE("<c:compatibility xmlns:c='urn:schemas-microsoft-com:compatibility.v1'><c:application>"
		"<c:supportedOS Id='{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}'/><c:supportedOS Id='none'/></c:application></c:compatibility>")) &&
		manifest.system_count == 1 && manifest.systems[0].id[0] == 0x12 && manifest.systems[0].id[15] == 0x9a);
	check("setting by its namespace", reads(WHOLE("<application xmlns='urn:schemas-microsoft-com:asm.v3'><windowsSettings "
		"xmlns:s='http://schemas.microsoft.com/SMI/2016/WindowsSettings'><s:longPathAware> true\n</s:longPathAware><other>1</other>"
		"</windowsSettings></application>")) && manifest.setting_count == 1 && xml_equals(&manifest.settings[0].value, "true"));
}
static void encodings(void)
{
	const char *document = WHOLE("<file name='u'/>");
	uint8_t wide[2][1024];
	size_t n = strlen(document);
	for (size_t i = 0; i < n; i++)
		wide[0][2 * i] = wide[1][2 * i + 1] = (uint8_t)document[i], wide[0][2 * i + 1] = wide[1][2 * i] = 0;
	check("UTF-16, both orders", read_bytes(wide[0], 2 * n) && manifest.file_count == 1 && read_bytes(wide[1], 2 * n) &&
		manifest.file_count == 1);
	check("odd UTF-16", !read_bytes(wide[0], 2 * n - 1));
	check("broken UTF-8", !reads(WHOLE("<file name='\xc0\x80'/>")) && !reads(WHOLE("<file name='\xed\xa0\x80'/>")));
	check("UTF-8 beyond 16 bits", reads(WHOLE("<file name='\xf0\x9f\x98\x80'/>")) && manifest.files[0].name.count == 2);
}
static void refusals(void)
{
	static const char *const bad[] = {
		"", "text", "<a>", "<assembly/>", ASSEMBLY_OPEN, WHOLE("<a></b>"), WHOLE("<a b='1' b='2'/>"), WHOLE("<a b=1/>"), WHOLE("<p:a/>"),
		WHOLE("&undefined;"), WHOLE("&#0;"), WHOLE("<!-- "), WHOLE("<assemblyIdentity version='1.0.0.0'/>"), WHOLE("<file/>"),
		WHOLE("<assemblyIdentity name='a' version='1.2.3.4.5'/>"), WHOLE("<assemblyIdentity name='a' version='70000.0'/>"),
		WHOLE("") "<more/>", "<!DOCTYPE a [<!ENTITY b 'c'>]>" WHOLE(""), WHOLE("<a b='<'/>"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char name[32];
		snprintf(name, sizeof(name), "refused %zu", i);
		check(name, !reads(bad[i]));
	}
}
int main(void)
{
	contents();
	encodings();
	refusals();
	return failures != 0;
}
