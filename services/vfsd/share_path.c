// SPDX-License-Identifier: MIT
// Path records: which name led to an object last. Two tables, by cookie and by (qid path, type).
#include "share.h"

static u64 id_hash(u32 fs, u64 id) { return hash_u64(id * FS_MAX + fs); }
static u64 qid_hash(u32 fs, u64 path, u8 type)
{
	return hash_u64(hash_u64(path * FS_MAX + fs) + (type & P9_QID_DIRECTORY));
}
static struct share_path *of_qid_link(struct hash_record *r)
{
	return r ? container_of(r, struct share_path, by_qid) : NULL;
}

struct share_path *path_find(u32 fs, u64 id)
{
	struct share_path *p = state_ptr(table_first(&vfsd_state()->paths, id_hash(fs, id)));
	while (p && (p->id != id || p->fs != fs))
		p = state_ptr(p->by_id.chain);
	return p;
}

static struct share_path *find_qid(u32 fs, const struct p9_qid *q)
{
	struct share_path *p = of_qid_link(state_ptr(table_first(&vfsd_state()->qids, qid_hash(fs, q->path, q->type))));
	while (p && (p->qid_path != q->path || p->fs != fs || p->qid_type != q->type))
		p = of_qid_link(state_ptr(p->by_qid.chain));
	return p;
}

status_t path_rename(struct share_path *p, u64 parent, const char *name, u32 name_size)
{
	if (p->parent == parent && p->name_size == name_size && p->name && !memcmp(state_ptr(p->name), name, name_size))
		return OK;
	u64 text = name_size ? state_alloc(name_size) : 0;
	if (name_size && !text)
		return ERR_NOSPC;
	if (text)
		txn_write(state_ptr(text), name, name_size);
	if (p->name)
		state_free(p->name, p->name_size);
	TXN_SET(p->name, text);
	TXN_SET(p->name_size, (u16)name_size);
	TXN_SET(p->parent, parent);
	return OK;
}

struct share_path *path_learn(u32 fs, const struct p9_qid *qid, u64 parent, const char *name, u32 name_size)
{
	struct vfsd_state *s = vfsd_state();
	struct share_path *p = find_qid(fs, qid);
	if (p && p->id == SHARE_ROOT_COOKIE)
		return p;
	if (!p) {
		p = state_ptr(state_alloc(sizeof(*p)));
		if (!p)
			return NULL;
		struct share_path fresh = { .fs = fs, .qid_path = qid->path, .qid_type = qid->type };
		fresh.id = parent ? s->next_path + SHARE_ROOT_COOKIE + 1 : SHARE_ROOT_COOKIE;
		txn_write(p, &fresh, sizeof(fresh));
		TXN_SET(s->next_path, s->next_path + 1);
		if (table_insert(&s->paths, &p->by_id, id_hash(fs, fresh.id)) ||
		    table_insert(&s->qids, &p->by_qid, qid_hash(fs, qid->path, qid->type)))
			return NULL;
	}
	if (p->flags)
		TXN_SET(p->flags, (u8)0); /* the number is in use again */
	return path_rename(p, parent, name, name_size) ? NULL : p;
}

void path_detach(struct share_path *p)
{
	if (p->flags & PATH_DETACHED)
		return;
	table_remove(&vfsd_state()->qids, &p->by_qid);
	TXN_SET(p->flags, (u8)(p->flags | PATH_DETACHED));
}

status_t path_attach(struct share_path *p)
{
	if (!(p->flags & PATH_DETACHED))
		return OK;
	status_t st = table_insert(&vfsd_state()->qids, &p->by_qid, qid_hash(p->fs, p->qid_path, p->qid_type));
	if (!st)
		TXN_SET(p->flags, (u8)(p->flags & ~PATH_DETACHED));
	return st;
}

void path_forget(struct share_path *p)
{
	table_remove(&vfsd_state()->paths, &p->by_id);
	if (!(p->flags & PATH_DETACHED))
		table_remove(&vfsd_state()->qids, &p->by_qid);
	if (p->name)
		state_free(p->name, p->name_size);
	state_free(state_offset(p), sizeof(*p));
}

status_t path_names(u32 fs, u64 id, struct share_names *out)
{
	u64 chain[SHARE_DEPTH_MAX];
	u32 depth = 0;
	status_t st = OK;
	out->count = out->used = 0;
	state_lock();
	for (; !st && id != SHARE_ROOT_COOKIE; depth++) {
		struct share_path *p = path_find(fs, id);
		if (!p || p->flags & PATH_GONE || depth == SHARE_DEPTH_MAX) {
			st = ERR_STALE;
			break;
		}
		chain[depth] = state_offset(p);
		id = p->parent;
	}
	while (!st && depth) {
		struct share_path *p = state_ptr(chain[--depth]);
		if (out->used + p->name_size + 2 > sizeof(out->text)) {
			st = ERR_NAMETOOLONG;
			break;
		}
		out->starts[out->count++] = out->used;
		out->text[out->used] = (u8)p->name_size;
		out->text[out->used + 1] = (u8)(p->name_size >> 8);
		memcpy(out->text + out->used + 2, state_ptr(p->name), p->name_size);
		out->used += p->name_size + 2;
	}
	state_unlock();
	return st;
}
