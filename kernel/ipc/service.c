// SPDX-License-Identifier: MIT
// The services: definition by manifest, start of an instance, its death.
#include "service.h"
#include "aspace.h"
#include "boot_archive.h"
#include "boot_option.h"
#include "exec.h"
#include "file.h"
#include "ipc_internal.h"
#include "mm.h"
#include "system_image.h"
#include "../../lib/base/string.h"

#define STATE_MAX_BYTES GIB(64)     /* window at SERVICE_STATE_BASE that nothing else uses */
#define SERVICE_NICE (-10)          /* others wait for what a service does: it goes before a busy program */
#define FIRST_SERVICE_PID 2         /* pid 1 is initd's */

struct service services[SERVICE_COUNT] = {
#define SERVICE(number, NAME, service_name, service_rank) [number] = { .id = (number), \
		.rank = (service_rank), .name = #service_name },
#include "../../abi/core/services.def"
#undef SERVICE
};

bool service_has_capability(u64 capability)
{
	struct service *s = process_current() ? process_current()->service : NULL;
	return s && (s->manifest.capabilities & capability) == capability;
}

bool service_call_allowed(struct service *s, u32 number)
{
	if (number < SERVICE_LINUX_CALLS && (s->manifest.linux_calls[number / 64] & BIT(number % 64)))
		return true;
	if (s->refused_logged < 8) { /* enough to fix a manifest, no flood */
		s->refused_logged++;
		klog(LOG_WARN, "%s: Linux call %u is not in its manifest", s->name, number);
	}
	return false;
}

static status_t definition_check(const struct proc_service_define *d)
{
	if (d->service == 0 || d->service >= SERVICE_COUNT)
		return FAIL(ERR_INVAL, "no such service");
	if (services[d->service].defined)
		return FAIL(ERR_EXIST, "service is defined");
	if (d->state_bytes > d->state_max_bytes || d->state_max_bytes > STATE_MAX_BYTES || d->state_bytes < PAGE_SIZE)
		return FAIL(ERR_INVAL, "state object size");
	return OK;
}

/* Numbers 0 to 2 stay taken: nothing a service opens may look like a standard stream, or like "none". */
static const struct file_ops reserved_ops = { .name = "reserved" };
static status_t reserve_standard_fds(struct fdtable *t)
{
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = file_create(&reserved_ops, NULL, 0);
		status_t st = f ? fdtable_install_at(t, fd, f, 0) : ERR_NOMEM;
		if (st)
			return st;
	}
	return OK;
}

status_t service_define(const struct proc_service_define *d)
{
	status_t st = definition_check(d);
	if (st)
		return st;
	struct service *s = &services[d->service];
	spin_init(&s->lock, RANK_PORT);
	list_init(&s->pending);
	list_init(&s->executing);
	list_init(&s->idle);
	list_init(&s->cancels);
	list_init(&s->notices);
	s->manifest = *d;
	s->state_max = d->state_max_bytes;
	pool_reserve(d->pool_bytes >> PAGE_SHIFT);
	s->fds = fdtable_create();
	s->state = memobj_create(d->state_bytes, NULL, NULL);
	if (!s->fds || !s->state)
		return FAIL(ERR_NOMEM, "service objects");
	st = reserve_standard_fds(s->fds);
	if (st)
		return st;
	__atomic_store_n(&s->defined, true, __ATOMIC_RELEASE);
	return OK;
}

static status_t map_state(struct service *s, struct aspace *as)
{
	struct map_request r = {
		.va = SERVICE_STATE_BASE, .size = s->state_max, .prot = PROT_R | PROT_W, .max_prot = PROT_R | PROT_W,
		.flags = MAP_F_SHARED | MAP_F_FIXED | MAP_F_NORESERVE | MAP_F_DONTFORK, .obj = s->state, .name = "[state]",
	};
	u64 at;
	memobj_get(s->state);
	return aspace_map(as, &r, &at);
}

static void use_kept_fds(struct service *s)
{
	struct thread *t = thread_current();
	fdtable_put(t->fds);
	fdtable_get(s->fds);
	t->fds = s->fds;
}

/* First thread of an instance. */
static void instance_run(void *arg)
{
	struct service *s = arg;
	const struct boot_member *m = boot_member_find(s->name);
	struct exec_args args;
	if (!m)
		panic("service %s is not in the boot archive", s->name);
	use_kept_fds(s);
	sched_set_nice(thread_current(), SERVICE_NICE);
	status_t st = exec_args_from_strings(&args, s->name, &s->name, 1, NULL, 0);
	if (!st) {
		st = image_start(m, &args);
		exec_args_free(&args);
	}
	if (!st)
		st = map_state(s, process_current()->aspace);
	if (st) {
		klog(LOG_ERROR, "service %s cannot start: %d", s->name, st);
		process_exit_group(127 << 8);
	}
	__atomic_or_fetch(&process_current()->flags, PROC_SERVICE, __ATOMIC_RELAXED);
	user_enter();
}

static u32 wanted_pid(const struct service *s)
{
	if (s->id == SERVICE_INITD)
		return 1; /* in each instance: it is what orphans and programs know */
	return s->generation == 0 ? FIRST_SERVICE_PID + s->id - 1 : 0;
}

/* A call may only go down in rank. */
static u64 call_targets(const struct service *s)
{
	u64 targets = 0;
	for (u32 id = 1; id < SERVICE_COUNT && (s->manifest.capabilities & AMBOS_CAP_IPC_CALL); id++)
		targets |= services[id].rank < s->rank ? BIT(id) : 0;
	return targets;
}

status_t service_start(struct service *s, u32 *pid)
{
	if (s->process)
		return FAIL(ERR_BUSY, "service runs");
	struct process *p = process_create_pid(wanted_pid(s), NULL, s->name, instance_run, s);
	if (!p)
		return FAIL(ERR_AGAIN, "service process");
	process_get(p);
	p->service = s;
	p->call_targets = call_targets(s);
	p->flags |= PROC_SERVICE;
	account_use_pool(p->account, s->manifest.pool_bytes >> PAGE_SHIFT);
	*pid = p->pid;
	spin_lock(&s->lock);
	s->process = p;
	s->received = false;
	s->generation++;
	spin_unlock(&s->lock);
	klog(LOG_INFO, "service %s: instance %u, pid %u", s->name, s->generation, p->pid);
	process_start(p);
	return OK;
}

/* Broker: requeue what it executed, tell rootd. */
void service_process_exited(struct process *p, s32 wait_status)
{
	struct service *s = p->service;
	if (s->id == SERVICE_ROOTD)
		panic("rootd died: wait status 0x%x", wait_status);
	struct notice_service_died n = { .service = s->id, .pid = p->pid, .wait_status = wait_status };
	spin_lock(&s->lock);
	bool ours = s->process == p;
	if (ours) {
		s->process = NULL;
		s->deaths++;
		s->died_ns = time_now_ns();
		n.generation = s->generation;
		n.received = s->received;
	}
	spin_unlock(&s->lock);
	if (!ours)
		return;
	n.executing = service_requeue_calls(s, wait_status);
	klog(LOG_WARN, "service %s (pid %u) died: wait status 0x%x, %u calls in flight", s->name, p->pid,
		wait_status, n.executing);
	process_put(p);
	service_notify(SERVICE_ROOTD, NOTICE_SERVICE_DIED, &n, sizeof(n));
}

/* rootd is started by the kernel, so its grants are here and not in a manifest. */
void start_rootd(void)
{
	static const u16 linux_calls[] = { 7, 9, 10, 11, 12, 13, 14, 28, 39, 56, 60, 131, 158, 186, 202,
		218, 228, 231, 273, 334, 35, 230 };
	struct proc_service_define d = {
		.service = SERVICE_ROOTD, .threads = 1, .pool_bytes = MIB(1),
		.capabilities = AMBOS_CAP_PROC_PREPARE | AMBOS_CAP_SERVICES | AMBOS_CAP_MM | AMBOS_CAP_IPC_CALL,
		.state_bytes = KIB(512), .state_max_bytes = KIB(512),
	};
	for (u32 i = 0; i < ARRAY_SIZE(linux_calls); i++)
		d.linux_calls[linux_calls[i] / 64] |= BIT(linux_calls[i] % 64);
	u32 pid;
	system_image_find();
	status_t st = service_define(&d);
	if (!st)
		st = service_start(&services[SERVICE_ROOTD], &pid);
	if (st)
		panic("rootd cannot start: %d", st);
}
