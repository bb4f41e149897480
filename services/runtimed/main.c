// SPDX-License-Identifier: MIT
// runtimed: connects to the host command, launches its program, reports the end. The session thread below is the whole
// flow; requests of other programs (request_launch_path) arrive with their issue.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "runtimed.h"

#define CONNECT_RETRY_US 1000 /* the console device announces its ports some milliseconds after its start */

static void connect_host(void)
{
	for (;;) {
		status_t st = control_connect();
		if (st == OK)
			return;
		if (st == ERR_NOENT) {
			service_log("no control port: nothing to launch");
			for (;;)
				pause();
		}
		usleep(CONNECT_RETRY_US);
	}
}

static void power_off(void)
{
	struct mm_power power = { 0 };
	sync();
	ambos_call(AMBOS_CALL_MM_BROKER, MM_POWER_OFF, (u64)&power, sizeof(power), 0, 0);
}

static void wait_for_event(void)
{
	struct session_state *s = session();
	struct pollfd fds[] = {
		{ .fd = s->in_fd, .events = POLLIN },
		{ .fd = control_output_pending() ? s->out_fd : -1, .events = POLLOUT },
		{ .fd = session_pidfd(), .events = POLLIN },
	};
	poll(fds, ARRAY_SIZE(fds), session_timeout_ms());
}

static void session_thread(void *arg)
{
	struct session_state *s = session();
	if (s->phase == PHASE_CONNECT)
		connect_host();
	for (;;) {
		control_write();
		while (control_read())
			;
		if (s->phase == PHASE_LAUNCH)
			launch_run();
		session_check();
		if (s->phase == PHASE_OFF)
			power_off();
		control_write();
		wait_for_event();
	}
}

static status_t start(bool first)
{
	signal(SIGPIPE, SIG_IGN);
	return service_thread(session_thread, NULL);
}

int main(void)
{
	static const struct service_config config = {
		.name = "runtimed", .state_version = 1, .state_root_size = sizeof(struct session_state), .start = start,
	};
	return service_run(&config);
}
