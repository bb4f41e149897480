// SPDX-License-Identifier: MIT
/* Activation contexts as handles, the program's own, and each thread's stack of active ones.
 * Invariant: handles are looked up in the list of live contexts, so a stray one is refused, never followed. */
#include "actctx.h"
#include "rtl.h"

/* RTL_ACTIVATION_CONTEXT_STACK_FRAME, then ours. */
struct frame { struct frame *previous; struct activation_context *context; ULONG flags; ULONG_PTR cookie; };
#define COOKIE_MARK 0x1000000000000000ull
#define MANIFEST_RESOURCE_OF_PROGRAM 1u
#define MANIFEST_RESOURCE_OF_LIBRARY 2u

static LIST_ENTRY contexts = { &contexts, &contexts };
static RTL_SRWLOCK contexts_lock, process_lock;
static struct activation_context empty_context, *process_context; /* NULL: not asked for yet */

static struct activation_context *find_context(HANDLE handle) /* contexts_lock held */
{
	for (LIST_ENTRY *link = contexts.Flink; link != &contexts; link = link->Flink)
		if (link == handle)
			return CONTAINING_RECORD(link, struct activation_context, link);
	return NULL;
}
_Static_assert(offsetof(struct activation_context, link) == 0, "a handle is the link's address");
struct activation_context *context_of_handle(HANDLE handle)
{
	RtlAcquireSRWLockExclusive(&contexts_lock);
	struct activation_context *context = find_context(handle);
	if (context)
		context->references++;
	RtlReleaseSRWLockExclusive(&contexts_lock);
	return context;
}
void context_release(struct activation_context *context)
{
	if (!context || context == &empty_context)
		return;
	RtlAcquireSRWLockExclusive(&contexts_lock);
	bool last = --context->references == 0;
	if (last)
		list_remove(&context->link);
	RtlReleaseSRWLockExclusive(&contexts_lock);
	if (last)
		context_free(context);
}
static void publish(struct activation_context *context)
{
	RtlAcquireSRWLockExclusive(&contexts_lock);
	list_insert_tail(&contexts, &context->link);
	RtlReleaseSRWLockExclusive(&contexts_lock);
}
/* The manifest in the program, else NAME.exe.manifest beside it. A manifest that cannot be read leaves the context empty. */
static struct activation_context *load_process_context(void)
{
	static const WCHAR ending[] = L".manifest";
	const UNICODE_STRING *image = &main_module->ldr.FullDllName;
	struct activation_context *context;
	WCHAR path[ACTCTX_PATH_LIMIT];
	if (image->Length + sizeof(ending) > sizeof(path))
		return &empty_context;
	memcpy(path, image->Buffer, image->Length);
	path[image->Length / sizeof(WCHAR)] = 0;
	struct manifest_source source = { .path = path, .module = main_module->ldr.DllBase, .resource = MANIFEST_RESOURCE_OF_PROGRAM,
		.keep_going = true };
	if (context_load(&source, &context)) {
		memcpy(path + image->Length / sizeof(WCHAR), ending, sizeof(ending));
		source = (struct manifest_source){ .path = path, .keep_going = true };
		if (context_load(&source, &context))
			return &empty_context;
	}
	publish(context);
	return context;
}
struct activation_context *context_of_process(void)
{
	struct activation_context *context = __atomic_load_n(&process_context, __ATOMIC_ACQUIRE);
	if (context)
		return context;
	RtlAcquireSRWLockExclusive(&process_lock);
	if (!process_context)
		__atomic_store_n(&process_context, load_process_context(), __ATOMIC_RELEASE);
	RtlReleaseSRWLockExclusive(&process_lock);
	return process_context;
}
/* kernelbase asks for the systems at every start; for that alone no file is looked for beside the program, since the look
 * costs a message where the program is on a share. */
struct activation_context *context_of_image(void)
{
	const struct { ULONG_PTR type, name, language; } place = { MANIFEST_RESOURCE_TYPE, MANIFEST_RESOURCE_OF_PROGRAM, 0 };
	const IMAGE_RESOURCE_DATA_ENTRY *entry;
	struct activation_context *context = __atomic_load_n(&process_context, __ATOMIC_ACQUIRE);
	ULONG bytes;
	if (context)
		return context;
	if (!RtlImageDirectoryEntryToData(main_module->ldr.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_RESOURCE, &bytes))
		return &empty_context;
	return LdrFindResource_U(main_module->ldr.DllBase, &place, 3, &entry) ? &empty_context : context_of_process();
}
static ACTIVATION_CONTEXT_STACK *stack_of(PTEB teb)
{
	return teb->ActivationContextStackPointer ? teb->ActivationContextStackPointer : &teb->ActivationContextStack;
}
struct activation_context *context_active(void)
{
	const struct frame *frame = stack_of(current_teb())->ActiveFrame;
	return frame ? frame->context : NULL;
}
static NTSTATUS push(PTEB teb, struct activation_context *context, ULONG_PTR *cookie)
{
	ACTIVATION_CONTEXT_STACK *stack = stack_of(teb);
	struct frame *frame = heap_allocate(sizeof(*frame));
	if (!frame)
		return STATUS_NO_MEMORY;
	*cookie = COOKIE_MARK | (ULONG_PTR)((ULONG_PTR)teb->ClientId.UniqueThread & 0xffffff) << 32 | ++stack->NextCookieSequenceNumber;
	*frame = (struct frame){ stack->ActiveFrame, context, 0, *cookie };
	stack->ActiveFrame = frame;
	return STATUS_SUCCESS;
}
static void pop(ACTIVATION_CONTEXT_STACK *stack)
{
	struct frame *frame = stack->ActiveFrame;
	stack->ActiveFrame = frame->previous;
	context_release(frame->context);
	heap_free(frame);
}
void context_inherit(PTEB teb, HANDLE context)
{
	ULONG_PTR cookie;
	if (push(teb, context, &cookie))
		context_release(context);
}
void contexts_thread_end(void)
{
	ACTIVATION_CONTEXT_STACK *stack = stack_of(current_teb());
	while (stack->ActiveFrame)
		pop(stack);
}
void NTAPI RtlAddRefActivationContext(HANDLE handle)
{
	context_of_handle(handle);
}
void NTAPI RtlReleaseActivationContext(HANDLE handle)
{
	RtlAcquireSRWLockExclusive(&contexts_lock);
	struct activation_context *context = find_context(handle);
	RtlReleaseSRWLockExclusive(&contexts_lock);
	context_release(context);
}
/* The references stay; what is still active goes on working. */
NTSTATUS NTAPI RtlZombifyActivationContext(HANDLE handle)
{
	struct activation_context *context = context_of_handle(handle);
	if (!context)
		return STATUS_INVALID_PARAMETER;
	context_release(context);
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlActivateActivationContext(ULONG flags, HANDLE handle, ULONG_PTR *cookie)
{
	struct activation_context *context = handle ? context_of_handle(handle) : NULL;
	if (handle && !context)
		return STATUS_INVALID_PARAMETER;
	NTSTATUS status = push(current_teb(), context, cookie);
	if (status)
		context_release(context);
	return status;
}
/* Raises, as Windows does, when the cookie is none of this thread's or not the newest. */
NTSTATUS NTAPI RtlDeactivateActivationContext(ULONG flags, ULONG_PTR cookie)
{
	ACTIVATION_CONTEXT_STACK *stack = stack_of(current_teb());
	struct frame *top = stack->ActiveFrame, *frame = top;
	while (frame && frame->cookie != cookie)
		frame = frame->previous;
	if (!frame)
		RtlRaiseStatus(STATUS_SXS_INVALID_DEACTIVATION);
	if (frame != top && !(flags & DEACTIVATE_ACTCTX_FLAG_FORCE_EARLY_DEACTIVATION))
		RtlRaiseStatus(STATUS_SXS_EARLY_DEACTIVATION);
	for (bool last = false; frame && !last;) {
		last = stack->ActiveFrame == frame;
		pop(stack);
	}
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlGetActiveActivationContext(HANDLE *handle)
{
	*handle = context_active();
	if (*handle)
		RtlAddRefActivationContext(*handle);
	return STATUS_SUCCESS;
}
BOOLEAN NTAPI RtlIsActivationContextActive(HANDLE handle)
{
	for (const struct frame *frame = stack_of(current_teb())->ActiveFrame; frame; frame = frame->previous)
		if (frame->context == handle)
			return TRUE;
	return handle == NULL;
}
#define REQUEST_FLAGS 0xffu
static NTSTATUS path_of_module(HMODULE handle, WCHAR *path)
{
	NTSTATUS status = STATUS_DLL_NOT_FOUND;
	loader_lock();
	const struct module *module = module_of_base(handle);
	if (module && module->ldr.FullDllName.Length < ACTCTX_PATH_LIMIT * sizeof(WCHAR)) {
		memcpy(path, module->ldr.FullDllName.Buffer, module->ldr.FullDllName.Length);
		path[module->ldr.FullDllName.Length / sizeof(WCHAR)] = 0;
		status = STATUS_SUCCESS;
	}
	loader_unlock();
	return status;
}
/* The full path of what is asked for, and the place of the manifest in it. */
static NTSTATUS source_of(const ACTCTXW *request, WCHAR *path, WCHAR *directory, struct manifest_source *source)
{
	const SIZE_T bytes = ACTCTX_PATH_LIMIT * sizeof(WCHAR);
	ULONG flags = request->dwFlags;
	bool from_module = flags & ACTCTX_FLAG_HMODULE_VALID;
	source->path = path;
	if (from_module) {
		NTSTATUS status = path_of_module(request->hModule ? request->hModule : main_module->ldr.DllBase, path);
		if (status)
			return status;
		source->module = request->hModule ? request->hModule : main_module->ldr.DllBase;
		source->resource = source->module == main_module->ldr.DllBase ? MANIFEST_RESOURCE_OF_PROGRAM : MANIFEST_RESOURCE_OF_LIBRARY;
	} else if (!request->lpSource || !RtlGetFullPathName_U(request->lpSource, (ULONG)bytes, path, NULL)) {
		return STATUS_INVALID_PARAMETER;
	}
	if (flags & ACTCTX_FLAG_RESOURCE_NAME_VALID) {
		if (!(source->resource = (ULONG_PTR)request->lpResourceName))
			return STATUS_INVALID_PARAMETER;
	}
	if (flags & ACTCTX_FLAG_LANGID_VALID)
		source->language = request->wLangId;
	if (flags & ACTCTX_FLAG_ASSEMBLY_DIRECTORY_VALID) {
		if (!request->lpAssemblyDirectory || !RtlGetFullPathName_U(request->lpAssemblyDirectory, (ULONG)bytes, directory, NULL))
			return STATUS_INVALID_PARAMETER;
		source->directory = directory;
	}
	return STATUS_SUCCESS;
}
static NTSTATUS set_process_context(struct activation_context *context)
{
	NTSTATUS status = STATUS_SXS_PROCESS_DEFAULT_ALREADY_SET;
	context_of_process();
	RtlAcquireSRWLockExclusive(&process_lock);
	if (process_context == &empty_context) {
		__atomic_store_n(&process_context, context, __ATOMIC_RELEASE);
		status = STATUS_SUCCESS;
	}
	RtlReleaseSRWLockExclusive(&process_lock);
	if (!status)
		context_of_handle(context); /* a reference of the process, for good */
	return status;
}
NTSTATUS NTAPI RtlCreateActivationContext(HANDLE *handle, const ACTCTXW *request)
{
	if (!request || request->cbSize < sizeof(*request) || (request->dwFlags & ~REQUEST_FLAGS))
		return STATUS_INVALID_PARAMETER;
	if (request->dwFlags & ACTCTX_FLAG_SOURCE_IS_ASSEMBLYREF)
		return STATUS_NOT_SUPPORTED; /* names an assembly of the system's store */
	struct manifest_source source = { 0 };
	WCHAR *path = heap_allocate(2 * ACTCTX_PATH_LIMIT * sizeof(WCHAR));
	struct activation_context *context;
	if (!path)
		return STATUS_NO_MEMORY;
	NTSTATUS status = source_of(request, path, path + ACTCTX_PATH_LIMIT, &source);
	if (!status)
		status = context_load(&source, &context);
	heap_free(path);
	if (status)
		return status;
	publish(context);
	if ((request->dwFlags & ACTCTX_FLAG_SET_PROCESS_DEFAULT) && (status = set_process_context(context))) {
		context_release(context);
		return status;
	}
	*handle = context;
	return STATUS_SUCCESS;
}
