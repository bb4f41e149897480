// SPDX-License-Identifier: MIT
// storaged: drivers of the virtio console ports and of virtio-9p. Requests are in abi/proto/storage.h.
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "storaged.h"

pthread_mutex_t storage_mutex = PTHREAD_MUTEX_INITIALIZER;

void device_lock(void) { pthread_mutex_lock(&storage_mutex); }
void device_unlock(void) { pthread_mutex_unlock(&storage_mutex); }
struct storage_state *storage(void) { return state_root(); }

s64 dev_broker(u32 op, void *argument, u32 size)
{
	return ambos_call(AMBOS_CALL_DEV_BROKER, op, (u64)argument, size, 0, 0);
}

static s64 port_find_request(struct service_request *r)
{
	char name[STORAGE_NAME_MAX];
	s64 n = request_string(r, name, sizeof(name));
	if (n < 0)
		return n;
	device_lock();
	s32 port = port_find(name);
	device_unlock();
	if (port < 0)
		return port;
	struct storage_port_reply reply = { (u32)port, 0 };
	request_reply_args(r, &reply, sizeof(reply));
	return OK;
}

static bool valid(u32 port, u32 direction)
{
	return port < PORTS_MAX && direction < 2 && storage()->ports[port].announced;
}

static s64 port_attach(struct service_request *r)
{
	const struct storage_attach *a = request_args(r);
	if (!valid(a->port, a->direction) || r->message.attached_fd < 0)
		return ERR_INVAL;
	device_lock();
	s64 st = OK; /* a repeat after a restart: done before */
	if (!(r->message.flags & IPC_RETRY) || !storage()->ports[a->port].relays[a->direction].attached)
		st = relay_attach(a->port, a->direction, r->message.attached_fd);
	device_unlock();
	return st;
}

static s64 port_end(struct service_request *r, u32 direction)
{
	const struct storage_end *e = request_args(r);
	if (!valid(e->port, direction))
		return ERR_INVAL;
	device_lock();
	relay_end(e->port, direction, e->bytes);
	device_unlock();
	return OK;
}

static s64 port_input_end(struct service_request *r) { return port_end(r, STORAGE_FROM_HOST); }
static s64 port_output_close(struct service_request *r) { return port_end(r, STORAGE_TO_HOST); }

static s64 port_progress(struct service_request *r)
{
	const struct storage_end *e = request_args(r);
	struct storage_progress reply;
	if (!valid(e->port, e->direction))
		return ERR_INVAL;
	device_lock();
	relay_progress(e->port, e->direction, &reply);
	device_unlock();
	request_reply_args(r, &reply, sizeof(reply));
	return OK;
}

static const struct service_op ops[] = {
	{ STORAGE_PORT_FIND, 0, port_find_request, "port_find" },
	SERVICE_OP(STORAGE_PORT_ATTACH, struct storage_attach, port_attach),
	SERVICE_OP(STORAGE_PORT_INPUT_END, struct storage_end, port_input_end),
	SERVICE_OP(STORAGE_PORT_OUTPUT_CLOSE, struct storage_end, port_output_close),
	SERVICE_OP(STORAGE_PORT_PROGRESS, struct storage_end, port_progress),
	{ STORAGE_9P_FIND, 0, ninep_find, "9p_find" },
	SERVICE_OP(STORAGE_9P_EXCHANGE, struct storage_9p_exchange, ninep_exchange),
};

static status_t start(bool first)
{
	signal(SIGPIPE, SIG_IGN); /* a program that closes its input is not our end */
	status_t st = devices_find();
	for (u32 i = 0; st == OK && i < storage()->device_count; i++)
		st = storage()->devices[i].kind == DEVICE_CONSOLE ? console_start(&devices[i]) : ninep_start(i);
	if (st) {
		service_log("devices cannot be started, status %d", st);
		return st;
	}
	loop_start();
	return OK;
}

int main(void)
{
	static const struct service_config config = {
		.name = "storaged", .ops = ops, .op_count = ARRAY_SIZE(ops), .state_version = 1,
		.state_root_size = sizeof(struct storage_state), .start = start,
	};
	return service_run(&config);
}
