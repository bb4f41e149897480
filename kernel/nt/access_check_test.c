// SPDX-License-Identifier: MIT
// Unit test of access checks: what tokens of our guests never have (privileges, labels above theirs) and the order of entries.
// LINK: kernel/nt/access_check.c
// CFLAGS: -Ikernel/nt
#include "access_check.h"

#include <stdio.h>
#include <string.h>

static int failures;
#define CHECK(what, condition)                                                  \
	do {                                                                    \
		if (!(condition)) {                                             \
			printf("FAIL %s: %s\n", what, #condition);             \
			failures++;                                             \
		}                                                               \
	} while (0)

enum { ALLOW = 0, DENY = 1, ALLOW_OBJECT = 5, ALLOW_CALLBACK = 9, DENY_CALLBACK = 10, LABEL = 17, INHERIT_ONLY = 8 };
enum { READ = 1, WRITE = 2, EXECUTE = 0x20, CONTROL = 0x20000, DAC = 0x40000, OWNER = 0x80000, MAXIMUM = 0x2000000, SYSTEM = 0x1000000 };
static const struct nt_mapping map = { CONTROL | READ, CONTROL | WRITE, CONTROL | EXECUTE, 0x1f01ff };
static const struct nt_sid user = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 21, 1000 } }, group = { 1, 2, { 0, 0, 0, 0, 0, 5 }, { 32, 545 } };
static const struct nt_sid system_sid = { 1, 1, { 0, 0, 0, 0, 0, 5 }, { 18 } }, of_owner = { 1, 1, { 0, 0, 0, 0, 0, 3 }, { 4 } };
static const struct nt_sid high = { 1, 1, { 0, 0, 0, 0, 0, 16 }, { 0x3000 } };
static struct nt_member members[2], restricting[1];
static struct nt_subject subject;
static u8 list[512], label[64];

static void reset(u8 *acl)
{
	memset(acl, 0, 8);
	acl[0] = 2;
	acl[2] = 8;
}

static void add(u8 *acl, u8 type, u8 flags, u32 mask, const struct nt_sid *sid)
{
	u32 at = acl[2] | acl[3] << 8u, size = 8 + NT_SID_BYTES(sid->count), end = at + size;
	u8 head[4] = { type, flags, (u8)size, 0 };
	memcpy(acl + at, head, 4);
	memcpy(acl + at + 4, &mask, 4);
	memcpy(acl + at + 8, sid, NT_SID_BYTES(sid->count));
	acl[2] = (u8)end;
	acl[3] = (u8)(end >> 8);
	acl[4]++;
}

static struct nt_verdict ask(const struct nt_sid *owner, u32 desired)
{
	struct nt_protection p = { owner, list, label };
	return nt_access_check(&subject, &p, desired, &map);
}
static bool may(const struct nt_sid *owner, u32 desired) { return ask(owner, desired).result == NT_ACCESS_GRANTED; }

static void start(void)
{
	members[0] = (struct nt_member){ user, NT_GROUP_ENABLED };
	members[1] = (struct nt_member){ group, NT_GROUP_ENABLED };
	restricting[0] = (struct nt_member){ group, NT_GROUP_ENABLED };
	subject = (struct nt_subject){ .members = members, .count = 2, .restricting = restricting, .integrity = 0x2000 };
	reset(list);
	reset(label);
}

static void check_order(void)
{
	start();
	add(list, DENY, 0, WRITE, &group);
	add(list, ALLOW, 0, READ | WRITE, &user);
	CHECK("first entry decides", may(&system_sid, READ) && !may(&system_sid, WRITE) && !may(&system_sid, READ | WRITE));
	CHECK("maximum", ask(&system_sid, MAXIMUM).granted == READ && !may(&system_sid, MAXIMUM | WRITE));
	CHECK("owner", may(&user, DAC | CONTROL) && !may(&system_sid, CONTROL));
	members[0].attributes = NT_GROUP_DENY_ONLY;
	CHECK("deny-only user", !may(&system_sid, READ) && !may(&user, CONTROL));
	start();
	add(list, ALLOW, INHERIT_ONLY, READ, &user);
	add(list, ALLOW_OBJECT, 0, READ, &user);
	add(list, ALLOW_CALLBACK, 0, READ, &user);
	CHECK("inherit-only, short object and conditional entries grant nothing", !may(&system_sid, READ));
	start();
	add(list, DENY_CALLBACK, 0, READ, &group);
	add(list, ALLOW, 0, READ, &user);
	CHECK("a condition that denies", !may(&system_sid, READ));
	start();
	add(list, ALLOW, 0, READ, &of_owner);
	CHECK("owner rights", may(&user, READ) && !may(&user, DAC) && !may(&system_sid, READ));
}

static void check_restricted(void)
{
	start();
	subject.restricting_count = 1;
	add(list, ALLOW, 0, READ | WRITE, &user);
	CHECK("both lists must pass", !may(&system_sid, READ) && !may(&user, DAC));
	subject.write_restricted = true;
	CHECK("write-restricted", may(&system_sid, READ) && !may(&system_sid, WRITE) && !may(&user, DAC));
	add(list, ALLOW, 0, WRITE, &group);
	CHECK("passes both", may(&system_sid, READ | WRITE));
}

static void check_privileges(void)
{
	start();
	CHECK("no privilege", ask(&user, SYSTEM).result == NT_ACCESS_NO_PRIVILEGE && !may(&system_sid, OWNER));
	subject.privileges = NT_USED_SECURITY | NT_USED_TAKE_OWNERSHIP;
	struct nt_verdict v = ask(&system_sid, SYSTEM | OWNER);
	CHECK("privileges grant and are named", v.result == NT_ACCESS_GRANTED && v.granted == (SYSTEM | OWNER) && v.used == 3);
	CHECK("nothing else comes with them", !may(&system_sid, OWNER | READ) && ask(&user, CONTROL).used == 0);
	add(list, ALLOW, 0, SYSTEM | READ, &user);
	CHECK("no list grants it", ask(&system_sid, MAXIMUM).granted == READ);
}

static void check_labels(void)
{
	start();
	add(list, ALLOW, 0, READ | WRITE, &user);
	add(label, LABEL, 0, 1, &high);
	CHECK("no write up", may(&system_sid, READ) && !may(&system_sid, WRITE) && ask(&system_sid, MAXIMUM).granted == READ);
	subject.integrity = 0x3000;
	CHECK("same level", may(&system_sid, WRITE));
	start();
	add(list, ALLOW, 0, READ | WRITE, &user);
	subject.integrity = 0x1000;
	CHECK("no label is medium", may(&system_sid, READ) && !may(&system_sid, WRITE));
}

static void check_valid(void)
{
	start();
	add(list, ALLOW, 0, READ, &user);
	u32 size = list[2];
	CHECK("whole", nt_acl_valid(list, size) && !nt_acl_valid(list, size - 1) && !nt_acl_valid(list, 7));
	list[4] = 2;
	CHECK("more entries than room", !nt_acl_valid(list, sizeof(list)));
	list[4] = 1;
	list[10] = 6;
	CHECK("entry of odd size", !nt_acl_valid(list, size));
	list[10] = 0;
	CHECK("entry of no size", !nt_acl_valid(list, size));
	list[0] = 1;
	CHECK("revision", !nt_acl_valid(list, size));
	CHECK("sid", nt_sid_valid((const u8 *)&user, 16) && !nt_sid_valid((const u8 *)&user, 15) && !nt_sid_valid((const u8 *)&user, 7));
}

int main(void)
{
	check_order();
	check_restricted();
	check_privileges();
	check_labels();
	check_valid();
	return failures != 0;
}
