// SPDX-License-Identifier: MIT
// Binding: every import of an image gets its final address. A function that its DLL does not export becomes a stub that
// enters ntdll with its name; a DLL that is not there ends the start.
#include "pe.h"

#include <stdlib.h>
#include <string.h>

#include "../../lib/base/string.h"

#define FORWARD_DEPTH_MAX 8u         /* kernel32 -> kernelbase -> ntdll is 2; a cycle ends here */
#define STUBS_BYTES 0x40000u         /* object of stubs: code from the front, names from the back */
#define STUB_CODE_BYTES 32u
#define STUB_NAME_MAX 256u

/* ---- stubs of missing functions ---- */
static struct { u8 *bytes; u64 base; s32 fd; u32 code, names; u64 handler; bool failed; } stubs = { .fd = -1 };

static pthread_mutex_t stub_lock = PTHREAD_MUTEX_INITIALIZER;

s32 pe_stub_fd(void) { return __atomic_load_n(&stubs.fd, __ATOMIC_ACQUIRE); }

static bool stubs_open(struct pe_trouble *t)
{
	struct image_section section = { .size = STUBS_BYTES, .prot = 1 | 4 };
	s32 ntdll = pe_system_find("ntdll.dll");
	struct pe_loaded *l = ntdll >= 0 ? pe_system_loaded(ntdll, t) : NULL;
	stubs.handler = l ? pe_export_address(l, "AmbosMissingImport") : 0;
	stubs.base = pe_cache_place(STUBS_BYTES);
	if (!stubs.handler || !stubs.base)
		return false;
	struct proc_image r = {
		.layout = { .base = stubs.base, .preferred = stubs.base, .size = STUBS_BYTES, .flags = IMAGE_DATA, .section_count = 1 },
		.sections = (u64)&section, .name = (u64)"", .name_size = 0,
	};
	if (ambos_call(AMBOS_CALL_PROC_MAP_BROKER, PROC_IMAGE_CREATE, (u64)&r, sizeof(r), 0, 0))
		return false;
	stubs.bytes = (u8 *)r.va;
	stubs.names = STUBS_BYTES;
	__atomic_store_n(&stubs.fd, r.fd, __ATOMIC_RELEASE);
	return true;
}

/* mov rcx, module; mov rdx, function; mov rax, handler; jmp rax. */
static void stub_write(u8 *at, u64 module, u64 function)
{
	static const u8 operations[3][2] = { { 0x48, 0xb9 }, { 0x48, 0xba }, { 0x48, 0xb8 } };
	const u64 values[3] = { module, function, stubs.handler };
	for (u32 i = 0; i < 3; i++) {
		memcpy(at + i * 10, operations[i], 2);
		memcpy(at + i * 10 + 2, &values[i], 8);
	}
	at[30] = 0xff;
	at[31] = 0xe0;
}

/* `name`: module NUL function NUL, `n` bytes. 0: no room, or ntdll has no handler. */
static u64 stub_make_locked(const char *name, u32 n, struct pe_trouble *t)
{
	if (!stubs.bytes && (stubs.failed || !stubs_open(t))) {
		stubs.failed = true;
		return 0;
	}
	for (u32 at = 0; at < stubs.code; at += STUB_CODE_BYTES) {
		u64 have;
		memcpy(&have, stubs.bytes + at + 2, 8);
		have -= stubs.base;
		if (have + n <= STUBS_BYTES && memcmp(stubs.bytes + have, name, n) == 0)
			return stubs.base + at;
	}
	if (stubs.code + STUB_CODE_BYTES + n > stubs.names)
		return 0;
	stubs.names -= n;
	memcpy(stubs.bytes + stubs.names, name, n);
	u64 text = stubs.base + stubs.names, place = stubs.base + stubs.code;
	stub_write(stubs.bytes + stubs.code, text, text + strlen(name) + 1);
	stubs.code += STUB_CODE_BYTES;
	return place;
}

static u64 stub_make(const char *name, u32 n, struct pe_trouble *t)
{
	pthread_mutex_lock(&stub_lock);
	u64 place = stub_make_locked(name, n, t);
	pthread_mutex_unlock(&stub_lock);
	return place;
}

/* ---- names ---- */
void pe_canonical_name(const char *dll, char out[PE_HOST_MAX * 2])
{
	size_t n = strnlen(dll, PE_HOST_MAX * 2 - 5);
	memcpy(out, dll, n);
	out[n] = '\0';
	if (!strchr(out, '.'))
		memcpy(out + n, ".dll", 5);
}

u64 pe_export_address(const struct pe_loaded *l, const char *name)
{
	struct pe_view v = pe_view_of(l);
	struct pe_symbol s;
	if (!l->has_exports || pe_export_find(&v, &l->exports, name, UINT32_MAX, &s) || s.forward)
		return 0;
	return l->base + s.rva;
}

/* ---- one image ---- */
struct binder { struct pe_program *p; struct pe_loaded *l; struct pe_trouble *t; };

static void note_dependency(struct pe_loaded *l, const struct pe_loaded *on)
{
	s32 index = (s32)on->system - 1;
	if (index < 0 || on == l)
		return;
	for (u32 i = 0; i < l->depend_count; i++)
		if (l->depends[i] == index)
			return;
	if (l->depend_count < PE_DEPENDENCIES_MAX)
		l->depends[l->depend_count++] = index;
}

/* ERR_NOENT: not exported. */
static status_t symbol_find(const struct pe_loaded *in, const struct pe_thunk *k, struct pe_symbol *s)
{
	struct pe_view v = pe_view_of(in);
	if (!in->has_exports)
		return ERR_NOENT;
	return k->name ? pe_export_find(&v, &in->exports, k->name, k->hint, s) : pe_export_ordinal(&v, &in->exports, k->ordinal, s);
}

static u32 ordinal_of(const char *digits)
{
	u32 value = 0;
	for (; *digits >= '0' && *digits <= '9' && value < 65536; digits++)
		value = value * 10 + (u32)(*digits - '0');
	return value;
}

static status_t address_of(const struct binder *b, const struct pe_loaded *in, struct pe_thunk k, u64 *address)
{
	for (u32 depth = 0; depth < FORWARD_DEPTH_MAX; depth++) {
		struct pe_symbol s;
		char dll[PE_HOST_MAX * 2];
		status_t st = symbol_find(in, &k, &s);
		if (st)
			return st;
		note_dependency(b->l, in);
		if (!s.forward) {
			*address = in->base + s.rva;
			return OK;
		}
		const char *dot = strrchr(s.forward, '.');
		size_t n = dot ? (size_t)(dot - s.forward) : 0;
		if (!n || n >= sizeof(dll) - 5)
			return ERR_NOENT;
		memcpy(dll, s.forward, n);
		memcpy(dll + n, ".dll", 5);
		k = dot[1] == '#' ? (struct pe_thunk){ .ordinal = (u16)ordinal_of(dot + 2) } :
			(struct pe_thunk){ .name = dot + 1, .hint = UINT16_MAX };
		in = pe_resolve(b->p, in, dll, &st, b->t);
		if (!in)
			return st;
	}
	return ERR_NOENT;
}

static status_t missing_function(const struct binder *b, const char *dll, const struct pe_thunk *k, u64 *address)
{
	char name[STUB_NAME_MAX], ordinal[12];
	fmt_snprintf(ordinal, sizeof(ordinal), "#%u", k->ordinal);
	int module = fmt_snprintf(name, sizeof(name) / 2, "%s", dll) + 1;
	module = MIN(module, (int)sizeof(name) / 2);
	int function = fmt_snprintf(name + module, sizeof(name) / 2, "%s", k->name ? k->name : ordinal) + 1;
	function = MIN(function, (int)sizeof(name) / 2);
	*address = stub_make(name, (u32)(module + function), b->t);
	return *address ? OK : pe_fail(b->t, "missing_function", ERR_NOEXEC, "%s!%s", name, name + module);
}

static status_t bind_one(const struct binder *b, const struct pe_import *i, const struct pe_loaded *target)
{
	struct pe_view v = pe_view_of(b->l);
	const char *step = "imports";
	note_dependency(b->l, target);
	for (u32 n = 0;; n++) {
		struct pe_thunk k;
		u64 address = 0;
		status_t st = pe_thunk_at(&v, i, n, &k, &step);
		if (st == ERR_NOENT)
			return OK;
		if (st)
			return pe_fail(b->t, step, st, "%s", i->dll);
		st = address_of(b, target, k, &address);
		if (st == ERR_NOENT)
			st = missing_function(b, i->dll, &k, &address);
		if (st)
			return b->t->step ? st : pe_fail(b->t, "imports", st, "%s", i->dll);
		memcpy(b->l->bytes + i->table + (u64)n * 8, &address, 8);
	}
}

static status_t bind_all(struct pe_program *p, struct pe_loaded *l, struct pe_trouble *t)
{
	struct binder b = { p, l, t };
	l->depend_count = 0;
	for (u32 n = 0;; n++) {
		struct pe_import i;
		status_t st;
		struct pe_loaded *target = pe_import_target(p, l, n, &i, &st, t);
		if (!target)
			return st;
		st = bind_one(&b, &i, target);
		if (st)
			return st;
	}
}

status_t pe_bind(struct pe_program *p, struct pe_loaded *l, u64 binding, u64 *to, struct pe_trouble *t)
{
	status_t st = OK;
	pthread_mutex_lock(&l->bind_lock);
	if (!l->binding) {
		st = bind_all(p, l, t);
		if (!st)
			__atomic_store_n(&l->binding, binding, __ATOMIC_RELEASE);
	}
	*to = l->binding;
	pthread_mutex_unlock(&l->bind_lock);
	return st;
}
