// SPDX-License-Identifier: MIT
/* ntd: the registry of Windows programs, one for the machine, in memory. See README.md and abi/proto/nt.h. */
#include "ntd.h"

#include <string.h>

#include "../../abi/core/broker.h"

#define TEXT_MAX (1u << 20)      /* of one text in the boot archive */
#define PIECE_MIN (32u << 10)    /* text of one transaction: the journal holds several times what it makes */
#define PATH_DEPTH_MAX 512u      /* keys above each other, as documented */

/* Payload as UTF-16 with its upper-case twin. */
struct names { const u16 *text, *folded; u32 bytes; };

static status_t names_of(struct service_request *r, struct names *n)
{
	*n = (struct names){ (const u16 *)(const void *)r->payload, (const u16 *)(const void *)r->payload2, r->message.payload_size };
	return r->message.payload2_size != n->bytes || (n->bytes & 1) ? ERR_INVAL : OK;
}

/* ---- keys ---- */
static s64 open_key(struct service_request *r)
{
	const struct ntd_key_open *q = request_args(r);
	struct names n;
	struct ntd_key_opened reply = { 0 };
	s64 st = names_of(r, &n);
	if (st)
		return st;
	txn_begin();
	struct registry_key *k = key_of(q->root);
	st = k ? OK : ERR_STALE;
	for (u32 i = 0, count = n.bytes / 2; !st && i < count;) {
		u32 part = 0;
		while (i + part < count && n.text[i + part] != '\\')
			part++;
		bool last = i + part >= count || i + part + 1 == count;
		struct registry_key *child = part ? key_child(k, n.folded + i, part * 2) : k;
		if (part * 2 > NTD_KEY_NAME_MAX) {
			st = ERR_NAMETOOLONG;
		} else if (!child && last && (q->flags & NTD_OPEN_CREATE)) {
			child = key_create(k, n.text + i, n.folded + i, part * 2);
			reply.created = 1;
			st = child ? OK : ERR_NOSPC;
		} else if (!child) {
			st = ERR_NOENT;
		}
		k = child;
		i += part + 1;
	}
	if (st) {
		txn_abort();
		return st;
	}
	reply.key = cookie_of(k);
	request_reply_args(r, &reply, sizeof(reply));
	txn_commit(r, OK);
	return OK;
}

static void describe(struct service_request *r, const struct registry_key *k)
{
	struct ntd_key_info i = { .last_write_ns = k->last_write_ns, .name_bytes = k->name_bytes };
	for (u64 at = k->first_child; at;) {
		const struct registry_key *c = state_ptr(at);
		i.subkeys++;
		i.subkey_name_max = MAX(i.subkey_name_max, c->name_bytes);
		at = c->next;
	}
	for (u64 at = k->first_value; at;) {
		const struct registry_value *v = state_ptr(at);
		i.values++;
		i.value_name_max = MAX(i.value_name_max, v->name_bytes);
		i.value_data_max = MAX(i.value_data_max, v->data_bytes);
		at = v->next;
	}
	u32 n = MIN(k->name_bytes, r->message.reply_capacity);
	memcpy(r->reply_payload, k->name, n);
	r->reply_payload_size = n;
	request_reply_args(r, &i, sizeof(i));
}

static s64 query_key(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	state_lock();
	const struct registry_key *k = key_of(q->key);
	if (k)
		describe(r, k);
	state_unlock();
	return k ? OK : ERR_STALE;
}

static s64 key_path(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	const struct registry_key *chain[PATH_DEPTH_MAX];
	static const u16 top[] = { '\\', 'R', 'E', 'G', 'I', 'S', 'T', 'R', 'Y' };
	u32 depth = 0, used = sizeof(top);
	state_lock();
	const struct registry_key *k = key_of(q->key);
	s64 st = k ? OK : ERR_STALE;
	for (; k && k->parent && depth < PATH_DEPTH_MAX; k = state_ptr(k->parent))
		chain[depth++] = k;
	if (!st && r->message.reply_capacity >= used)
		memcpy(r->reply_payload, top, used);
	while (!st && depth) {
		k = chain[--depth];
		if (used + 2 + k->name_bytes > r->message.reply_capacity) {
			st = ERR_NAMETOOLONG;
			break;
		}
		memcpy(r->reply_payload + used, top, 2);
		memcpy(r->reply_payload + used + 2, k->name, k->name_bytes);
		used += 2 + k->name_bytes;
	}
	r->reply_payload_size = st ? 0 : used;
	state_unlock();
	return st;
}

/* Children are kept newest first; programs expect the order of names. */
static const struct registry_key *nth_child(const struct registry_key *k, u32 index)
{
	const struct registry_key *last = NULL;
	for (u32 i = 0; i <= index; i++) {
		const struct registry_key *best = NULL;
		for (u64 at = k->first_child; at;) {
			const struct registry_key *c = state_ptr(at);
			at = c->next;
			s32 above = 1, below = -1;
			for (u32 pass = 0; pass < 2; pass++) {
				const struct registry_key *other = pass ? best : last;
				if (!other)
					continue;
				u32 n = MIN(c->name_bytes, other->name_bytes) / 2, x = 0;
				while (x < n && key_folded(c)[x] == key_folded(other)[x])
					x++;
				s32 order = x < n ? (s32)key_folded(c)[x] - (s32)key_folded(other)[x] : (s32)c->name_bytes - (s32)other->name_bytes;
				if (pass)
					below = order;
				else
					above = order;
			}
			if (above > 0 && below < 0)
				best = c;
		}
		if (!best)
			return NULL;
		last = best;
	}
	return last;
}

static s64 enumerate_key(struct service_request *r)
{
	const struct ntd_index *q = request_args(r);
	state_lock();
	const struct registry_key *k = key_of(q->key), *c = k ? nth_child(k, q->index) : NULL;
	if (c)
		describe(r, c);
	state_unlock();
	return c ? OK : k ? ERR_NOENT : ERR_STALE;
}

static s64 delete_key(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	txn_begin();
	struct registry_key *k = key_of(q->key);
	s64 st = !k ? ERR_STALE : k->first_child ? ERR_NOTEMPTY : !k->parent ? ERR_PERM : OK;
	if (st) {
		txn_abort();
		return st;
	}
	key_free(k);
	txn_commit(r, OK);
	return OK;
}

/* A longer name needs a larger block, so the key moves: its children and values are handed over. */
static s64 rename_key(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	struct names n;
	s64 st = names_of(r, &n);
	if (st || !n.bytes || n.bytes > NTD_KEY_NAME_MAX)
		return st ? st : ERR_INVAL;
	txn_begin();
	struct registry_key *k = key_of(q->key), *parent = k ? state_ptr(k->parent) : NULL;
	if (!k || !parent || key_child(parent, n.folded, n.bytes)) {
		txn_abort();
		return !k ? ERR_STALE : !parent ? ERR_PERM : ERR_EXIST;
	}
	if (n.bytes == k->name_bytes) {
		txn_write(k->name, n.text, n.bytes);
		txn_write(k->name + n.bytes / 2, n.folded, n.bytes);
		key_touch(k);
		txn_commit(r, OK);
		return OK;
	}
	txn_abort();
	return ERR_OPNOTSUPP; /* the cookie would change under open handles */
}

/* ---- values ---- */
static s64 reply_value(struct service_request *r, const struct registry_value *v)
{
	struct ntd_value_info i = { v->type, v->name_bytes, v->data_bytes, 0 };
	request_reply_args(r, &i, sizeof(i));
	if (v->name_bytes + v->data_bytes > r->message.reply_capacity)
		return ERR_RANGE;
	memcpy(r->reply_payload, v->bytes, v->name_bytes);
	memcpy(r->reply_payload + v->name_bytes, v->bytes + 2 * v->name_bytes, v->data_bytes);
	r->reply_payload_size = v->name_bytes + v->data_bytes;
	return OK;
}

static s64 query_value(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	struct names n;
	s64 st = names_of(r, &n);
	if (st)
		return st;
	state_lock();
	const struct registry_key *k = key_of(q->key);
	const struct registry_value *v = k ? value_find(k, n.folded, n.bytes) : NULL;
	st = v ? reply_value(r, v) : k ? ERR_NOENT : ERR_STALE;
	state_unlock();
	return st;
}

static s64 enumerate_value(struct service_request *r)
{
	const struct ntd_index *q = request_args(r);
	state_lock();
	const struct registry_key *k = key_of(q->key);
	u64 at = k ? k->first_value : 0;
	for (u32 i = 0; at && i < q->index; i++)
		at = ((const struct registry_value *)state_ptr(at))->next;
	s64 st = at ? reply_value(r, state_ptr(at)) : k ? ERR_NOENT : ERR_STALE;
	state_unlock();
	return st;
}

static s64 set_value(struct service_request *r)
{
	const struct ntd_value_set *q = request_args(r);
	if (q->name_bytes > NTD_VALUE_NAME_MAX || q->data_bytes > NTD_VALUE_DATA_MAX || (q->name_bytes & 1) ||
	    r->message.payload_size != q->name_bytes + q->data_bytes || r->message.payload2_size != q->name_bytes)
		return ERR_INVAL;
	txn_begin();
	struct registry_key *k = key_of(q->key);
	s64 st = k ? value_set(k, q->type, (const u16 *)(const void *)r->payload, (const u16 *)(const void *)r->payload2, q->name_bytes,
			r->payload + q->name_bytes, q->data_bytes) : ERR_STALE;
	if (st) {
		txn_abort();
		return st;
	}
	txn_commit(r, OK);
	return OK;
}

static s64 delete_value(struct service_request *r)
{
	const struct ntd_key *q = request_args(r);
	struct names n;
	s64 st = names_of(r, &n);
	if (st)
		return st;
	txn_begin();
	struct registry_key *k = key_of(q->key);
	struct registry_value *v = k ? value_find(k, n.folded, n.bytes) : NULL;
	if (!v) {
		txn_abort();
		return k ? ERR_NOENT : ERR_STALE;
	}
	value_remove(k, v);
	txn_commit(r, OK);
	return OK;
}

/* ---- start ---- */
/* What the system DLLs bring along, then registry/windows: the later text wins. */
static const char *const texts[] = { "dlls.reg", "windows.reg" };

/* The end of the piece at `at`: before a line that names a key. */
static u64 piece_end(const char *text, u64 at, u64 size)
{
	for (u64 i = at + PIECE_MIN; i < size; i++)
		if (text[i] == '[' && text[i - 1] == '\n')
			return i;
	return size;
}

/* A transaction for each piece. Whoever starts after a death in between begins again: what is there is found and set anew. */
static bool load_pieces(const char *text, u64 size, u32 *line)
{
	u32 before = 0;
	for (u64 at = 0; at < size;) {
		u64 end = piece_end(text, at, size);
		bool right = registry_load(text + at, end - at, line);
		*line += before;
		before = *line - 1;
		if (!right)
			return false;
		txn_commit(NULL, OK);
		txn_begin();
		at = end;
	}
	return true;
}

static void load(const char *name)
{
	static char text[TEXT_MAX];
	struct mm_member m = { .va = (u64)text, .size = sizeof(text) };
	u32 line = 0;
	strcpy(m.name, name);
	s64 st = ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_MEMBER, (u64)&m, sizeof(m), 0, 0);
	if (st)
		service_log("no %s in the boot archive: %lld", name, (long long)st);
	else if (!load_pieces(text, m.size, &line))
		service_log("%s, line %u is wrong: the rest is left out", name, line);
}

static status_t start(bool first)
{
	struct ntd_root *root = state_root();
	if (!first)
		return OK;
	struct registry_key *top = root->root_key ? state_ptr(root->root_key) : key_create(NULL, (const u16 *)"", (const u16 *)"", 0);
	if (!top)
		return ERR_NOMEM;
	TXN_SET(root->root_key, state_offset(top));
	for (u32 i = 0; i < ARRAY_SIZE(texts); i++)
		load(texts[i]);
	return OK;
}

static const struct service_op ops[] = {
	SERVICE_OP(NTD_KEY_OPEN, struct ntd_key_open, open_key), SERVICE_OP(NTD_KEY_QUERY, struct ntd_key, query_key),
	SERVICE_OP(NTD_KEY_PATH, struct ntd_key, key_path), SERVICE_OP(NTD_KEY_ENUMERATE, struct ntd_index, enumerate_key),
	SERVICE_OP(NTD_KEY_DELETE, struct ntd_key, delete_key), SERVICE_OP(NTD_KEY_RENAME, struct ntd_key, rename_key),
	SERVICE_OP(NTD_VALUE_QUERY, struct ntd_key, query_value), SERVICE_OP(NTD_VALUE_ENUMERATE, struct ntd_index, enumerate_value),
	SERVICE_OP(NTD_VALUE_SET, struct ntd_value_set, set_value), SERVICE_OP(NTD_VALUE_DELETE, struct ntd_key, delete_value),
};

int main(void)
{
	static const struct service_config config = {
		.name = "ntd", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 1,
			.state_root_size = sizeof(struct ntd_root), .start = start,
	};
	return service_run(&config);
}
