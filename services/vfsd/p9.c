// SPDX-License-Identifier: MIT
// See p9.h. Every read is checked against the bytes that arrived; a name with '/' or NUL makes its entry damaged.
#include "p9.h"

#define ERRNO_MAX 133u
#define SECONDS_MAX (INT64_MAX / (s64)NSEC_PER_SEC - 1)

static u8 *room(struct p9 *m, u32 n)
{
	if (m->bad || n > m->size - m->at) {
		m->bad = true;
		return NULL;
	}
	m->at += n;
	return m->data + m->at - n;
}

static void put(struct p9 *m, u64 v, u32 n)
{
	u8 *p = room(m, n);
	for (u32 i = 0; p && i < n; i++)
		p[i] = (u8)(v >> (8 * i));
}
void p9_put8(struct p9 *m, u8 v) { put(m, v, 1); }
void p9_put16(struct p9 *m, u16 v) { put(m, v, 2); }
void p9_put32(struct p9 *m, u32 v) { put(m, v, 4); }
void p9_put64(struct p9 *m, u64 v) { put(m, v, 8); }

void p9_put_bytes(struct p9 *m, const void *data, u32 size)
{
	u8 *p = room(m, size);
	if (p)
		memcpy(p, data, size);
}

void p9_put_string(struct p9 *m, const char *s, u32 size)
{
	if (size > UINT16_MAX)
		m->bad = true;
	put(m, size, 2);
	p9_put_bytes(m, s, size);
}

void p9_begin(struct p9 *m, u8 *buf, u32 size, u8 type, u16 tag)
{
	*m = (struct p9){ .data = buf, .size = size };
	put(m, 0, 4);
	put(m, type, 1);
	put(m, tag, 2);
}

u32 p9_end(struct p9 *m)
{
	u32 size = m->at;
	if (m->bad)
		return 0;
	m->at = 0;
	put(m, size, 4);
	m->at = size;
	return size;
}

static u64 get(struct p9 *m, u32 n)
{
	const u8 *p = room(m, n);
	u64 v = 0;
	for (u32 i = 0; p && i < n; i++)
		v |= (u64)p[i] << (8 * i);
	return v;
}
u8 p9_get8(struct p9 *m) { return (u8)get(m, 1); }
u16 p9_get16(struct p9 *m) { return (u16)get(m, 2); }
u32 p9_get32(struct p9 *m) { return (u32)get(m, 4); }
u64 p9_get64(struct p9 *m) { return get(m, 8); }

const char *p9_get_string(struct p9 *m, u16 *size)
{
	*size = p9_get16(m);
	return (const char *)room(m, *size);
}

struct p9_qid p9_get_qid(struct p9 *m)
{
	struct p9_qid q = { .type = p9_get8(m) };
	q.version = p9_get32(m);
	q.path = p9_get64(m);
	return q;
}

status_t p9_reply(struct p9 *m, u8 *buf, u32 length, u8 request_type)
{
	*m = (struct p9){ .data = buf, .size = length };
	u32 size = p9_get32(m);
	u8 type = p9_get8(m);
	p9_get16(m);
	if (m->bad || size < P9_HEADER || size > length)
		return ERR_PROTO;
	m->size = size;
	if (type == P9_RLERROR) {
		u32 code = p9_get32(m);
		return m->bad || !code || code > ERRNO_MAX ? ERR_IO : -(status_t)code;
	}
	return type == request_type + 1 ? OK : ERR_PROTO;
}

static s64 get_time(struct p9 *m)
{
	s64 seconds = (s64)p9_get64(m);
	u64 ns = p9_get64(m);
	if (seconds > SECONDS_MAX || seconds < -SECONDS_MAX || ns >= NSEC_PER_SEC)
		return 0; /* a time we cannot show */
	return seconds * (s64)NSEC_PER_SEC + (s64)ns;
}

status_t p9_get_attributes(struct p9 *m, struct p9_attributes *a)
{
	p9_get64(m); /* valid: servers fill the basic set */
	a->qid = p9_get_qid(m);
	a->mode = p9_get32(m);
	a->uid = p9_get32(m);
	a->gid = p9_get32(m);
	a->nlink = p9_get64(m);
	a->rdev = p9_get64(m);
	a->size = p9_get64(m);
	a->block_size = p9_get64(m);
	a->blocks = p9_get64(m);
	a->atime_ns = get_time(m);
	a->mtime_ns = get_time(m);
	a->ctime_ns = get_time(m);
	if (m->bad || a->size > INT64_MAX)
		return ERR_PROTO;
	return OK;
}

bool p9_get_entry(struct p9 *m, struct p9_entry *e)
{
	if (m->at == m->size)
		return false;
	e->qid = p9_get_qid(m);
	e->offset = p9_get64(m);
	e->type = p9_get8(m);
	e->name = p9_get_string(m, &e->name_size);
	if (m->bad || !e->name || !e->name_size || e->name_size > 255)
		return false;
	for (u32 i = 0; i < e->name_size; i++)
		if (!e->name[i] || e->name[i] == '/')
			return false;
	return true;
}
