// SPDX-License-Identifier: MIT
// Unit test of the decisions: one line per case.
// LINK: services/syscalld/policy.c services/syscalld/limits.c
#include <stdio.h>
#include <string.h>

#include "policy.h"
#include "../../tests/unit.h"

static const struct policy_caller root = { 0, UINT64_MAX }, user = { 1000, 0 };
static const struct policy_ids user_ids = { 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0, 0, 0 };

static const struct policy_rules open_rules = { .signal_scope = POLICY_SIGNAL_CAPABLE, .nice_floor = -20, .realtime = true };

static void limits(void)
{
	static struct policy_rules rules;
	struct policy_limit *l = rules.limits;
	u32 line;
	const char *good = "# c\nstack = 8m unlimited\nnofile = 1024 1048576\n";
	check("limits file is read", rules_parse(good, strlen(good), &rules, &line) == OK &&
		l[3].soft == 8 << 20 && l[7].hard == 1048576);
	check("soft above hard is refused", rules_parse("core = 2 1", 10, &rules, &line) == ERR_INVAL && line == 1);
	check("unknown limit is refused", rules_parse("\nspeed = 1 1", 12, &rules, &line) == ERR_INVAL && line == 2);
	struct policy_prlimit_request q = { .resource = 3, .old = { 10, 20 }, .wanted = { 20, 20 } };
	check("soft limit up to hard", policy_prlimit(&user, &q) == OK);
	q.wanted.hard = 30;
	check("raising the hard limit needs the capability", policy_prlimit(&user, &q) == ERR_PERM &&
		policy_prlimit(&root, &q) == OK);
}

static void ids(void)
{
	struct policy_ids out;
	struct policy_credentials_request q = { .kind = 105, .old = user_ids, .wanted = { 0 } };
	check("setuid(0) by a user is refused", policy_credentials(&user, &q, &out) == ERR_PERM);
	check("setuid by root sets all", policy_credentials(&root, &q, &out) == OK && out.uid == 0 &&
		out.suid == 0 && out.fsuid == 0);
	q = (struct policy_credentials_request){ .kind = 117, .old = user_ids, .wanted = { UINT32_MAX, 1000, UINT32_MAX } };
	q.old.euid = 5;
	check("setresuid back to the real id", policy_credentials(&user, &q, &out) == OK &&
		out.euid == 1000 && out.suid == 1000);
	q = (struct policy_credentials_request){ .kind = 126, .old = user_ids, .wanted_caps = { 1, 1, 0 } };
	check("capset never adds to permitted", policy_credentials(&root, &q, &out) == ERR_PERM);
	struct policy_signal_request s = { 1, 0, 0, 9 };
	check("a user may not signal root", policy_signal(&open_rules, &user, &s) == ERR_PERM &&
		policy_signal(&open_rules, &root, &s) == OK);
}

static void rules_of_file(void)
{
	static struct policy_rules r = { .nice_floor = -20, .realtime = true };
	u32 line;
	const char *text = "signals = user\nnice_floor = -5\nrealtime = no\n";
	check("other rules are read", rules_parse(text, strlen(text), &r, &line) == OK && !r.realtime && r.nice_floor == -5 &&
		r.signal_scope == POLICY_SIGNAL_USER);
	struct policy_signal_request s = { 1, 5, 5, 9 };
	check("signals = user binds root", policy_signal(&r, &root, &s) == ERR_PERM);
	struct policy_schedule_request q = { .policy = 0, .old_nice = 0, .nice = -6 };
	check("nobody goes below the floor", policy_schedule(&r, &root, &q) == ERR_ACCES);
	q = (struct policy_schedule_request){ .policy = 1, .priority = 1 };
	check("realtime = no", policy_schedule(&r, &root, &q) == ERR_PERM && policy_schedule(&open_rules, &root, &q) == OK);
	struct policy_caller user = { .uid = 7 };
	q = (struct policy_schedule_request){ .target_euid = 7, .policy = 3 };
	check("a target of the effective user", policy_schedule(&r, &user, &q) == OK);
	q.target_euid = 8;
	check("a target of others", policy_schedule(&r, &user, &q) == ERR_PERM);
	check("bad values are refused", rules_parse("nice_floor = -21", 16, &r, &line) == ERR_INVAL &&
		rules_parse("signals = all", 13, &r, &line) == ERR_INVAL && rules_parse("realtime = yes no", 17, &r, &line) == ERR_INVAL);
}

int main(void)
{
	limits();
	ids();
	rules_of_file();
	return failures != 0;
}
