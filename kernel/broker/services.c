// SPDX-License-Identifier: MIT
// PROC_PREPARE operations of rootd: define a service from its manifest, start an instance, read its counters.
#include "broker.h"
#include "sched.h"
#include "user_ptr.h"
#include "vfs.h"

static void mount_root(void *arg UNUSED)
{
	status_t st = vfs_init_root();
	if (st)
		panic("root file system: %d", st);
	klog(LOG_INFO, "root file system mounted");
}

/* vfsd's first instance makes the root mount possible; the request waits in its queue. */
static status_t after_first_start(const struct service *s)
{
	if (s->id != SERVICE_VFSD || s->generation != 1)
		return OK;
	if (!kernel_thread_create("root mount", mount_root, NULL)) /* runs already */
		return FAIL(ERR_NOMEM, "root mount thread");
	return OK;
}

static s64 op_define(u64 va, u64 size)
{
	struct proc_service_define d;
	status_t st = broker_copy_in(&d, va, size, sizeof(d));
	return st ? st : service_define(&d);
}

static s64 op_start(u64 va, u64 size)
{
	struct proc_service_start r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	struct service *s = service_get(r.service);
	if (!s || s->id == SERVICE_ROOTD)
		return FAIL(ERR_SRCH, "service is not defined");
	st = service_start(s, &r.pid);
	if (!st)
		st = after_first_start(s);
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

static s64 op_give_up(u64 va, u64 size)
{
	struct proc_service_start r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	struct service *s = service_get(r.service);
	return s ? service_give_up(s) : FAIL(ERR_SRCH, "service is not defined");
}

static s64 op_stats(u64 va, u64 size)
{
	struct proc_service_stats r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	struct service *s = service_get(r.service);
	if (!s)
		return FAIL(ERR_SRCH, "service is not defined");
	spin_lock(&s->lock);
	r = (struct proc_service_stats){
		.service = s->id, .generation = s->generation, .calls = s->calls, .retries = s->retries, .deaths = s->deaths,
		.deaths_in_call = s->deaths_in_call, .failed_calls = s->failed_calls, .last_restart_ns = s->last_restart_ns,
	};
	spin_unlock(&s->lock);
	return COPY_OUT(user_ptr(va), &r);
}

s64 broker_services(u32 op, u64 va, u64 size)
{
	if (!service_has_capability(AMBOS_CAP_SERVICES))
		return FAIL(ERR_PERM, "services need their capability");
	switch (op) {
	case PROC_SERVICE_DEFINE:
		return op_define(va, size);
	case PROC_SERVICE_START:
		return op_start(va, size);
	case PROC_SERVICE_GIVE_UP:
		return op_give_up(va, size);
	default:
		return op_stats(va, size);
	}
}
