// SPDX-License-Identifier: MIT
/* The serial console as a terminal, for the init= boot mode and /dev/console. Output goes out at once; input is polled
 * by a kernel thread that runs only once somebody has asked for input, so an idle system stays tickless. */
#include "serial.h"
#include "tty.h"

#define CONSOLE_MAJOR 5
#define CONSOLE_MINOR 1
#define CONSOLE_ROOM 4096                   /* serial_write takes anything; bounds one step */
#define POLL_INTERVAL_NS (10 * NSEC_PER_MSEC) /* typing feels immediate; 100 wake-ups a second while a reader exists */
#define INPUT_BATCH 64

static struct tty *console_tty;
static struct mutex console_mutex = {
	.rank = RANK_PIPE_MUTEX,
	.waiters = { SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT(console_mutex.waiters.waiters) },
};
static bool input_wanted;                     /* [a] set once, by the first reader */
static struct wait_queue input_wait;

static size_t console_room(struct ldisc *l UNUSED) { return CONSOLE_ROOM; }
static void console_put(struct ldisc *l UNUSED, const u8 *bytes, size_t n) { serial_write((const char *)bytes, n); }
static void console_signal(struct ldisc *l, int signo) { tty_signal_foreground(container_of(l, struct tty, ldisc), signo); }
static void console_flush(struct ldisc *l UNUSED) {}

static void console_flow(struct ldisc *l, bool stopped)
{
	if (!stopped)
		wake_all(&container_of(l, struct tty, ldisc)->write_wait);
}

static void poll_input(void *arg)
{
	struct tty *t = arg;
	u8 batch[INPUT_BATCH];

	if (WAIT_EVENT(&input_wait, __atomic_load_n(&input_wanted, __ATOMIC_ACQUIRE), DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE))
		return;
	for (;;) {
		size_t n = 0;
		int c;

		while (n < INPUT_BATCH && (c = serial_read()) >= 0)
			batch[n++] = (u8)c;
		if (n) {
			tty_input(t, batch, n);
			continue;
		}
		wait_prepare();
		(void)!wait_sleep(time_now_ns() + POLL_INTERVAL_NS, WAIT_UNINTERRUPTIBLE);
		wait_finish();
	}
}

/* May be called under spinlocks (poll), so the thread exists already. */
static void console_input_wanted(struct tty *t UNUSED)
{
	if (!__atomic_exchange_n(&input_wanted, true, __ATOMIC_ACQ_REL))
		wake_all(&input_wait);
}

static const struct tty_driver console_driver = {
	.name = "console", .major = CONSOLE_MAJOR, .input_wanted = console_input_wanted,
	.ldisc = { console_room, console_put, console_signal, console_flush, console_flow },
};

static struct tty *console_create(void)
{
	struct tty *t = tty_create(&console_driver, CONSOLE_MINOR);

	wait_queue_init(&input_wait);
	if (t && !kernel_thread_create("console", poll_input, t))
		klog(LOG_WARN, "console: no input, no memory for its thread");
	return t;
}

/* The one console, made at first use and never destroyed. */
struct tty *console_get(void)
{
	mutex_lock(&console_mutex);
	if (!console_tty)
		console_tty = console_create();
	if (console_tty)
		tty_get(console_tty);
	mutex_unlock(&console_mutex);
	return console_tty;
}

struct file *console_file_open(void)
{
	struct tty *t = console_get();
	status_t st;
	struct file *f;

	if (!t)
		return NULL;
	f = tty_open(t, 2 /* O_RDWR */, &st);
	tty_put(t);
	return f;
}
