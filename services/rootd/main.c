// SPDX-License-Identifier: MIT
// rootd: starts the foundation services in rank order with what their manifests grant, and restarts what
// dies. It parses
// nothing that a program can influence and serves no calls; its own death is a kernel panic.
#include <string.h>
#include <time.h>

#include "../../abi/core/broker.h"
#include "../../lib/service/service.h"
#include "manifest.h"

#define MANIFEST_BYTES 4096
#define YOUNG_NS (20 * NSEC_PER_MSEC)  /* an instance that dies younger counts as failing to start, as one does that never asks for work */
#define YOUNG_DEATHS_MAX 50u           /* then restarts slow down, so a broken service does not eat a CPU */
#define GIVE_UP_STARTS 75u             /* 5 seconds of slow restarts: what a shortage causes has passed by then */
#define QUICK_TRIES 100u               /* pid 1 is free only when the dead instance is gone from the table */
#define QUICK_RETRY_NS (200 * NSEC_PER_USEC)
#define SIGKILL_STATUS 9                /* killed from outside */
#define SLOW_RESTART_NS (200 * NSEC_PER_MSEC)

struct managed {
	const char *name;
	u32 id, rank;
	bool defined;
	u64 started_ns;
	u32 young_deaths, failed_starts;
};
static struct managed managed[] = {
#define SERVICE(number, NAME, service_name, service_rank) { #service_name, (number), (service_rank), false, 0, 0, 0 },
#include "../../abi/core/services.def"
#undef SERVICE
};

static void pause_ns(u64 ns)
{
	struct timespec t = { (time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC) };
	nanosleep(&t, NULL);
}

static s64 read_manifest(const char *name, char *text, u64 *size)
{
	struct mm_member m = { .va = (u64)text, .size = *size };
	strcpy(m.name, name);
	strcat(m.name, ".manifest");
	s64 st = ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_MEMBER, (u64)&m, sizeof(m), 0, 0);
	*size = m.size;
	return st;
}

static void define(struct managed *s)
{
	static char text[MANIFEST_BYTES];
	struct proc_service_define d;
	u64 size = sizeof(text);
	u32 line;
	const char *why;
	s64 st = read_manifest(s->name, text, &size);
	if (st) {
		service_log("no manifest of %s: %lld", s->name, (long long)st);
		return;
	}
	if (manifest_parse(text, size, &d, &line, &why)) {
		service_log("manifest of %s, line %u: %s", s->name, line, why);
		return;
	}
	d.service = s->id;
	st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SERVICE_DEFINE, (u64)&d, sizeof(d), 0, 0);
	s->defined = st == OK;
	if (st)
		service_log("%s is not defined: %lld", s->name, (long long)st);
}

static bool start_instance(struct managed *s, bool complain)
{
	struct proc_service_start r = { .service = s->id };
	s64 st = ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SERVICE_START, (u64)&r, sizeof(r), 0, 0);
	s->started_ns = service_time_ns();
	if (st && complain)
		service_log("%s does not start: %lld", s->name, (long long)st);
	return st == OK;
}

static void start_surely(struct managed *s)
{
	for (u32 tries = 0; !start_instance(s, tries >= QUICK_TRIES); tries++)
		pause_ns(tries < QUICK_TRIES ? QUICK_RETRY_NS : SLOW_RESTART_NS);
}

/* init=NAME on the command line is pid 1 itself, so initd and the launcher stay away; toyd is for tests. */
static bool wanted(const struct managed *s)
{
	char value[64];
	if (s->id == SERVICE_ROOTD)
		return false;
	if (s->id == SERVICE_TOYD)
		return service_boot_option("test_ipc", value, sizeof(value)) != NULL;
	if (s->id == SERVICE_INITD || s->id == SERVICE_RUNTIMED)
		return service_boot_option("init", value, sizeof(value)) == NULL;
	return true;
}

static status_t start(bool first)
{
	if (!first)
		return OK;
	for (u32 rank = 0; rank < 10; rank++) {
		for (u32 i = 0; i < ARRAY_SIZE(managed); i++) {
			struct managed *s = &managed[i];
			if (s->rank != rank || !wanted(s))
				continue;
			define(s);
			if (s->defined)
				start_surely(s);
		}
	}
	return OK;
}

/* Linux programs do without these; without any other nothing can go on. */
static bool optional(const struct managed *s)
{
	return s->id == SERVICE_NTD || s->id == SERVICE_TOYD;
}

static void give_up(const struct managed *s)
{
	struct proc_service_start r = { .service = s->id };
	if (!optional(s))
		service_panic("%s died %u times in its start, and nothing can go on without it", s->name, s->failed_starts);
	service_log("%s died %u times in its start: given up, calls to it fail", s->name, s->failed_starts);
	if (ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SERVICE_GIVE_UP, (u64)&r, sizeof(r), 0, 0))
		service_panic("%s cannot be given up", s->name);
}

static void notify(const struct ipc_message *m, const u8 *payload UNUSED)
{
	struct notice_service_died n;
	if (m->op != NOTICE_SERVICE_DIED || m->args_size < sizeof(n))
		return;
	memcpy(&n, m->args, sizeof(n));
	for (u32 i = 0; i < ARRAY_SIZE(managed); i++) {
		struct managed *s = &managed[i];
		if (s->id != n.service)
			continue;
		bool own_fault = (n.wait_status & 0x7f) != SIGKILL_STATUS;
		bool young = !n.received || service_time_ns() - s->started_ns < YOUNG_NS;
		s->young_deaths = own_fault && young ? s->young_deaths + 1 : 0;
		s->failed_starts = own_fault && !n.received ? s->failed_starts + 1 : 0;
		if (s->failed_starts >= GIVE_UP_STARTS) {
			give_up(s);
			continue;
		}
		if (s->young_deaths > YOUNG_DEATHS_MAX)
			pause_ns(SLOW_RESTART_NS);
		start_surely(s);
	}
}

int main(void)
{
	static const struct service_config config = {
		.name = "rootd", .threads = 1, .state_version = 1, .state_root_size = 8, .start = start, .notify = notify,
	};
	return service_run(&config);
}
