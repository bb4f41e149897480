// SPDX-License-Identifier: MIT
/* What programs ask about the machine: processors and caches, the usual variables, refused debugging. */
#include "check.h"
#include <stdlib.h>

#define BYTES 65536u

static BYTE *relation(int which, DWORD *size)
{
	BYTE *out = malloc(BYTES);
	*size = 0;
	CHECK_ERROR(GetLogicalProcessorInformationEx(which, NULL, size), ERROR_INSUFFICIENT_BUFFER);
	CHECK(*size > 0 && *size <= BYTES);
	CHECK(GetLogicalProcessorInformationEx(which, (void *)out, size));
	return out;
}

/* Each processor has a level-1 cache for data; sizes and lines are powers of two or multiples of a line. */
CASE(caches_are_listed)
{
	DWORD size;
	BYTE *all = relation(RelationCache, &size);
	KAFFINITY covered = 0, process, system;
	for (DWORD at = 0; at < size; at += ((SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *)(all + at))->Size) {
		SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *r = (void *)(all + at);
		CHECK(r->Relationship == RelationCache && r->Size >= 56);
		if (r->Size < 56)
			break;
		CHECK(r->Cache.Level >= 1 && r->Cache.Level <= 4 && r->Cache.LineSize && r->Cache.CacheSize);
		CHECK(r->Cache.GroupMask.Mask && r->Cache.GroupMask.Group == 0);
		if (r->Cache.Level == 1 && r->Cache.Type == CacheData)
			covered |= r->Cache.GroupMask.Mask;
	}
	CHECK(GetProcessAffinityMask(GetCurrentProcess(), &process, &system) && (covered & system) == system);
	free(all);
}

CASE(all_relations_are_in_one_answer)
{
	DWORD size, seen = 0;
	BYTE *all = relation(RelationAll, &size);
	for (DWORD at = 0; at < size; at += ((SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *)(all + at))->Size) {
		SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *r = (void *)(all + at);
		if (!r->Size)
			break;
		seen |= 1u << r->Relationship;
	}
	CHECK((seen & 0x1f) == 0x1f); /* cores, nodes, caches, packages, groups */
	free(all);
}

CASE(old_form_has_caches)
{
	DWORD size = BYTES, caches = 0;
	SYSTEM_LOGICAL_PROCESSOR_INFORMATION *all = malloc(BYTES);
	CHECK(GetLogicalProcessorInformation(all, &size));
	for (DWORD i = 0; i < size / sizeof(*all); i++)
		caches += all[i].Relationship == RelationCache && all[i].ProcessorMask && all[i].Cache.Size && all[i].Cache.LineSize;
	CHECK(caches > 0);
	free(all);
}

CASE(usual_variables_are_set)
{
	static const char *names[] = { "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432", "CommonProgramFiles",
		"CommonProgramFiles(x86)", "CommonProgramW6432", "PROCESSOR_ARCHITECTURE", "PROCESSOR_IDENTIFIER", "PROCESSOR_LEVEL",
		"PROCESSOR_REVISION", "NUMBER_OF_PROCESSORS", "SystemRoot", "SystemDrive", "USERPROFILE" };
	char text[MAX_PATH];
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		DWORD n = GetEnvironmentVariableA(names[i], text, sizeof(text));
		if (!n)
			printf("  no %s\n", names[i]);
		CHECK(n > 0 && n < sizeof(text));
		if (strstr(names[i], "Program"))
			CHECK(GetFileAttributesA(text) != INVALID_FILE_ATTRIBUTES);
	}
}

/* An answer, whichever it is: a program goes on. */
CASE(debugging_is_done_or_refused)
{
	SetLastError(0);
	CHECK(DebugActiveProcess(0xfffffff0) == FALSE && GetLastError() != 0);
}

int main(void)
{
	RUN(caches_are_listed);
	RUN(all_relations_are_in_one_answer);
	RUN(old_form_has_caches);
	RUN(usual_variables_are_set);
	RUN(debugging_is_done_or_refused);
	return check_summary();
}
