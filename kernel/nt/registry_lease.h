/* SPDX-License-Identifier: MIT */
/* What ntd said, remembered: reads of the registry, and writes that would change nothing. A start of a Windows program
 * asks the same twenty things each time. */
#ifndef AMBOS_NT_REGISTRY_LEASE_H
#define AMBOS_NT_REGISTRY_LEASE_H

#include "nt.h"

/* A question in the parts that make it: args begin with the key's cookie, name is in upper case, data is VALUE_SET's. */
struct registry_question {
	u32 op;
	const void *args; u32 args_size;
	const void *name; u32 name_size;
	const void *data; u32 data_size;
};
struct registry_answer { s64 status; void *reply; u32 reply_size; void *data; u32 capacity, length; };

/* Fills the answer and returns true; else false and a mark for registry_lease_keep. */
bool registry_lease_find(const struct registry_question *q, struct registry_answer *a, u64 *mark);
/* Keeps ntd's answer unless something was written since the mark was taken. */
void registry_lease_keep(const struct registry_question *q, const struct registry_answer *a, u64 mark);
/* Around an operation that writes: before and after, which drops what it changed; both return a mark. The second is the
 * one to keep the write itself with, when it is one more than the first: then no other write was under way. */
u64 registry_lease_writing(void);
u64 registry_lease_written(const struct registry_question *q);

#endif
