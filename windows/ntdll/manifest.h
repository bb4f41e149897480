/* SPDX-License-Identifier: MIT */
/* What a manifest says, of what is used here. Texts point into the decoded document, which must live as long.
 * More of anything than its limit is refused like a document that is not well-formed. Tested and fuzzed on the host. */
#ifndef AMBOS_WINDOWS_MANIFEST_H
#define AMBOS_WINDOWS_MANIFEST_H

#include "manifest_xml.h"

#define MANIFEST_FILE_LIMIT 256u     /* the VC runtimes have under 10, COM suites some dozens */
#define MANIFEST_DEPENDENCY_LIMIT 32u
#define MANIFEST_SETTING_LIMIT 32u
#define MANIFEST_SYSTEM_LIMIT 16u    /* supportedOS and maxversiontested; five systems have ids */

struct manifest_identity {
	struct xml_text name, type, architecture, token, language; /* at NULL: not given */
	uint16_t version[4];
	bool optional;
};
struct manifest_file { struct xml_text name, load_from; };
struct manifest_setting { struct xml_text space, name, value; };
enum manifest_system_kind { MANIFEST_SYSTEM_OS = 1, MANIFEST_SYSTEM_TESTED = 3 }; /* ACTCTX_COMPATIBILITY_ELEMENT_TYPE */
struct manifest_system { uint8_t id[16]; enum manifest_system_kind kind; uint64_t version; };
enum manifest_run_level { MANIFEST_LEVEL_NONE, MANIFEST_AS_INVOKER, MANIFEST_HIGHEST, MANIFEST_ADMINISTRATOR };

struct manifest {
	struct manifest_identity identity;
	unsigned file_count, dependency_count, setting_count, system_count;
	enum manifest_run_level run_level;
	bool ui_access;
	struct manifest_file files[MANIFEST_FILE_LIMIT];
	struct manifest_identity dependencies[MANIFEST_DEPENDENCY_LIMIT];
	struct manifest_setting settings[MANIFEST_SETTING_LIMIT];
	struct manifest_system systems[MANIFEST_SYSTEM_LIMIT];
};

bool manifest_read(struct manifest *manifest, uint16_t *text, size_t count);
bool manifest_settings_space(const struct xml_text *space); /* one of the WindowsSettings namespaces */

#endif
