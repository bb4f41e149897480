// SPDX-License-Identifier: MIT
/* Child processes: itself as a child through pipes both ways, exit codes, inherited and private handles, environment,
 * a killed child, a job that ends its members, and a name that does not exist. */
#include "expect.h"
#include <stdlib.h>
#include <string.h>

static char self[MAX_PATH];

static BOOL spawn(const char *arguments, HANDLE in, HANDLE out, DWORD flags, PROCESS_INFORMATION *process)
{
	char line[MAX_PATH + 200];
	STARTUPINFOA start = { .cb = sizeof(start), .dwFlags = STARTF_USESTDHANDLES, .hStdInput = in, .hStdOutput = out,
		.hStdError = GetStdHandle(STD_ERROR_HANDLE) };
	snprintf(line, sizeof(line), "\"%s\" %s", self, arguments);
	return CreateProcessA(NULL, line, NULL, NULL, TRUE, flags, NULL, NULL, &start, process);
}

static DWORD finish(PROCESS_INFORMATION *process)
{
	DWORD code = 0xdead;
	if (WaitForSingleObject(process->hProcess, 60000) != WAIT_OBJECT_0)
		TerminateProcess(process->hProcess, 0xbeef);
	GetExitCodeProcess(process->hProcess, &code);
	CloseHandle(process->hThread);
	CloseHandle(process->hProcess);
	return code;
}

static void test_pipes(void)
{
	SECURITY_ATTRIBUTES inherit = { sizeof(inherit), NULL, TRUE };
	HANDLE in_read, in_write, out_read, out_write;
	PROCESS_INFORMATION process;
	char text[64] = "";
	DWORD count = 0;
	FACT(CreatePipe(&in_read, &in_write, &inherit, 0) && CreatePipe(&out_read, &out_write, &inherit, 0));
	FACT(SetHandleInformation(in_write, HANDLE_FLAG_INHERIT, 0) && SetHandleInformation(out_read, HANDLE_FLAG_INHERIT, 0));
	FACT(spawn("upper", in_read, out_write, 0, &process));
	CloseHandle(in_read);
	CloseHandle(out_write);
	FACT(WriteFile(in_write, "through two pipes", 17, &count, NULL) && count == 17);
	CloseHandle(in_write);
	DWORD total = 0;
	while (ReadFile(out_read, text + total, sizeof(text) - 1 - total, &count, NULL) && count)
		total += count;
	FACT(GetLastError() == ERROR_BROKEN_PIPE && !strcmp(text, "THROUGH TWO PIPES"));
	CloseHandle(out_read);
	FACT(finish(&process) == 7);
}

static void test_codes(void)
{
	PROCESS_INFORMATION process;
	HANDLE in = GetStdHandle(STD_INPUT_HANDLE), out = GetStdHandle(STD_OUTPUT_HANDLE);
	DWORD code;
	FACT(spawn("exit 0x12345678", in, out, 0, &process) && finish(&process) == 0x12345678);
	FACT(spawn("crash", in, out, 0, &process) && finish(&process) == EXCEPTION_ACCESS_VIOLATION);
	SetEnvironmentVariableA("AMBOS_DEMO", "a b=c");
	FACT(spawn("environment", in, out, 0, &process) && finish(&process) == 5);
	FACT(spawn("sleep", in, out, CREATE_SUSPENDED, &process));
	FACT(GetExitCodeProcess(process.hProcess, &code) && code == STILL_ACTIVE && GetProcessId(process.hProcess) == process.dwProcessId);
	ResumeThread(process.hThread);
	FACT(WaitForSingleObject(process.hProcess, 50) == WAIT_TIMEOUT && TerminateProcess(process.hProcess, 33) && finish(&process) == 33);
	STARTUPINFOA start = { .cb = sizeof(start) };
	FACT(!CreateProcessA("C:\\no\\such.exe", NULL, NULL, NULL, FALSE, 0, NULL, NULL, &start, &process));
	FACT(GetLastError() == ERROR_PATH_NOT_FOUND || GetLastError() == ERROR_FILE_NOT_FOUND);
}

static void test_job(void)
{
	JOBOBJECT_EXTENDED_LIMIT_INFORMATION limit = { .BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE };
	PROCESS_INFORMATION process;
	HANDLE job = CreateJobObjectA(NULL, NULL);
	FACT(job && SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limit, sizeof(limit)));
	FACT(spawn("sleep", GetStdHandle(STD_INPUT_HANDLE), GetStdHandle(STD_OUTPUT_HANDLE), CREATE_SUSPENDED, &process));
	FACT(AssignProcessToJobObject(job, process.hProcess) && ResumeThread(process.hThread) == 1);
	FACT(CloseHandle(job) && WaitForSingleObject(process.hProcess, 10000) == WAIT_OBJECT_0);
	finish(&process);
}

static int child(char **argv)
{
	char text[64];
	DWORD count;
	if (!strcmp(argv[1], "exit"))
		ExitProcess(strtoul(argv[2], NULL, 0));
	if (!strcmp(argv[1], "crash")) {
		SetErrorMode(SEM_NOGPFAULTERRORBOX);
		__asm__ volatile("movl $1, 8" ::: "memory");
	}
	if (!strcmp(argv[1], "environment"))
		return GetEnvironmentVariableA("AMBOS_DEMO", text, sizeof(text)) == 5 && !strcmp(text, "a b=c") ? 5 : 1;
	if (!strcmp(argv[1], "sleep"))
		Sleep(30000);
	if (!strcmp(argv[1], "upper"))
		while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), text, sizeof(text), &count, NULL) && count) {
			for (DWORD i = 0; i < count; i++)
				text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
			WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, count, &count, NULL);
		}
	return 7;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return child(argv);
	GetModuleFileNameA(NULL, self, sizeof(self));
	test_pipes();
	test_codes();
	test_job();
	return failures;
}
