// SPDX-License-Identifier: MIT
// Files of /proc/PID and /proc/PID/task/TID. Formats: proc(5).
#include "proc_net.h"
#include "shown.h"

#define MOUNTS_MAX (64u << 10)

/* Facts of the process; in a task view the thread's own where they differ. */
static status_t load_facts(struct shown_context *c, struct facts_process *p)
{
	status_t st = facts_process(c->pid, 0, p);
	struct facts_thread t;
	if (st || !c->task)
		return st;
	st = facts_thread(c->pid, c->pid, 0, &t);
	if (st)
		return st;
	memcpy(p->name, t.name, sizeof(p->name));
	p->pid = t.tid;
	p->state = t.state;
	p->cpu = t.cpu;
	p->nice = t.nice;
	p->policy = t.policy;
	p->priority = t.priority;
	p->user_ns = t.user_ns;
	p->system_ns = t.system_ns;
	p->minor_faults = t.minor_faults;
	p->major_faults = t.major_faults;
	p->voluntary_switches = t.voluntary_switches;
	p->involuntary_switches = t.involuntary_switches;
	p->signal_pending = t.signal_pending;
	p->signal_blocked = t.signal_blocked;
	p->affinity = t.affinity;
	return OK;
}

static status_t load(struct shown_context *c, struct facts_process *p)
{
	status_t st = load_facts(c, p);
	if (!st && c->caller->tid == p->pid && (p->state == 'S' || p->state == 'D'))
		p->state = 'R'; /* it sleeps only in this very call */
	return st;
}

static status_t show_stat(struct shown_context *c)
{
	struct facts_process p;
	status_t st = load(c, &p);
	if (st)
		return st;
	bool addresses = may_trace(c->caller, &p);
	struct text *t = c->text;
	text_print(t,
		   "%u (%.15s) %c %u %u %u %u %d %u %llu %llu %llu %llu %llu %llu %llu %llu %d %d %u 0 %llu %llu "
		   "%llu %llu ",
		   p.pid, p.name, p.state, p.ppid, p.pgid, p.sid, p.tty_device, (s32)p.tty_group, 0x400100u,
		   (ull)p.minor_faults, (ull)p.children_minor_faults, (ull)p.major_faults,
		   (ull)p.children_major_faults, ticks(p.user_ns), ticks(p.system_ns), ticks(p.children_user_ns),
		   ticks(p.children_system_ns), p.priority, p.nice, p.thread_count, ticks(p.start_ns),
		   (ull)p.virtual_bytes, (ull)(p.resident_bytes / PAGE_SIZE), (ull)p.limits[5][0]);
	text_print(t, "%llu %llu %llu 0 0 %llu %llu %llu %llu 0 0 0 %d %u %u %u 0 0 0 ",
		   addresses ? (ull)p.code_start : 1, addresses ? (ull)p.code_end : 1,
		   addresses ? (ull)p.stack_start : 0, (ull)(p.signal_pending & 0x7fffffff),
		   (ull)(p.signal_blocked & 0x7fffffff), (ull)(p.signal_ignored & 0x7fffffff),
		   (ull)(p.signal_caught & 0x7fffffff), p.exit_signal, p.cpu,
		   p.priority < 0 ? (u32)(-1 - p.priority) : 0, (u32)p.policy);
	u64 v[8] = { p.data_start, p.data_end,  p.brk_start, p.arg_start,
		     p.arg_end,    p.env_start, p.env_end,   (u64)(u32)p.exit_status };
	for (u32 i = 0; i < 8; i++)
		text_print(t, "%llu%c", addresses ? (ull)v[i] : 0, i == 7 ? '\n' : ' ');
	return OK;
}

static status_t show_statm(struct shown_context *c)
{
	struct facts_process p;
	status_t st = load(c, &p);
	if (st)
		return st;
	text_print(c->text, "%llu %llu %llu %llu 0 %llu 0\n", (ull)(p.virtual_bytes / PAGE_SIZE),
		   (ull)(p.resident_bytes / PAGE_SIZE), (ull)(p.file_bytes / PAGE_SIZE),
		   (ull)((p.text_bytes + PAGE_MASK) / PAGE_SIZE), (ull)((p.data_bytes + PAGE_MASK) / PAGE_SIZE));
	return OK;
}

static const char *state_text(char letter)
{
	switch (letter) {
	case 'R': return "R (running)";
	case 'D': return "D (disk sleep)";
	case 'T': return "T (stopped)";
	case 't': return "t (tracing stop)";
	case 'Z': return "Z (zombie)";
	case 'X': return "X (dead)";
	default: return "S (sleeping)";
	}
}

static void status_memory(struct text *t, const struct facts_process *p)
{
	const struct { const char *name; u64 bytes;
	} rows[] = {
		{ "VmPeak", p->virtual_bytes },
		{ "VmSize", p->virtual_bytes },
		{ "VmLck", p->locked_bytes },
		{ "VmPin", 0 },
		{ "VmHWM", p->resident_max_bytes },
		{ "VmRSS", p->resident_bytes },
		{ "RssAnon", p->resident_bytes - MIN(p->file_bytes, p->resident_bytes) },
		{ "RssFile", p->file_bytes },
		{ "RssShmem", 0 },
		{ "VmData", p->data_bytes },
		{ "VmStk", p->stack_bytes },
		{ "VmExe", p->text_bytes },
		{ "VmLib", 0 },
		{ "VmPTE", 0 },
		{ "VmSwap", 0 },
	};
	if (!p->virtual_bytes)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		text_print(t, "%s:\t%8llu kB\n", rows[i].name, (ull)(rows[i].bytes / 1024));
}

static void status_cpus(struct text *t, u64 mask)
{
	const char *comma = "";
	text_print(t, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (ull)mask);
	for (u32 first = 0; first < 64; first++) {
		u32 last = first;
		if (!(mask >> first & 1))
			continue;
		while (last + 1 < 64 && mask >> (last + 1) & 1)
			last++;
		text_print(t, last > first ? "%s%u-%u" : "%s%u", comma, first, last);
		comma = ",";
		first = last;
	}
	text_print(t, "\n");
}

static status_t show_status(struct shown_context *c)
{
	static const char *const caps[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	struct facts_process p, whole;
	struct text *t = c->text;
	status_t st = load(c, &p);
	if (!st)
		st = facts_process(c->pid, 0, &whole);
	if (st)
		return st;
	text_print(
		t,
		"Name:\t%.15s\nUmask:\t%04o\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
		p.name, p.umask, state_text(p.state), whole.pid, p.pid, p.ppid);
	text_print(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%llu\nGroups:\t", p.uid, p.euid, p.suid,
		   p.fsuid, p.gid, p.egid, p.sgid, p.fsgid, (ull)ALIGN_UP(MAX(p.fd_count, 1ull), 64ull));
	for (u32 i = 0; i < p.group_count && i < ARRAY_SIZE(p.groups); i++)
		text_print(t, "%u ", p.groups[i]);
	text_print(t, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", whole.pid, p.pid, p.pgid, p.sid);
	status_memory(t, &p);
	text_print(
		t,
		"Threads:\t%u\nSigQ:\t%llu/"
		"%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		p.thread_count, (ull)p.queued_signals, (ull)p.limits[11][0], (ull)p.signal_pending,
		(ull)p.signal_shared, (ull)p.signal_blocked, (ull)p.signal_ignored, (ull)p.signal_caught);
	for (u32 i = 0; i < 5; i++)
		text_print(t, "%s:\t%016llx\n", caps[i], (ull)p.capabilities[i]);
	text_print(t, "NoNewPrivs:\t%u\nSeccomp:\t0\nSeccomp_filters:\t0\n", p.kernel_flags >> 7 & 1);
	status_cpus(t, p.affinity);
	text_print(t,
		   "Mems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_"
		   "switches:\t%llu\n",
		   (ull)p.voluntary_switches, (ull)p.involuntary_switches);
	return OK;
}

static status_t show_name(struct shown_context *c)
{
	struct facts_process p;
	status_t st = load(c, &p);
	if (!st)
		text_print(c->text, "%.15s\n", p.name);
	return st;
}

static s64 write_name(struct shown_context *c, const char *bytes, u32 size)
{
	char name[FACTS_NAME_BYTES];
	struct facts_process own, p;
	if (facts_process(c->caller->pid, 0, &own) || facts_process(c->pid, 0, &p))
		return ERR_SRCH;
	if (own.pid != p.pid)
		return ERR_INVAL; /* as Linux: only threads of the same process */
	u32 n = MIN(size, (u32)sizeof(name) - 1);
	memcpy(name, bytes, n);
	name[n] = '\0';
	if (n && name[n - 1] == '\n')
		name[n - 1] = '\0';
	status_t st = facts_set(c->pid, SET_THREAD_NAME, 0, name);
	return st ? st : (s64)size;
}

static status_t show_command(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_COMMAND, 0); }
static status_t show_environment(struct shown_context *c)
{
	return facts_text_into(c->text, c->pid, TEXT_ENVIRONMENT, 0);
}
static status_t show_auxv(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_AUXV, 0); }
static status_t show_maps(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_MAPS, 0); }
static status_t show_smaps(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_SMAPS, 0); }
static status_t show_smaps_rollup(struct shown_context *c)
{
	return facts_text_into(c->text, c->pid, TEXT_SMAPS_ROLLUP, 0);
}
static status_t show_mounts(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_MOUNTS, 0); }
static status_t show_exe(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_EXE, 0); }
static status_t show_cwd(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_CWD, 0); }
static status_t show_root(struct shown_context *c) { return facts_text_into(c->text, c->pid, TEXT_ROOT, 0); }
static status_t show_fd(struct shown_context *c)
{
	return facts_text_into(c->text, c->pid, TEXT_FD_PATH, (s32)c->index);
}

static status_t show_fd_info(struct shown_context *c)
{
	struct facts_fd f;
	status_t st = facts_fd(c->pid, (s32)c->index, 0, &f);
	if (!st)
		text_print(c->text, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n", (ull)f.position,
			   f.file_flags, f.mount, (ull)f.ino);
	return st ? st : facts_text_into(c->text, c->pid, TEXT_FD_INFO, (s32)c->index);
}

/* Words of one line of /proc/PID/mounts: source, target, type, options. */
static const char *split(char *line, char *words[4])
{
	for (u32 i = 0; i < 4; i++) {
		words[i] = line;
		line = strchr(line, ' ');
		if (!line)
			return NULL;
		*line++ = '\0';
	}
	return line;
}

/* From the mounts text: the kernel gives no ids, so lines are numbered; the parent is the longest enclosing target. */
static status_t show_mount_info(struct shown_context *c)
{
	enum { MOUNT_LINES = 256, FIRST_ID = 20 };
	static const char *const empty = "";
	char *targets[MOUNT_LINES], *text = __builtin_alloca(MOUNTS_MAX / 4 + 1), *words[4];
	s64 n = facts_text(c->pid, TEXT_MOUNTS, 0, 0, text, MOUNTS_MAX / 4);
	if (n < 0)
		return (status_t)n;
	text[n] = '\0';
	u32 count = 0;
	for (char *line = text; *line && count < MOUNT_LINES;) {
		char *end = strchr(line, '\n');
		if (!end)
			break;
		*end = '\0';
		if (!split(line, words))
			break;
		targets[count] = words[1];
		u32 parent = 0;
		size_t best = 0;
		for (u32 i = 0; i < count; i++) {
			size_t length = strlen(targets[i]);
			bool inside = length == 1 || (!strncmp(words[1], targets[i], length) && words[1][length] == '/');
			if (inside && length >= best) {
				best = length;
				parent = FIRST_ID + i;
			}
		}
		text_print(c->text, "%u %u 0:%u / %s %s%s - %s %s rw\n", FIRST_ID + count, parent ? parent : 1,
			   FIRST_ID + count, words[1], words[3], empty, words[2], words[0]);
		count++;
		line = end + 1;
	}
	return OK;
}

static status_t show_limits(struct shown_context *c)
{
	static const struct { const char *name, *unit;
	} rows[FACTS_LIMITS] = {
		{ "Max cpu time", "seconds" },     { "Max file size", "bytes" },
		{ "Max data size", "bytes" },      { "Max stack size", "bytes" },
		{ "Max core file size", "bytes" }, { "Max resident set", "bytes" },
		{ "Max processes", "processes" },  { "Max open files", "files" },
		{ "Max locked memory", "bytes" },  { "Max address space", "bytes" },
		{ "Max file locks", "locks" },     { "Max pending signals", "signals" },
		{ "Max msgqueue size", "bytes" },  { "Max nice priority", "" },
		{ "Max realtime priority", "" },   { "Max realtime timeout", "us" },
	};
	struct facts_process p;
	status_t st = load(c, &p);
	if (st)
		return st;
	text_print(c->text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < FACTS_LIMITS; i++) {
		char value[2][24];
		for (u32 side = 0; side < 2; side++) {
			if (p.limits[i][side] == UINT64_MAX)
				str_copy(value[side], "unlimited", sizeof(value[side]));
			else
				fmt_snprintf(value[side], sizeof(value[side]), "%llu", (ull)p.limits[i][side]);
		}
		text_print(c->text, "%-25s %-20s %-20s %-10s\n", rows[i].name, value[0], value[1], rows[i].unit);
	}
	return OK;
}

static status_t show_io(struct shown_context *c)
{
	struct facts_process p;
	status_t st = load(c, &p);
	if (!st)
		text_print(c->text,
			   "rchar: %llu\nwchar: %llu\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: "
			   "0\ncancelled_write_bytes: 0\n",
			   (ull)p.read_bytes, (ull)p.write_bytes);
	return st;
}

static status_t show_cgroup(struct shown_context *c)
{
	text_print(c->text, "0::/\n");
	return OK;
}

static status_t show_wait_channel(struct shown_context *c)
{
	text_print(c->text, "0");
	return OK;
}

static status_t show_oom_adjust(struct shown_context *c)
{
	struct facts_process p;
	status_t st = load(c, &p);
	if (!st)
		text_print(c->text, "%d\n", p.oom_score_adj);
	return st;
}

/* Linux's scale: 666 for a program without memory, 0 to 2000. */
static status_t show_oom_score(struct shown_context *c)
{
	enum { POINTS_MAX = 1000 };
	struct facts_process p;
	status_t st = load(c, &p);
	if (st)
		return st;
	s64 points = POINTS_MAX + (s64)(p.resident_bytes * POINTS_MAX / MAX(tree_memory_bytes, 1ull)) + p.oom_score_adj;
	text_print(c->text, "%llu\n", (ull)(points > 0 ? points * 2 / 3 : 0));
	return OK;
}

/* The one user namespace: every id is itself. */
static status_t show_id_map(struct shown_context *c)
{
	text_print(c->text, "         0          0 4294967295\n");
	return OK;
}

static s64 write_oom_adjust(struct shown_context *c, const char *bytes, u32 size)
{
	enum { CAP_SYS_RESOURCE = 24 };
	struct facts_process p;
	s64 value = 0;
	u32 i = size && bytes[0] == '-' ? 1 : 0;
	for (; i < size && bytes[i] >= '0' && bytes[i] <= '9' && value < 10000; i++)
		value = value * 10 + (bytes[i] - '0');
	if (!size || (i < size && bytes[i] != '\n'))
		return ERR_INVAL;
	value = bytes[0] == '-' ? -value : value;
	status_t st = facts_process(c->pid, 0, &p);
	if (!st && value < p.oom_score_adj && !(c->caller->capabilities >> CAP_SYS_RESOURCE & 1))
		st = ERR_ACCES;
	if (!st)
		st = facts_set(c->pid, SET_OOM_SCORE_ADJ, value, NULL);
	return st ? st : (s64)size;
}

static status_t show_personality(struct shown_context *c)
{
	struct facts_process p;
	status_t st = facts_process(c->pid, 0, &p);
	if (!st)
		text_print(c->text, "%08x\n", p.personality);
	return st;
}

#define FILE_0644 (MODE_REGULAR | 0644)
#define FILE_0400 (MODE_REGULAR | 0400)
static const struct shown_entry entries[] = {
	{ "", SHOW_DIR, 0, NULL, NULL, VFS_MAGIC_PROCESS },
	{ "auxv", FILE_0400, SHOWN_TRACE, show_auxv, NULL, 0 },
	{ "cgroup", SHOW_FILE, 0, show_cgroup, NULL, 0 },
	{ "cmdline", SHOW_FILE, 0, show_command, NULL, 0 },
	{ "comm", FILE_0644, 0, show_name, write_name, 0 },
	{ "cwd", SHOW_LINK, SHOWN_TRACE, show_cwd, NULL, VFS_MAGIC_CWD },
	{ "environ", FILE_0400, SHOWN_TRACE, show_environment, NULL, 0 },
	{ "exe", SHOW_LINK, SHOWN_TRACE, show_exe, NULL, VFS_MAGIC_EXE },
	{ "fd", MODE_DIRECTORY | 0500, SHOWN_FDS, NULL, NULL, 0 },
	{ "fd/*", SHOW_LINK, SHOWN_TRACE, show_fd, NULL, VFS_MAGIC_FD },
	{ "fdinfo", MODE_DIRECTORY | 0555, SHOWN_FDS, NULL, NULL, 0 },
	{ "fdinfo/*", SHOW_FILE, SHOWN_TRACE, show_fd_info, NULL, 0 },
	{ "gid_map", SHOW_FILE, 0, show_id_map, NULL, 0 },
	{ "io", FILE_0400, SHOWN_TRACE, show_io, NULL, 0 },
	{ "limits", SHOW_FILE, 0, show_limits, NULL, 0 },
	{ "maps", SHOW_FILE, SHOWN_TRACE, show_maps, NULL, 0 },
	{ "mem", MODE_REGULAR | 0600, SHOWN_TRACE, NULL, NULL, VFS_MAGIC_MEMORY },
	{ "mountinfo", SHOW_FILE, SHOWN_MOUNTS, show_mount_info, NULL, 0 },
	{ "mounts", SHOW_FILE, SHOWN_MOUNTS, show_mounts, NULL, 0 },
	{ "oom_score", SHOW_FILE, 0, show_oom_score, NULL, 0 },
	{ "oom_score_adj", FILE_0644, 0, show_oom_adjust, write_oom_adjust, 0 },
	{ "personality", FILE_0400, SHOWN_TRACE, show_personality, NULL, 0 },
	{ "net", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "net/arp", SHOW_FILE, 0, show_net_arp, NULL, 0 },
	{ "net/dev", SHOW_FILE, 0, show_net_dev, NULL, 0 },
	{ "net/netlink", SHOW_FILE, 0, show_net_netlink, NULL, 0 },
	{ "net/packet", SHOW_FILE, 0, show_net_packet, NULL, 0 },
	{ "net/protocols", SHOW_FILE, 0, show_net_protocols, NULL, 0 },
	{ "net/raw", SHOW_FILE, 0, show_net_raw, NULL, 0 },
	{ "net/route", SHOW_FILE, 0, show_net_route, NULL, 0 },
	{ "net/tcp", SHOW_FILE, 0, show_net_tcp, NULL, 0 },
	{ "net/udp", SHOW_FILE, 0, show_net_udp, NULL, 0 },
	{ "net/unix", SHOW_FILE, 0, show_net_unix, NULL, 0 },
	{ "root", SHOW_LINK, SHOWN_TRACE, show_root, NULL, VFS_MAGIC_ROOT },
	{ "smaps", SHOW_FILE, SHOWN_TRACE, show_smaps, NULL, 0 },
	{ "smaps_rollup", SHOW_FILE, SHOWN_TRACE, show_smaps_rollup, NULL, 0 },
	{ "stat", SHOW_FILE, 0, show_stat, NULL, 0 },
	{ "statm", SHOW_FILE, 0, show_statm, NULL, 0 },
	{ "status", SHOW_FILE, 0, show_status, NULL, 0 },
	{ "task", SHOW_DIR, SHOWN_TASKS | SHOWN_PROCESS_ONLY, NULL, NULL, 0 },
	{ "uid_map", SHOW_FILE, 0, show_id_map, NULL, 0 },
	{ "wchan", SHOW_FILE, 0, show_wait_channel, NULL, 0 },
};
const struct shown_table process_table = { entries, ARRAY_SIZE(entries) };
