// SPDX-License-Identifier: MIT
// The 9p session and its fids. Cached fids are pinned while used (busy); the least recently used idle one makes
// room. Locks: fid_lock guards the cache array only and is never held during an exchange; session_lock is held
// while a session is made, so that nobody uses a fid before its attach.
#include "share.h"

#include <pthread.h>
#include <sys/mman.h>

#define FIDS_CACHED 4096u                /* a source tree; found by hash */
#define FID_BUCKETS 4096u
#define OPEN_MAX 256u                    /* open ones: each is a descriptor of QEMU's */
#define FIRST_FID 1000u                  /* below: the roots, numbered by file system */
#define MSIZE_WANTED 65536u              /* storaged's buffers */
#define DEVICES 20u                      /* DEVICES_MAX of storaged */

static struct share_fid cache[FIDS_CACHED];
static pthread_mutex_t fid_lock = PTHREAD_MUTEX_INITIALIZER, session_lock = PTHREAD_MUTEX_INITIALIZER;
static u16 buckets[FID_BUCKETS];         /* 1 + the first entry's place, 0: none */
static u32 hand, open_hand, open_count;  /* open_count: cached open fids */
static u32 next_fid = FIRST_FID;
static u32 session_msize[DEVICES];       /* 0: no session yet in this instance */
static bool attached[FS_MAX];
static __thread struct share_buffers *buffers;

struct share_buffers *share_buffers(void)
{
	if (!buffers) {
		buffers = mmap(NULL, sizeof(*buffers), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (buffers == MAP_FAILED)
			service_panic("no memory for message buffers");
	}
	return buffers;
}

static u32 device_of(u32 fs)
{
	state_lock();
	struct fs_record *f = fs_get(fs);
	u32 device = f ? f->device : DEVICES;
	state_unlock();
	return device;
}

void share_begin(struct p9 *m, u8 type)
{
	struct share_buffers *b = share_buffers();
	p9_begin(m, b->out, sizeof(b->out), type, type == P9_TVERSION ? P9_NO_TAG : 1);
}

static status_t exchange(u32 device, struct p9 *m, struct service_request *change, u32 step)
{
	struct share_buffers *b = share_buffers();
	u8 type = b->out[4];
	u32 size = p9_end(m);
	if (!size)
		return ERR_NAMETOOLONG;
	struct storage_9p_exchange e = { .device = device, .repeat = change && change->message.flags & IPC_RETRY };
	struct service_call_result result = { .payload = b->in, .capacity = sizeof(b->in) };
	if (change)
		change->next_step = step;
	s64 st = service_call(change, SERVICE_STORAGED, STORAGE_9P_EXCHANGE, &e, sizeof(e), b->out, size, &result);
	return st < 0 ? (status_t)st : p9_reply(m, b->in, result.length, type);
}

status_t share_exchange_step(u32 fs, struct p9 *m, struct service_request *change, u32 step)
{
	u32 device = device_of(fs);
	return device < DEVICES ? exchange(device, m, change, step) : ERR_STALE;
}

status_t share_exchange(u32 fs, struct p9 *m, struct service_request *change)
{
	return share_exchange_step(fs, m, change, CHANGE_STEP);
}

u32 share_msize(u32 fs)
{
	u32 device = device_of(fs);
	return device < DEVICES && session_msize[device] ? session_msize[device] : 4096;
}

static status_t start_session(u32 device)
{
	static const char version[] = "9P2000.L";
	struct p9 m;
	u16 size;
	share_begin(&m, P9_TVERSION);
	p9_put32(&m, MSIZE_WANTED);
	p9_put_string(&m, version, sizeof(version) - 1);
	status_t st = exchange(device, &m, NULL, 0);
	if (st)
		return st;
	u32 msize = p9_get32(&m);
	const char *answer = p9_get_string(&m, &size);
	if (!answer || size != sizeof(version) - 1 || memcmp(answer, version, size) != 0 || msize < 4096)
		return ERR_PROTO;
	session_msize[device] = MIN(msize, MSIZE_WANTED);
	return OK;
}

static status_t attach(u32 fs)
{
	struct p9 m;
	share_begin(&m, P9_TATTACH);
	p9_put32(&m, fs);
	p9_put32(&m, P9_NO_FID);
	p9_put_string(&m, "", 0);
	p9_put_string(&m, "", 0);
	p9_put32(&m, P9_NO_ID); /* files belong to whom the server runs as */
	return share_exchange(fs, &m, NULL);
}

status_t share_open_session(u32 fs)
{
	status_t st = OK;
	if (__atomic_load_n(&attached[fs], __ATOMIC_ACQUIRE))
		return OK;
	u32 device = device_of(fs);
	if (device >= DEVICES)
		return ERR_STALE;
	pthread_mutex_lock(&session_lock);
	if (!session_msize[device])
		st = start_session(device);
	if (!st && !attached[fs])
		st = attach(fs);
	if (!st)
		__atomic_store_n(&attached[fs], true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&session_lock);
	return st;
}

void share_detach(u32 fs)
{
	for (u32 i = 0; i < FIDS_CACHED; i++)
		if (cache[i].id && cache[i].fs == fs)
			share_drop(fs, cache[i].id);
	pthread_mutex_lock(&session_lock);
	if (attached[fs])
		share_clunk(fs, fs);
	attached[fs] = false;
	pthread_mutex_unlock(&session_lock);
}

u32 share_new_fid(void) { return __atomic_fetch_add(&next_fid, 1, __ATOMIC_RELAXED); }

void share_clunk(u32 fs, u32 fid)
{
	struct p9 m;
	share_begin(&m, P9_TCLUNK);
	p9_put32(&m, fid);
	if (share_exchange(fs, &m, NULL)) { /* the server forgets it either way */ }
}

/* ---- cache ---- */
static u16 *bucket_of(u32 fs, u64 id) { return &buckets[hash_u64(id * FS_MAX + fs) % FID_BUCKETS]; }

static struct share_fid *find_locked(u32 fs, u64 id)
{
	for (u32 at = *bucket_of(fs, id); at; at = cache[at - 1].next)
		if (cache[at - 1].id == id && cache[at - 1].fs == fs)
			return &cache[at - 1];
	return NULL;
}

/* Takes the entry out of its bucket: nobody finds it any more. */
static void unlist_locked(struct share_fid *f)
{
	u16 *link = bucket_of(f->fs, f->id), place = (u16)(f - cache + 1);
	while (*link != place)
		link = &cache[*link - 1].next;
	*link = f->next;
	f->id = 0;
}

/* A slot for a new object; what it held is in *old, to be clunked by the caller. NULL: all are in use. */
static struct share_fid *take_locked(u32 fs, u64 id, u32 fid, struct share_fid *old)
{
	for (u32 i = 0; i < 2 * FIDS_CACHED; i++) {
		struct share_fid *f = &cache[hand++ % FIDS_CACHED];
		if (f->busy)
			continue;
		if (f->used) {
			f->used = 0;
			continue;
		}
		*old = *f;
		if (f->id)
			unlist_locked(f);
		open_count -= f->open_fid != 0;
		u16 *head = bucket_of(fs, id);
		*f = (struct share_fid){ .fs = fs, .id = id, .fid = fid, .used = 1, .next = *head };
		*head = (u16)(f - cache + 1);
		return f;
	}
	return NULL;
}

static void clunk_both(const struct share_fid *f)
{
	if (!f->id)
		return;
	if (f->open_fid)
		share_clunk(f->fs, f->open_fid);
	if (f->fid)
		share_clunk(f->fs, f->fid);
}

void share_drop(u32 fs, u64 id)
{
	struct share_fid old = { 0 };
	pthread_mutex_lock(&fid_lock);
	struct share_fid *f = find_locked(fs, id);
	if (f && !f->busy) {
		old = *f;
		unlist_locked(f);
		open_count -= f->open_fid != 0;
		*f = (struct share_fid){ 0 };
	} else if (f) {
		unlist_locked(f); /* its user is the last one; share_release clunks */
	}
	pthread_mutex_unlock(&fid_lock);
	clunk_both(&old);
}

void share_release(struct share_fid *f)
{
	struct share_fid old = { 0 };
	pthread_mutex_lock(&fid_lock);
	if (!--f->busy && !f->id) {
		old = *f;
		old.id = 1;
		open_count -= f->open_fid != 0;
		*f = (struct share_fid){ 0 };
	}
	pthread_mutex_unlock(&fid_lock);
	clunk_both(&old);
}

/* Makes `fid` the object's; when it has one already, the newer one is clunked. Pinned if `out`. */
static status_t install(u32 fs, u64 id, u32 fid, u32 open_fid, u32 open_flags, struct share_fid **out)
{
	struct share_fid old = { 0 };
	u32 surplus = 0;
	pthread_mutex_lock(&fid_lock);
	struct share_fid *f = find_locked(fs, id);
	if (!f)
		f = take_locked(fs, id, fid, &old);
	else if (!f->fid)
		f->fid = fid;
	else
		surplus = fid;
	if (f && open_fid && !f->open_fid) {
		f->open_fid = open_fid;
		f->open_flags = open_flags;
		open_count++;
		open_fid = 0;
	}
	if (f && out) {
		f->busy++;
		*out = f;
	}
	pthread_mutex_unlock(&fid_lock);
	clunk_both(&old);
	if (!f)
		surplus = fid;
	if (surplus)
		share_clunk(fs, surplus);
	if (open_fid)
		share_clunk(fs, open_fid);
	return f ? OK : ERR_NFILE;
}

void share_adopt(u32 fs, u64 id, u32 fid)
{
	if (install(fs, id, fid, 0, 0, NULL)) { /* cache full of busy fids: walked again when needed */ }
}

void share_adopt_open(u32 fs, u64 id, u32 open_fid, u32 flags)
{
	if (install(fs, id, 0, open_fid, flags, NULL)) { /* as above */ }
}

status_t share_walk_name(u32 fs, u32 from, u32 to, const char *name, u32 name_size, struct p9_qid *qid)
{
	struct p9 m;
	share_begin(&m, P9_TWALK);
	p9_put32(&m, from);
	p9_put32(&m, to);
	p9_put16(&m, name ? 1 : 0);
	if (name)
		p9_put_string(&m, name, name_size);
	status_t st = share_exchange(fs, &m, NULL);
	if (st || !name)
		return st;
	u16 count = p9_get16(&m);
	struct p9_qid q = p9_get_qid(&m);
	if (m.bad || count != 1)
		return ERR_NOENT;
	if (qid)
		*qid = q;
	return OK;
}

/* Walks from the root in steps of P9_WALK_MAX names; `to` exists on OK only. */
static status_t walk_path(u32 fs, u64 id, u32 to)
{
	static __thread struct share_names names;
	status_t st = path_names(fs, id, &names);
	u32 from = fs;
	for (u32 done = 0; !st && (done < names.count || from == fs);) {
		u32 n = MIN(names.count - done, P9_WALK_MAX);
		u32 start = n ? names.starts[done] : 0, end = done + n < names.count ? names.starts[done + n] : names.used;
		struct p9 m;
		share_begin(&m, P9_TWALK);
		p9_put32(&m, from);
		p9_put32(&m, to);
		p9_put16(&m, (u16)n);
		p9_put_bytes(&m, names.text + start, end - start);
		st = share_exchange(fs, &m, NULL);
		if (!st && p9_get16(&m) != n)
			st = ERR_NOENT;
		if (st && from == to)
			share_clunk(fs, to);
		from = to;
		done += n;
	}
	return st == ERR_NOENT || st == ERR_NOTDIR ? ERR_STALE : st;
}

status_t share_acquire(u32 fs, u64 id, struct share_fid **out)
{
	status_t st = share_open_session(fs);
	if (st)
		return st;
	pthread_mutex_lock(&fid_lock);
	struct share_fid *f = find_locked(fs, id);
	bool found = f && f->fid;
	if (found) {
		f->busy++;
		f->used = 1;
		*out = f;
	}
	pthread_mutex_unlock(&fid_lock);
	if (found)
		return OK;
	u32 fid = share_new_fid();
	st = walk_path(fs, id, fid);
	return st ? st : install(fs, id, fid, 0, 0, out);
}

static status_t lopen(u32 fs, u32 fid, u32 flags)
{
	struct p9 m;
	share_begin(&m, P9_TLOPEN);
	p9_put32(&m, fid);
	p9_put32(&m, flags);
	return share_exchange(fs, &m, NULL);
}

static status_t set_mode(u32 fs, u32 fid, u32 mode)
{
	struct p9 m;
	share_begin(&m, P9_TSETATTR);
	p9_put32(&m, fid);
	p9_put32(&m, P9_SET_MODE);
	p9_put32(&m, mode & 07777);
	for (u32 i = 0; i < 2; i++)
		p9_put32(&m, P9_NO_ID);
	for (u32 i = 0; i < 5; i++)
		p9_put64(&m, 0);
	return share_exchange(fs, &m, NULL);
}

/* The guest has checked permission when it opened; the server checks the host user's. A file whose mode refuses its
 * owner (written through a descriptor opened before) gets the bit for the moment of the open. */
static status_t open_in_spite_of_mode(struct share_fid *f, u32 fid, u32 flags)
{
	struct p9_attributes a;
	status_t st = lopen(f->fs, fid, flags);
	if (st != ERR_ACCES && st != ERR_PERM)
		return st;
	if (share_getattr(f->fs, f->fid, &a) || set_mode(f->fs, f->fid, a.mode | 0600))
		return st;
	st = lopen(f->fs, fid, flags);
	status_t back = set_mode(f->fs, f->fid, a.mode);
	return st ? st : back;
}

/* Takes the open fid out of an entry that has no more than `busy` users. */
static void take_open_locked(struct share_fid *f, u32 busy, struct share_fid *out)
{
	if (!f->open_fid || f->busy > busy)
		return;
	*out = *f;
	f->open_fid = f->open_flags = 0;
	open_count--;
}

status_t share_open(struct share_fid *f, u32 flags, u32 *open_fid)
{
	pthread_mutex_lock(&fid_lock);
	u32 have = f->open_fid && (f->open_flags & 3) >= flags ? f->open_fid : 0;
	pthread_mutex_unlock(&fid_lock);
	*open_fid = have;
	if (have)
		return OK;
	u32 fid = share_new_fid();
	status_t st = share_walk_name(f->fs, f->fid, fid, NULL, 0, NULL);
	if (st)
		return st;
	st = open_in_spite_of_mode(f, fid, flags);
	if (st) {
		share_clunk(f->fs, fid);
		return st;
	}
	struct share_fid surplus = { 0 };
	pthread_mutex_lock(&fid_lock);
	u32 old = f->open_fid; /* may be in use by another worker only for reading what it has sent already */
	f->open_fid = fid;
	f->open_flags = flags;
	open_count += !old;
	for (u32 i = 0; open_count > OPEN_MAX && i < FIDS_CACHED && !surplus.open_fid; i++)
		take_open_locked(&cache[open_hand++ % FIDS_CACHED], 0, &surplus);
	pthread_mutex_unlock(&fid_lock);
	if (old)
		share_clunk(f->fs, old);
	if (surplus.open_fid)
		share_clunk(surplus.fs, surplus.open_fid);
	*open_fid = fid;
	return OK;
}

void share_close_written(struct share_fid *f)
{
	struct share_fid written = { 0 };
	pthread_mutex_lock(&fid_lock);
	if (f->open_flags & P9_OPEN_READ_WRITE)
		take_open_locked(f, 1, &written);
	pthread_mutex_unlock(&fid_lock);
	if (written.open_fid)
		share_clunk(written.fs, written.open_fid);
}

status_t share_getattr(u32 fs, u32 fid, struct p9_attributes *a)
{
	struct p9 m;
	share_begin(&m, P9_TGETATTR);
	p9_put32(&m, fid);
	p9_put64(&m, P9_GETATTR_BASIC);
	status_t st = share_exchange(fs, &m, NULL);
	return st ? st : p9_get_attributes(&m, a);
}
