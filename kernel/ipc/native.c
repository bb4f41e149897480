// SPDX-License-Identifier: MIT
// Native calls: dispatcher (capability per row of abi/core/calls.def) and those that are neither messages nor brokers.
#include "native.h"
#include "aspace.h"
#include "boot_option.h"
#include "file.h"
#include "mm.h"
#include "service.h"
#include "trap.h"
#include "user_ptr.h"
#include "../../lib/base/string.h"

#define COUNTED_IO_MAX MIB(1) /* bytes of one COUNTED_IO: bounds the time without a preemption point */

struct native_row {
	s64 (*handler)(u64, u64, u64, u64, u64, u64);
	u64 capability;
};
static const struct native_row native_rows[] = {
#define AMBOS_CALL(number, NAME, handler, capability, ...) [number] = { handler, AMBOS_CAP_##capability },
#include "../../abi/core/calls.def"
#undef AMBOS_CALL
};

bool native_tests_enabled;

void native_init(void)
{
	char value[2];
	native_tests_enabled = boot_option("test_ipc", value, sizeof(value)) != NULL;
	for (u32 id = 0; id < SERVICE_COUNT; id++)
		list_init(&services[id].idle); /* nobody receives: what the hot path asks instead of `defined` */
}

/* On a kernel started with test_ipc a program may call the toy service, and nothing else native. */
static bool test_call_allowed(u64 number)
{
	return native_tests_enabled && (number == AMBOS_CALL_IPC_CALL || number == AMBOS_CALL_IPC_CALL_SHORT);
}

s64 native_dispatch(struct trap_frame *f)
{
	u64 number = (u32)f->error & ~AMBOS_CALL_BASE;
	if (unlikely(number >= ARRAY_SIZE(native_rows) || !native_rows[number].handler))
		return FAIL(ERR_NOSYS, "native call number");
	const struct native_row *row = &native_rows[number];
	struct service *s = process_current()->service;
	if (unlikely(s ? (s->manifest.capabilities & row->capability) != row->capability : !test_call_allowed(number)))
		return FAIL(ERR_PERM, "native call without its capability");
	return row->handler(f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9);
}

status_t broker_copy_in(void *dst, u64 va, u64 given_size, size_t want_size)
{
	if (given_size != want_size)
		return FAIL(ERR_INVAL, "broker struct size");
	return copy_in(dst, user_ptr(va), want_size);
}

NATIVE_HANDLER(service_info)
{
	struct service *s = process_current()->service;
	if (a1 != sizeof(struct ipc_service_info))
		return FAIL(ERR_INVAL, "service_info size");
	struct ipc_service_info info = {
		.service = s->id, .generation = s->generation, .state_base = SERVICE_STATE_BASE, .state_size = s->state->size,
		.state_max = s->state_max, .pool_bytes = s->manifest.pool_bytes, .capabilities = s->manifest.capabilities,
		.threads = s->manifest.threads,
	};
	str_copy(info.name, s->name, sizeof(info.name));
	return COPY_OUT(user_ptr(a0), &info);
}

/* The state object only grows; its window is mapped whole from the start, so no mapping changes. */
NATIVE_HANDLER(state_grow)
{
	struct service *s = process_current()->service;
	u64 size = ALIGN_UP(a0, PAGE_SIZE);
	if (a0 > s->state_max)
		return FAIL(ERR_NOSPC, "state object at its bound");
	if (size <= s->state->size)
		return OK;
	return memobj_resize(s->state, size);
}

NATIVE_HANDLER(service_log_write)
{
	char line[SERVICE_LOG_BYTES + 1];
	if (a0 > LOG_DEBUG || a2 > SERVICE_LOG_BYTES)
		return FAIL(ERR_INVAL, "log level or size");
	status_t st = copy_in(line, user_ptr(a1), a2);
	if (st)
		return st;
	line[a2] = '\0';
	klog((enum log_level)a0, "%s: %s", process_current()->service->name, line);
	return OK;
}

/* The kernel finishes a call before it lets a thread die, so bytes moved and counter agree whenever the service is
 * killed: only the counter's page must be there before. Bit 0 of a0: 1 write, 0 read. */
NATIVE_HANDLER(counted_io)
{
	u64 counter;
	struct io_buf buf;
	if (a0 > 1 || a3 > COUNTED_IO_MAX || (a4 & 7))
		return FAIL(ERR_INVAL, "counted_io arguments");
	status_t st = COPY_IN(&counter, user_ptr(a4));
	if (!st)
		st = COPY_OUT(user_ptr(a4), &counter);
	if (st)
		return st;
	struct file *f = fd_get((int)a1);
	if (!f)
		return FAIL(ERR_BADF, "counted_io file");
	io_buf_init_user(&buf, user_ptr(a2), a3);
	s64 n = a0 ? file_write(f, &buf) : file_read(f, &buf);
	file_put(f);
	if (n > 0) {
		counter += (u64)n;
		if (COPY_OUT(user_ptr(a4), &counter))
			return FAIL(ERR_FAULT, "counter unmapped during counted_io");
	}
	return n;
}
