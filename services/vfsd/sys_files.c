// SPDX-License-Identifier: MIT
// sysfs, the part that programs read (CPU topology, empty classes), and devpts.
#include "shown.h"

static status_t show_cpu_range(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (!st)
		text_print(c->text, m.cpus > 1 ? "0-%u\n" : "%u\n", m.cpus - 1);
	return st;
}
static status_t show_kernel_max(struct shown_context *c) { text_print(c->text, "63\n"); return OK; }
static status_t show_0(struct shown_context *c) { text_print(c->text, "0\n"); return OK; }
static status_t show_empty_line(struct shown_context *c) { text_print(c->text, "\n"); return OK; }
static status_t show_cpu_number(struct shown_context *c) { text_print(c->text, "%u\n", c->index); return OK; }
static status_t show_cpu_mask(struct shown_context *c)
{
	text_print(c->text, "%llx\n", (ull)BIT(c->index & 63));
	return OK;
}
static status_t show_huge_pages(struct shown_context *c) { text_print(c->text, "always madvise [never]\n"); return OK; }
static status_t show_huge_page_size(struct shown_context *c) { text_print(c->text, "2097152\n"); return OK; }

static status_t show_all_mask(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (!st)
		text_print(c->text, "%llx\n", m.cpus >= 64 ? ~0ull : (ull)(BIT(m.cpus) - 1));
	return st;
}

#define CPU "devices/system/cpu"
static const struct shown_entry entries[] = {
	{ "", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "block", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "bus", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "class", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "class/block", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "class/net", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "class/tty", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "dev", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "dev/block", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "dev/char", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "devices", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "devices/system", SHOW_DIR, 0, NULL, NULL, 0 },
	{ CPU, SHOW_DIR, SHOWN_CPUS, NULL, NULL, 0 },
	{ CPU "/cpu*", SHOW_DIR, 0, NULL, NULL, 0 },
	{ CPU "/cpu*/topology", SHOW_DIR, 0, NULL, NULL, 0 },
	{ CPU "/cpu*/topology/core_id", SHOW_FILE, 0, show_cpu_number, NULL, 0 },
	{ CPU "/cpu*/topology/core_cpus", SHOW_FILE, 0, show_cpu_mask, NULL, 0 },
	{ CPU "/cpu*/topology/core_cpus_list", SHOW_FILE, 0, show_cpu_number, NULL, 0 },
	{ CPU "/cpu*/topology/core_siblings", SHOW_FILE, 0, show_all_mask, NULL, 0 },
	{ CPU "/cpu*/topology/core_siblings_list", SHOW_FILE, 0, show_cpu_range, NULL, 0 },
	{ CPU "/cpu*/topology/package_cpus", SHOW_FILE, 0, show_all_mask, NULL, 0 },
	{ CPU "/cpu*/topology/package_cpus_list", SHOW_FILE, 0, show_cpu_range, NULL, 0 },
	{ CPU "/cpu*/topology/physical_package_id", SHOW_FILE, 0, show_0, NULL, 0 },
	{ CPU "/cpu*/topology/thread_siblings", SHOW_FILE, 0, show_cpu_mask, NULL, 0 },
	{ CPU "/cpu*/topology/thread_siblings_list", SHOW_FILE, 0, show_cpu_number, NULL, 0 },
	{ CPU "/isolated", SHOW_FILE, 0, show_empty_line, NULL, 0 },
	{ CPU "/kernel_max", SHOW_FILE, 0, show_kernel_max, NULL, 0 },
	{ CPU "/offline", SHOW_FILE, 0, show_empty_line, NULL, 0 },
	{ CPU "/online", SHOW_FILE, 0, show_cpu_range, NULL, 0 },
	{ CPU "/possible", SHOW_FILE, 0, show_cpu_range, NULL, 0 },
	{ CPU "/present", SHOW_FILE, 0, show_cpu_range, NULL, 0 },
	{ "firmware", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "fs", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "fs/cgroup", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "kernel", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "kernel/mm", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "kernel/mm/transparent_hugepage", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "kernel/mm/transparent_hugepage/enabled", SHOW_FILE, 0, show_huge_pages, NULL, 0 },
	{ "kernel/mm/transparent_hugepage/hpage_pmd_size", SHOW_FILE, 0, show_huge_page_size, NULL, 0 },
	{ "module", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "power", SHOW_DIR, 0, NULL, NULL, 0 },
};
const struct shown_table sys_table = { entries, ARRAY_SIZE(entries) };

static const struct shown_entry terminals[] = {
	{ "", MODE_DIRECTORY | 0755, SHOWN_PTYS, NULL, NULL, 0 },
	{ "*", MODE_CHARACTER | 0620, 0, NULL, NULL, 0 },
};
const struct shown_table pts_table = { terminals, ARRAY_SIZE(terminals) };
