// SPDX-License-Identifier: MIT
/* Mounts, file systems, fs contexts (root, cwd, umask), revocation by vfsd.
 * The mount list is read by walkers without a lock: additions are complete before they are linked, removals happen
 * inside an exclusion (name.c). A file system is one vfsd mount; bind mounts share it. */
#include "vfs_internal.h"

#define DEV_MAJOR_SHIFT 8
#define FIRST_DEV 0x10u             /* st_dev of file system id 0; minor numbers above, major 0 as Linux's own */
#define PRIVATE_SHARE 2u            /* writable root and tmpfs: up to half of memory, together */
#define MOUNTS_MAX 1024u
#define MNT_FORCE_K 1u
#define MNT_DETACH_K 2u
#define MNT_EXPIRE_K 4u
#define UMOUNT_NOFOLLOW_K 8u
#define MOUNT_KEPT_FLAGS (MS_RDONLY_K | MS_NOSUID_K | MS_NODEV_K | MS_NOEXEC_K | MS_NOATIME_K | MS_NODIRATIME_K | \
	MS_RELATIME_K | MS_STRICTATIME_K)

struct mount *root_mount;
struct mutex namespace_mutex;
u64 mount_changes;
struct wait_queue mounts_changed;
static struct list_node mounts = LIST_INIT(mounts);
static bool root_ready; /* with /dev, /proc and the rest on it */
static u32 mount_count, next_mount_id;
static struct filesystem anonymous;
static struct mount anonymous_mount_object;

void vfs_init(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	mutex_init(&namespace_mutex, RANK_NAMESPACE_MUTEX);
	name_cache_init();
	node_table_init();
	wait_queue_init(&mounts_changed);
	anonymous = (struct filesystem){ .refs = 1, .dev = 1, .flags = FS_KERNEL_DATA, .type = "tmpfs",
			.magic = 0x01021994 };
	anonymous_mount_object = (struct mount){ .refs = 1, .fs = &anonymous };
}

static void tell_mount_change(void)
{
	__atomic_add_fetch(&mount_changes, 1, __ATOMIC_RELEASE);
	wake_all(&mounts_changed);
}

struct filesystem *anonymous_fs(void)
{
	return &anonymous;
}

struct mount *anonymous_mount(void)
{
	return &anonymous_mount_object;
}

bool vfs_has_root(void)
{
	return __atomic_load_n(&root_ready, __ATOMIC_ACQUIRE);
}

struct position fs_root(struct fs_context *c)
{
	if (c && c->root.node)
		return c->root;
	return (struct position){ root_mount, root_mount ? root_mount->root : NULL };
}

struct position fs_cwd(struct fs_context *c)
{
	return c && c->cwd.node ? c->cwd : fs_root(c);
}

struct mount *mount_on_locked(struct mount *parent, struct node *mountpoint)
{
	struct mount *top = NULL; /* the newest hides the others */
	list_for_each(m, &mounts, struct mount, link)
		if (m->parent == parent && m->mountpoint == mountpoint)
			top = m;
	return top;
}

struct mount *mount_next(struct mount *after)
{
	struct mount *next = NULL;
	spin_lock(&name_lock);
	struct list_node *link = after ? after->link.next : mounts.next;
	if (link != &mounts && !(after && link == &after->link)) { /* detached meanwhile: the list ends */
		next = list_entry(link, struct mount, link);
		mount_get(next);
	}
	spin_unlock(&name_lock);
	if (after)
		mount_put(after);
	return next;
}

bool node_is_mountpoint(struct node *n)
{
	return n->mounted != NULL;
}

/* The last mount is gone: idle nodes go, then vfsd drops its side. */
static void filesystem_end(struct filesystem *fs)
{
	const struct process *p = process_current();
	struct vfs_node_request r = { .fs = fs->id };
	watches_unmount(fs);
	bool idle = nodes_purge(fs) == 0;
	bool may_call = !p || !(p->flags & PROC_SERVICE); /* a service must not wait for vfsd: it may be vfsd */
	if (may_call && vfs_call(VFS_UNMOUNT, HOP_BY_DESIGN, &r, sizeof(r), NULL, 0, NULL, 0) < 0)
		klog(LOG_WARN, "vfs: vfsd refused to detach file system %u", fs->id);
	if (!idle)
		return; /* nodes that somebody still holds point at it */
	account_put(fs->account);
	kfree(fs);
}

void mount_put(struct mount *m)
{
	if (__atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL))
		return;
	/* Detached before: only the last user was missing. */
	struct filesystem *fs = m->fs;
	node_put(m->root);
	if (m->mountpoint)
		node_put(m->mountpoint);
	if (m->parent)
		mount_put(m->parent);
	kfree(m);
	if (__atomic_sub_fetch(&fs->refs, 1, __ATOMIC_ACQ_REL) == 0)
		filesystem_end(fs);
}

static struct mount *mount_create(struct filesystem *fs, struct node *root, struct position on, u32 flags,
		const char *source)
{
	struct mount *m = kzalloc(sizeof(*m));
	if (!m)
		return NULL;
	m->refs = 1;
	m->fs = fs;
	__atomic_add_fetch(&fs->refs, 1, __ATOMIC_RELAXED);
	m->root = root;
	node_get(root);
	m->flags = flags & MOUNT_KEPT_FLAGS;
	if (on.node) {
		position_get(on);
		m->parent = on.mount;
		m->mountpoint = on.node;
	}
	str_copy(m->source, source, sizeof(m->source));
	list_init(&m->link);
	list_init(&m->hash_link);
	return m;
}

static status_t mount_attach(struct mount *m)
{
	spin_lock(&name_lock);
	if (mount_count >= MOUNTS_MAX) {
		spin_unlock(&name_lock);
		return FAIL(ERR_NOSPC, "too many mounts");
	}
	m->id = ++next_mount_id;
	mount_count++;
	list_push_back(&mounts, &m->link);
	if (m->mountpoint)
		__atomic_store_n(&m->mountpoint->mounted, m, __ATOMIC_RELEASE);
	spin_unlock(&name_lock);
	tell_mount_change();
	return OK;
}

/* size=N[kmg%] of the mount options, in pages; half of memory without it. */
static u64 size_option(const char *options, u64 total_pages)
{
	u64 n = 0;
	const char *p = options;
	while (p && strncmp(p, "size=", 5)) {
		p = strchr(p, ',');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return total_pages / PRIVATE_SHARE;
	for (p += 5; *p >= '0' && *p <= '9' && n < UINT64_MAX / 16; p++)
		n = n * 10 + (u64)(*p - '0');
	switch (*p) {
	case '%':
		return total_pages * MIN(n, 100) / 100;
	case 'k': case 'K':
		n <<= 10;
		break;
	case 'm': case 'M':
		n <<= 20;
		break;
	case 'g': case 'G':
		n <<= 30;
		break;
	}
	return n ? ALIGN_UP(n, PAGE_SIZE) / PAGE_SIZE : total_pages; /* size=0: no limit of its own, as tmpfs(5) */
}

/* What files hold in memory that no reclaim can take away: half of it for all mounts together, whatever each one's
 * size= says, so that full file systems leave programs their half. */
static struct account *private_data_account(void)
{
	static struct account *all;
	struct account *have = __atomic_load_n(&all, __ATOMIC_ACQUIRE), *made;
	struct mm_stats stats;

	if (have)
		return have;
	mm_stats_read(&stats);
	made = account_create(stats.total_pages / PRIVATE_SHARE, NULL);
	if (made && !__atomic_compare_exchange_n(&all, &have, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		account_put(made); /* another mount was faster */
		return have;
	}
	return made;
}

static struct filesystem *filesystem_create(const char *type, const char *options, const struct vfs_mount_reply *reply)
{
	struct filesystem *fs = kzalloc(sizeof(*fs));
	if (!fs)
		return NULL;
	fs->refs = 1;
	fs->id = reply->fs;
	fs->dev = FIRST_DEV + reply->fs;
	fs->flags = reply->fs_flags;
	fs->magic = reply->magic;
	str_copy(fs->type, type, sizeof(fs->type));
	if (fs->flags & FS_KERNEL_DATA) {
		struct account *all = private_data_account();
		if (all)
			fs->account = account_create(size_option(options, all->limit_pages * PRIVATE_SHARE), all);
	}
	fs->root = node_from_lease(fs, &reply->root);
	if (!fs->root || ((fs->flags & FS_KERNEL_DATA) && !fs->account)) {
		kfree(fs);
		return NULL;
	}
	return fs;
}

static s64 call_mount(const char *type, const char *source, const char *options, u32 flags, struct position on,
		      struct vfs_mount_reply *reply)
{
	size_t a = strlen(type) + 1, b = strlen(source) + 1, c = strlen(options) + 1;
	char *text = kmalloc(a + b + c);
	if (!text)
		return ERR_NOMEM;
	memcpy(text, type, a);
	memcpy(text + a, source, b);
	memcpy(text + a + b, options, c);
	struct vfs_mount_request r = { .flags = flags, .target_fs = on.node ? on.node->fs->id : 0 };
	s64 st = vfs_call(VFS_MOUNT, HOP_BY_DESIGN, &r, sizeof(r), reply, sizeof(*reply), text, (u32)(a + b + c));
	kfree(text);
	return st;
}

status_t vfs_mount_new(const char *type, const char *source, const char *options, u32 flags, struct position on)
{
	struct vfs_mount_reply reply;
	s64 done = call_mount(type, source, options, flags, on, &reply);
	if (done < 0)
		return (status_t)done;
	struct filesystem *fs = filesystem_create(type, options, &reply);
	if (!fs)
		return FAIL(ERR_NOMEM, "file system");
	struct mount *m = mount_create(fs, fs->root, on, flags, source);
	__atomic_sub_fetch(&fs->refs, 1, __ATOMIC_RELAXED); /* from here on its mounts keep it */
	if (!m)
		return FAIL(ERR_NOMEM, "mount");
	status_t st = mount_attach(m);
	if (st) {
		mount_put(m);
		return st;
	}
	if (!on.node)
		root_mount = m;
	return OK;
}

status_t vfs_mount_bind(struct position from, struct position on)
{
	if (node_is_dir(from.node) != node_is_dir(on.node))
		return ERR_NOTDIR;
	struct mount *m = mount_create(from.mount->fs, from.node, on, from.mount->flags, from.mount->source);
	if (!m)
		return ERR_NOMEM;
	status_t st = mount_attach(m);
	if (st)
		mount_put(m);
	return st;
}

status_t vfs_remount(struct position at, u32 flags)
{
	if (at.node != at.mount->root)
		return ERR_INVAL;
	if ((flags & MS_RDONLY_K) && !(at.mount->flags & MS_RDONLY_K)) {
		for (struct node *n = node_next(NULL); n; n = node_next(n)) {
			if (n->fs == at.mount->fs && n->write_count) {
				node_put(n);
				return ERR_BUSY;
			}
		}
	}
	at.mount->flags = flags & MOUNT_KEPT_FLAGS;
	tell_mount_change();
	return OK;
}

static status_t write_back_all(struct filesystem *fs)
{
	status_t st = OK;
	for (struct node *n = node_next(NULL); n; n = node_next(n)) {
		if (!n->dirty_pages || (fs && n->fs != fs))
			continue;
		status_t one = node_write_back(n);
		if (one)
			st = one;
	}
	return st;
}

static bool has_children_locked(const struct mount *m)
{
	list_for_each(c, &mounts, struct mount, link)
		if (c->parent == m)
			return true;
	return false;
}

/* Takes m out of the tree; false when it is in use. References that are expected: the list's and the caller's. */
static bool mount_detach(struct mount *m, bool lazy)
{
	spin_lock(&name_lock);
	names_exclude_locked();
	bool busy = !lazy && (has_children_locked(m) || __atomic_load_n(&m->refs, __ATOMIC_ACQUIRE) > 2);
	if (!busy) {
		list_remove(&m->link);
		mount_count--;
		struct mount *below = NULL; /* any other mount on that node keeps the hint alive */
		list_for_each(o, &mounts, struct mount, link)
			if (o->mountpoint == m->mountpoint)
				below = o;
		m->mountpoint->mounted = below;
	}
	names_admit_locked();
	spin_unlock(&name_lock);
	return !busy;
}

status_t vfs_unmount(struct position at, u32 flags)
{
	struct mount *m = at.mount;
	if (flags & ~(MNT_FORCE_K | MNT_DETACH_K | UMOUNT_NOFOLLOW_K))
		return ERR_INVAL; /* MNT_EXPIRE too */
	if (at.node != m->root || !m->parent)
		return ERR_INVAL;
	status_t st = write_back_all(m->fs);
	if (st && !(flags & MNT_FORCE_K))
		return st;
	if (!mount_detach(m, flags & MNT_DETACH_K))
		return ERR_BUSY;
	tell_mount_change();
	mount_put(m); /* the list's; the caller's reference ends the file system */
	return OK;
}

s64 vfs_syncfs(struct file *f)
{
	if (!f->where.node || !f->where.node->fs->id)
		return OK;
	struct filesystem *fs = f->where.node->fs;
	status_t st = write_back_all(fs);
	if (st || !(fs->flags & FS_SHARED))
		return st;
	struct vfs_node_request r = { .fs = fs->id };
	return vfs_call(VFS_SYNC, HOP_SHARED_MOUNT, &r, sizeof(r), NULL, 0, NULL, 0);
}

void vfs_sync_all(void)
{
	if (write_back_all(NULL))
		klog(LOG_WARN, "vfs: sync could not write everything back\n");
}

/* ---- boot ---- */
static const struct { const char *type, *path, *options; u32 flags; } boot_mounts[] = {
	{ "devtmpfs", "/dev", "mode=755", MS_NOSUID_K },
	{ "devpts", "/dev/pts", "", MS_NOSUID_K | MS_NOEXEC_K },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID_K | MS_NODEV_K },
	{ "proc", "/proc", "", MS_NOSUID_K | MS_NODEV_K | MS_NOEXEC_K },
	{ "sysfs", "/sys", "", MS_NOSUID_K | MS_NODEV_K | MS_NOEXEC_K },
	{ "tmpfs", "/run", "mode=755", MS_NOSUID_K | MS_NODEV_K },
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID_K | MS_NODEV_K },
};

/* Mountpoints inside devtmpfs do not exist in the image: made where they are missing. */
static status_t boot_mountpoint(const char *path, struct walk_result *r)
{
	status_t st = path_walk(AT_FDCWD_K, path, WALK_FOLLOW | WALK_CREATE, r);
	if (st || !r->missing)
		return st;
	struct create_args a = { .mode = S_IFDIR_K | 0755 };
	struct node *n;
	st = vfs_create_at(r->at, r->last, r->last_length, &a, &n);
	if (!st)
		node_put(n);
	walk_result_put(r);
	return st ? st : path_walk(AT_FDCWD_K, path, WALK_FOLLOW, r);
}

status_t vfs_init_root(void)
{
	vfs_init();
	if (root_mount)
		return ERR_BUSY;
	status_t st = vfs_mount_new("root", "system", "", MS_RELATIME_K, (struct position){ NULL, NULL });
	if (st)
		return st;
	for (u32 i = 0; i < ARRAY_SIZE(boot_mounts); i++) {
		struct walk_result r;
		st = boot_mountpoint(boot_mounts[i].path, &r);
		if (!st) {
			st = vfs_mount_new(boot_mounts[i].type, boot_mounts[i].type, boot_mounts[i].options,
					   boot_mounts[i].flags | MS_RELATIME_K, r.at);
			walk_result_put(&r);
		}
		if (st)
			klog(LOG_WARN, "vfs: %s is not mounted on %s: %d\n", boot_mounts[i].type, boot_mounts[i].path, st);
	}
	__atomic_store_n(&root_ready, true, __ATOMIC_RELEASE);
	return OK;
}

/* ---- fs contexts ---- */
static struct fs_context *context_allocate(void)
{
	struct fs_context *c = kzalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->refs = 1;
	spin_init(&c->lock, RANK_OBJECT);
	c->umask = 022;
	return c;
}

struct fs_context *fs_context_initial(void)
{
	vfs_init();
	return context_allocate(); /* an empty root stands for the global one, which may come later */
}

struct fs_context *fs_context_clone(struct fs_context *from)
{
	struct fs_context *c = context_allocate();
	if (!c)
		return NULL;
	spin_lock(&from->lock);
	c->root = from->root;
	c->cwd = from->cwd;
	c->umask = from->umask;
	if (c->root.node)
		position_get(c->root);
	if (c->cwd.node)
		position_get(c->cwd);
	spin_unlock(&from->lock);
	return c;
}

void fs_context_put(struct fs_context *c)
{
	if (__atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	position_put(c->root);
	position_put(c->cwd);
	kfree(c);
}

void fs_context_set(struct fs_context *c, struct position at, bool root)
{
	position_get(at);
	spin_lock(&c->lock);
	struct position *slot = root ? &c->root : &c->cwd, old = *slot;
	*slot = at;
	spin_unlock(&c->lock);
	position_put(old);
}

/* ---- revocation ---- */
static void revoke_names(struct node *dir, const char *name, u32 flags)
{
	struct list_node dead = LIST_INIT(dead);
	if (flags & VFS_REVOKE_SUBTREE) {
		spin_lock(&name_lock);
		names_exclude_locked();
		names_drop_children_excluded(dir, &dead, true);
		names_admit_locked();
		spin_unlock(&name_lock);
		name_entries_free(&dead);
	} else if (name) {
		name_mark_revoked(dir, name, (u32)strlen(name));
		name_remove(dir, name, (u32)strlen(name), true);
	}
}

status_t vfs_revoke(u32 fs_id, u64 dir_cookie, const char *name, u32 flags)
{
	struct node *n = node_find(fs_id, dir_cookie);
	if (!n)
		return OK; /* nothing remembered, nothing to forget */
	if (flags & (VFS_REVOKE_NAME | VFS_REVOKE_SUBTREE))
		revoke_names(n, name, flags);
	if (flags & VFS_REVOKE_ATTR) {
		spin_lock(&n->spin);
		n->flags |= NODE_STALE;
		spin_unlock(&n->spin);
	}
	if ((flags & VFS_REVOKE_DATA) && n->data && !(n->fs->flags & FS_KERNEL_DATA))
		memobj_drop_clean(n->data); /* dirty pages stay: the caller is vfsd and cannot take them now */
	if ((flags & (VFS_REVOKE_LISTING | VFS_REVOKE_NAME)) && node_is_dir(n) && mutex_try_lock(&n->lock)) {
		listing_drop(n); /* else: its holder is waiting for vfsd and drops it itself */
		mutex_unlock(&n->lock);
	}
	node_put(n);
	return OK;
}
