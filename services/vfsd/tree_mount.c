// SPDX-License-Identifier: MIT
// Mounting and unmounting of the tree file systems; the contents of devtmpfs.
#include "tree.h"

#define TMPFS_MAGIC 0x01021994u
#define INODE_BYTES (4 * PAGE_SIZE)      /* default inode limit: one per so many bytes of memory, so that the state
					    object (about 300 bytes a name) stays a small part of it */
#define DEVICE(major, minor) ((u64)(major) << 8 | (minor))

struct mount_options { u64 size, objects; u32 mode, uid, gid; };

/* "12", "12k", "50%" of `whole`. Advances *s to the end of the number. */
static status_t parse_number(const char **s, u64 base, u64 whole, u64 *out)
{
	u64 n = 0;
	const char *p = *s;
	for (; *p >= '0' && *p < (char)('0' + base); p++)
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, (u64)(*p - '0'), &n))
			return ERR_INVAL;
	if (p == *s)
		return ERR_INVAL;
	u32 shift = 0;
	if (base == 10 && whole) {
		char c = (char)(*p | 0x20);
		shift = c == 'k' ? 10 : c == 'm' ? 20 : c == 'g' ? 30 : 0;
		if (shift)
			p++;
		else if (*p == '%' && n <= 100) {
			n = whole / 100 * n;
			p++;
		}
	}
	if (n > UINT64_MAX >> shift >> 1)
		return ERR_INVAL;
	*out = n << shift;
	*s = p;
	return OK;
}

static bool take_key(const char **s, const char *key)
{
	size_t n = strlen(key);
	if (strncmp(*s, key, n) != 0)
		return false;
	*s += n;
	return true;
}

static status_t parse_options(const char *s, struct mount_options *o)
{
	u64 value;
	while (*s) {
		status_t st = OK;
		if (take_key(&s, "size="))
			st = parse_number(&s, 10, tree_memory_bytes, &o->size);
		else if (take_key(&s, "nr_inodes="))
			st = parse_number(&s, 10, 100, &o->objects);
		else if (take_key(&s, "mode=") && !(st = parse_number(&s, 8, 0, &value)))
			o->mode = (u32)value & 07777;
		else if (!st && take_key(&s, "uid=") && !(st = parse_number(&s, 10, 0, &value)))
			o->uid = (u32)value;
		else if (!st && take_key(&s, "gid=") && !(st = parse_number(&s, 10, 0, &value)))
			o->gid = (u32)value;
		else if (!st && !take_key(&s, "inode64"))
			st = ERR_INVAL;
		if (st || (*s && *s++ != ','))
			return ERR_INVAL;
	}
	return OK;
}

s64 fs_slot(u32 kind)
{
	struct vfsd_state *s = vfsd_state();
	for (u32 i = 1; i < FS_MAX; i++) {
		if (s->fs[i].state != FS_STATE_FREE)
			continue;
		struct fs_record fresh = { .kind = kind, .state = FS_STATE_LIVE, .next_ino = 2, .root_ino = 1 };
		txn_write(&s->fs[i], &fresh, sizeof(fresh));
		return i;
	}
	return ERR_NOSPC;
}

static const struct ipc_caller kernel_caller = { .capabilities = UINT64_MAX };

static status_t make_root(u32 fs, const struct mount_options *o)
{
	struct fs_record *f = &vfsd_state()->fs[fs];
	s64 now = change_time_ns();
	struct tree_object fresh = {
		.fs = fs, .ino = f->root_ino, .mode = MODE_DIRECTORY | o->mode, .nlink = 2, .uid = o->uid, .gid = o->gid,
		.parent = f->root_ino, .atime_ns = now, .mtime_ns = now, .ctime_ns = now, .btime_ns = now,
	};
	return object_new(&fresh) ? OK : ERR_NOSPC;
}

static status_t add(u32 fs, const char *name, u32 mode, u64 rdev, const char *target)
{
	struct tree_create r = {
		.fs = fs,
		.mode = mode,
		.dir = vfsd_state()->fs[fs].root_ino,
		.rdev = rdev,
		.name = name,
		.name_size = (u32)strlen(name),
		.target = target,
		.target_size = target ? (u32)strlen(target) : 0,
	};
	struct vfs_node node;
	return tree_create(&kernel_caller, &r, &node);
}

static status_t populate_devices(u32 fs)
{
	static const struct { const char *name; u32 mode; u64 rdev; const char *target; } table[] = {
		{ "null", MODE_CHARACTER | 0666, DEVICE(1, 3), NULL },
		{ "zero", MODE_CHARACTER | 0666, DEVICE(1, 5), NULL },
		{ "full", MODE_CHARACTER | 0666, DEVICE(1, 7), NULL },
		{ "random", MODE_CHARACTER | 0666, DEVICE(1, 8), NULL },
		{ "urandom", MODE_CHARACTER | 0666, DEVICE(1, 9), NULL },
		{ "kmsg", MODE_CHARACTER | 0644, DEVICE(1, 11), NULL },
		{ "tty", MODE_CHARACTER | 0666, DEVICE(5, 0), NULL },
		{ "console", MODE_CHARACTER | 0600, DEVICE(5, 1), NULL },
		{ "ptmx", MODE_CHARACTER | 0666, DEVICE(5, 2), NULL },
		{ "pts", MODE_DIRECTORY | 0755, 0, NULL },
		{ "shm", MODE_DIRECTORY | 01777, 0, NULL },
		{ "fd", MODE_SYMLINK | 0777, 0, "/proc/self/fd" },
		{ "stdin", MODE_SYMLINK | 0777, 0, "/proc/self/fd/0" },
		{ "stdout", MODE_SYMLINK | 0777, 0, "/proc/self/fd/1" },
		{ "stderr", MODE_SYMLINK | 0777, 0, "/proc/self/fd/2" },
	};
	status_t st = OK;
	for (u32 i = 0; !st && i < ARRAY_SIZE(table); i++)
		st = add(fs, table[i].name, table[i].mode, table[i].rdev, table[i].target);
	return st;
}

status_t tree_mount(u32 kind, const char *options, u32 *fs)
{
	struct mount_options o = {
		.size = tree_memory_bytes / 2, .objects = tree_memory_bytes / INODE_BYTES,
		.mode = kind == FS_KIND_TMPFS ? 01777 : 0755,
	};
	status_t st = parse_options(options, &o);
	if (st)
		return st;
	s64 slot = fs_slot(kind);
	if (slot < 0)
		return (status_t)slot;
	*fs = (u32)slot;
	struct fs_record *f = &vfsd_state()->fs[slot];
	struct fs_record fresh = *f;
	fresh.flags = FS_KERNEL_DATA;
	fresh.magic = TMPFS_MAGIC;
	fresh.size_max = o.size;
	fresh.object_max = o.objects;
	if (kind == FS_KIND_ROOT && tree_has_image) {
		fresh.magic = EROFS_MAGIC;
		fresh.next_ino = TREE_PRIVATE_INO;
		fresh.root_ino = tree_image.root_nid + TREE_INO_BIAS;
	}
	txn_write(f, &fresh, sizeof(fresh));
	if (kind == FS_KIND_ROOT && tree_has_image)
		return OK;
	st = make_root(*fs, &o);
	if (!st && kind == FS_KIND_DEVTMPFS)
		st = populate_devices(*fs);
	return st;
}

status_t tree_unmount(u32 fs)
{
	struct vfsd_state *s = vfsd_state();
	bool empty = !s->fs[fs].first_object;
	TXN_SET(s->fs[fs].state, (u32)(empty ? FS_STATE_FREE : FS_STATE_DYING));
	if (!empty)
		TXN_SET(s->dying_count, s->dying_count + 1);
	return OK;
}
