// SPDX-License-Identifier: MIT
// Requests on procfs, sysfs and devpts: walking the tables and the numbered children, attributes, rendering.
// Listing positions: table position + 1, then NUMBERED + number + 1.
#include "shown.h"

#define NUMBERED (1u << 16)
#define CAP_SYS_PTRACE 19
#define PROC_DUMPABLE_FLAG 8u      /* enum process_flag of the kernel, as facts_process.kernel_flags carries it */
#define PID_LIMIT (1u << 22)       /* as Linux's PID_MAX_LIMIT; fits the cookie */
#define INDEX_LIMIT (1u << 24)
#define TEXT_TARGET_MAX 4096u

struct shown {
	const struct shown_table *table;
	const struct shown_entry *entry;
	u32 position, pid, index;
	bool task;
};

static const struct shown_table *const trees[SHOWN_TREE_COUNT] = {
	[SHOWN_PROC] = &proc_table, [SHOWN_SYS] = &sys_table, [SHOWN_PTS] = &pts_table, [SHOWN_PROCESS] = &process_table,
};

static u64 cookie_of(const struct shown *s)
{
	return (s->task ? BIT(62) : 0) | (u64)s->pid << 40 | (u64)s->index << 16 | (s->position + 1);
}

static u32 tree_of(u32 fs)
{
	state_lock();
	struct fs_record *f = fs_get(fs);
	u32 tree = f ? f->shown : SHOWN_TREE_COUNT;
	state_unlock();
	return tree;
}

static bool shown_set(struct shown *s, const struct shown_table *t, u32 position)
{
	if (position >= t->count)
		return false;
	s->table = t;
	s->position = position;
	s->entry = &t->entries[position];
	return true;
}

static status_t shown_find(u32 fs, u64 cookie, struct shown *s)
{
	u32 tree = tree_of(fs), position = (u32)(cookie & 0xffff) - 1;
	if (tree >= SHOWN_TREE_COUNT)
		return ERR_STALE;
	*s = (struct shown){ .task = cookie >> 62 & 1,
			     .pid = (u32)(cookie >> 40) & (PID_LIMIT - 1),
			     .index = (u32)(cookie >> 16) & (INDEX_LIMIT - 1) };
	return shown_set(s, s->pid ? &process_table : trees[tree], position) ? OK : ERR_STALE;
}

/* ---- names ---- */
static bool is_child(const struct shown_entry *dir, const struct shown_entry *e, const char **name)
{
	size_t n = strlen(dir->path);
	if (!*e->path || strncmp(e->path, dir->path, n) != 0 || (n && e->path[n] != '/'))
		return false;
	*name = e->path + n + (n ? 1 : 0);
	return !strchr(*name, '/') && **name;
}

static bool is_numbered(const char *name) { return name[strlen(name) - 1] == '*'; }

/* Position of the entry that describes the numbered children of a directory. */
static bool numbered_child(const struct shown *dir, struct shown *out, const char **prefix)
{
	const char *name;
	*out = *dir;
	*prefix = "";
	if (dir->entry->flags & (SHOWN_PIDS | SHOWN_TASKS))
		return shown_set(out, &process_table, 0);
	for (u32 i = 0; i < dir->table->count; i++)
		if (is_child(dir->entry, &dir->table->entries[i], &name) && is_numbered(name)) {
			*prefix = name;
			return shown_set(out, dir->table, i);
		}
	return false;
}

/* The first number >= `from` that exists below dir; NOENT when there is none. `exact`: only `from`. */
static status_t number_exists(const struct shown *dir, u32 from, bool exact, u32 *number)
{
	u32 next = exact ? 0 : FACTS_NEXT;
	union {
		struct facts_process process;
		struct facts_thread thread;
		struct facts_fd fd;
		struct facts_cpu cpu;
		struct facts_pty pty;
	} f;
	status_t st = ERR_NOENT;
	if (dir->entry->flags & SHOWN_PIDS) {
		st = facts_process(from, next, &f.process);
		*number = exact ? from : f.process.pid;
	} else if (dir->entry->flags & SHOWN_TASKS) {
		st = facts_thread(dir->pid, from, next, &f.thread);
		*number = f.thread.tid;
	} else if (dir->entry->flags & SHOWN_FDS) {
		st = facts_fd(dir->pid, (s32)from, next, &f.fd);
		*number = (u32)f.fd.fd;
	} else if (dir->entry->flags & SHOWN_CPUS) {
		st = facts_cpu(from, &f.cpu) ? OK : ERR_NOENT;
		*number = from;
	} else if (dir->entry->flags & SHOWN_PTYS) {
		st = facts_pty(from, next, &f.pty);
		*number = f.pty.number;
	}
	return st == ERR_SRCH ? ERR_NOENT : st;
}

static void number_set(const struct shown *dir, struct shown *child, u32 number)
{
	if (dir->entry->flags & (SHOWN_PIDS | SHOWN_TASKS)) {
		child->pid = number;
		child->task = dir->entry->flags & SHOWN_TASKS;
	} else {
		child->index = number;
	}
}

static bool parse_decimal(const char *s, u32 size, u32 limit, u32 *out)
{
	u32 n = 0;
	if (!size || size > 8 || (s[0] == '0' && size > 1))
		return false;
	for (u32 i = 0; i < size; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (u32)(s[i] - '0');
	}
	*out = n;
	return n < limit;
}

static status_t find_numbered(const struct shown *dir, const char *name, u32 size, struct shown *out)
{
	const char *prefix;
	u32 number, found;
	if (!numbered_child(dir, out, &prefix))
		return ERR_NOENT;
	u32 n = *prefix ? (u32)strlen(prefix) - 1 : 0;
	if (size <= n || memcmp(name, prefix, n) != 0 || !parse_decimal(name + n, size - n, PID_LIMIT, &number))
		return ERR_NOENT;
	if (number_exists(dir, number, true, &found))
		return ERR_NOENT;
	number_set(dir, out, number);
	return OK;
}

static status_t find_child(const struct shown *dir, const char *name, u32 size, struct shown *out)
{
	const char *child;
	if ((dir->entry->mode & MODE_TYPE) != MODE_DIRECTORY)
		return ERR_NOTDIR;
	for (u32 i = 0; i < dir->table->count; i++) {
		const struct shown_entry *e = &dir->table->entries[i];
		if (!is_child(dir->entry, e, &child) || strlen(child) != size || memcmp(child, name, size) != 0 ||
		    is_numbered(child))
			continue;
		if (dir->task && e->flags & SHOWN_PROCESS_ONLY)
			return ERR_NOENT;
		*out = *dir;
		shown_set(out, dir->table, i);
		return OK;
	}
	return find_numbered(dir, name, size, out);
}

/* ---- attributes ---- */
bool may_trace(const struct ipc_caller *c, const struct facts_process *p)
{
	if (c->capabilities >> CAP_SYS_PTRACE & 1)
		return true;
	return p->kernel_flags & PROC_DUMPABLE_FLAG && c->uid == p->uid && c->uid == p->euid && c->uid == p->suid &&
	       c->gid == p->gid && c->gid == p->egid && c->gid == p->sgid;
}

static status_t fill_node(const struct shown *s, struct vfs_node *out)
{
	s64 now = wall_time_ns();
	*out = (struct vfs_node){ .cookie = cookie_of(s),
				  .backing = s->entry->flags & SHOWN_MOUNTS ? VFS_SHOWS_MOUNTS : VFS_NO_BACKING };
	struct vfs_attributes *a = &out->attr;
	*a = (struct vfs_attributes){ .ino = out->cookie,
				      .mode = s->entry->mode,
				      .nlink = 1,
				      .atime_ns = now,
				      .mtime_ns = now,
				      .ctime_ns = now };
	if ((a->mode & MODE_TYPE) == MODE_DIRECTORY)
		a->nlink = 2;
	struct facts_process p;
	if (s->pid) {
		if (facts_process(s->pid, 0, &p))
			return ERR_NOENT;
		if (p.kernel_flags & PROC_DUMPABLE_FLAG || (s->entry->mode & MODE_TYPE) == MODE_DIRECTORY) {
			a->uid = p.euid;
			a->gid = p.egid;
		}
		a->mtime_ns = a->ctime_ns = a->atime_ns = MAX(
			0, now - (s64)(service_time_ns() - MIN(p.start_ns, service_time_ns())));
	}
	struct facts_fd f;
	if (s->pid && s->entry->magic == VFS_MAGIC_FD) {
		if (facts_fd(s->pid, (s32)s->index, 0, &f))
			return ERR_NOENT;
		u32 access = f.file_flags & 3; /* the link's mode says how the file is open */
		a->mode = MODE_SYMLINK | (access != 1 ? 0500 : 0) | (access ? 0300 : 0);
		a->size = 64;
	}
	if (s->entry->magic == VFS_MAGIC_MEMORY)
		a->rdev = s->pid;
	struct facts_pty t;
	if (s->table == &pts_table && (s->entry->mode & MODE_TYPE) == MODE_CHARACTER && !facts_pty(s->index, 0, &t)) {
		a->mode = MODE_CHARACTER | (t.mode & 07777);
		a->uid = t.uid;
		a->gid = t.gid;
		a->rdev = t.rdev;
	}
	return OK;
}

static s64 handle_lookup(struct service_request *r)
{
	const struct vfs_name_request *q = request_args(r);
	struct shown dir, child;
	struct vfs_node node;
	status_t st = shown_find(q->fs, q->dir, &dir);
	if (!st)
		st = find_child(&dir, payload_text(r), r->message.payload_size, &child);
	if (!st)
		st = fill_node(&child, &node);
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return st;
}

static s64 handle_getattr(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct shown s;
	struct vfs_node node;
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (!st)
		st = fill_node(&s, &node);
	if (!st)
		request_reply_args(r, &node, sizeof(node));
	return st;
}

/* ---- listings ---- */
static bool put_child(struct service_request *r, const struct shown *child, u64 offset, const char *name)
{
	const struct vfs_io_request *q = request_args(r);
	u32 size = (u32)MIN(q->size, (u64)r->message.reply_capacity);
	return dirent_put(r->reply_payload, size, &r->reply_payload_size, cookie_of(child), offset,
			  (u8)(child->entry->mode >> 12 & 15), name, (u32)strlen(name));
}

static bool list_table(struct service_request *r, const struct shown *dir, u64 offset)
{
	const char *name;
	for (u32 i = (u32)offset; i < dir->table->count; i++) {
		const struct shown_entry *e = &dir->table->entries[i];
		struct shown child = *dir;
		if (!is_child(dir->entry, e, &name) || is_numbered(name) || (dir->task && e->flags & SHOWN_PROCESS_ONLY))
			continue;
		shown_set(&child, dir->table, i);
		if (!put_child(r, &child, i + 1, name))
			return false;
	}
	return true;
}

static void list_numbers(struct service_request *r, const struct shown *dir, u64 offset)
{
	struct shown child;
	const char *prefix;
	char name[32];
	u32 number = (u32)(offset > NUMBERED ? offset - NUMBERED : 0), found;
	if (!numbered_child(dir, &child, &prefix))
		return;
	int n = *prefix ? (int)strlen(prefix) - 1 : 0;
	for (; !number_exists(dir, number, false, &found); number = found + 1) {
		number_set(dir, &child, found);
		fmt_snprintf(name, sizeof(name), "%.*s%u", n, prefix, found);
		if (!put_child(r, &child, (u64)NUMBERED + found + 1, name))
			return;
	}
}

static s64 handle_readdir(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	struct shown dir;
	status_t st = shown_find(q->fs, q->cookie, &dir);
	if (st)
		return st;
	if ((dir.entry->mode & MODE_TYPE) != MODE_DIRECTORY)
		return ERR_NOTDIR;
	if (q->offset < NUMBERED && !list_table(r, &dir, q->offset))
		return OK;
	list_numbers(r, &dir, q->offset);
	return OK;
}

/* ---- contents ---- */
static status_t check_trace(const struct service_request *r, const struct shown *s)
{
	struct facts_process p;
	if (!s->pid || !(s->entry->flags & SHOWN_TRACE))
		return OK;
	if (facts_process(s->pid, 0, &p))
		return ERR_SRCH;
	return may_trace(&r->message.caller, &p) ? OK : ERR_ACCES;
}

static struct shown_context context_of(const struct service_request *r, const struct shown *s, struct text *t)
{
	return (struct shown_context){
		.caller = &r->message.caller, .pid = s->pid, .index = s->index, .task = s->task, .text = t
	};
}

static s64 handle_read_direct(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	struct shown s;
	struct text t = { .buf = (char *)r->reply_payload,
			  .skip = q->offset,
			  .room = MIN(q->size, (u64)r->message.reply_capacity) };
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (!st && (s.entry->mode & MODE_TYPE) != MODE_REGULAR)
		st = ERR_INVAL;
	if (!st)
		st = check_trace(r, &s);
	struct shown_context c = context_of(r, &s, &t);
	if (!st && s.entry->render)
		st = s.entry->render(&c);
	if (st)
		return st;
	r->reply_payload_size = (u32)t.used;
	return OK;
}

static s64 handle_write_direct(struct service_request *r)
{
	const struct vfs_io_request *q = request_args(r);
	struct shown s;
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (st)
		return st;
	if (!s.entry->write)
		return ERR_PERM;
	struct shown_context c = context_of(r, &s, NULL);
	return s.entry->write(&c, payload_text(r), r->message.payload_size);
}

static s64 handle_readlink(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct shown s;
	struct text t = { .buf = (char *)r->reply_payload,
			  .room = MIN((u64)r->message.reply_capacity, (u64)TEXT_TARGET_MAX) };
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (!st && (s.entry->mode & MODE_TYPE) != MODE_SYMLINK)
		st = ERR_INVAL;
	if (!st)
		st = check_trace(r, &s);
	struct shown_context c = context_of(r, &s, &t);
	if (!st)
		st = s.entry->render(&c);
	if (st)
		return st == ERR_SRCH ? ERR_NOENT : st;
	r->reply_payload_size = (u32)t.used;
	return OK;
}

static s64 handle_magic_link(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	struct shown s;
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (!st)
		st = check_trace(r, &s);
	if (st)
		return st;
	struct vfs_magic_reply out = { .kind = s.entry->magic, .pid = s.pid, .fd = (s32)s.index };
	if (s.task && out.kind == VFS_MAGIC_PROCESS)
		out.kind = VFS_MAGIC_NONE;
	request_reply_args(r, &out, sizeof(out));
	return OK;
}

static s64 handle_statfs(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	state_lock();
	struct vfs_statfs_reply out = { .type = vfsd_state()->fs[q->fs].magic,
					.block_size = PAGE_SIZE,
					.name_max = TREE_NAME_MAX,
					.fsid = q->fs };
	state_unlock();
	request_reply_args(r, &out, sizeof(out));
	return OK;
}

/* O_TRUNC by a shell is all that is accepted. */
static s64 handle_setattr(struct service_request *r)
{
	const struct vfs_setattr_request *q = request_args(r);
	struct shown s;
	struct vfs_node node;
	if (q->valid & ~(u32)(VFS_SET_SIZE | VFS_SET_CTIME | VFS_SET_MTIME))
		return ERR_PERM;
	status_t st = shown_find(q->fs, q->cookie, &s);
	if (!st)
		st = fill_node(&s, &node);
	if (!st)
		request_reply_args(r, &node.attr, sizeof(node.attr));
	return st;
}

static s64 handle_unmount(struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r);
	txn_begin();
	return finish_transaction(r, tree_unmount(q->fs));
}

/* Nobody makes names here. In procfs the look-up of one that is not shown fails already; the others refuse as Linux's. */
static bool of_proc(const struct service_request *r)
{
	const struct vfs_node_request *q = request_args(r); /* each request starts with the file system */
	return vfsd_state()->fs[q->fs].shown == SHOWN_PROC;
}

static s64 handle_create(struct service_request *r) { return of_proc(r) ? ERR_NOENT : ERR_ACCES; }
static s64 handle_make(struct service_request *r) { return of_proc(r) ? ERR_NOENT : ERR_PERM; }

const service_handler shown_handlers[VFS_OP_MAX] = {
	[VFS_CREATE] = handle_create,             [VFS_MKDIR] = handle_make,
	[VFS_SYMLINK] = handle_make,              [VFS_LINK] = handle_make,
	[VFS_UNMOUNT] = handle_unmount,           [VFS_LOOKUP] = handle_lookup,
	[VFS_GETATTR] = handle_getattr,           [VFS_OPEN] = handle_getattr,
	[VFS_SETATTR] = handle_setattr,           [VFS_READLINK] = handle_readlink,
	[VFS_READDIR] = handle_readdir,           [VFS_READ_DIRECT] = handle_read_direct,
	[VFS_WRITE_DIRECT] = handle_write_direct, [VFS_STATFS] = handle_statfs,
	[VFS_MAGIC_LINK] = handle_magic_link,
};

s64 shown_mount(const char *type, struct vfs_mount_reply *out)
{
	static const struct { const char *type; u32 tree; u64 magic; u32 flags; } kinds[] = {
		{ "proc", SHOWN_PROC, 0x9fa0, FS_NO_NAME_CACHE | FS_NO_DATA_CACHE },
		{ "sysfs", SHOWN_SYS, 0x62656572, FS_NO_DATA_CACHE },
		{ "devpts", SHOWN_PTS, 0x1cd1, FS_NO_NAME_CACHE | FS_NO_DATA_CACHE },
	};
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		s64 slot = fs_slot(FS_KIND_SHOWN);
		if (slot < 0)
			return slot;
		struct fs_record *f = &vfsd_state()->fs[slot], fresh = *f;
		fresh.shown = kinds[i].tree;
		fresh.magic = kinds[i].magic;
		fresh.flags = kinds[i].flags;
		txn_write(f, &fresh, sizeof(fresh));
		out->fs = (u32)slot;
		struct shown root = { 0 };
		return shown_set(&root, trees[kinds[i].tree], 0) ? fill_node(&root, &out->root) : ERR_NODEV;
	}
	return ERR_NODEV;
}
