// SPDX-License-Identifier: MIT
/* NT priorities on the scheduler's classes. A process class and a thread's increment give a level of 1 to 31 (MSDN, "Scheduling
 * Priorities"). Levels 1 to 15 are nice values, 8 is nice 0; levels of the realtime class are SCHED_RR.
 * A caller without CAP_SYS_NICE gets HIGH for REALTIME, as on Windows without the privilege, and no nice below 0. */
#include "nt_internal.h"

#define CAP_SYS_NICE 23
#define INCREMENT_MOST 15       /* THREAD_PRIORITY_TIME_CRITICAL, and IDLE below zero: the end of the class's range */
#define INCREMENT_STEP_MAX 2    /* THREAD_PRIORITY_HIGHEST */
#define LEVEL_NORMAL 8
#define LEVEL_REALTIME 16       /* 16 to 31 */
#define NICE_WEAKEST 19
#define NICE_STRONGEST (-20)
#define LEVEL_STEPS 7           /* from NORMAL to either end of 1 to 15 */
enum { POLICY_OTHER = 0, POLICY_ROUND_ROBIN = 2 };

static bool valid_increment(s32 increment)
{
	return increment == INCREMENT_MOST || increment == -INCREMENT_MOST ||
		(increment >= -INCREMENT_STEP_MAX && increment <= INCREMENT_STEP_MAX);
}

static bool may_raise(void) { return cred_has_cap(thread_current()->cred, CAP_SYS_NICE); }

static s32 level_of(u32 class, s32 increment)
{
	static const s8 base[] = { [NT_CLASS_IDLE] = 4, [NT_CLASS_NORMAL] = LEVEL_NORMAL, [NT_CLASS_HIGH] = 13, [NT_CLASS_REALTIME] = 24,
		[NT_CLASS_BELOW_NORMAL] = 6, [NT_CLASS_ABOVE_NORMAL] = 10 };
	bool realtime = class == NT_CLASS_REALTIME;
	if (increment == INCREMENT_MOST)
		return realtime ? 31 : 15;
	if (increment == -INCREMENT_MOST)
		return realtime ? LEVEL_REALTIME : 1;
	return base[class] + increment;
}

static s32 nice_of_level(s32 level)
{
	s32 steps = level - LEVEL_NORMAL;
	return steps < 0 ? -steps * NICE_WEAKEST / LEVEL_STEPS : steps * NICE_STRONGEST / LEVEL_STEPS;
}

void nt_priority_apply(struct thread *t, u32 class, s32 increment)
{
	s32 level = level_of(class, increment);
	if (level >= LEVEL_REALTIME) {
		sched_set_policy(t, POLICY_ROUND_ROBIN, level - LEVEL_REALTIME + 1);
		return;
	}
	s32 nice = nice_of_level(level);
	if (t->policy != POLICY_OTHER)
		sched_set_policy(t, POLICY_OTHER, 0);
	sched_set_nice(t, nice < 0 && !may_raise() ? 0 : nice);
}

s64 nt_priority_set_class(struct process *p, u32 class)
{
	if (class < NT_CLASS_IDLE || class > NT_CLASS_ABOVE_NORMAL)
		return NT(INVALID_PARAMETER);
	if (class == NT_CLASS_REALTIME && !may_raise())
		class = NT_CLASS_HIGH;
	spin_lock(&process_tree_lock);
	p->nt->priority_class = class;
	list_for_each(t, &p->threads, struct thread, process_link)
		if (t->nt)
			nt_priority_apply(t, class, t->nt->base_priority);
	spin_unlock(&process_tree_lock);
	return 0;
}

s64 nt_priority_set_increment(struct thread *t, s32 increment)
{
	if (!valid_increment(increment))
		return NT(INVALID_PARAMETER);
	spin_lock(&process_tree_lock);
	t->nt->base_priority = increment;
	nt_priority_apply(t, t->process->nt->priority_class, increment);
	spin_unlock(&process_tree_lock);
	return 0;
}
