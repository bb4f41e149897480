// SPDX-License-Identifier: MIT
/* ThreadZeroTlsCell of NtSetInformationThread: TlsFree's way to make a slot empty in every thread of the process, so that
 * whoever is given it next finds zero. Slots: 64 in the TEB, the others in an array that it points to. */
#include "nt_internal.h"

#include "linux.h"

#define TEB_SELF 0x30u
#define TEB_TLS_SLOTS 0x1480u
#define TEB_TLS_EXPANSION_SLOTS 0x1780u
#define TLS_SLOTS 64u
#define TLS_EXPANSION_SLOTS 1024u

static s64 zero_in(u64 teb, u32 index)
{
	const u64 zero = 0;
	u64 array, self;
	s64 st = COPY_IN(&self, user_ptr(teb + TEB_SELF));
	if (st || self != teb)
		return st; /* its thread has ended since */
	if (index < TLS_SLOTS)
		return COPY_OUT(user_ptr(teb + TEB_TLS_SLOTS + index * 8ull), &zero);
	st = COPY_IN(&array, user_ptr(teb + TEB_TLS_EXPANSION_SLOTS));
	if (st || !array)
		return st;
	return COPY_OUT(user_ptr(array + (index - TLS_SLOTS) * 8ull), &zero);
}

/* User memory may not be touched under the lock that keeps the list: the blocks' addresses are noted first. A thread that
 * comes later begins with zeros, one that ends takes its block along (the copy fails and nobody misses it). */
s64 nt_thread_zero_tls(u32 index)
{
	struct process *p = process_current();
	u32 room = p->thread_count + 16, count = 0;
	u64 *tebs = index < TLS_SLOTS + TLS_EXPANSION_SLOTS ? kmalloc(room * sizeof(*tebs)) : NULL;
	if (!tebs)
		return index < TLS_SLOTS + TLS_EXPANSION_SLOTS ? ERR_NOMEM : NT(INVALID_PARAMETER);
	spin_lock(&process_tree_lock);
	list_for_each(t, &p->threads, struct thread, process_link)
		if (t->nt && count < room)
			tebs[count++] = t->nt->teb;
	spin_unlock(&process_tree_lock);
	for (u32 i = 0; i < count; i++)
		if (zero_in(tebs[i], index)) { /* gone */ }
	kfree(tebs);
	return 0;
}
