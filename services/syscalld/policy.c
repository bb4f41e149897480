// SPDX-License-Identifier: MIT
// Linux policy as pure functions. Rules: setrlimit(2), setuid(2), setreuid(2), setresuid(2), setfsuid(2), capset(2),
// kill(2), sched(7), capabilities(7).
#include "policy.h"

enum { CAP_KILL = 5, CAP_SETGID = 6, CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_SYS_NICE = 23, CAP_SYS_RESOURCE = 24 };
enum { RLIMIT_NOFILE = 7 };
enum {
	CALL_SETUID = 105, CALL_SETGID = 106, CALL_SETREUID = 113, CALL_SETREGID = 114,
		CALL_SETGROUPS = 116, CALL_SETRESUID = 117,
	CALL_SETRESGID = 119, CALL_SETFSUID = 122, CALL_SETFSGID = 123, CALL_CAPSET = 126, CALL_PRCTL = 157,
};
#define FILES_MAX 1048576u /* fs.nr_open: no privilege raises nofile above it */
#define UNCHANGED UINT32_MAX

static bool has(const struct policy_caller *c, u32 capability)
{
	return (c->capabilities >> capability) & 1;
}

status_t policy_needs(const struct policy_caller *c, u32 capability)
{
	return has(c, capability) ? OK : ERR_PERM;
}

status_t policy_prlimit(const struct policy_caller *c, const struct policy_prlimit_request *q)
{
	if (q->resource >= POLICY_LIMITS || q->wanted.soft > q->wanted.hard)
		return ERR_INVAL;
	if (q->resource == RLIMIT_NOFILE && q->wanted.hard > FILES_MAX)
		return ERR_PERM;
	if (q->wanted.hard > q->old.hard)
		return policy_needs(c, CAP_SYS_RESOURCE);
	return OK;
}

static bool one_of(u32 id, u32 a, u32 b, u32 c)
{
	return id == a || id == b || id == c;
}

/* The four ids of one kind, so that user and group rules are written once. */
struct id_set { u32 *real, *effective, *saved, *fs; };

static status_t set_one(const struct id_set *s, u32 id, bool privileged)
{
	if (!privileged && !one_of(id, *s->real, *s->saved, *s->saved))
		return ERR_PERM;
	if (privileged)
		*s->real = *s->saved = id;
	*s->effective = *s->fs = id;
	return OK;
}

static status_t set_real_effective(const struct id_set *s, u32 real, u32 effective, bool privileged)
{
	u32 old_real = *s->real;
	if (!privileged && real != UNCHANGED && !one_of(real, *s->real, *s->effective, *s->effective))
		return ERR_PERM;
	if (!privileged && effective != UNCHANGED && !one_of(effective, *s->real, *s->effective, *s->saved))
		return ERR_PERM;
	if (real != UNCHANGED)
		*s->real = real;
	if (effective != UNCHANGED)
		*s->effective = effective;
	if (real != UNCHANGED || (effective != UNCHANGED && effective != old_real))
		*s->saved = *s->effective;
	*s->fs = *s->effective;
	return OK;
}

static status_t set_three(const struct id_set *s, const u32 wanted[3], bool privileged)
{
	for (u32 i = 0; i < 3; i++)
		if (!privileged && wanted[i] != UNCHANGED && !one_of(wanted[i], *s->real, *s->effective, *s->saved))
			return ERR_PERM;
	if (wanted[0] != UNCHANGED)
		*s->real = wanted[0];
	if (wanted[1] != UNCHANGED)
		*s->effective = wanted[1];
	if (wanted[2] != UNCHANGED)
		*s->saved = wanted[2];
	*s->fs = *s->effective;
	return OK;
}

static status_t set_fs(const struct id_set *s, u32 id, bool privileged)
{
	if (privileged || one_of(id, *s->real, *s->effective, *s->saved) || id == *s->fs)
		*s->fs = id;
	return OK; /* never an error: the old value is the answer */
}

static status_t set_capabilities(const struct policy_caller *c, const struct policy_credentials_request *q,
		struct policy_ids *out)
{
	u64 effective = q->wanted_caps[0], permitted = q->wanted_caps[1], inheritable = q->wanted_caps[2];
	if ((permitted & ~q->old.permitted) || (effective & ~permitted))
		return ERR_PERM;
	if (!has(c, CAP_SETPCAP) && (inheritable & ~(q->old.inheritable | q->old.permitted)))
		return ERR_PERM;
	out->effective = effective;
	out->permitted = permitted;
	out->inheritable = inheritable;
	return OK;
}

status_t policy_credentials(const struct policy_caller *c, const struct policy_credentials_request *q,
		struct policy_ids *out)
{
	*out = q->old;
	struct id_set user = { &out->uid, &out->euid, &out->suid, &out->fsuid }, group = { &out->gid,
		&out->egid, &out->sgid, &out->fsgid };
	bool may_user = has(c, CAP_SETUID), may_group = has(c, CAP_SETGID);
	switch (q->kind) {
	case CALL_SETUID:
		return set_one(&user, q->wanted[0], may_user);
	case CALL_SETGID:
		return set_one(&group, q->wanted[0], may_group);
	case CALL_SETREUID:
		return set_real_effective(&user, q->wanted[0], q->wanted[1], may_user);
	case CALL_SETREGID:
		return set_real_effective(&group, q->wanted[0], q->wanted[1], may_group);
	case CALL_SETRESUID:
		return set_three(&user, q->wanted, may_user);
	case CALL_SETRESGID:
		return set_three(&group, q->wanted, may_group);
	case CALL_SETFSUID:
		return set_fs(&user, q->wanted[0], may_user);
	case CALL_SETFSGID:
		return set_fs(&group, q->wanted[0], may_group);
	case CALL_SETGROUPS:
		return may_group ? OK : ERR_PERM;
	case CALL_CAPSET:
	case CALL_PRCTL: /* securebits, keepcaps, ambient and bounding sets: capabilities may only shrink */
		return set_capabilities(c, q, out);
	default:
		return ERR_INVAL;
	}
}

status_t policy_schedule(const struct policy_rules *rules, const struct policy_caller *c, const struct policy_schedule_request *q)
{
	bool real_time = q->policy == 1 || q->policy == 2;
	if (real_time && !rules->realtime)
		return ERR_PERM;
	if (q->nice < q->old_nice && q->nice < rules->nice_floor)
		return ERR_ACCES;
	if (has(c, CAP_SYS_NICE))
		return OK;
	if (c->uid != q->target_uid && c->uid != q->target_euid)
		return ERR_PERM;
	if (real_time && (q->priority < 0 || (u32)q->priority > q->rtprio_limit))
		return ERR_PERM;
	if (q->nice < q->old_nice && 20 - q->nice > (s32)MIN(q->nice_limit, 40u))
		return ERR_ACCES;
	return OK;
}

status_t policy_signal(const struct policy_rules *rules, const struct policy_caller *c, const struct policy_signal_request *q)
{
	if (q->signal < 0 || q->signal > 64)
		return ERR_INVAL;
	if (c->uid == q->target_uid || c->uid == q->target_suid)
		return OK;
	return has(c, CAP_KILL) && rules->signal_scope >= POLICY_SIGNAL_CAPABLE ? OK : ERR_PERM;
}
