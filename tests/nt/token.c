// SPDX-License-Identifier: MIT
/* Tokens: what they tell, copies that are worth less, and how AccessCheck and CheckTokenMembership judge them.
 * peer_wine: Wine 8.0 is known to differ from what Microsoft documents there. */
#include "check.h"
#include <stdbool.h>
#include <stdlib.h>

#define BYTES 4096
static const GENERIC_MAPPING map = { 0x120089, 0x120116, 0x1200a0, 0x1f01ff };
static HANDLE primary, client;
static bool peer_wine;
static char user_bytes[BYTES];
static PSID user, users, administrators, everyone, stranger;

static void *ask(HANDLE token, TOKEN_INFORMATION_CLASS class)
{
	static char out[4][BYTES];
	static int turn;
	DWORD n;
	char *o = out[turn++ % 4];
	memset(o, 0, BYTES);
	CHECK(GetTokenInformation(token, class, o, BYTES, &n));
	return o;
}

static DWORD word(HANDLE token, TOKEN_INFORMATION_CLASS class)
{
	DWORD value = 77, n = 0;
	CHECK(GetTokenInformation(token, class, &value, sizeof(value), &n) && n == sizeof(value));
	return value;
}

static DWORD group_attributes(HANDLE token, PSID sid)
{
	TOKEN_GROUPS *g = ask(token, TokenGroups);
	for (DWORD i = 0; i < g->GroupCount; i++)
		if (EqualSid(g->Groups[i].Sid, sid))
			return g->Groups[i].Attributes;
	return 0;
}

static HANDLE impersonation(HANDLE token, SECURITY_IMPERSONATION_LEVEL level)
{
	HANDLE h = NULL;
	CHECK(DuplicateToken(token, level, &h));
	return h;
}

static HANDLE restricted(DWORD flags, PSID disable, PSID restrict_to)
{
	SID_AND_ATTRIBUTES off = { disable, 0 }, only = { restrict_to, 0 };
	HANDLE h = NULL;
	CHECK(CreateRestrictedToken(primary, flags, disable != NULL, &off, 0, NULL, restrict_to != NULL, &only, &h));
	return h;
}

/* ---- a descriptor, and one question about it ---- */
static SECURITY_DESCRIPTOR descriptor;
static char list_bytes[1024];
static ACL *list = (ACL *)list_bytes;

static void protect(PSID owner)
{
	CHECK(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
	CHECK(SetSecurityDescriptorOwner(&descriptor, owner, FALSE) && SetSecurityDescriptorGroup(&descriptor, users, FALSE));
	CHECK(InitializeAcl(list, sizeof(list_bytes), ACL_REVISION));
	CHECK(SetSecurityDescriptorDacl(&descriptor, TRUE, list, FALSE));
}

static DWORD check_error;
static DWORD may(HANDLE token, DWORD desired)
{
	PRIVILEGE_SET used;
	DWORD length = sizeof(used), granted = 0x5555;
	BOOL status = 77;
	GENERIC_MAPPING m = map;
	SetLastError(0xdead);
	CHECK(AccessCheck(&descriptor, token, desired, &m, &used, &length, &granted, &status));
	check_error = GetLastError();
	CHECK(status == TRUE || (status == FALSE && granted == 0));
	CHECK(used.PrivilegeCount <= 1);
	return status ? granted : 0;
}

CASE(classes_that_programs_ask_for)
{
	DWORD n = 0;
	CHECK(word(primary, TokenType) == TokenPrimary && word(client, TokenType) == TokenImpersonation);
	CHECK_ERROR(GetTokenInformation(primary, TokenImpersonationLevel, &n, sizeof(n), &n), ERROR_INVALID_PARAMETER);
	CHECK(word(client, TokenImpersonationLevel) == SecurityImpersonation);
	CHECK(word(primary, TokenElevation) <= 1);
	CHECK(word(primary, TokenIsAppContainer) == 0 && word(primary, TokenVirtualizationEnabled) == 0);
	DWORD type = word(primary, TokenElevationType);
	CHECK(type >= TokenElevationTypeDefault && type <= TokenElevationTypeLimited);
	TOKEN_GROUPS *logon = ask(primary, TokenLogonSid);
	CHECK(logon->GroupCount == 1 && (logon->Groups[0].Attributes & SE_GROUP_LOGON_ID) == SE_GROUP_LOGON_ID);
	CHECK(IsValidSid(logon->Groups[0].Sid) && group_attributes(primary, logon->Groups[0].Sid) == logon->Groups[0].Attributes);
	TOKEN_MANDATORY_LABEL *label = ask(primary, TokenIntegrityLevel);
	CHECK((label->Label.Attributes & SE_GROUP_INTEGRITY) && *GetSidSubAuthorityCount(label->Label.Sid) == 1);
	CHECK_ERROR(GetTokenInformation(primary, TokenUser, NULL, 0, &n), ERROR_INSUFFICIENT_BUFFER);
	CHECK(n > sizeof(TOKEN_USER));
}

CASE(classes_that_wine_does_not_answer)
{
	TOKEN_GROUPS_AND_PRIVILEGES *all = ask(primary, TokenGroupsAndPrivileges);
	TOKEN_PRIVILEGES *privileges = ask(primary, TokenPrivileges);
	TOKEN_GROUPS *groups = ask(primary, TokenGroups);
	CHECK(all->PrivilegeCount == privileges->PrivilegeCount && all->SidCount == groups->GroupCount + 1);
	CHECK(!memcmp(all->Privileges, privileges->Privileges, all->PrivilegeLength));
	CHECK(EqualSid(all->Sids[0].Sid, user) && all->RestrictedSidCount == 0 && !all->RestrictedSids);
	CHECK(word(primary, TokenSandBoxInert) == 0 && word(primary, TokenHasRestrictions) == 0);
	CHECK(word(primary, TokenMandatoryPolicy) <= TOKEN_MANDATORY_POLICY_VALID_MASK);
	CHECK(word(primary, TokenVirtualizationAllowed) <= 1 && word(primary, TokenUIAccess) == 0);
	CHECK(word(primary, TokenAppContainerNumber) == 0);
	LUID *origin = ask(primary, TokenOrigin);
	CHECK(origin->LowPart != 0);
	CHECK(((TOKEN_GROUPS *)ask(primary, TokenRestrictedSids))->GroupCount == 0);
	CHECK(((TOKEN_GROUPS *)ask(primary, TokenCapabilities))->GroupCount == 0);
}

CASE(copies_are_worth_no_more_than_their_original)
{
	HANDLE low = impersonation(primary, SecurityIdentification), h;
	CHECK(word(low, TokenImpersonationLevel) == SecurityIdentification);
	CloseHandle(low);
	CHECK(DuplicateTokenEx(primary, TOKEN_QUERY | TOKEN_DUPLICATE, NULL, SecurityIdentification, TokenImpersonation, &low));
	CHECK_ERROR(DuplicateTokenEx(low, TOKEN_QUERY, NULL, SecurityImpersonation, TokenImpersonation, &h), ERROR_BAD_IMPERSONATION_LEVEL);
	if (!peer_wine)
		CHECK_ERROR(DuplicateTokenEx(low, TOKEN_QUERY, NULL, SecurityImpersonation, TokenPrimary, &h), ERROR_BAD_IMPERSONATION_LEVEL);
	CHECK(DuplicateTokenEx(low, TOKEN_QUERY, NULL, SecurityAnonymous, TokenImpersonation, &h));
	CHECK(word(h, TokenImpersonationLevel) == SecurityAnonymous);
	CloseHandle(h);
	CloseHandle(low);
}

CASE(access_check_wants_a_client_and_mapped_rights)
{
	PRIVILEGE_SET used;
	DWORD length = sizeof(used), granted;
	BOOL status;
	GENERIC_MAPPING m = map;
	HANDLE anonymous = impersonation(primary, SecurityAnonymous), identification = impersonation(primary, SecurityIdentification), blind;
	protect(user);
	CHECK_ERROR(AccessCheck(&descriptor, primary, 1, &m, &used, &length, &granted, &status), ERROR_NO_IMPERSONATION_TOKEN);
	CHECK_ERROR(AccessCheck(&descriptor, anonymous, 1, &m, &used, &length, &granted, &status), ERROR_BAD_IMPERSONATION_LEVEL);
	CHECK(AccessCheck(&descriptor, identification, 1, &m, &used, &length, &granted, &status));
	CHECK(DuplicateTokenEx(primary, TOKEN_DUPLICATE, NULL, SecurityImpersonation, TokenImpersonation, &blind));
	CHECK_ERROR(AccessCheck(&descriptor, blind, 1, &m, &used, &length, &granted, &status), ERROR_ACCESS_DENIED);
	CHECK_ERROR(AccessCheck(&descriptor, client, GENERIC_READ, &m, &used, &length, &granted, &status), ERROR_GENERIC_NOT_MAPPED);
	length = 0;
	CHECK_ERROR(AccessCheck(&descriptor, client, 1, &m, &used, &length, &granted, &status), ERROR_INSUFFICIENT_BUFFER);
	CHECK(length == sizeof(used));
	InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
	CHECK_ERROR(AccessCheck(&descriptor, client, 1, &m, &used, &length, &granted, &status), ERROR_INVALID_SECURITY_DESCR);
	SetSecurityDescriptorOwner(&descriptor, user, FALSE);
	CHECK_ERROR(AccessCheck(&descriptor, client, 1, &m, &used, &length, &granted, &status), ERROR_INVALID_SECURITY_DESCR);
	CloseHandle(anonymous);
	CloseHandle(identification);
	CloseHandle(blind);
}

CASE(no_list_grants_all_and_an_empty_one_nothing)
{
	protect(stranger);
	CHECK(may(client, 1) == 0 && check_error == ERROR_ACCESS_DENIED);
	CHECK(may(client, 0) == 0 && check_error == ERROR_ACCESS_DENIED);
	CHECK(SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE));
	CHECK(may(client, 3) == 3 && may(client, MAXIMUM_ALLOWED) == map.GenericAll);
	CHECK(SetSecurityDescriptorDacl(&descriptor, FALSE, NULL, FALSE));
	CHECK(may(client, 3) == 3 && may(client, MAXIMUM_ALLOWED) == map.GenericAll);
}

CASE(entries_count_in_their_order)
{
	protect(stranger);
	CHECK(AddAccessDeniedAce(list, ACL_REVISION, 2, users) && AddAccessAllowedAce(list, ACL_REVISION, 7, user));
	CHECK(may(client, 1) == 1 && may(client, 5) == 5 && !may(client, 2) && !may(client, 3));
	protect(stranger);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 7, user) && AddAccessDeniedAce(list, ACL_REVISION, 2, users));
	CHECK(may(client, 3) == 3);
	protect(stranger);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, GENERIC_READ, everyone));
	CHECK(may(client, FILE_GENERIC_READ) == FILE_GENERIC_READ && !may(client, FILE_WRITE_DATA));
	protect(stranger);
	CHECK(AddAccessAllowedAceEx(list, ACL_REVISION, INHERIT_ONLY_ACE | OBJECT_INHERIT_ACE, 7, user));
	CHECK(!may(client, 1));
}

CASE(an_owner_reads_and_writes_the_list)
{
	protect(user);
	CHECK(may(client, READ_CONTROL) == READ_CONTROL && may(client, WRITE_DAC) == WRITE_DAC && !may(client, 1));
	if (peer_wine)
		return;
	CHECK(may(client, MAXIMUM_ALLOWED) == (READ_CONTROL | WRITE_DAC) && !may(client, WRITE_OWNER) && !may(client, DELETE));
	CHECK(!may(client, MAXIMUM_ALLOWED | 1));
	SID_IDENTIFIER_AUTHORITY creator = SECURITY_CREATOR_SID_AUTHORITY;
	PSID rights;
	CHECK(AllocateAndInitializeSid(&creator, 1, 4, 0, 0, 0, 0, 0, 0, 0, &rights)); /* owner rights */
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 1, rights));
	CHECK(may(client, 1) == 1 && !may(client, WRITE_DAC));
	FreeSid(rights);
}

CASE(the_list_itself_is_for_who_holds_the_privilege)
{
	PRIVILEGE_SET set = { 1, 0, { { { 8, 0 }, 0 } } };
	BOOL held = FALSE;
	CHECK(PrivilegeCheck(client, &set, &held));
	protect(user);
	if (peer_wine) /* it takes a privilege that is off for one that is on */
		return;
	CHECK(may(client, ACCESS_SYSTEM_SECURITY) == (held ? ACCESS_SYSTEM_SECURITY : 0));
	CHECK(held || check_error == ERROR_PRIVILEGE_NOT_HELD);
}

CASE(a_sid_that_only_denies)
{
	HANDLE less = restricted(0, users, NULL), judged = impersonation(less, SecurityImpersonation);
	DWORD attributes = group_attributes(less, users);
	BOOL member = 77;
	CHECK((attributes & SE_GROUP_USE_FOR_DENY_ONLY) && !(attributes & (SE_GROUP_ENABLED | SE_GROUP_ENABLED_BY_DEFAULT)));
	CHECK(group_attributes(primary, users) & SE_GROUP_ENABLED);
	CHECK(group_attributes(less, everyone) & SE_GROUP_ENABLED);
	CHECK(CheckTokenMembership(client, users, &member) && member);
	CHECK(CheckTokenMembership(judged, users, &member) && !member);
	CHECK(CheckTokenMembership(judged, everyone, &member) && member);
	protect(stranger);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 1, users));
	CHECK(may(client, 1) == 1 && !may(judged, 1));
	protect(stranger);
	CHECK(AddAccessDeniedAce(list, ACL_REVISION, 2, users) && AddAccessAllowedAce(list, ACL_REVISION, 3, everyone));
	CHECK(may(judged, 1) == 1 && (peer_wine || !may(judged, 2))); /* there it does not deny either */
	CloseHandle(judged);
	CloseHandle(less);
}

CASE(a_user_that_only_denies)
{
	HANDLE less = restricted(0, user, NULL), judged = impersonation(less, SecurityImpersonation);
	CHECK(((TOKEN_USER *)ask(less, TokenUser))->User.Attributes & SE_GROUP_USE_FOR_DENY_ONLY);
	CHECK(!(((TOKEN_USER *)ask(primary, TokenUser))->User.Attributes & SE_GROUP_USE_FOR_DENY_ONLY));
	protect(user);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 1, user));
	CHECK(may(client, 1) && !may(judged, 1) && !may(judged, READ_CONTROL));
	CloseHandle(judged);
	CloseHandle(less);
}

CASE(restricting_sids_must_be_allowed_too)
{
	HANDLE less = restricted(0, NULL, users), judged = impersonation(less, SecurityImpersonation), again, out;
	TOKEN_GROUPS *r = ask(less, TokenRestrictedSids);
	CHECK(r->GroupCount == 1 && EqualSid(r->Groups[0].Sid, users) && (r->Groups[0].Attributes & SE_GROUP_ENABLED));
	CHECK(IsTokenRestricted(less) && !IsTokenRestricted(primary) && word(less, TokenHasRestrictions) == 1);
	protect(user);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 3, user));
	CHECK(may(client, 3) == 3 && !may(judged, 1) && !may(judged, WRITE_DAC));
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, 1, users));
	CHECK(may(judged, 1) == 1 && !may(judged, 2) && may(judged, MAXIMUM_ALLOWED) == 1);
	SID_AND_ATTRIBUTES both[2] = { { users, 0 }, { everyone, 0 } }, wrong = { users, SE_GROUP_ENABLED };
	CHECK(CreateRestrictedToken(less, 0, 0, NULL, 0, NULL, 2, both, &again));
	r = ask(again, TokenRestrictedSids);
	CHECK(r->GroupCount == 1 && EqualSid(r->Groups[0].Sid, users));
	CHECK_ERROR(CreateRestrictedToken(primary, 0, 0, NULL, 0, NULL, 1, &wrong, &out), ERROR_INVALID_PARAMETER);
	CloseHandle(again);
	CloseHandle(judged);
	CloseHandle(less);
}

CASE(write_restricted_tokens_read_as_before)
{
	HANDLE less = restricted(WRITE_RESTRICTED, NULL, users), judged = impersonation(less, SecurityImpersonation);
	protect(stranger);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, FILE_ALL_ACCESS, user));
	CHECK(may(judged, FILE_READ_DATA) == FILE_READ_DATA && !may(judged, FILE_WRITE_DATA) && !may(judged, WRITE_DAC));
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, FILE_WRITE_DATA, users));
	CHECK(may(judged, FILE_READ_DATA | FILE_WRITE_DATA));
	CloseHandle(judged);
	CloseHandle(less);
}

CASE(flags_take_privileges_away)
{
	HANDLE less = restricted(DISABLE_MAX_PRIVILEGE | SANDBOX_INERT, NULL, NULL), lua = restricted(LUA_TOKEN, NULL, NULL), out;
	TOKEN_PRIVILEGES *p = ask(less, TokenPrivileges);
	CHECK(p->PrivilegeCount == 1 && p->Privileges[0].Luid.LowPart == 23); /* SeChangeNotifyPrivilege */
	CHECK(word(less, TokenSandBoxInert) == 1 && word(less, TokenHasRestrictions) == 1 && !IsTokenRestricted(less));
	CHECK(group_attributes(lua, administrators) & SE_GROUP_USE_FOR_DENY_ONLY);
	p = ask(lua, TokenPrivileges);
	for (DWORD i = 0; i < p->PrivilegeCount; i++)
		CHECK(p->Privileges[i].Luid.LowPart != 20); /* SeDebugPrivilege */
	CHECK_ERROR(CreateRestrictedToken(primary, 0x80, 0, NULL, 0, NULL, 0, NULL, &out), ERROR_INVALID_PARAMETER);
	CloseHandle(less);
	CloseHandle(lua);
}

CASE(integrity_goes_down_only_and_then_nothing_is_written)
{
	SID_IDENTIFIER_AUTHORITY authority = SECURITY_MANDATORY_LABEL_AUTHORITY;
	TOKEN_MANDATORY_LABEL low = { { NULL, SE_GROUP_INTEGRITY } }, high = low;
	HANDLE copy, judged, weak;
	CHECK(AllocateAndInitializeSid(&authority, 1, 0x1000, 0, 0, 0, 0, 0, 0, 0, &low.Label.Sid));
	CHECK(AllocateAndInitializeSid(&authority, 1, 0x4000, 0, 0, 0, 0, 0, 0, 0, &high.Label.Sid));
	CHECK(DuplicateTokenEx(primary, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenPrimary, &copy));
	CHECK(DuplicateTokenEx(primary, TOKEN_QUERY, NULL, SecurityImpersonation, TokenPrimary, &weak));
	CHECK_ERROR(SetTokenInformation(weak, TokenIntegrityLevel, &low, sizeof(low)), ERROR_ACCESS_DENIED);
	CHECK_ERROR(SetTokenInformation(copy, TokenIntegrityLevel, &high, sizeof(high)), ERROR_PRIVILEGE_NOT_HELD);
	CHECK(SetTokenInformation(copy, TokenIntegrityLevel, &low, sizeof(low)));
	TOKEN_MANDATORY_LABEL *now = ask(copy, TokenIntegrityLevel);
	CHECK(EqualSid(now->Label.Sid, low.Label.Sid));
	CHECK(!EqualSid(((TOKEN_MANDATORY_LABEL *)ask(primary, TokenIntegrityLevel))->Label.Sid, low.Label.Sid));
	judged = impersonation(copy, SecurityImpersonation);
	protect(stranger);
	CHECK(AddAccessAllowedAce(list, ACL_REVISION, FILE_ALL_ACCESS, user));
	CHECK(may(judged, FILE_READ_DATA) == FILE_READ_DATA && !may(judged, FILE_WRITE_DATA) && may(client, FILE_WRITE_DATA));
	FreeSid(low.Label.Sid);
	FreeSid(high.Label.Sid);
	CloseHandle(judged);
	CloseHandle(copy);
	CloseHandle(weak);
}

CASE(privileges_to_delete_are_gone)
{
	TOKEN_PRIVILEGES on = { 1, { { { 19, 0 }, SE_PRIVILEGE_ENABLED } } }; /* SeShutdownPrivilege */
	LUID_AND_ATTRIBUTES gone = { { 19, 0 }, 0 };
	HANDLE less;
	CHECK(CreateRestrictedToken(primary, 0, 0, NULL, 1, &gone, 0, NULL, &less));
	TOKEN_PRIVILEGES *before = ask(primary, TokenPrivileges), *after = ask(less, TokenPrivileges);
	CHECK(after->PrivilegeCount == before->PrivilegeCount - 1);
	SetLastError(0);
	CHECK(AdjustTokenPrivileges(less, FALSE, &on, 0, NULL, NULL) && GetLastError() == ERROR_NOT_ALL_ASSIGNED);
	CloseHandle(less);
	HANDLE weak;
	CHECK(DuplicateTokenEx(primary, TOKEN_QUERY, NULL, SecurityImpersonation, TokenPrimary, &weak));
	CHECK_ERROR(CreateRestrictedToken(weak, 0, 0, NULL, 0, NULL, 0, NULL, &less), ERROR_ACCESS_DENIED);
	CloseHandle(weak);
}

CASE(adjusting_tells_the_state_before)
{
	TOKEN_PRIVILEGES on = { 1, { { { 19, 0 }, SE_PRIVILEGE_ENABLED } } }, before;
	DWORD n = 0;
	HANDLE copy;
	PRIVILEGE_SET set = { 1, PRIVILEGE_SET_ALL_NECESSARY, { { { 19, 0 }, 0 } } };
	BOOL held = 77;
	CHECK(DuplicateTokenEx(primary, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation, TokenImpersonation, &copy));
	CHECK(PrivilegeCheck(copy, &set, &held) && !held);
	CHECK(AdjustTokenPrivileges(copy, FALSE, &on, sizeof(before), &before, &n));
	CHECK(n == sizeof(before) && before.PrivilegeCount == 1 && before.Privileges[0].Luid.LowPart == 19);
	CHECK(!(before.Privileges[0].Attributes & SE_PRIVILEGE_ENABLED));
	CHECK(PrivilegeCheck(copy, &set, &held) && held && (set.Privilege[0].Attributes & SE_PRIVILEGE_USED_FOR_ACCESS));
	CHECK(AdjustTokenPrivileges(copy, FALSE, &before, 0, NULL, NULL));
	CHECK(PrivilegeCheck(copy, &set, &held) && !held);
	CHECK(AdjustTokenPrivileges(copy, TRUE, NULL, 0, NULL, NULL));
	set.Privilege[0].Luid.LowPart = 23;
	CHECK(PrivilegeCheck(copy, &set, &held) && !held);
	CloseHandle(copy);
}

static DWORD run_self(HANDLE token, const char *as)
{
	char line[MAX_PATH + 16], path[MAX_PATH];
	STARTUPINFOA start = { .cb = sizeof(start) };
	PROCESS_INFORMATION p;
	DWORD code = 77;
	GetModuleFileNameA(NULL, path, sizeof(path));
	sprintf(line, "\"%s\" %s", path, as);
	BOOL ok = token ? CreateProcessAsUserA(token, NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &p) :
			  CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &start, &p);
	CHECK(ok);
	if (!ok)
		return code;
	WaitForSingleObject(p.hProcess, 20000);
	GetExitCodeProcess(p.hProcess, &code);
	CloseHandle(p.hThread);
	CloseHandle(p.hProcess);
	return code;
}

/* What the child found: bit 0 Users is on, bit 1 it is there to deny. */
static int child_code(void)
{
	HANDLE t;
	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &t))
		return 99;
	DWORD a = group_attributes(t, users);
	return (a & SE_GROUP_ENABLED ? 1 : 0) | (a & SE_GROUP_USE_FOR_DENY_ONLY ? 2 : 0);
}

CASE(a_process_is_given_a_lesser_token)
{
	HANDLE less = restricted(0, users, NULL);
	CHECK(run_self(NULL, "child") == 1);
	CHECK(run_self(less, "child") == 2);
	CHECK(run_self(less, "parent") == 2); /* its child has it too */
	/* a handle that is not for that */
	CHECK_ERROR(CreateProcessAsUserA(client, NULL, (char[]){ "cmd" }, NULL, NULL, FALSE, 0, NULL, NULL,
		&(STARTUPINFOA){ .cb = sizeof(STARTUPINFOA) }, &(PROCESS_INFORMATION){ 0 }), ERROR_ACCESS_DENIED);
	CloseHandle(less);
}

static void prepare(void)
{
	SID_IDENTIFIER_AUTHORITY nt = SECURITY_NT_AUTHORITY, world = SECURITY_WORLD_SID_AUTHORITY;
	DWORD n;
	peer_wine = getenv("NT_PEER") != NULL;
	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &primary) ||
	    !DuplicateToken(primary, SecurityImpersonation, &client))
		exit(98);
	GetTokenInformation(primary, TokenUser, user_bytes, sizeof(user_bytes), &n);
	user = ((TOKEN_USER *)user_bytes)->User.Sid;
	AllocateAndInitializeSid(&nt, 2, 32, 545, 0, 0, 0, 0, 0, 0, &users);
	AllocateAndInitializeSid(&nt, 2, 32, 544, 0, 0, 0, 0, 0, 0, &administrators);
	AllocateAndInitializeSid(&nt, 4, 21, 7, 7, 7, 0, 0, 0, 0, &stranger);
	AllocateAndInitializeSid(&world, 1, 0, 0, 0, 0, 0, 0, 0, 0, &everyone);
}

int main(int argc, char **argv)
{
	prepare();
	if (argc > 1 && !strcmp(argv[1], "child"))
		return child_code();
	if (argc > 1 && !strcmp(argv[1], "parent"))
		return (int)run_self(NULL, "child");
	RUN(classes_that_programs_ask_for);
	RUN(copies_are_worth_no_more_than_their_original);
	RUN(access_check_wants_a_client_and_mapped_rights);
	RUN(no_list_grants_all_and_an_empty_one_nothing);
	RUN(entries_count_in_their_order);
	RUN(an_owner_reads_and_writes_the_list);
	RUN(the_list_itself_is_for_who_holds_the_privilege);
	RUN(a_sid_that_only_denies);
	RUN(privileges_to_delete_are_gone);
	RUN(adjusting_tells_the_state_before);
	RUN(a_process_is_given_a_lesser_token);
	if (!peer_wine) { /* Wine 8.0 has neither restricting SIDs nor the flags nor these classes, and no user that only denies */
		RUN(classes_that_wine_does_not_answer);
		RUN(a_user_that_only_denies);
		RUN(restricting_sids_must_be_allowed_too);
		RUN(write_restricted_tokens_read_as_before);
		RUN(flags_take_privileges_away);
		RUN(integrity_goes_down_only_and_then_nothing_is_written);
	}
	return check_summary();
}
