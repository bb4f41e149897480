// SPDX-License-Identifier: MIT
/* The way back: the path of a position, spelled from cached names inside one walk section, so a concurrent rename
 * gives the old path or the new one; and /proc/<pid>/mounts. */
#include "vfs_internal.h"

static const char deleted_mark[] = " (deleted)";

struct speller { char *buf; size_t at; bool overflow; };

static void spell(struct speller *s, const char *text, size_t length)
{
	if (s->overflow || s->at < length + 1) {
		s->overflow = true;
		return;
	}
	s->at -= length;
	memcpy(s->buf + s->at, text, length);
}

/* The entry that names n: a living one when there is one. */
static struct name_entry *name_of(const struct node *n)
{
	struct name_entry *kept = NULL;
	list_for_each(e, &n->names, struct name_entry, child_link) {
		if (e->hashed)
			return e;
		kept = e;
	}
	return kept;
}

/* In a walk section. False when the root was not met on the way up. */
static bool spell_up(struct speller *s, struct position p, struct position root)
{
	bool any = false;
	while (!(p.mount == root.mount && p.node == root.node)) {
		if (p.node == p.mount->root) {
			if (!p.mount->parent)
				return false;
			p.node = p.mount->mountpoint;
			p.mount = p.mount->parent;
			continue;
		}
		struct name_entry *e = name_of(p.node);
		if (!e)
			return false;
		spell(s, e->text, e->length);
		spell(s, "/", 1);
		any = true;
		p.node = e->dir;
	}
	if (!any)
		spell(s, "/", 1);
	return true;
}

s64 vfs_path_of(struct position at, struct position root, char *buf, size_t size)
{
	struct speller s = { .buf = buf, .at = size };
	if (!at.node || size < 2)
		return size < 2 ? ERR_RANGE : ERR_NOENT;
	if (!root.node)
		root = fs_root(NULL);
	spell(&s, "", 1);
	if (at.node->flags & NODE_UNLINKED)
		spell(&s, deleted_mark, sizeof(deleted_mark) - 1);
	if (!at.node->fs->id && at.node->symlink) { /* anonymous: its name was given at creation */
		spell(&s, at.node->symlink, strlen(at.node->symlink));
	} else {
		walk_enter();
		if (!spell_up(&s, at, root))
			spell(&s, "(unreachable)", 13);
		walk_leave();
	}
	if (s.overflow)
		return ERR_RANGE;
	memmove(buf, buf + s.at, size - s.at);
	return (s64)(size - s.at - 1);
}

status_t position_name(struct position at, struct node **dir, char name[NAME_MAX_BYTES + 1])
{
	walk_enter();
	struct name_entry *e = at.node == at.mount->root ? NULL : name_of(at.node);
	if (e) {
		memcpy(name, e->text, e->length + 1u);
		node_get(e->dir);
		*dir = e->dir;
	}
	walk_leave();
	return e ? OK : ERR_NOENT;
}

status_t position_unlink(struct position at)
{
	char name[NAME_MAX_BYTES + 1];
	struct node *dir;
	status_t st = position_name(at, &dir, name);
	if (st)
		return st;
	struct position parent = { at.mount, dir };
	st = vfs_unlink_at(parent, name, (u32)strlen(name), node_is_dir(at.node));
	node_put(dir);
	return st;
}

static const struct { u32 flag; const char *text; } flag_names[] = {
	{ MS_NOSUID_K, ",nosuid" }, { MS_NODEV_K, ",nodev" }, { MS_NOEXEC_K, ",noexec" }, { MS_NOATIME_K, ",noatime" },
	{ MS_NODIRATIME_K, ",nodiratime" }, { MS_RELATIME_K, ",relatime" },
};

static size_t mount_line(const struct mount *m, struct position root, char *path, char *buf, size_t size)
{
	char options[96];
	struct position at = { (struct mount *)m, m->root };
	size_t used = str_copy(options, mount_read_only(m) ? "ro" : "rw", sizeof(options));
	for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (m->flags & flag_names[i].flag)
			used += str_copy(options + used, flag_names[i].text, sizeof(options) - used);
	s64 length = vfs_path_of(at, root, path, PATH_MAX_BYTES);
	if (length < 0 || *path == '(')
		return 0;
	int n = fmt_snprintf(buf, size, "%s %s %s %s 0 0\n", m->source, path, m->parent ? m->fs->type : "rootfs", options);
	return (size_t)n < size ? (size_t)n : 0;
}

size_t vfs_mounts_text(struct position root, char *buf, size_t size)
{
	char *path = kmalloc(PATH_MAX_BYTES);
	size_t used = 0;
	if (!path)
		return 0;
	for (struct mount *m = mount_next(NULL); m; m = mount_next(m))
		used += mount_line(m, root, path, buf + used, size - used);
	kfree(path);
	return used;
}
