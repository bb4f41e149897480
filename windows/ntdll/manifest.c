// SPDX-License-Identifier: MIT
/* From the events of the XML reader to a manifest: elements are known by where they stand; what is unknown is skipped with
 * all that is in it, as Windows does. */
#include "manifest.h"

enum element { DOCUMENT, UNKNOWN, ASSEMBLY, IDENTITY, DEPENDENCY, DEPENDENT, DEPENDENT_IDENTITY, ASSEMBLY_FILE, COMPATIBILITY,
	SYSTEMS, SUPPORTED, TESTED, APPLICATION, SETTINGS, SETTING, TRUST, SECURITY, PRIVILEGES, LEVEL };
enum space { SPACE_FIRST, SPACE_ASSEMBLY, SPACE_COMPATIBILITY, SPACE_ANY, SPACE_SETTINGS };
static const struct place { enum element parent, element; enum space space; const char *name; } places[] = {
	{ DOCUMENT, ASSEMBLY, SPACE_FIRST, "assembly" },
	{ ASSEMBLY, IDENTITY, SPACE_FIRST, "assemblyIdentity" },
	{ ASSEMBLY, DEPENDENCY, SPACE_FIRST, "dependency" },
	{ DEPENDENCY, DEPENDENT, SPACE_FIRST, "dependentAssembly" },
	{ DEPENDENT, DEPENDENT_IDENTITY, SPACE_FIRST, "assemblyIdentity" },
	{ ASSEMBLY, ASSEMBLY_FILE, SPACE_FIRST, "file" },
	{ ASSEMBLY, COMPATIBILITY, SPACE_COMPATIBILITY, "compatibility" },
	{ COMPATIBILITY, SYSTEMS, SPACE_COMPATIBILITY, "application" },
	{ SYSTEMS, SUPPORTED, SPACE_COMPATIBILITY, "supportedOS" },
	{ SYSTEMS, TESTED, SPACE_COMPATIBILITY, "maxversiontested" },
	{ ASSEMBLY, APPLICATION, SPACE_ASSEMBLY, "application" },
	{ APPLICATION, SETTINGS, SPACE_ANY, "windowsSettings" }, /* Microsoft's own examples put it in asm.v3 and in 2005's */
	{ SETTINGS, SETTING, SPACE_SETTINGS, NULL },
	{ ASSEMBLY, TRUST, SPACE_ASSEMBLY, "trustInfo" },
	{ TRUST, SECURITY, SPACE_ASSEMBLY, "security" },
	{ SECURITY, PRIVILEGES, SPACE_ASSEMBLY, "requestedPrivileges" },
	{ PRIVILEGES, LEVEL, SPACE_ASSEMBLY, "requestedExecutionLevel" },
};

bool manifest_settings_space(const struct xml_text *space)
{
	static const char *const known[] = {
		"http://schemas.microsoft.com/SMI/2005/WindowsSettings", "http://schemas.microsoft.com/SMI/2011/WindowsSettings",
		"http://schemas.microsoft.com/SMI/2016/WindowsSettings", "http://schemas.microsoft.com/SMI/2017/WindowsSettings",
		"http://schemas.microsoft.com/SMI/2019/WindowsSettings", "http://schemas.microsoft.com/SMI/2020/WindowsSettings",
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (xml_equals(space, known[i]))
			return true;
	return false;
}
static bool in_space(const struct xml_text *text, enum space space)
{
	bool first = xml_equals(text, "urn:schemas-microsoft-com:asm.v1");
	switch (space) {
	case SPACE_FIRST: return first;
	case SPACE_ASSEMBLY: return first || xml_equals(text, "urn:schemas-microsoft-com:asm.v2") ||
		xml_equals(text, "urn:schemas-microsoft-com:asm.v3");
	case SPACE_COMPATIBILITY: return xml_equals(text, "urn:schemas-microsoft-com:compatibility.v1");
	case SPACE_SETTINGS: return manifest_settings_space(text);
	default: return true;
	}
}
static enum element element_of(enum element parent, const struct xml *xml)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].parent == parent && (!places[i].name || xml_equals(&xml->name, places[i].name)) &&
			in_space(&xml->space, places[i].space))
			return places[i].element;
	return UNKNOWN;
}
static struct xml_text attribute(const struct xml *xml, const char *name)
{
	const struct xml_text *value = xml_attribute(xml, name);
	return value ? *value : (struct xml_text){ 0 };
}
/* Up to four decimal parts of 16 bits. */
static bool version_parts(const struct xml_text *text, uint16_t parts[4])
{
	unsigned part = 0;
	bool digit = false;
	uint32_t value = 0;
	for (size_t i = 0; i <= text->count; i++) {
		uint16_t c = i < text->count ? text->at[i] : '.';
		if (c >= '0' && c <= '9') {
			value = value * 10 + c - '0';
			digit = true;
		} else if (c != '.' || !digit || part == 4) {
			return false;
		} else {
			parts[part++] = (uint16_t)value;
			digit = false;
			value = 0;
		}
		if (value > 0xffff)
			return false;
	}
	return true;
}
static bool read_identity(const struct xml *xml, struct manifest_identity *identity)
{
	struct xml_text version = attribute(xml, "version");
	bool optional = identity->optional;
	*identity = (struct manifest_identity){ attribute(xml, "name"), attribute(xml, "type"), attribute(xml, "processorArchitecture"),
		attribute(xml, "publicKeyToken"), attribute(xml, "language"), { 0 }, optional };
	return identity->name.count && (!version.at || version_parts(&version, identity->version));
}
static int hex_digit(uint16_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
/* "{8-4-4-4-12}", the first three parts little endian. */
static bool read_guid(const struct xml_text *text, uint8_t id[16])
{
	static const uint8_t places_of[16] = { 7, 5, 3, 1, 12, 10, 17, 15, 20, 22, 25, 27, 29, 31, 33, 35 };
	if (text->count != 38 || text->at[0] != '{' || text->at[37] != '}' || text->at[9] != '-' || text->at[14] != '-' ||
		text->at[19] != '-' || text->at[24] != '-')
		return false;
	for (unsigned i = 0; i < 16; i++) {
		int high = hex_digit(text->at[places_of[i]]), low = hex_digit(text->at[places_of[i] + 1]);
		if (high < 0 || low < 0)
			return false;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
/* Ids that are none are passed over, as Windows does. */
static bool add_system(struct manifest *manifest, const struct xml *xml, enum manifest_system_kind kind)
{
	struct manifest_system system = { .kind = kind };
	struct xml_text id = attribute(xml, "Id");
	uint16_t version[4] = { 0 };
	if (kind == MANIFEST_SYSTEM_OS ? !read_guid(&id, system.id) : !version_parts(&id, version))
		return true;
	for (unsigned i = 0; i < 4; i++)
		system.version = system.version << 16 | version[i];
	if (manifest->system_count == MANIFEST_SYSTEM_LIMIT)
		return false;
	manifest->systems[manifest->system_count++] = system;
	return true;
}
static bool add_file(struct manifest *manifest, const struct xml *xml)
{
	struct manifest_file file = { attribute(xml, "name"), attribute(xml, "loadFrom") };
	if (!file.name.count || manifest->file_count == MANIFEST_FILE_LIMIT)
		return false;
	manifest->files[manifest->file_count++] = file;
	return true;
}
static bool read_level(struct manifest *manifest, const struct xml *xml)
{
	static const char *const levels[] = { "asInvoker", "highestAvailable", "requireAdministrator" };
	struct xml_text level = attribute(xml, "level"), access = attribute(xml, "uiAccess");
	for (unsigned i = 0; i < 3; i++)
		if (xml_equals_caseless(&level, levels[i]))
			manifest->run_level = (enum manifest_run_level)(i + 1);
	manifest->ui_access = xml_equals_caseless(&access, "true");
	return manifest->run_level != MANIFEST_LEVEL_NONE;
}
static bool opened(struct manifest *manifest, const struct xml *xml, enum element element)
{
	switch (element) {
	case ASSEMBLY: {
		struct xml_text version = attribute(xml, "manifestVersion");
		return xml_equals(&version, "1.0");
	}
	case IDENTITY: return read_identity(xml, &manifest->identity);
	case DEPENDENCY:
	case DEPENDENT:
		if (manifest->dependency_count == MANIFEST_DEPENDENCY_LIMIT)
			return false;
		if (element == DEPENDENCY) {
			struct xml_text optional = attribute(xml, "optional");
			manifest->dependencies[manifest->dependency_count].optional = xml_equals_caseless(&optional, "yes");
		}
		return true;
	case DEPENDENT_IDENTITY:
		return manifest->dependency_count < MANIFEST_DEPENDENCY_LIMIT &&
			read_identity(xml, &manifest->dependencies[manifest->dependency_count++]);
	case ASSEMBLY_FILE: return add_file(manifest, xml);
	case SUPPORTED: return add_system(manifest, xml, MANIFEST_SYSTEM_OS);
	case TESTED: return add_system(manifest, xml, MANIFEST_SYSTEM_TESTED);
	case LEVEL: return read_level(manifest, xml);
	case SETTING:
		if (manifest->setting_count == MANIFEST_SETTING_LIMIT)
			return false;
		manifest->settings[manifest->setting_count++] = (struct manifest_setting){ xml->space, xml->name, { 0 } };
		return true;
	default: return true;
	}
}
static struct xml_text trimmed(struct xml_text text)
{
	while (text.count && text.at[text.count - 1] <= ' ')
		text.count--;
	for (; text.count && text.at[0] <= ' '; text.count--)
		text.at++;
	return text;
}
bool manifest_read(struct manifest *manifest, uint16_t *text, size_t count)
{
	enum element path[XML_DEPTH_LIMIT + 1] = { DOCUMENT };
	struct xml xml;
	*manifest = (struct manifest){ .run_level = MANIFEST_LEVEL_NONE };
	xml_start(&xml, text, count);
	for (;;) {
		enum xml_event event = xml_next(&xml);
		if (event == XML_END)
			return true;
		if (event == XML_BAD)
			return false;
		enum element parent = path[xml.depth];
		if (event == XML_OPEN) {
			enum element element = path[xml.depth] = element_of(path[xml.depth - 1], &xml);
			if ((xml.depth == 1 && element != ASSEMBLY) || !opened(manifest, &xml, element))
				return false;
		} else if (event == XML_TEXT && parent == SETTING && manifest->setting_count) {
			struct xml_text *value = &manifest->settings[manifest->setting_count - 1].value;
			if (!value->count)
				*value = trimmed(xml.text);
		}
	}
}
