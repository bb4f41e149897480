// SPDX-License-Identifier: MIT
/* The XML reader of manifests (manifest_xml.h). */
#include "manifest_xml.h"

static bool blank(uint16_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static bool name_unit(uint16_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c >= 0x80;
}
static bool same(const struct xml_text *a, const struct xml_text *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->at[i] != b->at[i])
			return false;
	return true;
}
bool xml_equals(const struct xml_text *text, const char *ascii)
{
	size_t i = 0;
	while (i < text->count && ascii[i] && text->at[i] == (unsigned char)ascii[i])
		i++;
	return i == text->count && !ascii[i];
}
static uint16_t lower(uint16_t c) { return c >= 'A' && c <= 'Z' ? (uint16_t)(c + 32) : c; }
bool xml_equals_caseless(const struct xml_text *text, const char *ascii)
{
	size_t i = 0;
	while (i < text->count && ascii[i] && lower(text->at[i]) == lower((unsigned char)ascii[i]))
		i++;
	return i == text->count && !ascii[i];
}
/* One character of UTF-8; 0: not well-formed (a zero is no character of XML). */
static uint32_t utf8_character(const uint8_t *bytes, size_t count, size_t *used)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc2 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : bytes[0] < 0xf5 ? 4 : 0;
	if (!length || length > count)
		return 0;
	uint32_t value = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
	for (unsigned i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	*used = length;
	return value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ? 0 : value;
}
static size_t put(uint16_t *out, uint32_t value)
{
	if (value < 0x10000) {
		out[0] = (uint16_t)value;
		return 1;
	}
	out[0] = (uint16_t)(0xd7c0 + (value >> 10));
	out[1] = (uint16_t)(0xdc00 | (value & 0x3ff));
	return 2;
}
bool xml_decode(const uint8_t *bytes, size_t count, uint16_t *out, size_t *units)
{
	size_t n = 0;
	bool little = count >= 2 && ((bytes[0] == 0xff && bytes[1] == 0xfe) || (bytes[0] == '<' && !bytes[1]));
	bool big = count >= 2 && ((bytes[0] == 0xfe && bytes[1] == 0xff) || (!bytes[0] && bytes[1] == '<'));
	if (little || big) {
		for (size_t i = bytes[0] >= 0xfe ? 2 : 0; i + 1 < count; i += 2)
			out[n++] = (uint16_t)(bytes[i + little] << 8 | bytes[i + big]);
		*units = n;
		return count % 2 == 0;
	}
	for (size_t i = count >= 3 && bytes[0] == 0xef && bytes[1] == 0xbb && bytes[2] == 0xbf ? 3 : 0, used; i < count; i += used) {
		uint32_t value = utf8_character(bytes + i, count - i, &used);
		if (!value)
			return false;
		n += put(out + n, value);
	}
	*units = n;
	return true;
}
void xml_start(struct xml *xml, uint16_t *text, size_t count)
{
	*xml = (struct xml){ .at = text, .end = text + count };
	while (xml->end > text && (!xml->end[-1] || blank(xml->end[-1]))) /* resources come padded */
		xml->end--;
}
static bool starts_with(const struct xml *xml, const char *ascii)
{
	const uint16_t *p = xml->at;
	for (; *ascii; ascii++, p++)
		if (p == xml->end || *p != (unsigned char)*ascii)
			return false;
	return true;
}
static bool skip_past(struct xml *xml, const char *ascii)
{
	size_t count = 0;
	while (ascii[count])
		count++;
	for (; xml->at < xml->end; xml->at++)
		if (starts_with(xml, ascii)) {
			xml->at += count;
			return true;
		}
	return false;
}
static void skip_blanks(struct xml *xml)
{
	while (xml->at < xml->end && blank(*xml->at))
		xml->at++;
}
static bool read_name(struct xml *xml, struct xml_text *prefix, struct xml_text *name)
{
	*prefix = (struct xml_text){ xml->at, 0 };
	*name = (struct xml_text){ xml->at, 0 };
	for (; xml->at < xml->end && (name_unit(*xml->at) || *xml->at == ':'); xml->at++) {
		if (*xml->at != ':') {
			name->count++;
			continue;
		}
		if (prefix->count || !name->count)
			return false;
		*prefix = *name;
		*name = (struct xml_text){ xml->at + 1, 0 };
	}
	return name->count != 0;
}
/* "&name;" at from: its characters; 0: unknown. */
static size_t entity(const uint16_t *from, const uint16_t *end, uint16_t *to, size_t *put_units)
{
	static const struct { const char *name; char value; } known[] = {
		{ "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' },
	};
	const size_t longest = 9;
	size_t length = 1;
	while (from + length < end && from[length] != ';' && length <= longest)
		length++;
	if (from + length >= end || from[length] != ';')
		return 0;
	struct xml_text name = { from + 1, length - 1 };
	*put_units = 1;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (xml_equals(&name, known[i].name)) {
			*to = (unsigned char)known[i].value;
			return length + 1;
		}
	bool hex = name.count > 1 && name.at[1] == 'x';
	uint32_t value = 0;
	if (name.count < 2u + hex || name.at[0] != '#')
		return 0;
	for (size_t i = 1u + hex; i < name.count; i++) {
		uint16_t c = lower(name.at[i]);
		uint32_t digit = c >= '0' && c <= '9' ? c - (uint32_t)'0' : hex && c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10 : 99;
		if (digit == 99)
			return 0;
		value = value * (hex ? 16 : 10) + digit;
	}
	if (!value || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*put_units = put(to, value); /* never longer than it was written */
	return length + 1;
}
static bool decode_entities(uint16_t *from, uint16_t *end, struct xml_text *text)
{
	uint16_t *to = from;
	text->at = from;
	while (from < end) {
		size_t units = 1, used = 1;
		if (*from == '<')
			return false;
		if (*from != '&')
			*to = *from;
		else if (!(used = entity(from, end, to, &units)))
			return false;
		from += used;
		to += units;
	}
	text->count = (size_t)(to - text->at);
	return true;
}
static bool read_value(struct xml *xml, struct xml_text *value)
{
	if (xml->at == xml->end || (*xml->at != '"' && *xml->at != '\''))
		return false;
	uint16_t quote = *xml->at++, *start = xml->at;
	while (xml->at < xml->end && *xml->at != quote)
		xml->at++;
	return xml->at < xml->end && decode_entities(start, xml->at++, value);
}
static bool declare_space(struct xml *xml, const struct xml_attribute *attribute)
{
	if (xml->space_count == XML_SPACE_LIMIT)
		return false;
	struct xml_text prefix = attribute->prefix.count ? attribute->name : (struct xml_text){ attribute->name.at, 0 };
	xml->spaces[xml->space_count++] = (struct xml_space){ prefix, attribute->value, xml->depth };
	return true;
}
static bool resolve_space(struct xml *xml, const struct xml_text *prefix)
{
	for (unsigned i = xml->space_count; i-- > 0;)
		if (same(&xml->spaces[i].prefix, prefix)) {
			xml->space = xml->spaces[i].name;
			return true;
		}
	xml->space = (struct xml_text){ prefix->at, 0 };
	return prefix->count == 0;
}
static bool read_attribute(struct xml *xml)
{
	struct xml_attribute attribute;
	if (!read_name(xml, &attribute.prefix, &attribute.name))
		return false;
	skip_blanks(xml);
	if (xml->at == xml->end || *xml->at++ != '=')
		return false;
	skip_blanks(xml);
	if (!read_value(xml, &attribute.value))
		return false;
	if (xml_equals(attribute.prefix.count ? &attribute.prefix : &attribute.name, "xmlns"))
		return declare_space(xml, &attribute);
	for (unsigned i = 0; i < xml->attribute_count; i++)
		if (same(&xml->attributes[i].name, &attribute.name) && same(&xml->attributes[i].prefix, &attribute.prefix))
			return false;
	if (xml->attribute_count == XML_ATTRIBUTE_LIMIT)
		return false;
	xml->attributes[xml->attribute_count++] = attribute;
	return true;
}
static enum xml_event open_tag(struct xml *xml)
{
	struct xml_text prefix;
	const uint16_t *start = ++xml->at;
	if (xml->depth == XML_DEPTH_LIMIT || (xml->root_seen && !xml->depth) || !read_name(xml, &prefix, &xml->name))
		return XML_BAD;
	xml->raw_names[xml->depth++] = (struct xml_text){ start, (size_t)(xml->at - start) };
	xml->attribute_count = 0;
	xml->root_seen = true;
	for (;;) {
		const uint16_t *before = xml->at;
		skip_blanks(xml);
		if (xml->at == xml->end)
			return XML_BAD;
		if (*xml->at == '>') {
			xml->at++;
			break;
		}
		if (starts_with(xml, "/>")) {
			xml->at += 2;
			xml->close_pending = true;
			break;
		}
		if (xml->at == before || !read_attribute(xml))
			return XML_BAD;
	}
	return resolve_space(xml, &prefix) ? XML_OPEN : XML_BAD;
}
static enum xml_event close_level(struct xml *xml)
{
	while (xml->space_count && xml->spaces[xml->space_count - 1].depth == xml->depth)
		xml->space_count--;
	xml->depth--;
	return XML_CLOSE;
}
static enum xml_event close_tag(struct xml *xml)
{
	struct xml_text prefix;
	const uint16_t *start = xml->at += 2;
	if (!xml->depth || !read_name(xml, &prefix, &xml->name))
		return XML_BAD;
	struct xml_text raw = { start, (size_t)(xml->at - start) };
	skip_blanks(xml);
	if (xml->at == xml->end || *xml->at++ != '>' || !same(&raw, &xml->raw_names[xml->depth - 1]) || !resolve_space(xml, &prefix))
		return XML_BAD;
	return close_level(xml);
}
static enum xml_event text_run(struct xml *xml)
{
	uint16_t *start = xml->at;
	bool visible = false;
	for (; xml->at < xml->end && *xml->at != '<'; xml->at++)
		visible |= !blank(*xml->at);
	if ((visible && !xml->depth) || !decode_entities(start, xml->at, &xml->text))
		return XML_BAD;
	return XML_TEXT;
}
enum xml_event xml_next(struct xml *xml)
{
	if (xml->close_pending) {
		xml->close_pending = false;
		return close_level(xml);
	}
	while (xml->at < xml->end) {
		if (*xml->at != '<') {
			enum xml_event event = text_run(xml);
			if (event == XML_BAD || xml->depth)
				return event;
		} else if (starts_with(xml, "<!--")) {
			xml->at += 4;
			if (!skip_past(xml, "-->"))
				return XML_BAD;
		} else if (starts_with(xml, "<?")) {
			if (!skip_past(xml, "?>"))
				return XML_BAD;
		} else if (starts_with(xml, "<![CDATA[")) {
			xml->text.at = xml->at += 9;
			if (!xml->depth || !skip_past(xml, "]]>"))
				return XML_BAD;
			xml->text.count = (size_t)(xml->at - xml->text.at) - 3;
			return XML_TEXT;
		} else if (starts_with(xml, "</")) {
			return close_tag(xml);
		} else {
			return open_tag(xml); /* a document type has no name after its "<" and is refused */
		}
	}
	return xml->depth || !xml->root_seen ? XML_BAD : XML_END;
}
const struct xml_text *xml_attribute(const struct xml *xml, const char *name)
{
	for (unsigned i = 0; i < xml->attribute_count; i++)
		if (!xml->attributes[i].prefix.count && xml_equals(&xml->attributes[i].name, name))
			return &xml->attributes[i].value;
	return NULL;
}
