// SPDX-License-Identifier: MIT
// Texts of the VFS broker: what is read from a program's memory, paths of its files, its mappings, mounts, hops,
// services. A text is produced from its start into a window, so that a long one is read in pieces.
#include "vfs_internal_facts.h"

#include "base/string.h"
#include "boot_option.h"
#include "boot_info.h"
#include "call.h"
#include "file.h"
#include "service.h"
#include "nt.h"
#include "vfs.h"

#define TEXT_PIECE_MAX (128u << 10)  /* one reply of vfsd */
#define MOUNTS_TEXT_MAX (64u << 10)  /* some 600 mounts */

/* ---- memory of the program ---- */
static void read_range(struct text *w, struct aspace *as, u64 start, u64 end)
{
	u64 size = end > start ? end - start : 0;
	if (w->skip >= size)
		return;
	u64 n = MIN(size - w->skip, w->room);
	s64 got = aspace_read_bytes(as, start + w->skip, w->buf, n);
	w->used = got > 0 ? (u64)got : 0;
}

/* The stack starts with argc, argv, NULL, envp, NULL, auxv pairs ending with AT_NULL. */
static void read_auxv(struct text *w, struct aspace *as)
{
	u64 at = as->stack_start, word = 0, pair[2];
	if (aspace_read_bytes(as, at, &word, sizeof(word)) != sizeof(word) || word > as->arg_end - as->arg_start)
		return;
	at += (word + 2) * sizeof(u64);
	do {
		if (aspace_read_bytes(as, at, &word, sizeof(word)) != sizeof(word))
			return;
		at += sizeof(u64);
	} while (word && at < as->arg_start);
	do {
		if (aspace_read_bytes(as, at, pair, sizeof(pair)) != sizeof(pair))
			return;
		text_add(w, (const char *)pair, sizeof(pair));
		at += sizeof(pair);
	} while (pair[0] && at < as->arg_start);
}

static void memory_text(struct text *w, struct process *p, u32 kind)
{
	struct aspace *as = process_aspace_get(p);
	if (!as)
		return;
	if (kind == TEXT_COMMAND)
		read_range(w, as, as->arg_start, as->arg_end);
	else if (kind == TEXT_ENVIRONMENT)
		read_range(w, as, as->env_start, as->env_end);
	else
		read_auxv(w, as);
	aspace_put(as);
}

/* ---- paths ---- */
struct position facts_root_of(struct process *p)
{
	struct position root = { 0 };
	struct fs_context *fs = process_fs_get(p);
	if (!fs)
		return root;
	spin_lock(&fs->lock);
	root = fs->root;
	if (root.node)
		position_get(root);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return root;
}

static status_t path_text(struct text *w, struct process *p, struct position at)
{
	char *path = kmalloc(PATH_MAX_BYTES);
	if (!path)
		return ERR_NOMEM;
	struct position root = facts_root_of(p);
	s64 n = vfs_path_of(at, root, path, PATH_MAX_BYTES);
	if (n > 0)
		text_add(w, path, (u64)n);
	position_put(root);
	kfree(path);
	return n < 0 ? (status_t)n : OK;
}

static bool starts_with(const char *s, const char *prefix) { return !strncmp(s, prefix, strlen(prefix)); }

/* "pipe:[ino]", "socket:[ino]", "anon_inode:[eventfd]" of files without a name. */
static void describe_file(struct text *w, struct file *f)
{
	struct attributes a = { 0 };
	const char *name = f->ops->name ? f->ops->name : "file";
	if (file_stat(f, &a))
		a.ino = 0;
	if (starts_with(name, "pipe"))
		text_print(w, "pipe:[%llu]", (unsigned long long)a.ino);
	else if (starts_with(name, "socket") || starts_with(name, "unix"))
		text_print(w, "socket:[%llu]", (unsigned long long)a.ino);
	else
		text_print(w, "anon_inode:[%s]", name);
}

static struct file *file_of(struct process *p, s32 fd)
{
	struct fdtable *fds = process_fds_get(p);
	struct file *f = fds && fd >= 0 ? fdtable_get_file(fds, fd) : NULL;
	if (fds)
		fdtable_put(fds);
	return f;
}

static status_t fd_info(struct text *w, struct process *p, s32 fd)
{
	struct file *f = file_of(p, fd);
	if (!f)
		return ERR_NOENT;
	if (f->ops->info)
		f->ops->info(f, w);
	file_put(f);
	return OK;
}

static status_t fd_path(struct text *w, struct process *p, s32 fd)
{
	struct file *f = file_of(p, fd);
	if (!f)
		return ERR_NOENT;
	status_t st = OK;
	if (f->where.node)
		st = path_text(w, p, f->where);
	else
		describe_file(w, f);
	file_put(f);
	return st;
}

static status_t process_path(struct text *w, struct process *p, u32 kind)
{
	struct position at = { 0 };
	if (kind == TEXT_EXE) {
		spin_lock(&process_tree_lock);
		if (p->exe)
			at = p->exe->where;
		if (at.node)
			position_get(at);
		spin_unlock(&process_tree_lock);
	} else if (kind == TEXT_ROOT) {
		at = facts_root_of(p);
	} else {
		struct fs_context *fs = process_fs_get(p);
		if (fs) {
			spin_lock(&fs->lock);
			at = fs->cwd;
			if (at.node)
				position_get(at);
			spin_unlock(&fs->lock);
			fs_context_put(fs);
		}
	}
	if (!at.node)
		return ERR_NOENT;
	status_t st = path_text(w, p, at);
	position_put(at);
	return st;
}

/* ---- the rest ---- */
static status_t mounts_text(struct text *w, struct process *p)
{
	char *text = kmalloc(MOUNTS_TEXT_MAX);
	if (!text)
		return ERR_NOMEM;
	struct position root = facts_root_of(p);
	text_add(w, text, vfs_mounts_text(root, text, MOUNTS_TEXT_MAX));
	position_put(root);
	kfree(text);
	return OK;
}

static const struct { u32 number; const char *name; } call_names[] = {
#define LINUX_CALL(nr, name, ...) { nr, #name },
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL
#define NT_CALL(nr, name, ...) { NT_ROW_FIRST + (nr), "Nt" #name },
#include "../../abi/nt/syscalls.def"
#undef NT_CALL
};

void facts_hops(struct text *w)
{
	static const char *const causes[HOP_CAUSE_COUNT] = {
		[HOP_FIRST_USE] = "first-use", [HOP_CHANGED] = "changed", [HOP_EVICTED] = "evicted",
		[HOP_LEASE_EXCEEDED] = "lease-exceeded", [HOP_SHARED_MOUNT] = "shared-mount", [HOP_BY_DESIGN] = "by-design",
	};
	for (u32 i = 0; i < ARRAY_SIZE(call_names); i++) {
		bool any = false;
		for (u32 cause = 0; cause < HOP_CAUSE_COUNT; cause++) {
			u64 n = hop_count(call_names[i].number, (enum hop_cause)cause);
			if (n)
				text_print(w, "%s %s=%llu", any ? "" : call_names[i].name, causes[cause], (unsigned long long)n);
			any |= n != 0;
		}
		if (any)
			text_add(w, "\n", 1);
	}
}

static void facts_refused(struct text *w)
{
	for (u32 i = 0; i < ARRAY_SIZE(call_names); i++) {
		u64 n = refused_count(call_names[i].number);
		if (n)
			text_print(w, "%s %llu\n", call_names[i].name, (unsigned long long)n);
	}
}

void facts_services(struct text *w)
{
	text_print(w, "name pid generation calls retries deaths deaths-in-call failed last-restart-us\n");
	for (u32 id = 1; id < SERVICE_COUNT; id++) {
		struct service *s = service_get(id);
		if (!s)
			continue;
		spin_lock(&s->lock);
		u32 pid = s->process ? s->process->pid : 0, generation = s->generation;
		u64 v[] = { s->calls,          s->retries,      s->deaths,
			    s->deaths_in_call, s->failed_calls, s->last_restart_ns / NSEC_PER_USEC };
		spin_unlock(&s->lock);
		text_print(w, "%s %u %u %llu %llu %llu %llu %llu %llu\n", s->name, pid, generation, (unsigned long long)v[0],
			    (unsigned long long)v[1], (unsigned long long)v[2], (unsigned long long)v[3], (unsigned long long)v[4],
			    (unsigned long long)v[5]);
	}
}

static status_t of_process(struct text *w, const struct facts_text *t)
{
	struct process *p = facts_find(t->pid, false);
	status_t st = OK;
	if (!p)
		return ERR_SRCH;
	switch (t->kind) {
	case TEXT_COMMAND:
	case TEXT_ENVIRONMENT:
	case TEXT_AUXV: memory_text(w, p, t->kind); break;
	case TEXT_MAPS:
	case TEXT_SMAPS:
	case TEXT_SMAPS_ROLLUP: facts_maps(w, p, t->kind); break;
	case TEXT_MOUNTS: st = mounts_text(w, p); break;
	case TEXT_FD_PATH: st = fd_path(w, p, t->index); break;
	case TEXT_FD_INFO: st = fd_info(w, p, t->index); break;
	case TEXT_EXE:
	case TEXT_CWD:
	case TEXT_ROOT: st = process_path(w, p, t->kind); break;
	default: st = ERR_INVAL;
	}
	process_put(p);
	return st;
}

static bool add_line(void *window, const char *line, u64 length)
{
	text_add(window, line, length);
	return !text_full(window);
}

static status_t produce(struct text *w, const struct facts_text *t)
{
	switch (t->kind) {
	case TEXT_KERNEL_COMMAND:
		text_add(w, boot_info.command_line, strnlen(boot_info.command_line, sizeof(boot_info.command_line)));
		return OK;
	case TEXT_HOPS: facts_hops(w); return OK;
	case TEXT_REFUSED: facts_refused(w); return OK;
	case TEXT_SERVICES: facts_services(w); return OK;
	case TEXT_UNIX:
		text_print(w, "Num       RefCount Protocol Flags    Type St Inode Path\n");
		sockets_text(add_line, w);
		return OK;
	default: return of_process(w, t);
	}
}

status_t facts_text(struct facts_text *t)
{
	struct text w = { .skip = t->offset, .room = MIN(t->size, (u64)TEXT_PIECE_MAX) };
	w.buf = kmalloc(w.room + 1);
	if (!w.buf)
		return ERR_NOMEM;
	status_t st = produce(&w, t);
	if (!st)
		st = copy_out(user_ptr(t->va), w.buf, w.used);
	t->length = (u32)w.used;
	kfree(w.buf);
	return st;
}
