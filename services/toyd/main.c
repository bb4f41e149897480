// SPDX-License-Identifier: MIT
// toyd: the test service. One counter in the state object; see README.md.
#include <sched.h>
#include <sys/mman.h>

#include "../../abi/proto/toy.h"
#include "../../lib/service/service.h"

struct toy_root { u64 counter; };

static s64 toy_echo(struct service_request *r)
{
	request_reply_in_place(r, r->message.args, r->message.args_size);
	return OK;
}

static s64 toy_add(struct service_request *r)
{
	const struct toy_value *q = request_args(r);
	struct toy_root *root = state_root();
	txn_begin();
	TXN_SET(root->counter, root->counter + q->value);
	struct toy_value reply = { root->counter };
	request_reply_args(r, &reply, sizeof(reply));
	txn_commit(r, OK);
	return OK;
}

static s64 toy_get(struct service_request *r)
{
	struct toy_root *root = state_root();
	state_lock();
	struct toy_value reply = { root->counter };
	state_unlock();
	request_reply_args(r, &reply, sizeof(reply));
	return OK;
}

static s64 toy_crash(struct service_request *r UNUSED)
{
	__builtin_trap();
}

static s64 toy_hold(struct service_request *r)
{
	while (!request_cancelled(r))
		sched_yield();
	return ERR_INTR;
}

/* The broker tests: arguments are the test's, the capability is ours. */
static s64 toy_native(struct service_request *r)
{
	const struct toy_native *q = request_args(r);
	u64 pointer = q->use_payload ? (u64)r->payload : q->pointer;
	s64 result = ambos_call(q->number, q->a0, pointer, q->size, q->a3, q->a4);
	request_reply_args(r, &result, sizeof(result));
	return OK;
}

static s64 toy_grow(struct service_request *r)
{
	const struct toy_value *q = request_args(r);
	u8 *area = mmap(NULL, q->value << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return ERR_NOMEM;
	for (u64 at = 0; at < q->value << 10; at += PAGE_SIZE)
		area[at] = 1;
	munmap(area, q->value << 10);
	return OK;
}

static const struct service_op ops[] = {
	{ TOY_ECHO, 0, toy_echo, "echo" }, SERVICE_OP(TOY_ADD, struct toy_value, toy_add), { TOY_GET, 0, toy_get, "get" },
	{ TOY_CRASH, 0, toy_crash, "crash" }, { TOY_HOLD, 0, toy_hold, "hold" },
	SERVICE_OP(TOY_NATIVE, struct toy_native, toy_native), SERVICE_OP(TOY_GROW, struct toy_value, toy_grow),
};

int main(void)
{
	static const struct service_config config = {
		.name = "toyd", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 1,
			.state_root_size = sizeof(struct toy_root),
	};
	return service_run(&config);
}
