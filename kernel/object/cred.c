// SPDX-License-Identifier: MIT
/* Credentials: immutable once shared, replaced whole. Entry points in process.h.
 * A thread reads its own cred without a lock; others go through process_cred_get (process tree lock). */
#include "process.h"
#include "../../lib/base/string.h"

static struct cred root_cred = {
	.refs = 1,
	.user = &user_root,
	.cap_effective = CAP_ALL, .cap_permitted = CAP_ALL, .cap_bounding = CAP_ALL,
};

struct cred *cred_root(void)
{
	return cred_get(&root_cred);
}

void cred_put(struct cred *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	user_put(c->user);
	kfree(c->groups);
	kfree(c);
}

struct cred *cred_copy(const struct cred *from)
{
	struct cred *c = kmalloc(sizeof(*c));
	if (!c)
		return NULL;
	*c = *from;
	c->refs = 1;
	c->groups = NULL;
	if (from->group_count) {
		c->groups = kmalloc(from->group_count * sizeof(u32));
		if (!c->groups) {
			kfree(c);
			return NULL;
		}
		memcpy(c->groups, from->groups, from->group_count * sizeof(u32));
	}
	user_ref(c->user);
	return c;
}

status_t cred_set_uid(struct cred *c, u32 uid)
{
	if (c->uid == uid)
		return OK;
	struct user *next = user_get(uid);
	if (!next)
		return ERR_NOMEM;
	user_put(c->user);
	c->user = next;
	c->uid = uid;
	return OK;
}

void cred_replace(struct cred *c)
{
	struct thread *t = thread_current();
	DEBUG_ASSERT(c->user->uid == c->uid);
	spin_lock(&process_tree_lock);
	spin_lock(&t->process->signal_lock);
	struct cred *old = t->cred;
	t->cred = c;
	spin_unlock(&t->process->signal_lock);
	__atomic_sub_fetch(&old->user->threads, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&c->user->threads, 1, __ATOMIC_RELAXED);
	spin_unlock(&process_tree_lock);
	cred_put(old);
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	if (c->fsgid == gid)
		return true;
	for (u32 i = 0; i < c->group_count; i++)
		if (c->groups[i] == gid)
			return true;
	return false;
}

bool cred_has_cap(const struct cred *c, int cap)
{
	return (c->cap_effective >> cap) & 1;
}
