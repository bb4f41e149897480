// SPDX-License-Identifier: MIT
// Files of procfs that are about the machine. Formats: proc(5); read with procps, coreutils, glibc and psutil in mind.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* utsname.domainname */
#endif
#include "shown.h"
#include <sys/utsname.h>

#include "../../abi/proto/policy.h"

#define LOAD_ONE 2048u
#define CPUS_SHOWN_MAX 64u
#define CAP_SYS_ADMIN_BIT 21

static ull kib(u64 bytes) { return bytes / 1024; }

static status_t show_self(struct shown_context *c)
{
	text_print(c->text, "%u", c->caller->pid);
	return OK;
}

static status_t show_thread_self(struct shown_context *c)
{
	text_print(c->text, "%u/task/%u", c->caller->pid, c->caller->tid);
	return OK;
}

static status_t show_mounts_link(struct shown_context *c)
{
	text_print(c->text, "self/mounts");
	return OK;
}

static status_t show_net_link(struct shown_context *c)
{
	text_print(c->text, "self/net");
	return OK;
}

static status_t show_meminfo(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (st)
		return st;
	u64 available = m.memory_free + m.memory_cached;
	const struct { const char *name; u64 bytes;
	} rows[] = {
		{ "MemTotal:", m.memory_total },
		{ "MemFree:", m.memory_free },
		{ "MemAvailable:", available },
		{ "Buffers:", 0 },
		{ "Cached:", m.memory_cached },
		{ "SwapCached:", 0 },
		{ "Active:", m.memory_anonymous },
		{ "Inactive:", m.memory_cached },
		{ "SwapTotal:", 0 },
		{ "SwapFree:", 0 },
		{ "Dirty:", 0 },
		{ "Writeback:", 0 },
		{ "AnonPages:", m.memory_anonymous },
		{ "Mapped:", 0 },
		{ "Shmem:", 0 },
		{ "Slab:", m.memory_slab },
		{ "SReclaimable:", 0 },
		{ "SUnreclaim:", m.memory_slab },
		{ "PageTables:", m.memory_page_tables },
		{ "CommitLimit:", m.memory_total },
		{ "Committed_AS:", m.memory_anonymous },
		{ "VmallocTotal:", 0 },
		{ "VmallocUsed:", 0 },
	};
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		text_print(c->text, "%-16s%8llu kB\n", rows[i].name, kib(rows[i].bytes));
	return OK;
}

static void stat_cpu_line(struct text *t, const char *name, const struct facts_cpu *c)
{
	text_print(t, "%s %llu %llu %llu %llu 0 0 0 0 0 0\n", name, ticks(c->user_ns), ticks(c->nice_ns),
		   ticks(c->system_ns), ticks(c->idle_ns));
}

static status_t show_stat(struct shown_context *c)
{
	struct facts_machine m;
	struct facts_cpu each[CPUS_SHOWN_MAX], sum = { 0 };
	u32 n = 0;
	char name[16];
	status_t st = facts_machine(&m);
	if (st)
		return st;
	for (; n < CPUS_SHOWN_MAX && facts_cpu(n, &each[n]); n++) {
		sum.user_ns += each[n].user_ns;
		sum.nice_ns += each[n].nice_ns;
		sum.system_ns += each[n].system_ns;
		sum.idle_ns += each[n].idle_ns;
	}
	stat_cpu_line(c->text, "cpu ", &sum);
	for (u32 i = 0; i < n; i++) {
		fmt_snprintf(name, sizeof(name), "cpu%u", i);
		stat_cpu_line(c->text, name, &each[i]);
	}
	text_print(c->text,
		   "intr %llu\nctxt %llu\nbtime %llu\nprocesses %llu\nprocs_running %u\nprocs_blocked %u\nsoftirq "
		   "0 0 0 0 0 0 0 0 0 0 0\n",
		   (ull)m.interrupts, (ull)m.context_switches, (ull)(m.boot_wall_ns / NSEC_PER_SEC), (ull)m.forks,
		   MAX(m.running, 1u), m.blocked);
	return OK;
}

static status_t show_uptime(struct shown_context *c)
{
	struct facts_machine m;
	struct facts_cpu cpu;
	u64 idle = 0;
	status_t st = facts_machine(&m);
	if (st)
		return st;
	for (u32 i = 0; facts_cpu(i, &cpu); i++)
		idle += cpu.idle_ns;
	text_print(c->text, "%llu.%02llu %llu.%02llu\n", (ull)(m.uptime_ns / NSEC_PER_SEC),
		   (ull)(m.uptime_ns / 10000000 % 100), (ull)(idle / NSEC_PER_SEC), (ull)(idle / 10000000 % 100));
	return OK;
}

static status_t show_loadavg(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (st)
		return st;
	for (u32 i = 0; i < 3; i++)
		text_print(c->text, "%u.%02u ", m.load[i] / LOAD_ONE, m.load[i] % LOAD_ONE * 100 / LOAD_ONE);
	text_print(c->text, "%u/%u %u\n", MAX(m.running, 1u), m.threads, m.last_pid);
	return OK;
}

static status_t show_version(struct shown_context *c)
{
	struct utsname u;
	if (uname(&u))
		return ERR_IO;
	text_print(c->text, "%s version %s (ambos) (gcc) %s\n", u.sysname, u.release, u.version);
	return OK;
}

static status_t show_command_line(struct shown_context *c)
{
	status_t st = facts_text_into(c->text, 0, TEXT_KERNEL_COMMAND, 0);
	if (!st && c->text->used)
		text_add(c->text, "\n", 1);
	return st;
}

static status_t show_file_systems(struct shown_context *c)
{
	text_print(c->text,
		   "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\t9p\n\terofs\n");
	return OK;
}

static status_t show_swaps(struct shown_context *c)
{
	text_print(c->text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return OK;
}

static status_t show_devices(struct shown_context *c)
{
	text_print(c->text, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 "
			    "pts\n\nBlock devices:\n");
	return OK;
}

static status_t show_interrupts(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (st)
		return st;
	text_print(c->text, "    ");
	for (u32 i = 0; i < m.cpus; i++)
		text_print(c->text, "       CPU%u", i);
	text_print(c->text, "\n");
	return OK;
}

static status_t show_vmstat(struct shown_context *c)
{
	struct facts_machine m;
	status_t st = facts_machine(&m);
	if (st)
		return st;
	text_print(c->text, "nr_free_pages %llu\nnr_anon_pages %llu\nnr_file_pages %llu\nnr_page_table_pages %llu\n",
		   (ull)(m.memory_free / PAGE_SIZE), (ull)(m.memory_anonymous / PAGE_SIZE), (ull)(m.memory_cached / PAGE_SIZE),
		   (ull)(m.memory_page_tables / PAGE_SIZE));
	text_print(c->text, "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n");
	return OK;
}

static status_t show_locks(struct shown_context *c UNUSED) { return OK; }
static status_t show_disk_stats(struct shown_context *c UNUSED) { return OK; }
static status_t show_hops(struct shown_context *c) { return facts_text_into(c->text, 0, TEXT_HOPS, 0); }
static status_t show_refused(struct shown_context *c) { return facts_text_into(c->text, 0, TEXT_REFUSED, 0); }
static status_t show_services(struct shown_context *c) { return facts_text_into(c->text, 0, TEXT_SERVICES, 0); }

/* ---- sys/ ---- */
static status_t show_uname_field(struct shown_context *c, u32 which)
{
	struct utsname u;
	if (uname(&u))
		return ERR_IO;
	text_print(c->text, "%s\n",
		   which == 0   ? u.sysname
		   : which == 1 ? u.release
		   : which == 2 ? u.nodename
		   : which == 3 ? u.version
				: u.domainname);
	return OK;
}
static status_t show_os_type(struct shown_context *c) { return show_uname_field(c, 0); }
static status_t show_os_release(struct shown_context *c) { return show_uname_field(c, 1); }
static status_t show_host_name(struct shown_context *c) { return show_uname_field(c, 2); }
static status_t show_os_version(struct shown_context *c) { return show_uname_field(c, 3); }
static status_t show_domain_name(struct shown_context *c) { return show_uname_field(c, 4); }

/* The mode says who may write; a line's end is not part of the name. */
static s64 write_name(u32 kind, const char *bytes, u32 size)
{
	char name[FACTS_SET_TEXT_BYTES];
	u32 n = size;
	while (n && (bytes[n - 1] == '\n' || bytes[n - 1] == '\0'))
		n--;
	if (n >= sizeof(name))
		return ERR_INVAL;
	memcpy(name, bytes, n);
	name[n] = '\0';
	status_t st = facts_set(0, kind, 0, name);
	return st ? st : (s64)size;
}
static s64 write_host_name(struct shown_context *c UNUSED, const char *bytes, u32 size)
{
	return write_name(SET_HOST_NAME, bytes, size);
}
static s64 write_domain_name(struct shown_context *c UNUSED, const char *bytes, u32 size)
{
	return write_name(SET_DOMAIN_NAME, bytes, size);
}

/* The policy file of syscalld; a write replaces it whole. */
static status_t show_policy(struct shown_context *c)
{
	char text[POLICY_FILE_BYTES];
	struct service_call_result got = { .payload = text, .capacity = sizeof(text) };
	s64 st = service_call(NULL, SERVICE_SYSCALLD, POLICY_FILE_READ, NULL, 0, NULL, 0, &got);
	if (st < 0)
		return (status_t)st;
	for (u32 at = 0, n; at < got.length; at += n) {
		n = MIN(got.length - at, 64u);
		text_print(c->text, "%.*s", (int)n, text + at);
	}
	return OK;
}
static s64 write_policy(struct shown_context *c, const char *bytes, u32 size)
{
	if (!(c->caller->capabilities >> CAP_SYS_ADMIN_BIT & 1))
		return ERR_PERM;
	s64 st = service_call(NULL, SERVICE_SYSCALLD, POLICY_FILE_WRITE, NULL, 0, bytes, size, NULL);
	return st ? st : (s64)size;
}

static status_t show_uuid(struct text *t, const u8 *b)
{
	text_print(t, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", b[0], b[1], b[2],
		   b[3], b[4], b[5], (b[6] & 15) | 0x40, b[7], (b[8] & 0x3f) | 0x80, b[9], b[10], b[11], b[12],
		   b[13], b[14], b[15]);
	return OK;
}

static status_t show_boot_id(struct shown_context *c)
{
	u8 id[16];
	memcpy(id, vfsd_state()->boot_id, sizeof(id));
	return show_uuid(c->text, id);
}

int getentropy(void *buf, size_t size);
static status_t show_random_uuid(struct shown_context *c)
{
	u8 id[16];
	if (getentropy(id, sizeof(id)))
		return ERR_IO;
	return show_uuid(c->text, id);
}

static status_t show_file_count(struct shown_context *c)
{
	text_print(c->text, "0\t0\t9223372036854775807\n");
	return OK;
}

static status_t show_threads_max(struct shown_context *c)
{
	text_print(c->text, "%llu\n",
		   (ull)(tree_memory_bytes / (8 * 16384))); /* as Linux: an eighth of memory in stacks of 16 KiB */
	return OK;
}

static status_t show_0(struct shown_context *c) { text_print(c->text, "0\n"); return OK; }
static status_t show_1(struct shown_context *c) { text_print(c->text, "1\n"); return OK; }
static status_t show_2(struct shown_context *c) { text_print(c->text, "2\n"); return OK; }
static status_t show_10(struct shown_context *c) { text_print(c->text, "10\n"); return OK; }
static status_t show_8192(struct shown_context *c) { text_print(c->text, "8192\n"); return OK; }
static status_t show_40(struct shown_context *c) { text_print(c->text, "40\n"); return OK; }
static status_t show_256(struct shown_context *c) { text_print(c->text, "256\n"); return OK; }
static status_t show_4096(struct shown_context *c) { text_print(c->text, "4096\n"); return OK; }
static status_t show_16384(struct shown_context *c) { text_print(c->text, "16384\n"); return OK; }
static status_t show_32768(struct shown_context *c) { text_print(c->text, "32768\n"); return OK; }
static status_t show_65530(struct shown_context *c) { text_print(c->text, "65530\n"); return OK; }
static status_t show_65534(struct shown_context *c) { text_print(c->text, "65534\n"); return OK; }
static status_t show_65536(struct shown_context *c) { text_print(c->text, "65536\n"); return OK; }
static status_t show_1048576(struct shown_context *c) { text_print(c->text, "1048576\n"); return OK; }
static status_t show_64_bits(struct shown_context *c) { text_print(c->text, "9223372036854775807\n"); return OK; }
static status_t show_128(struct shown_context *c) { text_print(c->text, "128\n"); return OK; }
static status_t show_core(struct shown_context *c) { text_print(c->text, "core\n"); return OK; }

status_t show_cpu_info(struct shown_context *c);

static const struct shown_entry entries[] = {
	{ "", SHOW_DIR, SHOWN_PIDS, NULL, NULL, 0 },
	{ "self", SHOW_LINK, 0, show_self, NULL, 0 },
	{ "thread-self", SHOW_LINK, 0, show_thread_self, NULL, 0 },
	{ "mounts", SHOW_LINK, 0, show_mounts_link, NULL, 0 },
	{ "net", SHOW_LINK, 0, show_net_link, NULL, 0 },
	{ "cmdline", SHOW_FILE, 0, show_command_line, NULL, 0 },
	{ "cpuinfo", SHOW_FILE, 0, show_cpu_info, NULL, 0 },
	{ "devices", SHOW_FILE, 0, show_devices, NULL, 0 },
	{ "diskstats", SHOW_FILE, 0, show_disk_stats, NULL, 0 },
	{ "filesystems", SHOW_FILE, 0, show_file_systems, NULL, 0 },
	{ "interrupts", SHOW_FILE, 0, show_interrupts, NULL, 0 },
	{ "loadavg", SHOW_FILE, 0, show_loadavg, NULL, 0 },
	{ "locks", SHOW_FILE, 0, show_locks, NULL, 0 },
	{ "meminfo", SHOW_FILE, 0, show_meminfo, NULL, 0 },
	{ "stat", SHOW_FILE, 0, show_stat, NULL, 0 },
	{ "swaps", SHOW_FILE, 0, show_swaps, NULL, 0 },
	{ "uptime", SHOW_FILE, 0, show_uptime, NULL, 0 },
	{ "version", SHOW_FILE, 0, show_version, NULL, 0 },
	{ "vmstat", SHOW_FILE, 0, show_vmstat, NULL, 0 },
	{ "ambos", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "ambos/hops", SHOW_FILE, 0, show_hops, NULL, 0 },
	{ "ambos/refused", SHOW_FILE, 0, show_refused, NULL, 0 },
	{ "ambos/services", SHOW_FILE, 0, show_services, NULL, 0 },
	{ "sys", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/fs", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/fs/dir-notify-enable", SHOW_FILE, 0, show_1, NULL, 0 },
	{ "sys/fs/file-max", SHOW_FILE, 0, show_64_bits, NULL, 0 },
	{ "sys/fs/file-nr", SHOW_FILE, 0, show_file_count, NULL, 0 },
	{ "sys/fs/inotify", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/fs/inotify/max_queued_events", SHOW_FILE, 0, show_16384, NULL, 0 },
	{ "sys/fs/inotify/max_user_instances", SHOW_FILE, 0, show_128, NULL, 0 },
	{ "sys/fs/inotify/max_user_watches", SHOW_FILE, 0, show_65536, NULL, 0 },
	{ "sys/fs/leases-enable", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/fs/mqueue", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/fs/mqueue/msg_default", SHOW_FILE, 0, show_10, NULL, 0 },
	{ "sys/fs/mqueue/msg_max", SHOW_FILE, 0, show_10, NULL, 0 },
	{ "sys/fs/mqueue/msgsize_default", SHOW_FILE, 0, show_8192, NULL, 0 },
	{ "sys/fs/mqueue/msgsize_max", SHOW_FILE, 0, show_8192, NULL, 0 },
	{ "sys/fs/mqueue/queues_max", SHOW_FILE, 0, show_256, NULL, 0 },
	{ "sys/fs/nr_open", SHOW_FILE, 0, show_1048576, NULL, 0 },
	{ "sys/fs/overflowgid", SHOW_FILE, 0, show_65534, NULL, 0 },
	{ "sys/fs/overflowuid", SHOW_FILE, 0, show_65534, NULL, 0 },
	{ "sys/fs/pipe-max-size", SHOW_FILE, 0, show_1048576, NULL, 0 },
	{ "sys/fs/protected_fifos", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/fs/protected_hardlinks", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/fs/protected_regular", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/fs/protected_symlinks", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/fs/suid_dumpable", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/ambos", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/ambos/policy", MODE_REGULAR | 0644, 0, show_policy, write_policy, 0 },
	{ "sys/kernel", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/kernel/cap_last_cap", SHOW_FILE, 0, show_40, NULL, 0 },
	{ "sys/kernel/core_pattern", SHOW_FILE, 0, show_core, NULL, 0 },
	{ "sys/kernel/core_uses_pid", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/kernel/domainname", MODE_REGULAR | 0644, 0, show_domain_name, write_domain_name, 0 },
	{ "sys/kernel/hostname", MODE_REGULAR | 0644, 0, show_host_name, write_host_name, 0 },
	{ "sys/kernel/ngroups_max", SHOW_FILE, 0, show_65536, NULL, 0 },
	{ "sys/kernel/osrelease", SHOW_FILE, 0, show_os_release, NULL, 0 },
	{ "sys/kernel/ostype", SHOW_FILE, 0, show_os_type, NULL, 0 },
	{ "sys/kernel/overflowgid", SHOW_FILE, 0, show_65534, NULL, 0 },
	{ "sys/kernel/overflowuid", SHOW_FILE, 0, show_65534, NULL, 0 },
	{ "sys/kernel/pid_max", SHOW_FILE, 0, show_32768, NULL, 0 },
	{ "sys/kernel/pty", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/kernel/pty/max", SHOW_FILE, 0, show_4096, NULL, 0 },
	{ "sys/kernel/random", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/kernel/random/boot_id", SHOW_FILE, 0, show_boot_id, NULL, 0 },
	{ "sys/kernel/random/entropy_avail", SHOW_FILE, 0, show_256, NULL, 0 },
	{ "sys/kernel/random/poolsize", SHOW_FILE, 0, show_256, NULL, 0 },
	{ "sys/kernel/random/uuid", SHOW_FILE, 0, show_random_uuid, NULL, 0 },
	{ "sys/kernel/randomize_va_space", SHOW_FILE, 0, show_2, NULL, 0 },
	{ "sys/kernel/tainted", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/kernel/threads-max", SHOW_FILE, 0, show_threads_max, NULL, 0 },
	{ "sys/kernel/version", SHOW_FILE, 0, show_os_version, NULL, 0 },
	{ "sys/net", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/net/core", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/net/core/somaxconn", SHOW_FILE, 0, show_4096, NULL, 0 },
	{ "sys/vm", SHOW_DIR, 0, NULL, NULL, 0 },
	{ "sys/vm/max_map_count", SHOW_FILE, 0, show_65530, NULL, 0 },
	{ "sys/vm/mmap_min_addr", SHOW_FILE, 0, show_65536, NULL, 0 },
	{ "sys/vm/nr_hugepages", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/vm/overcommit_memory", SHOW_FILE, 0, show_0, NULL, 0 },
	{ "sys/vm/swappiness", SHOW_FILE, 0, show_0, NULL, 0 },
};
const struct shown_table proc_table = { entries, ARRAY_SIZE(entries) };
