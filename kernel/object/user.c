// SPDX-License-Identifier: MIT
/* What all processes of one real user id hold together: threads (RLIMIT_NPROC), message queues (RLIMIT_MSGQUEUE) and queued signals
 * (RLIMIT_SIGPENDING). A cred refers to its user, so the counts are at hand without a walk over all processes.
 * Entry points: user_get, user_ref, user_put (process.h). */
#include "process.h"
#include "../../lib/base/string.h"

#define USER_BUCKETS 64u

static struct spinlock users_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct user *buckets[USER_BUCKETS]; /* [users_lock] */
struct user user_root = { .refs = 1 };

static struct user **user_place_locked(u32 uid)
{
	struct user **at = &buckets[uid % USER_BUCKETS];
	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

struct user *user_ref(struct user *u)
{
	__atomic_add_fetch(&u->refs, 1, __ATOMIC_RELAXED);
	return u;
}

struct user *user_get(u32 uid)
{
	if (uid == 0)
		return user_ref(&user_root);
	struct user *made = kzalloc(sizeof(*made));
	spin_lock(&users_lock);
	struct user **at = user_place_locked(uid), *found = *at;
	if (found) {
		user_ref(found);
	} else if (made) {
		made->uid = uid;
		made->refs = 1;
		*at = found = made;
	}
	spin_unlock(&users_lock);
	if (found != made)
		kfree(made);
	return found;
}

void user_put(struct user *u)
{
	u32 refs = __atomic_load_n(&u->refs, __ATOMIC_RELAXED);
	while (refs > 1)
		if (__atomic_compare_exchange_n(&u->refs, &refs, refs - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
	spin_lock(&users_lock); /* the last reference goes only where nobody can find it again */
	bool last = !__atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL);
	if (last)
		*user_place_locked(u->uid) = u->next;
	spin_unlock(&users_lock);
	if (last)
		kfree(u);
}

status_t user_thread_allowed(void)
{
	struct thread *self = thread_current();
	u64 limit = self->process->rlimits[RLIMIT_NPROC].soft;
	if (limit == UINT64_MAX || self->cred->uid == 0 || cred_has_cap(self->cred, CAP_SYS_RESOURCE) ||
	    cred_has_cap(self->cred, CAP_SYS_ADMIN))
		return OK;
	return __atomic_load_n(&self->cred->user->threads, __ATOMIC_RELAXED) < limit ? OK : FAIL(ERR_AGAIN, "RLIMIT_NPROC");
}
