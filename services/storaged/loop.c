// SPDX-License-Identifier: MIT
// The device thread: one poll over the interrupt files, a wake-up event and the files that relays wait for.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storaged.h"

#define POLL_MAX (1 + DEVICES_MAX + 2 * PORTS_MAX)
#define BUSY_ROUNDS 64 /* then look at interrupts and requests again */

static int wake_fd = -1;

void wake_loop(void)
{
	u64 one = 1;
	if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
		return; /* full counter: it will wake anyway */
}

static void drain(int fd)
{
	u64 count;
	if (read(fd, &count, sizeof(count)) < 0)
		return; /* somebody else took it */
}

struct waits {
	struct pollfd fds[POLL_MAX];
	u32 count;
};

static void wait_for(struct waits *w, int fd, short events)
{
	w->fds[w->count++] = (struct pollfd){ .fd = fd, .events = events };
}

/* One pass over all relays; true when any moved. Fills the poll list with what the others wait for. */
static bool pass(struct waits *w, u32 fixed)
{
	bool any = false;
	w->count = fixed;
	for (u32 port = 0; port < PORTS_MAX; port++)
		for (u32 direction = 0; direction < 2; direction++) {
			short events;
			any |= relay_step(port, direction, &events);
			if (events)
				wait_for(w, storage()->ports[port].relays[direction].fd, events);
		}
	return any;
}

static void quiet_all(bool quiet)
{
	for (u32 port = 0; port < PORTS_MAX; port++)
		for (u32 direction = 0; direction < 2; direction++)
			relay_quiet(port, direction, quiet);
}

static void serve(struct waits *w, u32 fixed)
{
	struct storage_state *s = storage();
	for (u32 i = 0; i < s->device_count; i++)
		if (s->devices[i].kind == DEVICE_9P)
			ninep_service(i);
	console_service();
	if (!console_device())
		return;
	quiet_all(true);
	for (u32 round = 0; pass(w, fixed) && round < BUSY_ROUNDS; round++)
		;
	quiet_all(false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	pass(w, fixed); /* what came in before interrupts were on again */
}

static void device_thread(void *arg)
{
	static struct waits w;
	struct storage_state *s = storage();
	wait_for(&w, wake_fd, POLLIN);
	for (u32 i = 0; i < s->device_count; i++)
		wait_for(&w, s->devices[i].irq_fd, POLLIN);
	u32 fixed = w.count;
	for (;;) {
		device_lock();
		w.count = fixed;
		serve(&w, fixed);
		device_unlock();
		poll(w.fds, w.count, -1);
		for (u32 i = 0; i < fixed; i++)
			if (w.fds[i].revents)
				drain(w.fds[i].fd);
	}
}

void loop_start(void)
{
	struct storage_state *s = storage();
	if (!s->wake_fd)
		s->wake_fd = eventfd(0, EFD_NONBLOCK);
	wake_fd = s->wake_fd;
	if (wake_fd <= 0 || service_thread(device_thread, NULL))
		service_panic("cannot start the device thread");
}
