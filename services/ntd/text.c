// SPDX-License-Identifier: MIT
/* The registry's first content, as text: [Key\Path] lines, "name"="string", "name"=dword:hex, "name"=hex:aa,bb,
 * "name"=expand:"...", "name"=multi:"a|b"; @ is the default value; # begins a comment. Backslash escapes inside quotes:
 * \\ and \". ASCII only. */
#include "ntd.h"

#include <string.h>

#define LINE_MAX_BYTES 1024u
enum { TYPE_SZ = 1, TYPE_EXPAND = 2, TYPE_BINARY = 3, TYPE_DWORD = 4, TYPE_MULTI = 7 };

struct wide { u16 text[LINE_MAX_BYTES], folded[LINE_MAX_BYTES]; u32 bytes; };
struct value_text { u32 type, bytes; u8 data[LINE_MAX_BYTES * 2 + 4]; };

static void widen(struct wide *w, const char *s, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		w->text[i] = (u8)s[i];
		w->folded[i] = s[i] >= 'a' && s[i] <= 'z' ? (u16)(s[i] - 32) : (u8)s[i];
	}
	w->bytes = n * 2;
}

static struct registry_key *make_path(const char *path, u32 n)
{
	static struct wide w;
	struct ntd_root *root = state_root();
	struct registry_key *k = state_ptr(root->root_key);
	while (k && n) {
		u32 part = 0;
		while (part < n && path[part] != '\\')
			part++;
		widen(&w, path, part);
		struct registry_key *child = key_child(k, w.folded, w.bytes);
		k = child ? child : key_create(k, w.text, w.folded, w.bytes);
		path += MIN(part + 1, n);
		n -= MIN(part + 1, n);
	}
	return k;
}

/* A quoted text at *s; its bytes without escapes, or false. */
static bool quoted(const char **s, const char *end, char *out, u32 *length)
{
	const char *p = *s;
	*length = 0;
	if (p == end || *p++ != '"')
		return false;
	for (; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		if (*length >= LINE_MAX_BYTES)
			return false;
		out[(*length)++] = *p;
	}
	*s = p + 1;
	return p < end;
}

static s32 digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool put_string(struct value_text *v, u32 type, const char *text, u32 n)
{
	v->type = type;
	v->bytes = 0;
	for (u32 i = 0; i < n; i++) {
		v->data[v->bytes++] = type == TYPE_MULTI && text[i] == '|' ? 0 : (u8)text[i];
		v->data[v->bytes++] = 0;
	}
	for (u32 i = 0; i < (type == TYPE_MULTI ? 4u : 2u); i++)
		v->data[v->bytes++] = 0;
	return true;
}

static bool put_hex(struct value_text *v, const char *s, const char *end)
{
	v->type = TYPE_BINARY;
	v->bytes = 0;
	while (s < end) {
		s32 high = digit(s[0]), low = s + 1 < end ? digit(s[1]) : -1;
		if (high < 0 || low < 0 || v->bytes >= LINE_MAX_BYTES)
			return false;
		v->data[v->bytes++] = (u8)(high << 4 | low);
		s += 2;
		if (s < end && *s++ != ',')
			return false;
	}
	return true;
}

static bool parse_value(const char *s, const char *end, struct value_text *v)
{
	static char text[LINE_MAX_BYTES];
	u32 n, number = 0;
	u32 type = TYPE_SZ;
	if (end - s > 6 && !memcmp(s, "dword:", 6)) {
		for (s += 6; s < end; s++) {
			if (digit(*s) < 0)
				return false;
			number = number << 4 | (u32)digit(*s);
		}
		v->type = TYPE_DWORD;
		v->bytes = 4;
		memcpy(v->data, &number, 4);
		return true;
	}
	if (end - s >= 4 && !memcmp(s, "hex:", 4))
		return put_hex(v, s + 4, end);
	if (end - s > 7 && !memcmp(s, "expand:", 7)) {
		type = TYPE_EXPAND;
		s += 7;
	} else if (end - s > 6 && !memcmp(s, "multi:", 6)) {
		type = TYPE_MULTI;
		s += 6;
	}
	return quoted(&s, end, text, &n) && s == end && put_string(v, type, text, n);
}

static bool load_line(struct registry_key **key, const char *s, const char *end)
{
	static struct wide name;
	static struct value_text v;
	static char text[LINE_MAX_BYTES];
	u32 n = 0;
	if (s == end || *s == '#')
		return true;
	if (end - s > (long)LINE_MAX_BYTES)
		return false;
	if (*s == '[') {
		if (end[-1] != ']')
			return false;
		*key = make_path(s + 1, (u32)(end - s) - 2);
		return *key;
	}
	if (*s == '@')
		s++;
	else if (!quoted(&s, end, text, &n))
		return false;
	if (!*key || s == end || *s++ != '=' || !parse_value(s, end, &v))
		return false;
	widen(&name, text, n);
	return value_set(*key, v.type, name.text, name.folded, name.bytes, v.data, v.bytes) == OK;
}

bool registry_load(const char *text, u64 size, u32 *line)
{
	struct registry_key *key = NULL;
	const char *end = text + size;
	for (*line = 1; text < end; (*line)++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		if (!stop)
			stop = end;
		if (!load_line(&key, text, stop))
			return false;
		text = stop + 1;
	}
	return true;
}
