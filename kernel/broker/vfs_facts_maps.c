// SPDX-License-Identifier: MIT
/* /proc/PID/maps, smaps and smaps_rollup: mappings are taken one by one, so that the address space is locked only for a
 * look-up; a list that changes meanwhile is seen with some of the changes, as on Linux. */
#include "vfs_internal_facts.h"

#include "aspace.h"
#include "base/string.h"
#include "file.h"
#include "vfs.h"

#define LOCK_TRIES 2000u             /* yields before a busy address space is left alone: its owner may wait for vfsd */

#define LINE_BYTES 128
struct mapping { u64 start, end, offset; u32 prot, flags; struct file *file; const char *name; bool shared_memory; };

static bool next_mapping(struct aspace *as, u64 at, struct mapping *out)
{
	u32 tries = 0;
	while (!mutex_try_lock(&as->lock)) {
		if (++tries > LOCK_TRIES)
			return false;
		sched_yield_current();
	}
	struct vma *v = aspace_find_vma_locked(as, at);
	if (v) {
		*out = (struct mapping){ v->start, v->end, v->offset, v->prot, v->flags, v->file, v->name, v->obj && !v->file };
		if (v->file)
			file_get(v->file);
	}
	mutex_unlock(&as->lock);
	return v;
}

static void mapping_line(struct text *w, const struct mapping *m, char *path, struct position root)
{
	struct node *n = m->file ? m->file->where.node : NULL;
	u64 dev = n ? n->fs->dev : 0;
	const char *name = m->name ? m->name : "";
	if (n && vfs_path_of(m->file->where, root, path, PATH_MAX_BYTES) > 0)
		name = path;
	else if (!*name && m->flags & MAP_F_SHARED && m->shared_memory)
		name = "/dev/zero (deleted)";
	char line[LINE_BYTES];
	int used = fmt_snprintf(line, sizeof(line), "%llx-%llx %c%c%c%c %08llx %02x:%02x %llu",
				(unsigned long long)m->start, (unsigned long long)m->end,
				m->prot & PROT_R ? 'r' : '-', m->prot & PROT_W ? 'w' : '-',
				m->prot & PROT_X ? 'x' : '-', m->flags & MAP_F_SHARED ? 's' : 'p',
				(unsigned long long)(m->file ? m->offset : 0), (u32)(dev >> 8 & 0xfff),
				(u32)(dev & 0xff), (unsigned long long)(n ? n->ino : 0));
	text_add(w, line, (u64)used);
	if (*name) {
		static const char spaces[] = "                                                                          ";
		text_add(w, spaces, used < 73 ? (u64)(73 - used) : 1); /* names start in column 73, as on Linux */
		text_add(w, name, strlen(name));
	}
	text_add(w, "\n", 1);
}

/* VmFlags of proc(5) that have a meaning here. */
static void flags_line(struct text *w, const struct mapping *m)
{
	static const struct { u32 prot, flags; const char *text; } names[] = {
		{ PROT_R, 0, "rd " }, { PROT_W, 0, "wr " }, { PROT_X, 0, "ex " }, { 0, MAP_F_SHARED, "sh " },
		{ 0, MAP_F_GROWSDOWN, "gd " }, { 0, MAP_F_LOCKED, "lo " }, { 0, MAP_F_DONTFORK, "dc " }, { 0, MAP_F_WIPEONFORK, "wf " },
		{ 0, MAP_F_NORESERVE, "nr " },
	};
	text_print(w, "VmFlags: ");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (m->prot & names[i].prot || m->flags & names[i].flags)
			text_add(w, names[i].text, strlen(names[i].text));
	text_add(w, "\n", 1);
}

static void usage_lines(struct text *w, const struct map_usage *u, u64 size, u64 locked)
{
	const struct { const char *name; u64 bytes; bool each; } rows[] = { /* each: not in the sum over all mappings */
		{ "Size:", size, true }, { "KernelPageSize:", PAGE_SIZE, true }, { "MMUPageSize:", PAGE_SIZE, true },
		{ "Rss:", u->resident, false }, { "Pss:", u->proportional, false }, { "Pss_Dirty:", u->proportional_dirty, false },
		{ "Shared_Clean:", u->shared_clean, false }, { "Shared_Dirty:", u->shared_dirty, false },
		{ "Private_Clean:", u->private_clean, false }, { "Private_Dirty:", u->private_dirty, false },
		{ "Referenced:", u->referenced, false }, { "Anonymous:", u->anonymous, false }, { "LazyFree:", 0, false },
		{ "AnonHugePages:", 0, false }, { "ShmemPmdMapped:", 0, false }, { "FilePmdMapped:", 0, false },
		{ "Shared_Hugetlb:", 0, false }, { "Private_Hugetlb:", 0, false }, { "Swap:", 0, false }, { "SwapPss:", 0, false },
		{ "Locked:", locked, false },
	};
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (size || !rows[i].each)
			text_print(w, "%-16s%8llu kB\n", rows[i].name, (unsigned long long)(rows[i].bytes / 1024));
	if (size)
		text_print(w, "THPeligible:    0\n");
}

static void usage_add(struct map_usage *sum, const struct map_usage *u)
{
	u64 *to = (u64 *)sum;
	const u64 *from = (const u64 *)u;
	for (u32 i = 0; i < sizeof(*sum) / sizeof(u64); i++)
		to[i] += from[i];
}

static void detail(struct text *w, struct aspace *as, const struct mapping *m, u32 kind, struct map_usage *sum, u64 *locked)
{
	struct map_usage u = { 0 };
	if (kind == TEXT_MAPS)
		return;
	aspace_usage(as, m->start, m->end, &u);
	if (kind == TEXT_SMAPS) {
		usage_lines(w, &u, m->end - m->start, m->flags & MAP_F_LOCKED ? u.proportional : 0);
		flags_line(w, m);
	}
	usage_add(sum, &u);
	*locked += m->flags & MAP_F_LOCKED ? u.proportional : 0;
}

void facts_maps(struct text *w, struct process *p, u32 kind)
{
	struct aspace *as = process_aspace_get(p);
	char *path = kmalloc(PATH_MAX_BYTES);
	struct position root = facts_root_of(p);
	struct map_usage sum = { 0 };
	struct mapping m;
	u64 first = 0, last = 0, locked = 0;
	for (u64 at = 0; as && path && !text_full(w) && next_mapping(as, at, &m); at = m.end) {
		if (kind != TEXT_SMAPS_ROLLUP)
			mapping_line(w, &m, path, root);
		detail(w, as, &m, kind, &sum, &locked);
		first = at ? first : m.start;
		last = m.end;
		if (m.file)
			file_put(m.file);
		preempt_point();
	}
	if (kind == TEXT_SMAPS_ROLLUP && last) {
		text_print(w, "%llx-%llx ---p 00000000 00:00 0                                  [rollup]\n", (unsigned long long)first,
			    (unsigned long long)last);
		usage_lines(w, &sum, 0, locked);
	}
	position_put(root);
	kfree(path);
	if (as)
		aspace_put(as);
}
