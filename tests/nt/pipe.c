// SPDX-License-Identifier: MIT
/* Anonymous and named pipes: bytes, messages, overlapped operations, ports, cancel, broken ends. */
#include "check.h"

#define NAME "\\\\.\\pipe\\ambos-test"

CASE(anonymous_pipe_moves_bytes)
{
	HANDLE r, w;
	char buf[16];
	DWORD n, avail;
	CHECK(CreatePipe(&r, &w, NULL, 0));
	CHECK(GetFileType(r) == FILE_TYPE_PIPE);
	CHECK(PeekNamedPipe(r, NULL, 0, NULL, &avail, NULL) && avail == 0);
	CHECK(WriteFile(w, "hello", 5, &n, NULL) && n == 5);
	CHECK(WriteFile(w, "!", 1, &n, NULL) && n == 1);
	CHECK(PeekNamedPipe(r, buf, 3, &n, &avail, NULL) && n == 3 && avail == 6);
	CHECK(ReadFile(r, buf, 16, &n, NULL) && n == 6 && !memcmp(buf, "hello!", 6));
	CloseHandle(w);
	CHECK_ERROR(ReadFile(r, buf, 16, &n, NULL), ERROR_BROKEN_PIPE);
	CloseHandle(r);
	CHECK(CreatePipe(&r, &w, NULL, 0));
	CloseHandle(r);
	CHECK_ERROR(WriteFile(w, "x", 1, &n, NULL), ERROR_NO_DATA);
	CloseHandle(w);
}

/* A read of no bytes waits for the first one and takes none: what libuv does at a pipe without overlapped I/O. */
static DWORD WINAPI late_writer(void *arg)
{
	DWORD n;
	Sleep(100);
	return WriteFile(arg, "abc", 3, &n, NULL);
}
static void check_waiting(HANDLE r, DWORD available)
{
	DWORD n = 1, avail = 0, mode = PIPE_READMODE_BYTE | PIPE_WAIT, message = PIPE_READMODE_MESSAGE;
	char c;
	CHECK(SetNamedPipeHandleState(r, &mode, NULL, NULL));
	CHECK_ERROR(SetNamedPipeHandleState(r, &message, NULL, NULL), ERROR_INVALID_PARAMETER);
	CHECK(ReadFile(r, &c, 0, &n, NULL) && n == 0);
	CHECK(PeekNamedPipe(r, &c, 1, &n, &avail, NULL) && n == 1 && c == 'a' && avail == available);
}
CASE(read_of_no_bytes_waits)
{
	HANDLE r, w;
	char buf[4];
	DWORD n;
	CHECK(CreatePipe(&r, &w, NULL, 0));
	HANDLE thread = CreateThread(NULL, 0, late_writer, w, 0, NULL);
	check_waiting(r, 3);
	CHECK(ReadFile(r, buf, 4, &n, NULL) && n == 3);
	WaitForSingleObject(thread, INFINITE);
	CloseHandle(w);
	CHECK_ERROR(ReadFile(r, buf, 0, &n, NULL), ERROR_BROKEN_PIPE);
	CloseHandle(r);
}
/* The same at standard input, a pipe of whoever started us: "abc", some time later, and its end. */
CASE(standard_input_as_pipe)
{
	HANDLE r = GetStdHandle(STD_INPUT_HANDLE);
	char buf[4];
	DWORD n;
	CHECK(GetFileType(r) == FILE_TYPE_PIPE);
	check_waiting(r, 3);
	CHECK(ReadFile(r, buf, 4, &n, NULL) && n == 3);
	CHECK_ERROR(ReadFile(r, buf, 0, &n, NULL), ERROR_BROKEN_PIPE);
	CHECK_ERROR(PeekNamedPipe(r, NULL, 0, NULL, &n, NULL), ERROR_BROKEN_PIPE);
}

static DWORD WINAPI slow_reader(void *arg)
{
	char buf[4096];
	DWORD n, total = 0;
	while (ReadFile(arg, buf, sizeof(buf), &n, NULL) && n)
		total += n;
	return total;
}

CASE(large_write_waits_for_the_reader)
{
	HANDLE r, w;
	DWORD n, total;
	char *big = calloc(1, 300000);
	CHECK(CreatePipe(&r, &w, NULL, 0));
	HANDLE t = CreateThread(NULL, 0, slow_reader, r, 0, NULL);
	CHECK(WriteFile(w, big, 300000, &n, NULL) && n == 300000);
	CloseHandle(w);
	CHECK(WaitForSingleObject(t, 10000) == WAIT_OBJECT_0);
	CHECK(GetExitCodeThread(t, &total) && total == 300000);
	CloseHandle(t);
	CloseHandle(r);
	free(big);
}

CASE(overlapped_read_pends_and_ends)
{
	char buf[16];
	DWORD n;
	OVERLAPPED o = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
	HANDLE s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
	CHECK(s != INVALID_HANDLE_VALUE);
	CHECK(!ConnectNamedPipe(s, &o) && GetLastError() == ERROR_IO_PENDING);
	HANDLE c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(c != INVALID_HANDLE_VALUE);
	CHECK(GetOverlappedResult(s, &o, &n, TRUE));
	CHECK_ERROR(CreateFileA(NAME, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL), ERROR_PIPE_BUSY);
	ResetEvent(o.hEvent);
	CHECK(!ReadFile(s, buf, 16, NULL, &o) && GetLastError() == ERROR_IO_PENDING);
	CHECK(WaitForSingleObject(o.hEvent, 0) == WAIT_TIMEOUT);
	CHECK(WriteFile(c, "ping", 4, &n, NULL) && n == 4);
	CHECK(GetOverlappedResult(s, &o, &n, TRUE) && n == 4 && !memcmp(buf, "ping", 4));
	ResetEvent(o.hEvent);
	CHECK(!ReadFile(s, buf, 16, NULL, &o) && GetLastError() == ERROR_IO_PENDING);
	CHECK(CancelIoEx(s, &o));
	CHECK(!GetOverlappedResult(s, &o, &n, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED);
	CHECK_ERROR(CancelIoEx(s, &o), ERROR_NOT_FOUND);
	CHECK(!ReadFile(s, buf, 16, NULL, &o) && GetLastError() == ERROR_IO_PENDING);
	CloseHandle(c);
	CHECK(!GetOverlappedResult(s, &o, &n, TRUE) && GetLastError() == ERROR_BROKEN_PIPE);
	CHECK(DisconnectNamedPipe(s));
	CloseHandle(s);
	CloseHandle(o.hEvent);
	CHECK_ERROR(CreateFileA(NAME, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL), ERROR_FILE_NOT_FOUND);
}

CASE(completion_port_hears_of_pipe_reads)
{
	char buf[8];
	DWORD n;
	ULONG_PTR key;
	OVERLAPPED o = { 0 }, *done;
	HANDLE s = CreateNamedPipeA(NAME, PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 0, 4096, 0, NULL);
	HANDLE c = CreateFileA(NAME, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(s != INVALID_HANDLE_VALUE && c != INVALID_HANDLE_VALUE);
	HANDLE port = CreateIoCompletionPort(s, NULL, 5, 0);
	CHECK(!ReadFile(s, buf, 8, NULL, &o) && GetLastError() == ERROR_IO_PENDING);
	CHECK(!GetQueuedCompletionStatus(port, &n, &key, &done, 0) && !done);
	CHECK(WriteFile(c, "data", 4, &n, NULL));
	CHECK(GetQueuedCompletionStatus(port, &n, &key, &done, 2000) && key == 5 && done == &o && n == 4);
	CloseHandle(port);
	CloseHandle(c);
	CloseHandle(s);
}

CASE(messages_keep_their_borders)
{
	char buf[16];
	DWORD n, mode = PIPE_READMODE_MESSAGE;
	HANDLE s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 2, 4096, 4096, 0, NULL);
	HANDLE c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(s != INVALID_HANDLE_VALUE && c != INVALID_HANDLE_VALUE);
	CHECK_ERROR(ConnectNamedPipe(s, NULL), ERROR_PIPE_CONNECTED);
	CHECK(SetNamedPipeHandleState(c, &mode, NULL, NULL));
	CHECK(WriteFile(c, "first", 5, &n, NULL) && WriteFile(c, "second", 6, &n, NULL));
	CHECK(ReadFile(s, buf, 16, &n, NULL) && n == 5 && !memcmp(buf, "first", 5));
	CHECK(!ReadFile(s, buf, 4, &n, NULL) && GetLastError() == ERROR_MORE_DATA && !memcmp(buf, "seco", 4));
	CHECK(ReadFile(s, buf, 16, &n, NULL) && n == 2 && !memcmp(buf, "nd", 2));
	CloseHandle(c);
	CloseHandle(s);
}

CASE(ends_know_each_others_process)
{
	HANDLE s = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 64, 64, 0, NULL);
	HANDLE c = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
	ULONG id = 0;
	CHECK(s != INVALID_HANDLE_VALUE && c != INVALID_HANDLE_VALUE);
	CHECK(GetNamedPipeClientProcessId(s, &id) && id == GetCurrentProcessId());
	id = 0;
	CHECK(GetNamedPipeServerProcessId(c, &id) && id == GetCurrentProcessId());
	CloseHandle(c);
	CloseHandle(s);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		RUN(standard_input_as_pipe);
		return check_summary();
	}
	RUN(read_of_no_bytes_waits);
	RUN(anonymous_pipe_moves_bytes);
	RUN(large_write_waits_for_the_reader);
	RUN(overlapped_read_pends_and_ends);
	RUN(completion_port_hears_of_pipe_reads);
	RUN(messages_keep_their_borders);
	RUN(ends_know_each_others_process);
	return check_summary();
}
