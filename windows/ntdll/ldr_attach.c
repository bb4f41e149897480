// SPDX-License-Identifier: MIT
/* Entry points: process attach depth first along the imports, detach in reverse order of completion, thread notices in
 * order of initialisation. Load notifications are sent before a module's first call and after its last. */
#include "loader.h"

typedef BOOL(WINAPI *entry_point)(HINSTANCE, DWORD, LPVOID);
typedef struct { ULONG Flags; const UNICODE_STRING *FullDllName, *BaseDllName; PVOID DllBase; ULONG SizeOfImage; } notification_data;
typedef void(CALLBACK *notification_function)(ULONG reason, const notification_data *data, void *context);
struct notification { LIST_ENTRY link; notification_function function; void *context; };
static LIST_ENTRY notifications = { &notifications, &notifications };
bool process_detaching;

NTSTATUS NTAPI LdrRegisterDllNotification(ULONG flags, notification_function function, void *context, void **cookie);
NTSTATUS NTAPI LdrRegisterDllNotification(ULONG flags, notification_function function, void *context, void **cookie)
{
	if (flags || !function || !cookie)
		return STATUS_INVALID_PARAMETER;
	struct notification *notification = heap_allocate(sizeof(*notification));
	if (!notification)
		return STATUS_NO_MEMORY;
	*notification = (struct notification){ .function = function, .context = context };
	loader_lock();
	list_insert_tail(&notifications, &notification->link);
	loader_unlock();
	*cookie = notification;
	return STATUS_SUCCESS;
}
NTSTATUS NTAPI LdrUnregisterDllNotification(void *cookie);
NTSTATUS NTAPI LdrUnregisterDllNotification(void *cookie)
{
	NTSTATUS status = STATUS_DLL_NOT_FOUND;
	loader_lock();
	for (LIST_ENTRY *link = notifications.Flink; link != &notifications; link = link->Flink)
		if (link == cookie) {
			list_remove(link);
			heap_free(link);
			status = STATUS_SUCCESS;
			break;
		}
	loader_unlock();
	return status;
}
/* reason: 1 loaded, 2 unloaded. */
void notify_loaded(ULONG reason, const struct module *module)
{
	notification_data data = { 0, &module->ldr.FullDllName, &module->ldr.BaseDllName, module->ldr.DllBase, module->ldr.SizeOfImage };
	for (LIST_ENTRY *link = notifications.Flink, *next; link != &notifications; link = next) {
		struct notification *notification = CONTAINING_RECORD(link, struct notification, link);
		next = link->Flink;
		notification->function(reason, &data, notification->context);
	}
}

static BOOL call_entry(const struct module *module, DWORD reason, PVOID reserved)
{
	return ((entry_point)module->ldr.EntryPoint)(module->ldr.DllBase, reason, reserved);
}
/* reserved: non-NULL for modules of the process start, as DllMain's lpvReserved. */
NTSTATUS module_attach(struct module *module, PVOID reserved)
{
	if (module->ldr.Flags & (LDRP_PROCESS_ATTACHED | LDRP_LOAD_IN_PROGRESS))
		return STATUS_SUCCESS;
	module->ldr.Flags |= LDRP_LOAD_IN_PROGRESS;
	NTSTATUS status = STATUS_SUCCESS;
	for (ULONG i = 0; i < module->dependency_count && !status; i++)
		status = module_attach(module->dependencies[i], reserved);
	if (!status) {
		list_insert_tail(&loader_data.InInitializationOrderModuleList, &module->ldr.InInitializationOrderLinks);
		if (!module->is_main)
			notify_loaded(1, module);
		tls_callbacks(module, DLL_PROCESS_ATTACH);
		if (!module->is_main && module->ldr.EntryPoint && !call_entry(module, DLL_PROCESS_ATTACH, reserved))
			status = STATUS_DLL_INIT_FAILED;
		if (status) {
			if (module->ldr.EntryPoint)
				call_entry(module, DLL_PROCESS_DETACH, reserved);
			notify_loaded(2, module);
			list_remove(&module->ldr.InInitializationOrderLinks);
		}
	}
	module->ldr.Flags &= ~LDRP_LOAD_IN_PROGRESS;
	if (!status)
		module->ldr.Flags |= LDRP_PROCESS_ATTACHED | LDRP_ENTRY_PROCESSED;
	return status;
}
void module_detach(struct module *module, PVOID reserved)
{
	if (!(module->ldr.Flags & LDRP_PROCESS_ATTACHED) || module->is_main)
		return;
	module->ldr.Flags &= ~LDRP_PROCESS_ATTACHED;
	if (module->ldr.EntryPoint)
		call_entry(module, DLL_PROCESS_DETACH, reserved);
	tls_callbacks(module, DLL_PROCESS_DETACH);
}
/* Process end: reverse order of completion, the program's own TLS callbacks too. */
void modules_detach_all(void)
{
	process_detaching = true;
	loader_data.ShutdownInProgress = TRUE;
	loader_data.ShutdownThreadId = current_teb()->ClientId.UniqueThread;
	for (LIST_ENTRY *link = loader_data.InInitializationOrderModuleList.Blink; link != &loader_data.InInitializationOrderModuleList;
		link = link->Blink) {
		struct module *module = MODULE_OF(link, InInitializationOrderLinks);
		if (module->is_main)
			tls_callbacks(module, DLL_PROCESS_DETACH);
		else
			module_detach(module, (PVOID)1);
	}
}
static void thread_notify(struct module *module, DWORD reason)
{
	if (!(module->ldr.Flags & LDRP_PROCESS_ATTACHED) || (module->ldr.Flags & LDRP_DONT_CALL_FOR_THREADS))
		return;
	if (reason == DLL_THREAD_ATTACH)
		tls_callbacks(module, reason);
	if (!module->is_main && module->ldr.EntryPoint)
		call_entry(module, reason, NULL);
	if (reason == DLL_THREAD_DETACH)
		tls_callbacks(module, reason);
}
void modules_thread_notify(DWORD reason)
{
	LIST_ENTRY *head = &loader_data.InInitializationOrderModuleList;
	if (reason == DLL_THREAD_ATTACH) {
		for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink)
			thread_notify(MODULE_OF(link, InInitializationOrderLinks), reason);
	} else {
		for (LIST_ENTRY *link = head->Blink; link != head; link = link->Blink)
			thread_notify(MODULE_OF(link, InInitializationOrderLinks), reason);
	}
}
NTSTATUS NTAPI LdrDisableThreadCalloutsForDll(HMODULE base);
NTSTATUS NTAPI LdrDisableThreadCalloutsForDll(HMODULE base)
{
	loader_lock();
	struct module *module = module_of_base(base);
	/* A module with TLS keeps its calls, as documented. */
	if (module && module->ldr.TlsIndex == NO_TLS_INDEX)
		module->ldr.Flags |= LDRP_DONT_CALL_FOR_THREADS;
	loader_unlock();
	return module ? STATUS_SUCCESS : STATUS_DLL_NOT_FOUND;
}
BOOLEAN NTAPI RtlDllShutdownInProgress(void);
BOOLEAN NTAPI RtlDllShutdownInProgress(void)
{
	return process_detaching;
}
