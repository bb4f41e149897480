// SPDX-License-Identifier: MIT
/* Credential rows: user, group and capability ids. Rules: credentials(7), capabilities(7), setresuid(2).
 * Every change that is not a no-op ends in credentials_commit, the one place where a policy can be asked. */
#include "linux.h"
#include "policy.h"
#include "signal.h"
#include "../../lib/base/string.h"

#define GROUPS_MAX 65536
#define NO_ID UINT32_MAX
/* Capabilities that follow fsuid: CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID LINUX_IMMUTABLE MKNOD MAC_OVERRIDE. */
#define CAPS_FILE_SYSTEM (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(9) | BIT(27) | BIT(32))
#define CAPABILITY_VERSION_1 0x19980330u
#define CAPABILITY_VERSION_2 0x20071026u
#define CAPABILITY_VERSION_3 0x20080522u

static const struct cred *own(void)
{
	return thread_current()->cred;
}

/* How a change of user ids moves capabilities (capabilities(7), "Effect of user ID changes"). */
static void fix_capabilities(const struct cred *old, struct cred *c)
{
	if (c->securebits & SECURE_NO_SETUID_FIXUP)
		return;
	bool had_root = !old->uid || !old->euid || !old->suid, has_root = !c->uid || !c->euid || !c->suid;
	if (had_root && !has_root) {
		if (!(c->securebits & SECURE_KEEP_CAPS))
			c->cap_permitted = c->cap_effective = 0;
		c->cap_ambient = 0;
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
	if (!old->fsuid && c->fsuid)
		c->cap_effective &= ~CAPS_FILE_SYSTEM;
	if (old->fsuid && !c->fsuid)
		c->cap_effective |= c->cap_permitted & CAPS_FILE_SYSTEM;
}

/* Takes over `c`. The door for syscalld's POLICY_CREDENTIALS. */
s64 credentials_commit(struct cred *c)
{
	const struct cred *old = own();
	status_t st = policy_credentials_change(old, c);
	if (st) {
		cred_put(c);
		return st;
	}
	bool changed_ids = old->euid != c->euid || old->egid != c->egid || old->fsuid != c->fsuid || old->fsgid != c->fsgid;
	if (changed_ids)
		__atomic_and_fetch(&process_current()->flags, ~(u32)PROC_DUMPABLE, __ATOMIC_RELAXED);
	cred_replace(c);
	return OK;
}

static s64 commit_user_ids(u32 uid, u32 euid, u32 suid, u32 fsuid)
{
	const struct cred *old = own();
	if (old->uid == uid && old->euid == euid && old->suid == suid && old->fsuid == fsuid)
		return OK;
	struct cred *c = cred_copy(old);
	if (!c)
		return ERR_NOMEM;
	status_t st = cred_set_uid(c, uid);
	if (st) {
		cred_put(c);
		return st;
	}
	c->euid = euid;
	c->suid = suid;
	c->fsuid = fsuid;
	fix_capabilities(old, c);
	return credentials_commit(c);
}

static s64 commit_group_ids(u32 gid, u32 egid, u32 sgid, u32 fsgid)
{
	const struct cred *old = own();
	if (old->gid == gid && old->egid == egid && old->sgid == sgid && old->fsgid == fsgid)
		return OK;
	struct cred *c = cred_copy(old);
	if (!c)
		return ERR_NOMEM;
	c->gid = gid;
	c->egid = egid;
	c->sgid = sgid;
	c->fsgid = fsgid;
	return credentials_commit(c);
}

LINUX_HANDLER(getuid) { return own()->uid; }
LINUX_HANDLER(geteuid) { return own()->euid; }
LINUX_HANDLER(getgid) { return own()->gid; }
LINUX_HANDLER(getegid) { return own()->egid; }

LINUX_HANDLER(setuid)
{
	const struct cred *c = own();
	u32 id = (u32)a0;
	if (id == NO_ID)
		return ERR_INVAL;
	if (cred_has_cap(c, CAP_SETUID))
		return commit_user_ids(id, id, id, id);
	return id == c->uid || id == c->suid ? commit_user_ids(c->uid, id, c->suid, id) : ERR_PERM;
}

LINUX_HANDLER(setgid)
{
	const struct cred *c = own();
	u32 id = (u32)a0;
	if (id == NO_ID)
		return ERR_INVAL;
	if (cred_has_cap(c, CAP_SETGID))
		return commit_group_ids(id, id, id, id);
	return id == c->gid || id == c->sgid ? commit_group_ids(c->gid, id, c->sgid, id) : ERR_PERM;
}

static bool one_of(u32 id, u32 x, u32 y, u32 z)
{
	return id == NO_ID || id == x || id == y || id == z;
}

LINUX_HANDLER(setreuid)
{
	const struct cred *c = own();
	u32 ruid = (u32)a0, euid = (u32)a1;
	if (!cred_has_cap(c, CAP_SETUID) && (!one_of(ruid, c->uid, c->euid, c->uid) || !one_of(euid, c->uid, c->euid, c->suid)))
		return ERR_PERM;
	u32 new_euid = euid == NO_ID ? c->euid : euid, new_ruid = ruid == NO_ID ? c->uid : ruid;
	bool move_saved = ruid != NO_ID || (euid != NO_ID && euid != c->uid);
	return commit_user_ids(new_ruid, new_euid, move_saved ? new_euid : c->suid, new_euid);
}

LINUX_HANDLER(setregid)
{
	const struct cred *c = own();
	u32 rgid = (u32)a0, egid = (u32)a1;
	if (!cred_has_cap(c, CAP_SETGID) && (!one_of(rgid, c->gid, c->egid, c->gid) || !one_of(egid, c->gid, c->egid, c->sgid)))
		return ERR_PERM;
	u32 new_egid = egid == NO_ID ? c->egid : egid, new_rgid = rgid == NO_ID ? c->gid : rgid;
	bool move_saved = rgid != NO_ID || (egid != NO_ID && egid != c->gid);
	return commit_group_ids(new_rgid, new_egid, move_saved ? new_egid : c->sgid, new_egid);
}

LINUX_HANDLER(setresuid)
{
	const struct cred *c = own();
	u32 r = (u32)a0, e = (u32)a1, s = (u32)a2;
	if (!cred_has_cap(c, CAP_SETUID) && (!one_of(r, c->uid, c->euid, c->suid) || !one_of(e, c->uid, c->euid, c->suid) ||
	    !one_of(s, c->uid, c->euid, c->suid)))
		return ERR_PERM;
	u32 euid = e == NO_ID ? c->euid : e;
	return commit_user_ids(r == NO_ID ? c->uid : r, euid, s == NO_ID ? c->suid : s, euid);
}

LINUX_HANDLER(setresgid)
{
	const struct cred *c = own();
	u32 r = (u32)a0, e = (u32)a1, s = (u32)a2;
	if (!cred_has_cap(c, CAP_SETGID) && (!one_of(r, c->gid, c->egid, c->sgid) || !one_of(e, c->gid, c->egid, c->sgid) ||
	    !one_of(s, c->gid, c->egid, c->sgid)))
		return ERR_PERM;
	u32 egid = e == NO_ID ? c->egid : e;
	return commit_group_ids(r == NO_ID ? c->gid : r, egid, s == NO_ID ? c->sgid : s, egid);
}

static s64 three_out(u64 va1, u32 x, u64 va2, u32 y, u64 va3, u32 z)
{
	return COPY_OUT(user_ptr(va1), &x) || COPY_OUT(user_ptr(va2), &y) || COPY_OUT(user_ptr(va3), &z) ? ERR_FAULT : OK;
}

LINUX_HANDLER(getresuid) { return three_out(a0, own()->uid, a1, own()->euid, a2, own()->suid); }
LINUX_HANDLER(getresgid) { return three_out(a0, own()->gid, a1, own()->egid, a2, own()->sgid); }

/* setfsuid(2) always answers the old id; whether it worked must be asked again. */
LINUX_HANDLER(setfsuid)
{
	const struct cred *c = own();
	u32 old = c->fsuid, id = (u32)a0;
	if (id != NO_ID && (one_of(id, c->uid, c->euid, c->suid) || id == old || cred_has_cap(c, CAP_SETUID)) &&
	    commit_user_ids(c->uid, c->euid, c->suid, id))
		return old;
	return old;
}

LINUX_HANDLER(setfsgid)
{
	const struct cred *c = own();
	u32 old = c->fsgid, id = (u32)a0;
	if (id != NO_ID && (one_of(id, c->gid, c->egid, c->sgid) || id == old || cred_has_cap(c, CAP_SETGID)) &&
	    commit_group_ids(c->gid, c->egid, c->sgid, id))
		return old;
	return old;
}

LINUX_HANDLER(getgroups)
{
	const struct cred *c = own();
	if ((s32)a0 < 0)
		return ERR_INVAL;
	if (!(s32)a0)
		return c->group_count;
	if ((u32)a0 < c->group_count)
		return ERR_INVAL;
	return copy_out(user_ptr(a1), c->groups, c->group_count * sizeof(u32)) ? ERR_FAULT : (s64)c->group_count;
}

LINUX_HANDLER(setgroups)
{
	u32 count = (u32)a0;
	if (!cred_has_cap(own(), CAP_SETGID))
		return ERR_PERM;
	if (count > GROUPS_MAX)
		return ERR_INVAL;
	u32 *groups = count ? kmalloc(count * sizeof(u32)) : NULL;
	if (count && !groups)
		return ERR_NOMEM;
	if (count && copy_in(groups, user_ptr(a1), count * sizeof(u32))) {
		kfree(groups);
		return ERR_FAULT;
	}
	struct cred *c = cred_copy(own());
	if (!c) {
		kfree(groups);
		return ERR_NOMEM;
	}
	kfree(c->groups);
	c->groups = groups;
	c->group_count = count;
	return credentials_commit(c);
}

struct cap_header_user { u32 version; s32 pid; };
struct cap_data_user { u32 effective, permitted, inheritable; };

/* Words of data (1 or 2) for a version; unknown versions get the preferred one written back. */
static s64 cap_header_in(u64 va, struct cap_header_user *h)
{
	if (COPY_IN(h, user_ptr(va)))
		return ERR_FAULT;
	if (h->version == CAPABILITY_VERSION_1)
		return 1;
	if (h->version == CAPABILITY_VERSION_2 || h->version == CAPABILITY_VERSION_3)
		return 2;
	h->version = CAPABILITY_VERSION_3;
	return COPY_OUT(user_ptr(va), h) ? ERR_FAULT : ERR_INVAL;
}

LINUX_HANDLER(capget)
{
	struct cap_header_user h;
	s64 words = cap_header_in(a0, &h);
	if (words < 0)
		return words == ERR_INVAL && !a1 ? OK : words; /* asking for the version */
	if (h.pid < 0)
		return ERR_INVAL;
	struct thread *t = h.pid ? thread_find((u32)h.pid) : NULL;
	if (h.pid && !t)
		return ERR_SRCH;
	spin_lock(&process_tree_lock);
	struct cred *c = cred_get(t ? t->cred : thread_current()->cred);
	spin_unlock(&process_tree_lock);
	struct cap_data_user data[2] = {
		{ (u32)c->cap_effective, (u32)c->cap_permitted, (u32)c->cap_inheritable },
		{ (u32)(c->cap_effective >> 32), (u32)(c->cap_permitted >> 32), (u32)(c->cap_inheritable >> 32) },
	};
	cred_put(c);
	if (t)
		thread_put(t);
	return a1 ? copy_out(user_ptr(a1), data, (size_t)words * sizeof(data[0])) : OK;
}

LINUX_HANDLER(capset)
{
	struct cap_header_user h;
	struct cap_data_user d[2] = { 0 };
	s64 words = cap_header_in(a0, &h);
	if (words < 0)
		return words;
	if (h.pid && (u32)h.pid != thread_current()->tid)
		return ERR_PERM;
	if (copy_in(d, user_ptr(a1), (size_t)words * sizeof(d[0])))
		return ERR_FAULT;
	const struct cred *old = own();
	u64 effective = (d[0].effective | (u64)d[1].effective << 32) & CAP_ALL;
	u64 permitted = (d[0].permitted | (u64)d[1].permitted << 32) & CAP_ALL;
	u64 inheritable = (d[0].inheritable | (u64)d[1].inheritable << 32) & CAP_ALL;
	if ((permitted & ~old->cap_permitted) || (effective & ~permitted))
		return ERR_PERM;
	if (!cred_has_cap(old, CAP_SETPCAP) && (inheritable & ~(old->cap_inheritable | old->cap_permitted)))
		return ERR_PERM;
	if (inheritable & ~(old->cap_inheritable | old->cap_bounding))
		return ERR_PERM;
	struct cred *c = cred_copy(old);
	if (!c)
		return ERR_NOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	return credentials_commit(c);
}
