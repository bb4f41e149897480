/* SPDX-License-Identifier: MIT */
/* Private to process.c and job.c: one slot of the pid table. */
#ifndef AMBOS_OBJECT_PROCESS_TABLE_H
#define AMBOS_OBJECT_PROCESS_TABLE_H

#include "process.h"

struct pid_slot {
	struct process *process;
	struct thread *thread;
	u32 group_members, session_members;
	/* Structs that carry the number, ended ones that a handle, pidfd or wait still refers to as well: an id is not given
	 * again before its object is gone. thread_process: pid of the last thread's process. Counted down without the lock. */
	u32 process_objects, thread_objects, thread_process;
	struct sched_group *shares; /* of the process group's members, while there are any; not of a session's leader */
};
struct pid_slot *pid_slot(u32 pid); /* NULL: no such block */
static inline void pid_object_gone(u32 *objects) { __atomic_sub_fetch(objects, 1, __ATOMIC_RELEASE); }
void job_join_locked(struct process *p, u32 pgid, u32 sid);  /* parent and old numbers are still in place */
void job_leave_locked(u32 pgid);

#endif
