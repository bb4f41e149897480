// SPDX-License-Identifier: MIT
// SYS_AMBOS_MM_BROKER: the system image, the boot archive and the command line for services; power off.
#include "aspace.h"
#include "boot_archive.h"
#include "boot_info.h"
#include "broker.h"
#include "mm.h"
#include "policy.h"
#include "service.h"
#include "system_image.h"
#include "user_ptr.h"
#include "../../lib/base/string.h"

const struct boot_member *boot_member_find(const char *name);

static s64 op_system_image(u64 va, u64 size)
{
	struct mm_region r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	if (!system_image.size)
		return FAIL(ERR_NOENT, "no system image");
	struct memobj *o = memobj_create(system_image.size, NULL, NULL);
	if (!o)
		return ERR_NOMEM;
	o->backing = system_image.base;
	o->backing_size = system_image.size;
	struct map_request m = {
		.size = system_image.size, .prot = PROT_R, .max_prot = PROT_R, .flags = MAP_F_SHARED,
			.obj = o, .name = "[image]",
	};
	st = aspace_map(process_current()->aspace, &m, &r.va);
	memobj_put(o);
	r.size = system_image.size;
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

static s64 op_boot_options(u64 va, u64 size)
{
	struct mm_region r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	u64 n = strlen(boot_info.command_line) + 1;
	if (n > r.size)
		return FAIL(ERR_RANGE, "boot options buffer");
	r.size = n;
	st = copy_out(user_ptr(r.va), boot_info.command_line, n);
	return st ? st : COPY_OUT(user_ptr(va), &r);
}

static s64 op_boot_member(u64 va, u64 size)
{
	struct mm_member r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	r.name[sizeof(r.name) - 1] = '\0';
	const struct boot_member *m = boot_member_find(r.name);
	if (!m)
		return FAIL(ERR_NOENT, "boot archive member");
	u64 n = (u64)(m->end - m->start);
	u64 room = r.size;
	r.size = n;
	if (n <= room)
		st = copy_out(user_ptr(r.va), m->start, n);
	if (!st)
		st = COPY_OUT(user_ptr(va), &r);
	return st ? st : n <= room ? OK : ERR_RANGE;
}

static s64 op_power_off(u64 va, u64 size)
{
	struct mm_power r;
	status_t st = broker_copy_in(&r, va, size, sizeof(r));
	if (st)
		return st;
	klog(LOG_INFO, "power off by %s: status %u", process_current()->service->name, r.code);
	machine_power_off(r.code & 0xff);
}

NATIVE_HANDLER(broker_mm)
{
	switch (a0) {
	case MM_SYSTEM_IMAGE:
		return op_system_image(a1, a2);
	case MM_BOOT_OPTIONS:
		return op_boot_options(a1, a2);
	case MM_BOOT_MEMBER:
		return op_boot_member(a1, a2);
	case MM_POWER_OFF:
		return op_power_off(a1, a2);
	case MM_POLICY_LEASE:
		return service_has_capability(AMBOS_CAP_POLICY) ? policy_lease_set(a1, a2) : FAIL(ERR_PERM, "policy lease");
	default:
		return FAIL(ERR_INVAL, "MM operation");
	}
}
