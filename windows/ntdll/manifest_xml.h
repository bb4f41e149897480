/* SPDX-License-Identifier: MIT */
/* Reads XML one event at a time from UTF-16 text that it may change (entities are decoded where they stand). Names keep
 * their namespace, not their prefix. No document types, no entities of one's own: a manifest has none.
 * Knows nothing of Windows: it is tested and fuzzed on the host. */
#ifndef AMBOS_WINDOWS_MANIFEST_XML_H
#define AMBOS_WINDOWS_MANIFEST_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XML_DEPTH_LIMIT 24u     /* a manifest has 6 levels */
#define XML_ATTRIBUTE_LIMIT 24u /* comClass, the richest element, has 14 and namespaces */
#define XML_SPACE_LIMIT 24u     /* declarations in force at once */

struct xml_text { const uint16_t *at; size_t count; };
struct xml_attribute { struct xml_text prefix, name, value; };
struct xml_space { struct xml_text prefix, name; unsigned depth; };
enum xml_event { XML_END, XML_OPEN, XML_CLOSE, XML_TEXT, XML_BAD };

struct xml {
	uint16_t *at, *end;
	unsigned depth, attribute_count, space_count;
	bool close_pending, root_seen;      /* of <x/>; of a whole document */
	struct xml_text raw_names[XML_DEPTH_LIMIT];
	struct xml_space spaces[XML_SPACE_LIMIT];
	struct xml_attribute attributes[XML_ATTRIBUTE_LIMIT]; /* without xmlns */
	struct xml_text space, name, text;  /* of the event */
};

void xml_start(struct xml *xml, uint16_t *text, size_t count);
enum xml_event xml_next(struct xml *xml);
const struct xml_text *xml_attribute(const struct xml *xml, const char *name); /* without prefix; NULL: absent */

bool xml_equals(const struct xml_text *text, const char *ascii);
bool xml_equals_caseless(const struct xml_text *text, const char *ascii);

/* Units of the text in UTF-16 whatever it is in (byte order mark, else by its first bytes; UTF-8 when in doubt).
 * out holds bytes units, which suffices. false: not well-formed. */
bool xml_decode(const uint8_t *bytes, size_t count, uint16_t *out, size_t *units);

#endif
