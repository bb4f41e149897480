// SPDX-License-Identifier: MIT
/* I/O objects of the thread pool: one completion port, one thread that takes packets and submits the file's object. */
#include "pool.h"

NTSTATUS NTAPI NtCreateIoCompletion(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, ULONG);
NTSTATUS NTAPI NtRemoveIoCompletion(HANDLE, ULONG_PTR *, ULONG_PTR *, IO_STATUS_BLOCK *, const LARGE_INTEGER *);
struct file_completion { HANDLE port; ULONG_PTR key; };
#define FILE_COMPLETION_CLASS 30
#define IO_COMPLETION_EVERYTHING 0x1f0003u
static HANDLE port;

static DWORD WINAPI io_thread(void *unused)
{
	ULONG_PTR key, value;
	IO_STATUS_BLOCK io;
	while (!NtRemoveIoCompletion(port, &key, &value, &io, NULL)) {
		struct pool_object *object = (struct pool_object *)key;
		struct completion *completion = heap_allocate(sizeof(*completion));
		if (!completion)
			continue;
		completion->value = (void *)value;
		completion->io = io;
		pool_enter();
		pool_list_add(&object->completions, &completion->link);
		pool_object_submit_locked(object);
		pool_leave();
	}
	return 0;
}
static NTSTATUS port_open(void)
{
	NTSTATUS status = STATUS_SUCCESS;
	pool_enter();
	if (!port && !(status = NtCreateIoCompletion(&port, IO_COMPLETION_EVERYTHING, NULL, 0)) && (status = pool_thread(io_thread,
		NULL, NULL))) {
		NtClose(port);
		port = NULL;
	}
	pool_leave();
	return status;
}
static NTSTATUS attach(HANDLE file, struct pool_object *object)
{
	struct file_completion information = { port, (ULONG_PTR)object };
	IO_STATUS_BLOCK io;
	return NtSetInformationFile(file, &io, &information, sizeof(information), (FILE_INFORMATION_CLASS)FILE_COMPLETION_CLASS);
}
/* The file's packets name the object by address: it keeps one reference for the file's life, which nobody tells us of. */
NTSTATUS NTAPI TpAllocIoCompletion(struct pool_object **out, HANDLE file, void *callback, void *context, TP_CALLBACK_ENVIRON *environment);
NTSTATUS NTAPI TpAllocIoCompletion(struct pool_object **out, HANDLE file, void *callback, void *context, TP_CALLBACK_ENVIRON *environment)
{
	NTSTATUS status = port_open();
	if (!status)
		status = pool_object_make(POOL_IO, callback, context, environment, out);
	if (status)
		return status;
	if ((status = attach(file, *out))) {
		pool_object_release(*out);
		return status;
	}
	(*out)->references++;
	return STATUS_SUCCESS;
}
void NTAPI TpStartAsyncIoOperation(struct pool_object *io);
void NTAPI TpStartAsyncIoOperation(struct pool_object *io)
{
	pool_enter();
	io->started++;
	pool_leave();
}
void NTAPI TpCancelAsyncIoOperation(struct pool_object *io);
void NTAPI TpCancelAsyncIoOperation(struct pool_object *io)
{
	pool_enter();
	io->started--;
	pool_leave();
}
void NTAPI TpReleaseIoCompletion(struct pool_object *io);
void NTAPI TpReleaseIoCompletion(struct pool_object *io)
{
	pool_object_release(io);
}
void NTAPI TpWaitForIoCompletion(struct pool_object *io, BOOL cancel);
void NTAPI TpWaitForIoCompletion(struct pool_object *io, BOOL cancel)
{
	pool_object_wait(io, cancel);
}
/* BindIoCompletionCallback: the function gets (status, bytes, overlapped). */
typedef void(NTAPI *completion_function)(DWORD status, DWORD bytes, void *overlapped);
static void NTAPI simple_completion(PTP_CALLBACK_INSTANCE instance, void *context, void *value, IO_STATUS_BLOCK *io, void *object)
{
	((completion_function)context)((DWORD)io->Status, (DWORD)io->Information, value);
}
NTSTATUS NTAPI RtlSetIoCompletionCallback(HANDLE file, completion_function function, ULONG flags);
NTSTATUS NTAPI RtlSetIoCompletionCallback(HANDLE file, completion_function function, ULONG flags)
{
	struct pool_object *object;
	return TpAllocIoCompletion(&object, file, (void *)simple_completion, (void *)function, NULL);
}
