// SPDX-License-Identifier: MIT
/* Registry calls: arguments to ntd (abi/proto/nt.h), answers to the layouts of KEY_* and KEY_VALUE_* (winternl.h).
 * A key handle is a file whose object is ntd's cookie. Names are sent with their upper case, made here. */
#include "nt.h"

#include "call.h"
#include "linux.h"
#include "nt_text.h"
#include "registry_lease.h"
#include "string.h"
#include "../../abi/proto/nt.h"

#define REPLY_BYTES (NTD_VALUE_NAME_MAX + NTD_VALUE_DATA_MAX)
enum { KEY_QUERY_VALUE = 1, KEY_SET_VALUE = 2, KEY_CREATE_SUB_KEY = 4, KEY_ENUMERATE_SUB_KEYS = 8, KEY_NOTIFY = 16 };
enum { REG_OPTIONS_KNOWN = 0x1f, REG_CREATED_NEW_KEY = 1, REG_OPENED_EXISTING_KEY = 2 };
enum { KEY_BASIC = 0, KEY_NODE = 1, KEY_FULL = 2, KEY_NAME = 3, KEY_CACHED = 4, KEY_FLAGS = 5, KEY_HANDLE_TAGS = 7 };
enum { VALUE_BASIC = 0, VALUE_FULL = 1, VALUE_PARTIAL = 2, VALUE_FULL_ALIGNED = 3, VALUE_PARTIAL_ALIGNED = 4 };

static const struct file_ops key_ops = { .name = "key", .nt_type = NT_TYPE_KEY };
static u64 cookie_of(const struct file *f) { return (u64)(uintptr_t)f->object; }

struct ask {
	u32 op;
	const void *args; u32 args_size;
	const void *payload; u32 payload_size;
	const u16 *folded; u32 folded_size;
	void *reply; u32 reply_size;
	void *data; u32 capacity, length;
};

static s64 named_status(s64 st)
{
	switch (st) {
	case ERR_NOENT:
		return NT(OBJECT_NAME_NOT_FOUND);
	case ERR_STALE:
		return NT(KEY_DELETED);
	case ERR_NOTEMPTY:
		return NT(CANNOT_DELETE);
	case ERR_RANGE:
		return NT(BUFFER_OVERFLOW);
	default:
		return st < 0 ? st : 0;
	}
}

static s64 send(struct ask *q)
{
	struct route_request r = {
		.service = SERVICE_NTD, .op = q->op, .cause = HOP_BY_DESIGN, .args = q->args, .args_size = q->args_size,
		.payload = q->payload, .payload_size = q->payload_size, .payload2 = q->folded, .payload2_size = q->folded_size,
		.reply = q->reply, .reply_size = q->reply_size, .reply_payload = q->data, .reply_capacity = q->capacity,
		.killable_only = true,
	};
	s64 st = route_call(&r);
	q->length = r.reply_length;
	return st;
}

static bool is_write(const struct ask *q)
{
	return q->op == NTD_KEY_DELETE || q->op == NTD_KEY_RENAME || q->op == NTD_VALUE_SET || q->op == NTD_VALUE_DELETE;
}

/* From the leases, or from ntd. */
static s64 ask(struct ask *q)
{
	u32 set_name = q->op == NTD_VALUE_SET ? ((const struct ntd_value_set *)q->args)->name_bytes : q->payload_size;
	struct registry_question question = { q->op, q->args, q->args_size, q->folded, q->folded_size,
		(const u8 *)q->payload + set_name, q->payload_size - set_name };
	struct registry_answer a = { .reply = q->reply, .reply_size = q->reply_size, .data = q->data, .capacity = q->capacity };
	u64 mark, start = 0;
	if (registry_lease_find(&question, &a, &mark)) {
		q->length = a.length;
		return named_status(a.status);
	}
	bool opens_new = q->op == NTD_KEY_OPEN && ((const struct ntd_key_open *)q->args)->flags & NTD_OPEN_CREATE;
	if (is_write(q))
		start = registry_lease_writing();
	a.status = send(q);
	a.length = q->length;
	bool created = opens_new && !a.status && ((const struct ntd_key_opened *)q->reply)->created;
	if (is_write(q) || created)
		mark = registry_lease_written(&question);
	bool kept = is_write(q) ? !a.status && q->op == NTD_VALUE_SET && mark == start + 1 /* no other write beside it */
				: a.status == ERR_NOENT || (!a.status && !created);
	if (kept)
		registry_lease_keep(&question, &a, mark);
	return named_status(a.status);
}

/* Upper case of a name, in fresh memory; NULL = none left. */
static u16 *fold(const u16 *text, u32 bytes)
{
	u16 *out = kmalloc(bytes + 2);
	for (u32 i = 0; out && i < bytes / 2; i++)
		out[i] = (u16)nt_upcase(text[i]);
	return out;
}

/* ---- open and create ---- */
static s64 root_of(const struct nt_object_attributes *oa, u64 *root, const u16 **path, u32 *bytes)
{
	static const char top[] = "\\registry";
	*path = oa->name.text;
	*bytes = oa->name.bytes;
	*root = 0;
	if (oa->root) {
		struct file *f;
		s64 st = nt_handle_get(oa->root, NT_TYPE_KEY, 0, &f);
		if (st)
			return st;
		*root = cookie_of(f);
		file_put(f);
		return *bytes && **path == '\\' ? NT(OBJECT_PATH_SYNTAX_BAD) : 0;
	}
	u32 n = nt_prefix(*path, *bytes / 2, top);
	if (!n || (*bytes / 2 > n && (*path)[n] != '\\'))
		return *bytes && **path == '\\' ? NT(OBJECT_NAME_NOT_FOUND) : NT(OBJECT_PATH_SYNTAX_BAD);
	n = MIN(n + 1, *bytes / 2);
	*path += n;
	*bytes -= n * 2;
	return 0;
}

static s64 open_key(u64 attributes_va, u64 handle_va, u32 access, bool create, u32 *disposition)
{
	struct nt_object_attributes oa;
	struct ntd_key_open q = { .flags = create ? NTD_OPEN_CREATE : 0 };
	struct ntd_key_opened reply;
	const u16 *path;
	u32 bytes;
	s64 st = nt_object_attributes_in(attributes_va, &oa);
	if (st)
		return st;
	st = root_of(&oa, &q.root, &path, &bytes);
	if (!st) {
		u16 *folded = fold(path, bytes);
		struct ask a = { .op = NTD_KEY_OPEN, .args = &q, .args_size = sizeof(q), .payload = path, .payload_size = bytes,
			.folded = folded, .folded_size = bytes, .reply = &reply, .reply_size = sizeof(reply) };
		st = folded ? ask(&a) : ERR_NOMEM;
		kfree(folded);
	}
	if (!st) {
		struct file *f = file_create(&key_ops, (void *)(uintptr_t)reply.key, 2);
		*disposition = reply.created ? REG_CREATED_NEW_KEY : REG_OPENED_EXISTING_KEY;
		st = f ? nt_handle_out(f, nt_access_map(NT_TYPE_KEY, access), oa.attributes, handle_va, 0) : ERR_NOMEM;
	}
	nt_object_attributes_free(&oa);
	return st;
}

NT_HANDLER(CreateKey)
{
	u32 disposition;
	if ((u32)a[5] & ~(u32)REG_OPTIONS_KNOWN)
		return NT(INVALID_PARAMETER);
	s64 st = open_key(a[2], a[0], (u32)a[1], true, &disposition);
	return st || !a[6] ? st : COPY_OUT(user_ptr(a[6]), &disposition) ? NT(ACCESS_VIOLATION) : 0;
}

NT_HANDLER(OpenKey)
{
	u32 disposition;
	return open_key(a[2], a[0], (u32)a[1], false, &disposition);
}

NT_HANDLER(OpenKeyEx)
{
	u32 disposition;
	if ((u32)a[3] & ~(u32)REG_OPTIONS_KNOWN)
		return NT(INVALID_PARAMETER_4);
	return open_key(a[2], a[0], (u32)a[1], false, &disposition);
}

/* ---- keys ---- */
static s64 key_get(u64 handle, u32 access, u64 *cookie)
{
	struct file *f;
	s64 st = nt_handle_get(handle, NT_TYPE_KEY, access, &f);
	if (st)
		return st;
	*cookie = cookie_of(f);
	file_put(f);
	return 0;
}

static s64 simple(u64 handle, u32 access, u32 op)
{
	struct ntd_key q;
	s64 st = key_get(handle, access, &q.key);
	struct ask a = { .op = op, .args = &q, .args_size = sizeof(q) };
	return st ? st : ask(&a);
}

NT_HANDLER(DeleteKey) { return simple(a[0], NT_DELETE, NTD_KEY_DELETE); }

NT_HANDLER(FlushKey)
{
	u64 cookie;
	return key_get(a[0], 0, &cookie); /* the tree is in memory: nothing waits to be written */
}

static s64 named(u64 handle, u32 access, u32 op, u64 name_va)
{
	struct ntd_key q;
	struct nt_string name;
	s64 st = key_get(handle, access, &q.key);
	if (!st)
		st = nt_string_in(name_va, &name);
	if (st)
		return st;
	u16 *folded = fold(name.text, name.bytes);
	struct ask a = { .op = op, .args = &q, .args_size = sizeof(q), .payload = name.text, .payload_size = name.bytes,
		.folded = folded, .folded_size = name.bytes };
	st = folded ? ask(&a) : ERR_NOMEM;
	kfree(folded);
	nt_string_free(&name);
	return st;
}

NT_HANDLER(RenameKey) { return named(a[0], 0x20006 /* KEY_WRITE */, NTD_KEY_RENAME, a[1]); }
NT_HANDLER(DeleteValueKey) { return named(a[0], KEY_SET_VALUE, NTD_VALUE_DELETE, a[1]); }

/* A fixed part and text behind it. What does not fit: BUFFER_TOO_SMALL when not even the fixed part does. */
struct output { u64 va; u32 length; u64 return_va; };
static s64 put(const struct output *o, const void *fixed, u32 fixed_bytes, const void *tail, u32 tail_bytes)
{
	u32 whole = fixed_bytes + tail_bytes;
	if (COPY_OUT(user_ptr(o->return_va), &whole))
		return NT(ACCESS_VIOLATION);
	if (o->length < fixed_bytes)
		return NT(BUFFER_TOO_SMALL);
	u32 n = MIN(tail_bytes, o->length - fixed_bytes);
	if (copy_out(user_ptr(o->va), fixed, fixed_bytes) || copy_out(user_ptr(o->va + fixed_bytes), tail, n))
		return NT(ACCESS_VIOLATION);
	return n < tail_bytes ? NT(BUFFER_OVERFLOW) : 0;
}

static s64 put_key(const struct output *o, u32 class, const struct ntd_key_info *i, const void *name)
{
	u64 written = nt_time_from_ns(time_boot_wall_ns() + i->last_write_ns);
	u32 none = 0xffffffff, n = i->name_bytes;
	u8 out[44];
	memset(out, 0, sizeof(out));
	memcpy(out, &written, 8);
	switch (class) {
	case KEY_BASIC:
		memcpy(out + 12, &n, 4);
		return put(o, out, 16, name, n);
	case KEY_NODE:
		memcpy(out + 12, &none, 4);
		memcpy(out + 20, &n, 4);
		return put(o, out, 24, name, n);
	case KEY_FULL: {
		u32 v[] = { none, 0, i->subkeys, i->subkey_name_max, 0, i->values, i->value_name_max, i->value_data_max };
		memcpy(out + 12, v, sizeof(v));
		return put(o, out, 44, NULL, 0);
	}
	case KEY_CACHED: {
		u32 v[] = { i->subkeys, i->subkey_name_max, i->values, i->value_name_max, i->value_data_max, n };
		memcpy(out + 12, v, sizeof(v));
		return put(o, out, 36, NULL, 0);
	}
	default:
		return NT(INVALID_PARAMETER);
	}
}

static s64 query_key(u32 op, const void *args, u32 args_size, u32 class, const struct output *o)
{
	struct ntd_key_info info;
	u8 *name = kmalloc(NTD_KEY_NAME_MAX);
	struct ask a = { .op = op, .args = args, .args_size = args_size, .reply = &info, .reply_size = sizeof(info), .data = name,
		.capacity = NTD_KEY_NAME_MAX };
	s64 st = name ? ask(&a) : ERR_NOMEM;
	if (!st)
		st = put_key(o, class, &info, name);
	kfree(name);
	return st;
}

static s64 query_path(u64 cookie, const struct output *o)
{
	struct ntd_key q = { cookie };
	u8 *path = kmalloc(NTD_VALUE_NAME_MAX);
	struct ask a = { .op = NTD_KEY_PATH, .args = &q, .args_size = sizeof(q), .data = path, .capacity = NTD_VALUE_NAME_MAX };
	s64 st = path ? ask(&a) : ERR_NOMEM;
	if (!st)
		st = put(o, &a.length, 4, path, a.length);
	kfree(path);
	return st;
}

NT_HANDLER(QueryKey)
{
	struct output o = { a[2], (u32)a[3], a[4] };
	struct ntd_key q;
	u32 class = (u32)a[1];
	s64 st = key_get(a[0], class == KEY_NAME ? 0 : KEY_QUERY_VALUE, &q.key);
	if (st)
		return st;
	if (class == KEY_NAME)
		return query_path(q.key, &o);
	if (class == KEY_HANDLE_TAGS || class == KEY_FLAGS) {
		u32 zero[3] = { 0, 0, 0 };
		return put(&o, zero, class == KEY_FLAGS ? 12 : 4, NULL, 0);
	}
	return query_key(NTD_KEY_QUERY, &q, sizeof(q), class, &o);
}

NT_HANDLER(EnumerateKey)
{
	struct output o = { a[3], (u32)a[4], a[5] };
	struct ntd_index q = { .index = (u32)a[1] };
	s64 st = key_get(a[0], KEY_ENUMERATE_SUB_KEYS, &q.key);
	if (!st)
		st = query_key(NTD_KEY_ENUMERATE, &q, sizeof(q), (u32)a[2], &o);
	return st == NT(OBJECT_NAME_NOT_FOUND) ? NT(NO_MORE_ENTRIES) : st;
}

/* ---- values ---- */
static s64 put_value(const struct output *o, u32 class, const struct ntd_value_info *i, const u8 *name)
{
	const u8 *data = name + i->name_bytes;
	switch (class) {
	case VALUE_BASIC: {
		u32 v[] = { 0, i->type, i->name_bytes };
		return put(o, v, sizeof(v), name, i->name_bytes);
	}
	case VALUE_FULL:
	case VALUE_FULL_ALIGNED: {
		u32 offset = ALIGN_UP(20 + i->name_bytes, class == VALUE_FULL ? 4 : 8), pad = offset - 20 - i->name_bytes;
		u32 v[] = { 0, i->type, offset, i->data_bytes, i->name_bytes };
		u8 *tail = kzalloc(i->name_bytes + pad + i->data_bytes + 1);
		if (!tail)
			return ERR_NOMEM;
		memcpy(tail, name, i->name_bytes);
		memcpy(tail + i->name_bytes + pad, data, i->data_bytes);
		s64 st = put(o, v, sizeof(v), tail, i->name_bytes + pad + i->data_bytes);
		kfree(tail);
		return st;
	}
	case VALUE_PARTIAL: {
		u32 v[] = { 0, i->type, i->data_bytes };
		return put(o, v, sizeof(v), data, i->data_bytes);
	}
	case VALUE_PARTIAL_ALIGNED: {
		u32 v[] = { i->type, i->data_bytes };
		return put(o, v, sizeof(v), data, i->data_bytes);
	}
	default:
		return NT(INVALID_PARAMETER);
	}
}

static s64 query_value(struct ask *q, u32 class, const struct output *o)
{
	struct ntd_value_info info;
	u8 *bytes = kmalloc(REPLY_BYTES);
	q->reply = &info;
	q->reply_size = sizeof(info);
	q->data = bytes;
	q->capacity = REPLY_BYTES;
	s64 st = bytes ? ask(q) : ERR_NOMEM;
	if (!st)
		st = put_value(o, class, &info, bytes);
	kfree(bytes);
	return st;
}

NT_HANDLER(QueryValueKey)
{
	struct output o = { a[3], (u32)a[4], a[5] };
	struct ntd_key q;
	struct nt_string name;
	s64 st = key_get(a[0], KEY_QUERY_VALUE, &q.key);
	if (!st)
		st = nt_string_in(a[1], &name);
	if (st)
		return st;
	u16 *folded = fold(name.text, name.bytes);
	struct ask k = { .op = NTD_VALUE_QUERY, .args = &q, .args_size = sizeof(q), .payload = name.text, .payload_size = name.bytes,
		.folded = folded, .folded_size = name.bytes };
	st = folded ? query_value(&k, (u32)a[2], &o) : ERR_NOMEM;
	kfree(folded);
	nt_string_free(&name);
	return st;
}

NT_HANDLER(EnumerateValueKey)
{
	struct output o = { a[3], (u32)a[4], a[5] };
	struct ntd_index q = { .index = (u32)a[1] };
	s64 st = key_get(a[0], KEY_QUERY_VALUE, &q.key);
	struct ask k = { .op = NTD_VALUE_ENUMERATE, .args = &q, .args_size = sizeof(q) };
	if (!st)
		st = query_value(&k, (u32)a[2], &o);
	return st == NT(OBJECT_NAME_NOT_FOUND) ? NT(NO_MORE_ENTRIES) : st;
}

NT_HANDLER(SetValueKey)
{
	struct ntd_value_set q = { .type = (u32)a[3], .data_bytes = (u32)a[5] };
	struct nt_string name;
	if (q.data_bytes > NTD_VALUE_DATA_MAX)
		return NT(INSUFFICIENT_RESOURCES);
	s64 st = key_get(a[0], KEY_SET_VALUE, &q.key);
	if (!st)
		st = nt_string_in(a[1], &name);
	if (st)
		return st;
	q.name_bytes = name.bytes;
	u16 *folded = fold(name.text, name.bytes);
	u8 *both = name.bytes > NTD_VALUE_NAME_MAX ? NULL : kmalloc(name.bytes + q.data_bytes + 1);
	if (both && folded) {
		memcpy(both, name.text, name.bytes);
		st = copy_in(both + name.bytes, user_ptr(a[4]), q.data_bytes);
		struct ask k = { .op = NTD_VALUE_SET, .args = &q, .args_size = sizeof(q), .payload = both,
			.payload_size = name.bytes + q.data_bytes, .folded = folded, .folded_size = name.bytes };
		if (!st)
			st = ask(&k);
	} else {
		st = name.bytes > NTD_VALUE_NAME_MAX ? NT(INVALID_PARAMETER) : ERR_NOMEM;
	}
	kfree(both);
	kfree(folded);
	nt_string_free(&name);
	return st;
}

/* Hives are files of Windows; there are none here. */
NT_HANDLER(LoadKey) { return NT(PRIVILEGE_NOT_HELD); }
NT_HANDLER(SaveKey) { return NT(PRIVILEGE_NOT_HELD); }
NT_HANDLER(UnloadKey) { return NT(PRIVILEGE_NOT_HELD); }
