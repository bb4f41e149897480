// SPDX-License-Identifier: MIT
/* The path walk: components, `.`, `..`, symlinks, mounts, chroot, search permission, openat2's RESOLVE_*.
 * Entry: path_walk. On cached names the whole walk is one walk section (name.c): it follows raw pointers, takes
 * two references at the end and touches no lock. A miss or a symlink leaves the section holding references on
 * where it stands (`held`), does the slow thing, and enters again.
 * Rules: nothing is put and nothing sleeps inside a section; references in `held` are dropped outside it. */
#include "vfs_internal.h"

#define SYMLINKS_MAX 40u             /* as Linux: ELOOP beyond */
#define HELD_MAX 2u                  /* positions kept alive across one slow step: where we stood and its child */
#define LINK_BUFFER_BYTES 8192u      /* symlink texts in front of what is left of the path */

struct walk {
	const char *cursor;          /* what is left of the path */
	struct mount *mount;
	struct node *node;
	struct position root;        /* not above this */
	struct position start;       /* WALK_BENEATH: not above this either */
	struct position pinned[2];   /* root and start, when the fs context does not keep them alive for us */
	const struct cred *cred;
	u32 flags, links;
	char *buffer, *text;         /* LINK_BUFFER_BYTES, and where the text in it begins */
	struct position held[HELD_MAX];
	u32 held_count;
	struct walk_result *out;
};
struct component { const char *name; u32 length, hash; bool final, slash; };

static struct slab_cache *path_slab;

static void *path_buffer(void)
{
	if (unlikely(!path_slab))
		path_slab = slab_create("path", PATH_MAX_BYTES, 64);
	return path_slab ? slab_alloc(path_slab) : NULL;
}

status_t path_copy_in(struct user_ptr p, char **path)
{
	char *buf = path_buffer();
	if (!buf)
		return ERR_NOMEM;
	s64 length = copy_in_string(buf, p, PATH_MAX_BYTES);
	if (length < 0) {
		slab_free(path_slab, buf);
		return (status_t)length;
	}
	*path = buf;
	return OK;
}

void path_free(char *path)
{
	slab_free(path_slab, path);
}

void walk_result_put(struct walk_result *r)
{
	position_put(r->at);
	if (r->file)
		file_put(r->file);
	r->at.node = NULL;
	r->file = NULL;
}

/* Outside a section: drops what earlier steps kept alive. */
static void held_drop(struct walk *w)
{
	for (u32 i = 0; i < w->held_count; i++)
		position_put(w->held[i]);
	w->held_count = 0;
}

/* Leaves the section standing safely on the current position. */
static void leave_holding(struct walk *w)
{
	struct position here = { w->mount, w->node };
	position_get(here);
	walk_leave();
	held_drop(w);
	w->held[w->held_count++] = here;
}

static inline bool at_position(const struct walk *w, const struct position *p)
{
	return w->node == p->node && w->mount == p->mount;
}

static status_t step_up(struct walk *w)
{
	if ((w->flags & WALK_BENEATH) && at_position(w, &w->start))
		return ERR_XDEV;
	for (;;) {
		if (at_position(w, &w->root))
			return OK;
		if (w->node != w->mount->root)
			break;
		struct mount *up = w->mount->parent;
		if (!up)
			return OK;
		if (w->flags & WALK_NO_XDEV)
			return ERR_XDEV;
		w->node = w->mount->mountpoint;
		w->mount = up;
	}
	struct node *parent = __atomic_load_n(&w->node->parent, __ATOMIC_ACQUIRE);
	if (parent)
		w->node = parent;
	return OK;
}

static inline status_t cross_mounts(struct walk *w)
{
	while (unlikely(w->node->mounted != NULL)) {
		struct mount *m = w->node->mounted; /* the newest; another tree's bind mount may have another there */
		if (unlikely(m->parent != w->mount))
			m = mount_on_locked(w->mount, w->node);
		if (!m)
			return OK;
		if (w->flags & WALK_NO_XDEV)
			return ERR_XDEV;
		w->mount = m;
		w->node = m->root;
	}
	return OK;
}

static inline status_t may_search(const struct walk *w)
{
	if (likely((w->node->mode & 0111) == 0111))
		return OK;
	return node_permission(w->node, 1, w->cred);
}

/* Scans one component and hashes it on the way; cursor moves behind it and its slashes. */
static inline status_t scan(struct walk *w, struct component *c)
{
	const char *p = w->cursor;
	u32 h = name_hash_seed(w->node);
	c->name = p;
	for (; *p && *p != '/'; p++)
		h = NAME_HASH_STEP(h, *p);
	c->length = (u32)(p - c->name);
	c->hash = name_hash_end(h);
	c->slash = *p == '/';
	while (*p == '/')
		p++;
	c->final = !*p;
	w->cursor = p;
	return c->length > NAME_MAX_BYTES ? ERR_NAMETOOLONG : OK;
}

static status_t result_name(struct walk *w, const struct component *c)
{
	memcpy(w->out->last, c->name, c->length);
	w->out->last[c->length] = '\0';
	w->out->last_length = c->length;
	w->out->trailing_slash = c->slash;
	return OK;
}

/* Puts `target` (already at w->text - length) before the rest of the path and restarts at its beginning. */
static status_t go_through_text(struct walk *w, const char *target, s64 length, bool final)
{
	const char *rest = w->cursor;
	size_t rest_length = strlen(rest);
	bool in_buffer = w->text && rest >= w->buffer && rest < w->buffer + LINK_BUFFER_BYTES;
	if (length == 0)
		return ERR_NOENT;
	if (!in_buffer) {
		w->text = w->buffer + LINK_BUFFER_BYTES - rest_length - 1;
		memcpy(w->text, rest, rest_length + 1);
	} else {
		w->text = (char *)rest;
	}
	size_t need = (size_t)length + (final ? 0 : 1);
	if ((size_t)(w->text - w->buffer) < need)
		return ERR_NAMETOOLONG;
	if (!final)
		*--w->text = '/';
	w->text -= length;
	memcpy(w->text, target, (size_t)length);
	w->cursor = w->text;
	return OK;
}

/* Stands where the link lies and goes on with its text. */
static status_t follow_text(struct walk *w, struct node *link, const struct component *c)
{
	char *target = path_buffer();
	if (!target)
		return ERR_NOMEM;
	if (!w->buffer)
		w->buffer = kmalloc(LINK_BUFFER_BYTES);
	s64 length = w->buffer ? node_read_link(link, target, PATH_MAX_BYTES) : ERR_NOMEM;
	status_t st = length < 0 ? (status_t)length : OK;
	if (!st && target[0] == '/' && (w->flags & WALK_BENEATH))
		st = ERR_XDEV;
	if (!st && c->final && c->slash) { /* "link/": the slash counts for the target */
		if (length + 1 < (s64)PATH_MAX_BYTES)
			target[length++] = '/';
	}
	if (!st)
		st = go_through_text(w, target, length, c->final);
	path_free(target);
	if (st)
		return st;
	if (*w->cursor == '/') {
		if ((w->flags & WALK_NO_XDEV) && w->mount != w->root.mount)
			return ERR_XDEV;
		w->mount = w->root.mount;
		w->node = w->root.node;
	}
	return OK;
}

/* A procfs link that means an object: the walk goes on there. DONE (1) when it ended at a file without position. */
static s64 follow_magic(struct walk *w, struct node *link, const struct component *c)
{
	struct position at;
	struct file *file;
	bool magic;
	status_t st = magic_link_follow(link, &at, &file, &magic);
	if (st)
		return st;
	if (!magic)
		return follow_text(w, link, c);
	if (w->flags & (WALK_NO_MAGIC | WALK_NO_SYMLINKS | WALK_BENEATH | WALK_IN_ROOT)) {
		position_put(at);
		if (file)
			file_put(file);
		return w->flags & (WALK_BENEATH | WALK_IN_ROOT) ? ERR_XDEV : ERR_LOOP;
	}
	if (file) {
		if (c->final && !c->slash && (w->flags & WALK_FILE)) {
			w->out->file = file;
			return 1;
		}
		file_put(file);
		return c->final && !c->slash ? ERR_NXIO : ERR_NOTDIR;
	}
	held_drop(w);
	w->held[w->held_count++] = at;
	w->mount = at.mount;
	w->node = at.node;
	return OK;
}

/* In a section, standing on the directory; `link` is the symlink found. Back in a section, or 1 = done. */
static s64 follow(struct walk *w, struct node *link, const struct component *c)
{
	s64 st;
	node_get(link);
	leave_holding(w);
	if (++w->links > SYMLINKS_MAX || (w->flags & WALK_NO_SYMLINKS))
		st = ERR_LOOP;
	else if (link->fs->flags & FS_NO_NAME_CACHE)
		st = follow_magic(w, link, c);
	else
		st = follow_text(w, link, c);
	node_put(link);
	walk_enter();
	return st;
}

/* The cached child, or a call to vfsd outside the section. ERR_NOENT for a negative answer. */
static inline status_t find_child(struct walk *w, const struct component *c, struct node **child)
{
	if (likely(!(w->node->fs->flags & FS_NO_NAME_CACHE))) {
		struct name_entry *e = name_probe(w->node, c->hash, c->name, c->length);
		if (likely(e && (!e->lease_until_ns || e->lease_until_ns > time_now_ns()))) {
			*child = e->child;
			if (unlikely(!e->child))
				return ERR_NOENT;
			if (!e->child->used)
				e->child->used = 1;
			return OK;
		}
	}
	leave_holding(w);
	status_t st = name_lookup(w->node, c->name, c->length, child);
	if (!st) { /* the child stays referenced until the next slow step */
		struct position p = { w->mount, *child };
		mount_get(w->mount);
		w->held[w->held_count++] = p;
	}
	walk_enter();
	return st;
}

/* One component from the cursor. OK = go on, 1 = the walk ended here, negative = error. */
static inline s64 step(struct walk *w)
{
	struct component c;
	struct node *child;
	status_t st = scan(w, &c);
	if (unlikely(!node_is_dir(w->node)))
		return ERR_NOTDIR;
	if (!st)
		st = may_search(w);
	if (unlikely(st))
		return st;
	if (unlikely(c.final && (w->flags & WALK_PARENT))) {
		result_name(w, &c);
		return 1;
	}
	if (unlikely(c.name[0] == '.' && c.length <= 2)) {
		if (c.length == 1)
			return OK;
		if (c.name[1] == '.') {
			st = step_up(w);
			return st ? st : cross_mounts(w);
		}
	}
	st = find_child(w, &c, &child);
	if (unlikely(st)) {
		if (st != ERR_NOENT || !c.final || !(w->flags & WALK_CREATE))
			return st;
		result_name(w, &c);
		w->out->missing = true;
		return 1;
	}
	if (unlikely(node_is_link(child)) && (!c.final || c.slash || (w->flags & WALK_FOLLOW)))
		return follow(w, child, &c);
	w->node = child;
	st = cross_mounts(w);
	if (unlikely(st))
		return st;
	if (unlikely(c.final && c.slash && !node_is_dir(w->node)))
		return ERR_NOTDIR;
	if (c.final && (w->flags & WALK_CREATE))
		result_name(w, &c);
	return OK;
}

static s64 walk_components(struct walk *w)
{
	for (;;) {
		if (*w->cursor == '/') {
			while (*w->cursor == '/')
				w->cursor++;
			if (!*w->cursor && !node_is_dir(w->node))
				return ERR_NOTDIR;
		}
		if (!*w->cursor)
			return 0; /* "/" and WALK_PARENT: last stays empty */
		s64 st = step(w);
		if (st)
			return st;
	}
}

/* Where the walk begins. References that a descriptor lends are kept in `held`. */
static status_t walk_start(struct walk *w, int dirfd, const char *path)
{
	struct fs_context *fs = thread_current()->fs;
	bool absolute = *path == '/' && !(w->flags & WALK_IN_ROOT);
	bool shared = fs && fs->refs > 1; /* another thread may change the pair while we read it */
	if (shared)
		spin_lock(&fs->lock);
	w->root = fs_root(fs);
	struct position at = absolute ? w->root : fs_cwd(fs);
	if (shared) {
		if (w->root.node) {
			position_get(w->root);
			w->pinned[0] = w->root;
		}
		if (at.node) {
			position_get(at);
			w->pinned[1] = at;
		}
		spin_unlock(&fs->lock);
	}
	if (!w->root.node)
		return ERR_NOENT;
	if (!absolute && dirfd != AT_FDCWD_K) {
		struct file *f = fd_get(dirfd);
		if (!f)
			return ERR_BADF;
		position_put(w->pinned[1]);
		w->pinned[1].node = NULL;
		at = f->where;
		if (!at.node && !*path && (w->flags & WALK_FILE) && (w->flags & WALK_EMPTY_PATH)) {
			w->out->file = f;
			return OK;
		}
		if (at.node) {
			position_get(at);
			w->pinned[1] = at;
		}
		file_put(f);
		if (!at.node)
			return *path ? ERR_NOTDIR : ERR_OPNOTSUPP;
		if (*path && !node_is_dir(at.node))
			return ERR_NOTDIR;
	}
	if (!at.node)
		return ERR_NOENT;
	if (*path == '/' && (w->flags & WALK_BENEATH))
		return ERR_XDEV;
	if (w->flags & WALK_IN_ROOT)
		w->root = at;
	w->start = at;
	w->mount = at.mount;
	w->node = at.node;
	return OK;
}

static void walk_unpin(struct walk *w)
{
	held_drop(w);
	position_put(w->pinned[0]);
	position_put(w->pinned[1]);
	kfree(w->buffer);
}

static status_t finish(struct walk *w, s64 st)
{
	struct position at = { w->mount, w->node };
	if (st >= 0 && !w->out->file)
		position_get(at);
	walk_leave();
	walk_unpin(w);
	if (st < 0)
		return (status_t)st;
	if (w->out->file)
		return OK;
	w->out->at = at;
	if ((w->flags & WALK_DIRECTORY) && !(w->flags & WALK_PARENT) && !w->out->missing && !node_is_dir(at.node)) {
		walk_result_put(w->out);
		return ERR_NOTDIR;
	}
	return OK;
}

status_t path_walk(int dirfd, const char *path, u32 flags, struct walk_result *out)
{
	struct walk w;
	out->at.node = NULL;
	out->at.mount = NULL;
	out->file = NULL;
	out->missing = false;
	out->trailing_slash = false;
	out->last_length = 0;
	w.cursor = path;
	w.cred = current_cred();
	w.flags = flags;
	w.links = 0;
	w.buffer = w.text = NULL;
	w.held_count = 0;
	w.pinned[0].node = w.pinned[1].node = NULL;
	w.out = out;
	if (unlikely(!*path && !(flags & WALK_EMPTY_PATH)))
		return ERR_NOENT;
	status_t st = walk_start(&w, dirfd, path);
	if (unlikely(st)) {
		walk_unpin(&w);
		return st;
	}
	if (out->file) {
		walk_unpin(&w);
		return OK;
	}
	walk_enter();
	return finish(&w, *path ? walk_components(&w) : 0);
}
