// SPDX-License-Identifier: MIT
// initd: pid 1. Reaps orphans, starts the programs of autostart.conf once, powers off on request (SIGTERM,
// SIGUSR2, SIGINT
// from reboot(2)-style tools). Everything it does can be repeated: launches have ids that the kernel remembers.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "../../abi/core/broker.h"
#include "../../lib/service/service.h"

#define AUTOSTART_BYTES 4096
#define ARGUMENTS_MAX 32u
#define TERM_GRACE_NS (2 * NSEC_PER_SEC) /* programs get SIGTERM, then this long, then the machine ends */
#define SPAWN_ID_BASE 0x1000u            /* + line number: the same launch in each instance */

struct initd_root { u64 started; };      /* autostart ran through */

static const char environment[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0HOME=/root\0USER=root";
#define ENVIRONMENT_COUNT 3u

/* `line` becomes NUL-separated words; environment is appended. */
static void launch(char *line, size_t size, u32 number)
{
	char strings[AUTOSTART_BYTES + sizeof(environment)];
	u32 argc = 0;
	size_t used = 0;
	for (size_t i = 0; i < size;) {
		while (i < size && (line[i] == ' ' || line[i] == '\t'))
			i++;
		size_t start = i;
		while (i < size && line[i] != ' ' && line[i] != '\t')
			i++;
		if (i == start || argc == ARGUMENTS_MAX)
			break;
		memcpy(strings + used, line + start, i - start);
		used += i - start;
		strings[used++] = '\0';
		argc++;
	}
	if (argc == 0)
		return;
	memcpy(strings + used, environment, sizeof(environment));
	used += sizeof(environment);
	struct proc_spawn s = {
		.path = (u64)strings, .strings = (u64)strings, .strings_size = (u32)used, .argc = argc,
			.envc = ENVIRONMENT_COUNT,
		.spawn_id = SPAWN_ID_BASE + number,
	};
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SPAWN, (u64)&s, sizeof(s), 0, 0);
	service_log("autostart %s: %s %lld", strings, st ? "error" : "pid", st ? (long long)-st : (long long)s.pid);
}

static void autostart(void *arg UNUSED)
{
	static char text[AUTOSTART_BYTES];
	struct mm_member m = { .name = "autostart.conf", .va = (u64)text, .size = sizeof(text) - 1 };
	struct initd_root *root = state_root();
	if (root->started || ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_MEMBER, (u64)&m, sizeof(m), 0, 0) != OK)
		return;
	u32 number = 0;
	for (char *line = text, *end = text + m.size; line < end; number++) {
		char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)((stop ? stop : end) - line);
		if (size && line[0] != '#')
			launch(line, size, number);
		line += size + 1;
	}
	txn_begin();
	TXN_SET(root->started, 1);
	txn_commit(NULL, OK);
}

static void reap_all(void)
{
	int status;
	while (waitpid(-1, &status, WNOHANG) > 0) {
	}
}

static void power_off(void)
{
	struct timespec grace = { TERM_GRACE_NS / NSEC_PER_SEC, 0 };
	struct mm_power p = { 0 };
	service_log("shutting down");
	kill(-1, SIGTERM);
	nanosleep(&grace, NULL);
	ambos_call(AMBOS_CALL_MM_BROKER, MM_POWER_OFF, (u64)&p, sizeof(p), 0, 0);
}

/* Signals arrive here and nowhere else: they are blocked in each thread. */
static void signal_loop(void *arg UNUSED)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	for (;;) {
		reap_all();
		int n = sigwaitinfo(&set, NULL);
		if (n == SIGTERM || n == SIGUSR2)
			power_off();
		else if (n < 0 && errno != EINTR)
			service_panic("sigwaitinfo: %d", errno);
	}
}

static status_t start(bool first UNUSED)
{
	sigset_t set;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	status_t st = service_thread(signal_loop, NULL);
	return st ? st : service_thread(autostart, NULL);
}

static void notify(const struct ipc_message *m, const u8 *payload UNUSED)
{
	if (m->op == NOTICE_SHUTDOWN)
		power_off();
}

int main(void)
{
	static const struct service_config config = {
		.name = "initd", .threads = 1, .state_version = 1,
			.state_root_size = sizeof(struct initd_root), .start = start, .notify = notify,
	};
	return service_run(&config);
}
