/* SPDX-License-Identifier: MIT */
/* The loader's module list and what its files give each other.
 * Every function here needs the loader lock (LdrLockLoaderLock or loader_lock) unless it says otherwise. */
#ifndef AMBOS_WINDOWS_LOADER_H
#define AMBOS_WINDOWS_LOADER_H

#include <ntdll.h>

/* LDR_DATA_TABLE_ENTRY.Flags, published values. */
#define LDRP_STATIC_LINK 0x2u
#define LDRP_IMAGE_DLL 0x4u
#define LDRP_LOAD_IN_PROGRESS 0x1000u
#define LDRP_UNLOAD_IN_PROGRESS 0x2000u
#define LDRP_ENTRY_PROCESSED 0x4000u
#define LDRP_DONT_CALL_FOR_THREADS 0x40000u
#define LDRP_PROCESS_ATTACHED 0x80000u
#define LOAD_COUNT_PINNED (-1)
#define NO_TLS_INDEX (-1)
#define LDR_LOCK_RAISE_ON_ERRORS 1u
#define LDR_LOCK_TRY 2u

struct module {
	LDR_DATA_TABLE_ENTRY ldr; /* first: the lists hold this */
	struct module **dependencies; /* as the import table names them */
	ULONG dependency_count;
	LONG references;          /* LOAD_COUNT_PINNED: for ever */
	bool mapped_here;         /* by LdrLoadDll, with a view to unmap */
	bool is_main, is_system;
	bool visited;             /* mark of one walk */
};
enum tls_reason { TLS_PROCESS_DETACH, TLS_PROCESS_ATTACH, TLS_THREAD_ATTACH, TLS_THREAD_DETACH };

extern RTL_CRITICAL_SECTION loader_section;
extern struct module *main_module, *ntdll_module, *kernel32_module;
extern bool process_detaching;
static inline void loader_lock(void) { RtlEnterCriticalSection(&loader_section); }
static inline void loader_unlock(void) { RtlLeaveCriticalSection(&loader_section); }
#define MODULE_OF(link, list) CONTAINING_RECORD(link, struct module, ldr.list)
#define FOR_EACH_MODULE(module, link) \
	for (LIST_ENTRY *link = loader_data.InLoadOrderModuleList.Flink; \
		link != &loader_data.InLoadOrderModuleList && ((module) = MODULE_OF(link, InLoadOrderLinks)); link = link->Flink)
extern PEB_LDR_DATA loader_data;

/* ldr_modules.c */
struct module *module_add(void *base, const UNICODE_STRING *path, const UNICODE_STRING *name);
void module_remove(struct module *module); /* out of all lists, memory freed; the view stays */
struct module *module_of_base(const void *base);
struct module *module_of_address(const void *address);
struct module *module_by_name(const WCHAR *name, SIZE_T characters); /* base name, case-insensitive */
struct module *module_by_path(const UNICODE_STRING *path);
bool names_equal(const WCHAR *a, SIZE_T a_characters, const WCHAR *b, SIZE_T b_characters);
NTSTATUS modules_from_blob(void);
void list_insert_tail(LIST_ENTRY *head, LIST_ENTRY *entry);
void list_remove(LIST_ENTRY *entry);

/* ldr_attach.c */
NTSTATUS module_attach(struct module *module, PVOID reserved);
void module_detach(struct module *module, PVOID reserved);
void modules_detach_all(void);
void modules_thread_notify(DWORD reason);
void notify_loaded(ULONG reason, const struct module *module);

/* tls.c */
NTSTATUS tls_module_add(struct module *module); /* gives the module its slot; all live threads get a block */
void tls_module_remove(struct module *module);
NTSTATUS tls_thread_start(void);
void tls_thread_end(void);
void tls_callbacks(struct module *module, DWORD reason);
void fls_start(void);
void fls_thread_end(void);

/* ldr_import.c */
PVOID module_export(struct module *module, const char *name, ULONG ordinal, struct module *importer);
NTSTATUS module_bind_imports(struct module *module); /* loads what it imports */
PVOID import_missing_stub(const char *module, const char *function, ULONG ordinal);

/* ldr_load.c */
NTSTATUS module_load(const WCHAR *search_path, const UNICODE_STRING *name, ULONG flags, struct module **module);
void module_release(struct module *module);
const WCHAR *api_set_host(const WCHAR *name, SIZE_T characters, SIZE_T *host_characters); /* no lock needed */

#endif
