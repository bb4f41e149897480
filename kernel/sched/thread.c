// SPDX-License-Identifier: MIT
/* Making and freeing threads: struct, kernel stack, extended-state area.
 * Entry points: thread_alloc, thread_set_start, thread_set_user_start, thread_free, kernel_thread_create. */
#include "mm.h"
#include "sched_internal.h"
#include "string.h"
#include "trap.h"

#define FPU_ALIGN 64

static struct slab_cache *thread_cache, *fpu_cache;

void thread_pool_init(void)
{
	thread_cache = slab_create("thread", sizeof(struct thread), 64);
	fpu_cache = slab_create("fpu", ALIGN_UP(fpu_area_size(), FPU_ALIGN), FPU_ALIGN);
	if (!thread_cache || !fpu_cache)
		panic("no memory for thread caches");
	cpu_this()->idle->affinity = UINT64_MAX;
	list_init(&cpu_this()->idle->run_link);
	sched_group_init();
	cpu_this()->idle->group = sched_group_get(kernel_group);
}

struct thread *thread_alloc_kernel(const char *name)
{
	struct thread *t = slab_alloc(thread_cache);
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->kernel_stack = kernel_stack_alloc();
	if (!t->kernel_stack) {
		slab_free(thread_cache, t);
		return NULL;
	}
	str_copy(t->name, name, sizeof(t->name));
	t->refs = 1;
	t->affinity = UINT64_MAX;
	t->wake_token = 1;
	t->group = sched_group_get(kernel_group);
	list_init(&t->run_link);
	timer_init(&t->sleep_timer, NULL);
	return t;
}

struct thread *thread_alloc(const char *name)
{
	struct thread *t = thread_alloc_kernel(name);
	if (!t)
		return NULL;
	t->fpu_area = slab_alloc(fpu_cache);
	if (!t->fpu_area) {
		thread_free(t);
		return NULL;
	}
	fpu_init_area(t->fpu_area);
	return t;
}

void thread_free(struct thread *t)
{
	sched_group_put(t->group);
	sched_group_put(t->next_group);
	kernel_stack_free(t->kernel_stack);
	if (t->fpu_area)
		slab_free(fpu_cache, t->fpu_area);
	slab_free(thread_cache, t);
}

void thread_set_start(struct thread *t, void (*fn)(void *), void *arg) { arch_thread_prepare(t, fn, arg); }

static void user_start(void *arg UNUSED) { user_enter(); }

void thread_set_user_start(struct thread *t, const struct trap_frame *f)
{
	*thread_user_frame(t) = *f;
	arch_thread_prepare(t, user_start, NULL);
}

struct thread *kernel_thread_create(const char *name, void (*fn)(void *), void *arg)
{
	struct thread *t = thread_alloc_kernel(name);
	if (t) {
		arch_thread_prepare(t, fn, arg);
		sched_start_thread(t);
	}
	return t;
}
