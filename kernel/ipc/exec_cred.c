// SPDX-License-Identifier: MIT
// Credentials across execve: set-id bits and capabilities(7), "Transformation of capabilities during execve".
#include "exec.h"
#include "file.h"
#include "vfs.h"

#define SET_UID 04000
#define SET_GID 02000
#define GROUP_EXECUTE 010
#define MOUNT_NOSUID 2        /* MS_NOSUID of mount(2) */

static void apply_set_id(struct cred *c, const struct attributes *a)
{
	if (a->mode & SET_UID)
		c->euid = a->uid;
	if ((a->mode & (SET_GID | GROUP_EXECUTE)) == (SET_GID | GROUP_EXECUTE))
		c->egid = a->gid;
}

/* No file capabilities here: a root program has all, others only what is ambient. */
static void transform_capabilities(struct cred *c, bool set_id)
{
	bool root_rules = !(c->securebits & SECURE_NOROOT);
	bool root = root_rules && (c->euid == 0 || c->uid == 0);
	u64 file_permitted = root ? UINT64_MAX : 0;
	if (set_id)
		c->cap_ambient = 0;
	c->cap_permitted = root ? (c->cap_inheritable | (file_permitted & c->cap_bounding)) : c->cap_ambient;
	c->cap_permitted |= c->cap_ambient;
	c->cap_effective = root_rules && c->euid == 0 ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECURE_KEEP_CAPS;
}

static bool cred_same(const struct cred *a, const struct cred *b)
{
	return a->euid == b->euid && a->egid == b->egid && a->suid == b->suid && a->sgid == b->sgid &&
		a->fsuid == b->fsuid &&
	       a->fsgid == b->fsgid && a->cap_permitted == b->cap_permitted && a->cap_effective == b->cap_effective &&
	       a->cap_ambient == b->cap_ambient && a->securebits == b->securebits;
}

status_t exec_credentials(struct file *f, const struct cred *old, struct cred **out, u32 *secure)
{
	struct attributes a;
	status_t st = file_stat(f, &a);
	if (st)
		return st;
	struct cred next = *old;
	bool may_set = !(f->where.mount && (f->where.mount->flags & MOUNT_NOSUID)) &&
		!(process_current()->flags & PROC_NO_NEW_PRIVS);
	if (may_set)
		apply_set_id(&next, &a);
	bool set_id = next.euid != old->euid || next.egid != old->egid;
	transform_capabilities(&next, set_id);
	next.suid = next.fsuid = next.euid;
	next.sgid = next.fsgid = next.egid;
	*secure = next.euid != next.uid || next.egid != next.gid;
	*out = NULL;
	if (cred_same(&next, old))
		return OK;
	struct cred *c = cred_copy(old);
	if (!c)
		return ERR_NOMEM;
	c->euid = next.euid;
	c->egid = next.egid;
	c->suid = next.suid;
	c->sgid = next.sgid;
	c->fsuid = next.fsuid;
	c->fsgid = next.fsgid;
	c->cap_permitted = next.cap_permitted;
	c->cap_effective = next.cap_effective;
	c->cap_ambient = next.cap_ambient;
	c->securebits = next.securebits;
	*out = c;
	return OK;
}
