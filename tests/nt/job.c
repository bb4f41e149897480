// SPDX-License-Identifier: MIT
/* Jobs: what their completion port tells, kill on close with ended members and names. */
#include "check.h"

#define SOON 10000u
static char self[MAX_PATH];

static void start(const char *arguments, DWORD flags, PROCESS_INFORMATION *pi)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	char line[2 * MAX_PATH];
	snprintf(line, sizeof(line), "\"%s\" %s", self, arguments);
	CHECK(CreateProcessA(NULL, line, NULL, NULL, FALSE, flags, NULL, NULL, &si, pi));
}

/* lpNumberOfBytes is the message, lpOverlapped the process id. */
CASE(port_tells_what_happens)
{
	HANDLE job = CreateJobObjectA(NULL, NULL), port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	JOBOBJECT_ASSOCIATE_COMPLETION_PORT associate = { (void *)77, port };
	PROCESS_INFORMATION pi;
	DWORD message, created = 0, ended = 0, zero = 0;
	ULONG_PTR key;
	OVERLAPPED *value;
	CHECK(SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation, &associate, sizeof(associate)));
	start("end", CREATE_SUSPENDED, &pi);
	CHECK(AssignProcessToJobObject(job, pi.hProcess));
	ResumeThread(pi.hThread);
	while (!zero && GetQueuedCompletionStatus(port, &message, &key, &value, SOON)) {
		CHECK(key == 77);
		if (message == JOB_OBJECT_MSG_NEW_PROCESS)
			created = (DWORD)(ULONG_PTR)value;
		else if (message == JOB_OBJECT_MSG_EXIT_PROCESS)
			ended = (DWORD)(ULONG_PTR)value;
		else if (message == JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO)
			zero++;
	}
	CHECK(created == pi.dwProcessId && ended == pi.dwProcessId && zero == 1);
	CloseHandle(pi.hProcess);
	CloseHandle(pi.hThread);
	CloseHandle(port);
	CloseHandle(job);
}

CASE(last_handle_kills_beside_ended_members)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = { 0 };
	PROCESS_INFORMATION first, second;
	HANDLE job = CreateJobObjectA(NULL, "AmbosKillJob"), again;
	limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
	CHECK(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits)));
	start("end", CREATE_SUSPENDED, &first);
	CHECK(AssignProcessToJobObject(job, first.hProcess));
	ResumeThread(first.hThread);
	CHECK(WaitForSingleObject(first.hProcess, SOON) == WAIT_OBJECT_0);
	start("wait", CREATE_SUSPENDED, &second);
	CHECK(AssignProcessToJobObject(job, second.hProcess));
	CHECK((again = OpenJobObjectA(JOB_OBJECT_ALL_ACCESS, FALSE, "AmbosKillJob")) != NULL);
	CloseHandle(again);
	CHECK(WaitForSingleObject(second.hProcess, 100) == WAIT_TIMEOUT);
	CloseHandle(job);
	CHECK(WaitForSingleObject(second.hProcess, SOON) == WAIT_OBJECT_0); /* the first one's handle is open still */
	CloseHandle(first.hProcess);
	CloseHandle(first.hThread);
	CloseHandle(second.hProcess);
	CloseHandle(second.hThread);
}

int main(int argc, char **argv)
{
	GetModuleFileNameA(NULL, self, sizeof(self));
	if (argc > 1) {
		if (!strcmp(argv[1], "wait"))
			Sleep(60000);
		return 5;
	}
	RUN(port_tells_what_happens);
	RUN(last_handle_kills_beside_ended_members);
	return check_summary();
}
