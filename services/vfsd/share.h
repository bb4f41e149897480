/* SPDX-License-Identifier: MIT */
/* The 9p client. What must outlive us are path records in the state object: cookie -> (parent, name, qid), so that any
 * object is found again by walking. Fids are a cache of this instance; a new one starts a new 9p session, which clunks
 * the old fids at the server. No lock is held during an exchange.
 * Exchanges that change something are nested calls with the fixed step CHANGE_STEP of their request, so a repeat after
 * our death gets storaged's stored reply and does not act twice; all others are calls of our own. */
#ifndef AMBOS_VFSD_SHARE_H
#define AMBOS_VFSD_SHARE_H

#include "p9.h"
#include "vfsd.h"
#include "../../abi/proto/storage.h"

#define SHARE_ROOT_COOKIE 1u
#define SHARE_PATH_BYTES 4096u
#define SHARE_DEPTH_MAX 256u
#define CHANGE_STEP 1u
#define HIDE_STEP 2u                     /* share_hide, to the share's hidden folder */
#define HIDE_HERE_STEP 3u                /* and within the folder, when the first is refused */
#define SHOW_STEP 4u                     /* and back, when the rename itself is refused */
#define REVEAL_STEP 5u                   /* the hidden name of what got a name by link(2) */
#define HIDDEN_PREFIX ".ambos-hidden-"
#define HIDDEN_NAME_MAX 64u
#define P9_OPEN_READ_WRITE 2u
#define P9_OPEN_CREATE_EXCLUSIVE 0300u   /* O_CREAT | O_EXCL, Linux numbers */

/* DETACHED: no longer found by qid, because the server may give the inode's number away: a cookie means one object. */
enum path_flag { PATH_HIDDEN = 1, PATH_GONE = 2, PATH_DETACHED = 4 };
struct share_path {
	struct hash_record by_id;
	struct hash_record by_qid;
	u64 id, parent, qid_path;
	u32 fs;
	u8 qid_type, flags;
	u16 name_size;
	u64 name;                        /* offset of the text */
};

/* ---- path records (share_path.c): find with the state lock held; change inside a transaction ---- */
struct share_path *path_find(u32 fs, u64 id);
/* The record of what `qid` is, now known as (parent, name): made or brought up to date. NULL: no space. */
struct share_path *path_learn(u32 fs, const struct p9_qid *qid, u64 parent, const char *name, u32 name_size);
void path_forget(struct share_path *p);
void path_detach(struct share_path *p);                 /* before its last name is taken */
status_t path_attach(struct share_path *p) MUST_CHECK;  /* the name stays after all */
status_t path_rename(struct share_path *p, u64 parent, const char *name, u32 name_size) MUST_CHECK;
/* Names from the root, packed as 9p strings; takes the state lock. STALE when a parent is gone. */
struct share_names { u32 count; u32 used; u8 text[SHARE_PATH_BYTES]; u32 starts[SHARE_DEPTH_MAX]; };
status_t path_names(u32 fs, u64 id, struct share_names *out) MUST_CHECK;

/* ---- session and fids (share_session.c) ---- */
struct share_buffers { u8 out[STORAGE_9P_MSIZE_MAX], in[STORAGE_9P_MSIZE_MAX]; };
struct share_buffers *share_buffers(void);       /* of this worker */
u32 share_msize(u32 fs);
void share_begin(struct p9 *m, u8 type);
/* Sends what share_begin built; on OK `m` stands behind the reply's header. `change`: see the top. */
status_t share_exchange(u32 fs, struct p9 *m, struct service_request *change) MUST_CHECK;
status_t share_exchange_step(u32 fs, struct p9 *m, struct service_request *change, u32 step) MUST_CHECK;
status_t share_open_session(u32 fs) MUST_CHECK;
void share_detach(u32 fs);                       /* unmount: clunks everything */
struct share_fid { u32 fs, fid, open_fid, open_flags; u64 id; u32 busy; u16 next, used; };
/* The fid of an object, walked if need be; pinned until share_release. STALE when it is not there any more. */
status_t share_acquire(u32 fs, u64 id, struct share_fid **out) MUST_CHECK;
void share_release(struct share_fid *f);
void share_drop(u32 fs, u64 id);                 /* forgets the fids of an object (removed, or its path is old) */
void share_adopt(u32 fs, u64 id, u32 fid);       /* a fid that is already walked becomes the object's */
void share_adopt_open(u32 fs, u64 id, u32 open_fid, u32 flags);
u32 share_new_fid(void);
void share_clunk(u32 fs, u32 fid);
status_t share_walk_name(u32 fs, u32 from, u32 to, const char *name, u32 name_size,
			 struct p9_qid *qid) MUST_CHECK; /* NULL name: clone */
/* An open fid for reading (flags 0) or reading and writing (2). */
status_t share_open(struct share_fid *f, u32 flags, u32 *open_fid) MUST_CHECK;
/* Its user is the only one: an open fid for writing goes, because the host cannot run a program that is open for writing. */
void share_close_written(struct share_fid *f);
status_t share_getattr(u32 fs, u32 fid, struct p9_attributes *a) MUST_CHECK;

/* ---- objects without a name that are in use (share_hide.c) ---- */
u32 hidden_name(u64 id, char out[HIDDEN_NAME_MAX]);
/* Renames (dir, name) to its hidden name; *hidden_in: the cookie of the folder where that is. */
status_t share_hide(struct service_request *r, u32 fs, u64 dir, u32 dir_fid, const char *name, u32 name_size, u64 victim,
		    u64 *hidden_in) MUST_CHECK;
void share_show(struct service_request *r, u32 fs, u32 dir_fid, const char *name, u32 name_size, u64 victim, u64 hidden_in);
void share_hidden_linked(struct service_request *r, u32 fs, u64 id); /* it has a name now: the hidden one goes */

/* ---- shared by the handlers ---- */
status_t share_lcreate(u32 fs, u32 fid, const char *name, u32 name_size, u32 mode, struct service_request *change) MUST_CHECK;
status_t share_send_rename(u32 fs, u32 old_dir, const char *old_name, u32 old_size, u32 new_dir, const char *new_name,
			   u32 new_size, struct service_request *change, u32 step) MUST_CHECK;
status_t share_send_unlink(u32 fs, u32 dir, const char *name, u32 name_size, u32 flags, struct service_request *change,
			   u32 step) MUST_CHECK;
struct vfs_attributes share_attributes(const struct service_request *r, u32 fs, const struct p9_attributes *a);
void share_fill_node(struct service_request *r, u32 fs, u64 id, const struct p9_attributes *a, struct vfs_node *out);
/* The record's cookie for what was found under (dir, name). */
status_t share_learn(u32 fs, const struct p9_qid *qid, u64 dir, const char *name, u32 name_size, u64 *id) MUST_CHECK;
/* Looks (dir, name) up at the server and fills the lease. */
status_t share_lookup(struct service_request *r, u32 fs, u64 dir, const char *name, u32 name_size,
		      struct vfs_node *out) MUST_CHECK;
bool is_hidden_name(const char *name, u32 size);
#define SHARE_HANDLER(name) s64 share_##name(struct service_request *r)
SHARE_HANDLER(create); SHARE_HANDLER(mkdir); SHARE_HANDLER(symlink); SHARE_HANDLER(link); SHARE_HANDLER(unlink);
SHARE_HANDLER(rmdir); SHARE_HANDLER(rename); SHARE_HANDLER(setattr); SHARE_HANDLER(forget); SHARE_HANDLER(tmpfile);

#endif
