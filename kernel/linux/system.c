// SPDX-License-Identifier: MIT
/* Rows about the system as a whole: names, memory and load, limits, random bytes, personality, reboot. */
#include "cpu.h"
#include "linux.h"
#include "policy.h"
#include "random.h"
#include "signal.h"
#include "../../lib/base/string.h"

#define UTS_NAME_SIZE 65
#define FILES_LIMIT_MAX 1048576 /* fs.nr_open */
#define GETRANDOM_CHUNK 256

/* personality(2) */
#define PERSONALITY_DOMAIN 0xffu
#define PERSONALITY_LINUX32 8u
#define PERSONALITY_UNAME26 0x0020000u
#define RELEASE_26 "2.6.61-ambos"  /* 2.6.(60 + minor), as uname26 of Linux 6.1 */

static struct { char sysname[UTS_NAME_SIZE], nodename[UTS_NAME_SIZE], release[UTS_NAME_SIZE], version[UTS_NAME_SIZE],
	machine[UTS_NAME_SIZE], domainname[UTS_NAME_SIZE]; } system_name = {
	"Linux", "ambos", "6.1.0-ambos", "#1 SMP Ambos", "x86_64", "(none)",
};
static struct spinlock name_lock = SPINLOCK_INIT(RANK_OBJECT);

LINUX_HANDLER(uname)
{
	__typeof__(system_name) copy;
	spin_lock(&name_lock);
	copy = system_name;
	spin_unlock(&name_lock);
	u32 personality = process_current()->personality;
	if ((personality & PERSONALITY_DOMAIN) == PERSONALITY_LINUX32)
		memcpy(copy.machine, "i686", sizeof("i686"));
	if (personality & PERSONALITY_UNAME26)
		memcpy(copy.release, RELEASE_26, sizeof(RELEASE_26));
	return COPY_OUT(user_ptr(a0), &copy);
}

status_t system_name_set(bool domain, const char *text, u64 length)
{
	char *name = domain ? system_name.domainname : system_name.nodename;
	if (length >= UTS_NAME_SIZE)
		return ERR_INVAL;
	spin_lock(&name_lock);
	memset(name, 0, UTS_NAME_SIZE);
	memcpy(name, text, length);
	spin_unlock(&name_lock);
	return OK;
}

static s64 set_name(bool domain, u64 va, u64 length)
{
	char fresh[UTS_NAME_SIZE] = { 0 };
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_ADMIN))
		return ERR_PERM;
	if (length >= UTS_NAME_SIZE)
		return ERR_INVAL;
	if (copy_in(fresh, user_ptr(va), length))
		return ERR_FAULT;
	status_t st = policy_hostname_set();
	return st ? st : system_name_set(domain, fresh, length);
}

LINUX_HANDLER(sethostname)
{
	return set_name(false, a0, a1);
}

LINUX_HANDLER(setdomainname)
{
	return set_name(true, a0, a1);
}

#define SYSINFO_LOAD_ONE 65536u /* a load of 1.0, sysinfo(2) */
struct sysinfo_user {
	s64 uptime;
	u64 loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	u16 procs, pad;
	u64 totalhigh, freehigh;
	u32 mem_unit;
};
_Static_assert(sizeof(struct sysinfo_user) == 112, "Linux layout");

LINUX_HANDLER(sysinfo)
{
	struct mm_stats m;
	u64 loads[3];
	mm_stats_read(&m);
	load_averages(loads);
	struct sysinfo_user out = {
		.uptime = (s64)(time_now_ns() / NSEC_PER_SEC), .totalram = m.total_pages * PAGE_SIZE,
		.freeram = m.free_pages * PAGE_SIZE, .bufferram = 0, .procs = (u16)MIN(process_count(), 65535u), .mem_unit = 1,
	};
	for (u32 i = 0; i < ARRAY_SIZE(loads); i++)
		out.loads[i] = loads[i] * (SYSINFO_LOAD_ONE / LOAD_ONE);
	return COPY_OUT(user_ptr(a0), &out);
}

LINUX_HANDLER(getrandom)
{
	enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4 };
	u8 chunk[GETRANDOM_CHUNK];
	if ((u32)a2 & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return ERR_INVAL;
	if (((u32)a2 & GRND_INSECURE) && ((u32)a2 & GRND_RANDOM))
		return ERR_INVAL;
	u64 size = MIN(a1, (u64)INT32_MAX), done = 0;
	while (done < size) {
		u64 n = MIN(size - done, (u64)sizeof(chunk));
		random_bytes(chunk, n);
		if (copy_out(user_ptr(a0 + done), chunk, n))
			return done ? (s64)done : ERR_FAULT;
		done += n;
		if (thread_signal_pending(thread_current()) && done < size && done >= GETRANDOM_CHUNK)
			break;
		preempt_point();
	}
	memset(chunk, 0, sizeof(chunk));
	return (s64)done;
}

/* ---- limits ---- */

static s64 limit_set(struct process *p, u32 resource, const struct rlimit_k *wanted)
{
	if (wanted->soft > wanted->hard)
		return ERR_INVAL;
	if (resource == RLIMIT_NOFILE && wanted->hard > FILES_LIMIT_MAX)
		return ERR_PERM;
	if (wanted->hard > p->rlimits[resource].hard && !cred_has_cap(thread_current()->cred, CAP_SYS_RESOURCE))
		return ERR_PERM;
	status_t st = policy_limit_change(p->pid, resource, &p->rlimits[resource], wanted);
	if (st)
		return st;
	spin_lock(&process_tree_lock);
	p->rlimits[resource] = *wanted;
	spin_unlock(&process_tree_lock);
	policy_limits_changed(p);
	return OK;
}

static bool may_limit(struct process *p)
{
	const struct cred *c = thread_current()->cred;
	if (p == process_current())
		return true;
	if (p->service) /* its manifest is its limit */
		return false;
	if (cred_has_cap(c, CAP_SYS_RESOURCE))
		return true;
	struct cred *t = process_cred_get(p);
	bool same = c->uid == t->uid && c->uid == t->euid && c->uid == t->suid && c->gid == t->gid && c->gid == t->egid &&
		c->gid == t->sgid;
	cred_put(t);
	return same;
}

static s64 prlimit(struct process *p, u32 resource, u64 new_va, u64 old_va)
{
	struct rlimit_k wanted, old = p->rlimits[resource];
	if (new_va) {
		if (COPY_IN(&wanted, user_ptr(new_va)))
			return ERR_FAULT;
		s64 st = limit_set(p, resource, &wanted);
		if (st)
			return st;
	}
	return old_va ? COPY_OUT(user_ptr(old_va), &old) : OK;
}

LINUX_HANDLER(prlimit64)
{
	if ((u32)a1 >= RLIMIT_COUNT || (s32)a0 < 0)
		return (s32)a0 < 0 ? ERR_SRCH : ERR_INVAL;
	struct process *p = (u32)a0 ? process_find((u32)a0) : NULL;
	if ((u32)a0 && !p)
		return ERR_SRCH;
	struct process *target = p ? p : process_current();
	s64 st = may_limit(target) ? prlimit(target, (u32)a1, a2, a3) : ERR_PERM;
	if (p)
		process_put(p);
	return st;
}

LINUX_HANDLER(getrlimit)
{
	return (u32)a0 >= RLIMIT_COUNT ? ERR_INVAL : COPY_OUT(user_ptr(a1), &process_current()->rlimits[(u32)a0]);
}

LINUX_HANDLER(setrlimit)
{
	return (u32)a0 >= RLIMIT_COUNT ? ERR_INVAL : !a1 ? ERR_FAULT : prlimit(process_current(), (u32)a0, a1, 0);
}

/* ---- odds ---- */

#define PERSONALITY_QUERY 0xffffffffu
/* What would change mappings, and here does not: READ_IMPLIES_EXEC, MMAP_PAGE_ZERO, ADDR_COMPAT_LAYOUT. */
#define PERSONALITY_REFUSED 0x0700000u

LINUX_HANDLER(personality)
{
	struct process *p = process_current();
	u32 old = p->personality, wanted = (u32)a0;
	if (wanted == PERSONALITY_QUERY)
		return old;
	if (wanted & PERSONALITY_REFUSED)
		return FAIL(ERR_INVAL, "personality not supported");
	p->personality = wanted;
	return old;
}

LINUX_HANDLER(reboot)
{
	const u32 magic = 0xfee1dead, halt = 0xcdef0123, power_off = 0x4321fedc, restart = 0x01234567, cad_on = 0x89abcdef, cad_off = 0;
	const u32 magic2[] = { 672274793, 85072278, 369367448, 537993216 };
	bool known = false;
	if (!cred_has_cap(thread_current()->cred, CAP_SYS_BOOT))
		return ERR_PERM;
	for (u32 i = 0; i < ARRAY_SIZE(magic2); i++)
		known |= (u32)a1 == magic2[i];
	if ((u32)a0 != magic || !known)
		return ERR_INVAL;
	u32 command = (u32)a2;
	if (command == halt || command == power_off || command == restart) {
		klog(LOG_INFO, "reboot: power off by %s[%u]", thread_current()->name, process_current()->pid);
		machine_power_off(0);
	}
	return command == cad_on || command == cad_off ? OK : ERR_INVAL; /* there is no Ctrl-Alt-Del to arm */
}
