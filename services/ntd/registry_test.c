// SPDX-License-Identifier: MIT
// Unit test of the registry's text form over a state object in plain memory.
// LINK: services/ntd/text.c services/ntd/tree.c
#include "ntd.h"
#include "../../tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u8 memory[1 << 20] __attribute__((aligned(16)));
static u64 used = 64;
u8 *state_base = memory;
void *state_root(void) { return memory; }
void txn_write(void *dst, const void *src, size_t n) { memcpy(dst, src, n); }
u64 service_time_ns(void) { return 1; }
void state_free(u64 offset, u64 size) { memset(memory + offset, 0xee, size); }
u64 state_alloc(u64 size)
{
	u64 at = used;
	used += (size + 15) & ~15ull;
	memset(memory + at, 0, size);
	return at;
}
const struct ipc_service_info *service_info(void)
{
	static const struct ipc_service_info info = { .state_max = sizeof(memory) };
	return &info;
}

static int loads(const char *text)
{
	u32 line;
	return registry_load(text, strlen(text), &line);
}

int main(void)
{
	struct ntd_root *root = state_root();
	root->root_key = state_offset(key_create(NULL, (const u16 *)"", (const u16 *)"", 0));
	check("a good file",
		loads("# comment\n[A\\b C]\n\"N\"=\"te\\\\xt\"\n\"D\"=dword:1f\n@=hex:01,ff\n\"M\"=multi:\"a|b\"\n\n[A]\n\"N\"=\"\"\n"));
	struct registry_key *a = key_child(key_of(0), (const u16 *)u"A", 2);
	struct registry_key *b = a ? key_child(a, (const u16 *)u"B C", 6) : NULL;
	struct registry_value *v = b ? value_find(b, (const u16 *)u"N", 2) : NULL;
	check("keys nest and fold", a && b && key_of(cookie_of(b)) == b);
	check("text", v && v->type == 1 && v->data_bytes == 12 && !memcmp(v->bytes + 4, u"te\\xt", 12));
	v = b ? value_find(b, (const u16 *)u"D", 2) : NULL;
	check("number", v && v->type == 4 && v->bytes[4] == 0x1f);
	v = b ? value_find(b, (const u16 *)u"", 0) : NULL;
	check("bytes of the default value", v && v->type == 3 && v->data_bytes == 2 && v->bytes[1] == 0xff);
	v = b ? value_find(b, (const u16 *)u"M", 2) : NULL;
	check("list", v && v->type == 7 && v->data_bytes == 10);
	check("a value without key", !loads("\"N\"=\"x\"\n"));
	check("bad lines", !loads("[A\n") && !loads("[A]\n\"N\"=dword:xyz\n") && !loads("[A]\n\"N=1\n") && !loads("[A]\n\"N\"=hex:0\n"));
	u64 cookie = b ? cookie_of(b) : 0;
	if (b)
		key_free(b);
	check("a freed key is stale", !key_of(cookie) && !key_child(a, (const u16 *)u"B C", 6));
	return failures;
}
