// SPDX-License-Identifier: MIT
// Kills toyd N times (default 1000) while three processes add to its counter; the sum must be exact. Then walks the
// n-th-store hook over one addition, and checks that two crashes by the service's own fault end a call with EIO, and
// that a service has its pool of memory and no more.
// Runs as init=toy_kill on a kernel with `services test_ipc`.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

#define ADDERS 3

struct shared { volatile u32 stop; u64 added[ADDERS]; u64 errors[ADDERS]; };

static void adder(struct shared *s, int me)
{
	while (!s->stop) {
		struct toy_value one = { 1 }, reply = { 0 };
		s64 st = call_service(SERVICE_TOYD, TOY_ADD, &one, sizeof(one), &reply, sizeof(reply));
		if (st == OK)
			s->added[me]++;
		else
			s->errors[me]++;
	}
	_exit(0);
}

static struct service_test_reply test_door(u64 kill_at)
{
	struct service_test_request q = { kill_at };
	struct service_test_reply reply = { 0 };
	s64 st;
	while ((st = call_service(SERVICE_TOYD, SERVICE_OP_TEST, &q, sizeof(q), &reply, sizeof(reply))) == ERR_SRCH)
		usleep(1000); /* rootd has not come to it yet */
	if (st != OK)
		printf("test door: %lld\n", (long long)st);
	return reply;
}

static u64 counter(void)
{
	struct toy_value v = { 0 };
	call_service(SERVICE_TOYD, TOY_GET, NULL, 0, &v, sizeof(v));
	return v.value;
}

static int kill_under_load(struct shared *s, int kills)
{
	pid_t pids[ADDERS];
	for (int i = 0; i < ADDERS; i++)
		if ((pids[i] = fork()) == 0)
			adder(s, i);
	for (int k = 0; k < kills; k++) {
		struct service_test_reply r = test_door(0);
		usleep((unsigned)(rand() % 3000));
		if (kill((pid_t)r.pid, SIGKILL) && errno != ESRCH)
			printf("kill %u: %d\n", r.pid, errno);
	}
	s->stop = 1;
	u64 added = 0, errors = 0;
	for (int i = 0; i < ADDERS; i++) {
		waitpid(pids[i], NULL, 0);
		added += s->added[i];
		errors += s->errors[i];
	}
	u64 sum = counter();
	u32 generation = test_door(0).generation;
	printf("%s toy_kill %d kills, generation %u, added %llu, counter %llu, errors %llu\n",
		sum == added && !errors ? "ok" : "FAIL", kills,
	       generation, (unsigned long long)added, (unsigned long long)sum, (unsigned long long)errors);
	return sum != added || errors;
}

static int store_walk(void)
{
	struct toy_value one = { 1 }, reply;
	u64 before = test_door(0).store_points;
	call_service(SERVICE_TOYD, TOY_ADD, &one, sizeof(one), &reply, sizeof(reply));
	u64 points = test_door(0).store_points - before;
	int failures = 0;
	for (u64 n = 1; n <= points; n++) {
		u64 expect = counter() + 1;
		u32 generation = test_door(n).generation;
		s64 st = call_service(SERVICE_TOYD, TOY_ADD, &one, sizeof(one), &reply, sizeof(reply));
		u32 after = test_door(0).generation;
		bool good = st == OK && reply.value == expect && counter() == expect && after == generation + 1;
		failures += !good;
		if (!good)
			printf("FAIL toy_store_walk at store %llu: status %lld reply %llu expect %llu "
			       "generation %u -> %u\n", (unsigned long long)n,
			       (long long)st, (unsigned long long)reply.value, (unsigned long long)expect, generation, after);
	}
	printf("%s toy_store_walk died at each of %llu stores of one addition\n", failures ? "FAIL" : "ok",
		(unsigned long long)points);
	return failures;
}

static int crash(void)
{
	u64 expect = counter();
	s64 st = call_service(SERVICE_TOYD, TOY_CRASH, NULL, 0, NULL, 0);
	bool good = st == ERR_IO && counter() == expect;
	printf("%s toy_crash a call that crashes its service twice ends with EIO (%lld)\n", good ? "ok"
		: "FAIL", (long long)st);
	return !good;
}

static int pool(void)
{
	u64 expect = counter();
	struct toy_value some = { 256 }, too_much = { 64 << 10 };
	int failures = 0;
	for (int i = 0; i < 8; i++) /* what is given back can be had again */
		failures += call_service(SERVICE_TOYD, TOY_GROW, &some, sizeof(some), NULL, 0) != OK;
	u32 before = test_door(0).generation;
	s64 st = call_service(SERVICE_TOYD, TOY_GROW, &too_much, sizeof(too_much), NULL, 0);
	u32 after = test_door(0).generation;
	bool good = !failures && st == ERR_IO && after == before + 2 && counter() == expect;
	printf("%s toy_pool a service has its pool and no more (%d, %lld, generation %u to %u)\n", good ? "ok" : "FAIL", failures,
	       (long long)st, before, after);
	return !good;
}

int main(int argc, char **argv)
{
	int kills = argc > 1 ? atoi(argv[1]) : 1000;
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setvbuf(stdout, NULL, _IONBF, 0);
	int failures = store_walk();
	failures += crash();
	failures += pool();
	u64 base = counter();
	s->added[0] = base; /* what the walk added */
	failures += kill_under_load(s, kills);
	return failures != 0;
}
