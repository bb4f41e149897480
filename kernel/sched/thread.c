// SPDX-License-Identifier: MIT
/* Making and unmaking threads: stack, extended state, the first stack frame. Everything above (process links,
 * signals, ids) is object/thread.c's. */
#include "sched_private.h"
#include "string.h"

extern char thread_first_kernel[], thread_first_return[];

#define FPU_ALIGN 64

struct thread *thread_alloc(const char *name)
{
	struct thread *t = kzalloc(sizeof(*t));
	if (!t)
		return NULL;
	t->kernel_stack = kernel_stack_alloc();
	t->fpu_block = kmalloc(fpu_area_size() + FPU_ALIGN);
	if (!t->kernel_stack || !t->fpu_block) {
		thread_free(t);
		return NULL;
	}
	t->fpu_area = (void *)ALIGN_UP((u64)t->fpu_block, FPU_ALIGN);
	fpu_init_area(t->fpu_area);
	t->refs = 1;
	t->state = THREAD_NEW;
	t->affinity = ~0ull;
	list_init(&t->run_link);
	list_init(&t->process_link);
	list_init(&t->tid_link);
	timer_init(&t->sleep_timer, NULL);
	str_copy(t->name, name, sizeof(t->name));
	return t;
}

void thread_free(struct thread *t)
{
	ASSERT(t->state == THREAD_NEW || t->state == THREAD_DEAD);
	if (t->kernel_stack)
		kernel_stack_free(t->kernel_stack);
	kfree(t->fpu_block);
	kfree(t);
}

struct trap_frame *thread_user_frame(struct thread *t)
{
	return (struct trap_frame *)((u64)t->kernel_stack + KERNEL_STACK_SIZE) - 1;
}

/* switch_stack pops r15 r14 r13 r12 rbx rbp and returns to `entry` with the stack at `top`. */
static void set_first_frame(struct thread *t, u64 top, void *entry, u64 r12, u64 r13)
{
	u64 *sp = (u64 *)top;
	*--sp = (u64)entry;
	*--sp = 0;   /* rbp */
	*--sp = 0;   /* rbx */
	*--sp = r12;
	*--sp = r13;
	*--sp = 0;
	*--sp = 0;
	t->kernel_rsp = (u64)sp;
}

void thread_set_start(struct thread *t, void (*fn)(void *), void *arg)
{
	/* room for a user frame stays free at the top: exec fills it and user_enter returns through it */
	set_first_frame(t, (u64)thread_user_frame(t) - 16, thread_first_kernel, (u64)fn, (u64)arg);
}

void thread_set_user_start(struct thread *t, const struct trap_frame *frame)
{
	*thread_user_frame(t) = *frame;
	set_first_frame(t, (u64)thread_user_frame(t), thread_first_return, 0, 0);
}

struct thread *kernel_thread_create(const char *name, void (*fn)(void *), void *arg)
{
	struct thread *t = thread_alloc(name);
	if (t) {
		thread_set_start(t, fn, arg);
		sched_start_thread(t);
	}
	return t;
}
