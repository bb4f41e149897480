// SPDX-License-Identifier: MIT
/* Child processes: arguments, environment, inherited pipes, exit codes, crashes, suspension, jobs. */
#include "check.h"
#include <stdlib.h>

#define SOON 10000u
static char self[MAX_PATH];

static BOOL start(const char *arguments, STARTUPINFOA *si, DWORD flags, BOOL inherit, PROCESS_INFORMATION *pi)
{
	char line[2 * MAX_PATH];
	snprintf(line, sizeof(line), "\"%s\" %s", self, arguments);
	return CreateProcessA(NULL, line, NULL, NULL, inherit, flags, NULL, NULL, si, pi);
}
static DWORD finish(PROCESS_INFORMATION *pi)
{
	DWORD code = 0xdead;
	CHECK(WaitForSingleObject(pi->hProcess, SOON) == WAIT_OBJECT_0);
	CHECK(GetExitCodeProcess(pi->hProcess, &code));
	CloseHandle(pi->hProcess);
	CloseHandle(pi->hThread);
	return code;
}
CASE(child_gets_arguments_environment_and_pipes)
{
	SECURITY_ATTRIBUTES sa = { sizeof(sa), NULL, TRUE };
	STARTUPINFOA si = { .cb = sizeof(si), .dwFlags = STARTF_USESTDHANDLES };
	PROCESS_INFORMATION pi;
	HANDLE in_read, in_write, out_read, out_write;
	char text[256] = "";
	DWORD n = 0, used = 0;
	CHECK(CreatePipe(&in_read, &in_write, &sa, 0) && CreatePipe(&out_read, &out_write, &sa, 0));
	SetHandleInformation(in_write, HANDLE_FLAG_INHERIT, 0);
	SetHandleInformation(out_read, HANDLE_FLAG_INHERIT, 0);
	SetEnvironmentVariableA("AMBOS_TEST", "a value");
	si.hStdInput = in_read, si.hStdOutput = out_write, si.hStdError = GetStdHandle(STD_ERROR_HANDLE);
	CHECK(start("echo \"x y\" z", &si, 0, TRUE, &pi));
	CloseHandle(in_read);
	CloseHandle(out_write);
	WriteFile(in_write, "a line\n", 7, &n, NULL);
	CloseHandle(in_write);
	while (used < sizeof(text) - 1 && ReadFile(out_read, text + used, sizeof(text) - 1 - used, &n, NULL) && n)
		used += n;
	text[used] = 0;
	CHECK(strcmp(text, "4 [x y] [z] [a value] [a line]") == 0);
	CHECK(finish(&pi) == 300);
	CloseHandle(out_read);
}
CASE(exit_codes_are_32_bits)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	CHECK(start("exit 305419896", &si, 0, FALSE, &pi));
	CHECK(GetProcessId(pi.hProcess) == pi.dwProcessId);
	CHECK(finish(&pi) == 0x12345678);
}
CASE(suspended_child_waits_for_its_resume)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	CHECK(start("exit 3", &si, CREATE_SUSPENDED, FALSE, &pi));
	CHECK(WaitForSingleObject(pi.hProcess, 100) == WAIT_TIMEOUT);
	CHECK(ResumeThread(pi.hThread) == 1);
	CHECK(finish(&pi) == 3);
}
CASE(terminated_child_has_the_given_code)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	CHECK(start("sleep", &si, 0, FALSE, &pi));
	CHECK(TerminateProcess(pi.hProcess, 77));
	CHECK(finish(&pi) == 77);
}
CASE(job_ends_its_processes)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	BOOL member = FALSE;
	HANDLE job = CreateJobObjectA(NULL, NULL);
	CHECK(start("sleep", &si, CREATE_SUSPENDED, FALSE, &pi));
	CHECK(AssignProcessToJobObject(job, pi.hProcess));
	CHECK(IsProcessInJob(pi.hProcess, job, &member) && member);
	ResumeThread(pi.hThread);
	CHECK(TerminateJobObject(job, 78));
	CHECK(finish(&pi) == 78);
	CloseHandle(job);
}
/* lpReserved2 is where C run-times hand open files to their children: none when nobody gave any. */
static BOOL reserved_is(const char *bytes, WORD count)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	GetStartupInfoA(&si);
	return si.cbReserved2 == count && (count ? memcmp(si.lpReserved2, bytes, count) == 0 : si.lpReserved2 == NULL);
}
CASE(reserved_bytes_reach_the_child_and_only_they)
{
	unsigned char bytes[5] = { 0, 0, 0, 0, 42 };
	STARTUPINFOA si = { .cb = sizeof(si), .cbReserved2 = sizeof(bytes), .lpReserved2 = bytes };
	PROCESS_INFORMATION pi;
	CHECK(reserved_is(NULL, 0));
	CHECK(start("reserved 5", &si, 0, FALSE, &pi) && finish(&pi) == 1);
	CHECK(start("reserved 0", &(STARTUPINFOA){ .cb = sizeof(si) }, 0, FALSE, &pi) && finish(&pi) == 1);
}
CASE(missing_program_is_not_found)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	char line[] = "ambos-no-such-program.exe";
	CHECK_ERROR(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &si, &pi), ERROR_FILE_NOT_FOUND);
}

static DWORD WINAPI own_id(void *at)
{
	*(DWORD *)at = GetCurrentThreadId();
	return 0;
}
CASE(thread_ids_are_no_process_ids)
{
	STARTUPINFOA si = { .cb = sizeof(si) };
	PROCESS_INFORMATION pi;
	DWORD id = 0, seen = 0;
	HANDLE self_thread = OpenThread(THREAD_ALL_ACCESS, FALSE, GetCurrentThreadId());
	HANDLE thread = CreateThread(NULL, 0, own_id, &seen, 0, &id);
	CHECK(GetCurrentThreadId() != GetCurrentProcessId());
	CHECK(self_thread && GetThreadId(self_thread) == GetCurrentThreadId());
	CHECK(GetProcessIdOfThread(self_thread) == GetCurrentProcessId());
	CHECK(WaitForSingleObject(thread, SOON) == WAIT_OBJECT_0 && seen == id && GetThreadId(thread) == id);
	CHECK_ERROR(OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, GetCurrentThreadId()), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(OpenThread(THREAD_QUERY_INFORMATION, FALSE, GetCurrentProcessId()), ERROR_INVALID_PARAMETER);
	CHECK(start("exit 7", &si, 0, FALSE, &pi));
	CHECK(pi.dwThreadId != pi.dwProcessId && GetThreadId(pi.hThread) == pi.dwThreadId);
	CHECK(finish(&pi) == 7);
	CloseHandle(thread);
	CloseHandle(self_thread);
}

static int child(int argc, char **argv)
{
	char line[64] = "";
	if (strcmp(argv[1], "exit") == 0)
		return atoi(argv[2]);
	if (strcmp(argv[1], "sleep") == 0)
		Sleep(60000);
	if (strcmp(argv[1], "reserved") == 0)
		return reserved_is("\0\0\0\0\x2a", (WORD)atoi(argv[2]));
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	line[strcspn(line, "\n")] = 0;
	printf("%d [%s] [%s] [%s] [%s]", argc, argv[2], argv[3], getenv("AMBOS_TEST"), line);
	return 300;
}

int main(int argc, char **argv)
{
	GetModuleFileNameA(NULL, self, sizeof(self));
	if (argc > 1)
		return child(argc, argv);
	RUN(child_gets_arguments_environment_and_pipes);
	RUN(exit_codes_are_32_bits);
	RUN(suspended_child_waits_for_its_resume);
	RUN(terminated_child_has_the_given_code);
	RUN(job_ends_its_processes);
	RUN(reserved_bytes_reach_the_child_and_only_they);
	RUN(thread_ids_are_no_process_ids);
	RUN(missing_program_is_not_found);
	return check_summary();
}
