// SPDX-License-Identifier: MIT
/* Design 1.2: the NT calls named there make no hop in the steady state. Runs a fixed list of them twice and compares
 * /proc/ambos/hops around the second pass. The counters are read through Z:, before and behind the pass only; what that
 * reading itself costs is measured first and taken off. Prints the rows with hops, then "ok" or "FAIL" lines. */
#include <windows.h>
#include <winternl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 600
struct row { char name[48]; long hops; };
struct table { struct row rows[ROWS_MAX]; int used; };
static int failures;
static char text[131072];

/* A row is "name cause=count cause=count". */
static void snapshot(struct table *t)
{
	DWORD used = 0, n;
	HANDLE h = CreateFileA("Z:\\proc\\ambos\\hops", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
	if (h == INVALID_HANDLE_VALUE) {
		printf("FAIL counters_open (error %lu)\n", GetLastError());
		exit(1);
	}
	while (used < sizeof(text) - 1 && ReadFile(h, text + used, sizeof(text) - 1 - used, &n, NULL) && n)
		used += n;
	CloseHandle(h);
	text[used] = 0;
	t->used = 0;
	for (char *line = text; *line && t->used < ROWS_MAX;) {
		char *end = strchr(line, '\n'), *space;
		if (end)
			*end = 0;
		struct row *r = &t->rows[t->used++];
		space = strchr(line, ' ');
		snprintf(r->name, sizeof(r->name), "%.*s", (int)(space ? space - line : (int)strlen(line)), line);
		r->hops = 0;
		for (char *equals = line; (equals = strchr(equals, '=')); equals++)
			r->hops += atol(equals + 1);
		if (!end)
			break;
		line = end + 1;
	}
}

static long of(const struct table *t, const char *name)
{
	for (int i = 0; i < t->used; i++)
		if (!strcmp(t->rows[i].name, name))
			return t->rows[i].hops;
	return 0;
}

static void must(BOOL good, const char *what)
{
	if (good)
		return;
	printf("FAIL call: %s (error %lu)\n", what, GetLastError());
	failures++;
}
#define MUST(call) must(!!(call), #call)

static char path[MAX_PATH];
static DWORD WINAPI worker(void *argument) { return SetEvent(argument) ? 0 : 1; }
static VOID NTAPI apc(ULONG_PTR argument) { *(int *)argument = 1; }

static void files(void)
{
	char bytes[64];
	DWORD n;
	FILETIME time;
	HANDLE h = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	MUST(h != INVALID_HANDLE_VALUE);
	MUST(WriteFile(h, "0123456789", 10, &n, NULL));
	MUST(SetFilePointer(h, 0, NULL, FILE_BEGIN) == 0);
	MUST(ReadFile(h, bytes, 10, &n, NULL) && n == 10);
	MUST(GetFileSize(h, NULL) != INVALID_FILE_SIZE);
	MUST(GetFileTime(h, NULL, NULL, &time));
	HANDLE section = CreateFileMappingA(h, NULL, PAGE_READWRITE, 0, 0, NULL);
	char *view = section ? MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0) : NULL;
	MUST(view);
	view[0] = 'x';
	MUST(UnmapViewOfFile(view) && CloseHandle(section) && CloseHandle(h));
	MUST(GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES);
}

static void memory(void)
{
	MEMORY_BASIC_INFORMATION info;
	DWORD old;
	char *p = VirtualAlloc(NULL, 65536, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	MUST(p);
	p[0] = p[40000] = 1;
	MUST(VirtualProtect(p, 4096, PAGE_READONLY, &old) && VirtualQuery(p, &info, sizeof(info)));
	MUST(VirtualFree(p, 0, MEM_RELEASE));
	void *block = HeapAlloc(GetProcessHeap(), 0, 100000);
	MUST(block && HeapFree(GetProcessHeap(), 0, block));
}

static void waits(void)
{
	int done = 0;
	LARGE_INTEGER soon = { .QuadPart = -1000 };
	HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL), mutex = CreateMutexA(NULL, FALSE, NULL);
	HANDLE semaphore = CreateSemaphoreA(NULL, 0, 2, NULL), timer = CreateWaitableTimerA(NULL, TRUE, NULL), both[2] = { event, semaphore };
	MUST(event && mutex && semaphore && timer);
	MUST(SetEvent(event) && WaitForSingleObject(event, 1000) == WAIT_OBJECT_0);
	MUST(WaitForSingleObject(mutex, 1000) == WAIT_OBJECT_0 && ReleaseMutex(mutex));
	MUST(SetEvent(event) && ReleaseSemaphore(semaphore, 1, NULL));
	MUST(WaitForMultipleObjects(2, both, TRUE, 1000) == WAIT_OBJECT_0);
	MUST(SetWaitableTimer(timer, &soon, 0, NULL, NULL, FALSE) && WaitForSingleObject(timer, 1000) == WAIT_OBJECT_0);
	MUST(QueueUserAPC(apc, GetCurrentThread(), (ULONG_PTR)&done) && SleepEx(1000, TRUE) == WAIT_IO_COMPLETION && done);
	Sleep(1);
	HANDLE copy, thread = CreateThread(NULL, 0, worker, event, 0, NULL);
	MUST(thread && WaitForSingleObject(thread, 5000) == WAIT_OBJECT_0);
	MUST(DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS) && CloseHandle(copy));
	MUST(CloseHandle(thread) && CloseHandle(event) && CloseHandle(mutex) && CloseHandle(semaphore) && CloseHandle(timer));
}

static void channels(void)
{
	HANDLE read, write, port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	DWORD n;
	ULONG_PTR key;
	OVERLAPPED *overlapped;
	char c;
	MUST(port && PostQueuedCompletionStatus(port, 1, 2, NULL));
	MUST(GetQueuedCompletionStatus(port, &n, &key, &overlapped, 1000) && key == 2);
	MUST(CreatePipe(&read, &write, NULL, 0));
	MUST(WriteFile(write, "x", 1, &n, NULL) && ReadFile(read, &c, 1, &n, NULL));
	MUST(CloseHandle(read) && CloseHandle(write) && CloseHandle(port));
}

/* What was asked before, and a value that is set to what it is. */
static void registry(void)
{
	HKEY key;
	DWORD value = 7, n = sizeof(value);
	MUST(!RegCreateKeyExA(HKEY_CURRENT_USER, "Software\\HopsRead", 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL));
	MUST(!RegSetValueExA(key, "value", 0, REG_DWORD, (BYTE *)&value, sizeof(value)));
	MUST(!RegQueryValueExA(key, "value", NULL, NULL, (BYTE *)&value, &n) && value == 7);
	MUST(RegQueryValueExA(key, "none", NULL, NULL, NULL, NULL) == ERROR_FILE_NOT_FOUND);
	MUST(!RegQueryInfoKeyA(key, NULL, NULL, NULL, NULL, NULL, NULL, &n, NULL, NULL, NULL, NULL) && n == 1);
	MUST(!RegCloseKey(key));
}

static void (*const parts[])(void) = { files, memory, waits, channels, registry };
static const char *const part_names[] = { "nt_files", "nt_memory", "nt_waits_and_threads", "nt_ports_and_pipes", "nt_registry_reads" };

int main(void)
{
	static struct table before, after, idle;
	DWORD n;
	GetTempPathA(sizeof(path) - 20, path);
	strcat(path, "hops.tmp");
	HANDLE h = CreateFileA(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	MUST(h != INVALID_HANDLE_VALUE && WriteFile(h, path, 100, &n, NULL) && CloseHandle(h));
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int wrong = 0;
		parts[i]();
		if (parts[i] == registry)
			parts[i](); /* the first one made the key */
		snapshot(&before);
		snapshot(&idle);
		parts[i]();
		snapshot(&after);
		for (int k = 0; k < after.used; k++) {
			const char *name = after.rows[k].name;
			long reading = of(&idle, name) - of(&before, name), hops = after.rows[k].hops - of(&idle, name) - reading;
			if (hops > 0 && !strncmp(name, "Nt", 2)) {
				printf("  %s: %s %ld\n", part_names[i], name, hops);
				wrong++;
			}
		}
		printf("%s no_hop_in_the_second_pass_of_%s\n", wrong ? "FAIL" : "ok", part_names[i]);
		failures += wrong;
	}
	HKEY key;
	snapshot(&before);
	MUST(!RegCreateKeyExA(HKEY_CURRENT_USER, "Software\\Hops", 0, NULL, REG_OPTION_VOLATILE, KEY_ALL_ACCESS, NULL, &key, NULL));
	MUST(!RegCloseKey(key));
	snapshot(&after);
	printf("%s counters_count\n", of(&after, "NtCreateKey") > of(&before, "NtCreateKey") ? "ok" : "FAIL");
	MUST(DeleteFileA(path));
	return failures != 0;
}
