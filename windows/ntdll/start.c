// SPDX-License-Identifier: MIT
/* The first words of a process: PEB from the blob, heap, loader lists, TLS, entry points of all modules, then the program. */
#include "heap.h"
#include "loader.h"
#include <nt/runtime.h>
#define PROCESS_CONTROL_ROUTINE 0x4000 /* private: kernel/nt/info_process.c */

const struct windows_runtime *runtime_blob;
extern void AmbosUserThread(LPTHREAD_START_ROUTINE function, void *argument);
extern void(NTAPI *kernel32_thread_thunk)(DWORD, LPTHREAD_START_ROUTINE, void *);
#ifndef CP_UTF8
#define CP_UTF8 65001
#endif
static RTL_CRITICAL_SECTION peb_section;
static RTL_BITMAP tls_bitmap, tls_expansion_bitmap, fls_bitmap;

static ULONG text_bytes(const char *text)
{
	ULONG bytes = 0;
	while (text[bytes])
		bytes++;
	return bytes;
}
void debug_text(const char *text)
{
	IO_STATUS_BLOCK io;
	HANDLE error = runtime_blob ? (HANDLE)runtime_blob->standard_handles[2] : NULL;
	if (error)
		NtWriteFile(error, NULL, NULL, NULL, &io, text, text_bytes(text), NULL, NULL);
}
static ULONG join(char *line, ULONG size, const char *const *parts, ULONG count)
{
	ULONG used = 0;
	for (ULONG i = 0; i < count; i++)
		for (const char *p = parts[i]; *p && used < size - 1; p++)
			line[used++] = *p;
	line[used] = 0;
	return used;
}
/* Called by import stubs (loaderd's and build/exports.awk's): the program needs what we do not have. */
DECLSPEC_NORETURN void NTAPI AmbosMissingImport(const char *module, const char *function)
{
	char line[256];
	const char *const parts[] = { "ambos: missing function ", module, "!", function, "\n" };
	NtAmbosMissing(line, join(line, sizeof(line), parts, ARRAYSIZE(parts)));
	debug_text(line);
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), STATUS_ENTRYPOINT_NOT_FOUND);
}
DECLSPEC_NORETURN void start_fail(const char *text, NTSTATUS status)
{
	char line[256], code[9];
	for (unsigned i = 0; i < 8; i++)
		code[i] = "0123456789abcdef"[(ULONG)status >> (28 - 4 * i) & 15];
	code[8] = 0;
	const char *const parts[] = { "ambos: program start failed: ", text, ", status ", code, "\n" };
	join(line, sizeof(line), parts, ARRAYSIZE(parts));
	debug_text(line);
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), status);
}

/* Process parameters as one block, strings behind the structure, environment a heap block of its own. */
static ULONG text_room(struct windows_text text)
{
	return ROUND_UP(text.bytes, sizeof(WCHAR)) + sizeof(WCHAR);
}
static void put_text(UNICODE_STRING *to, struct windows_text from, char **room)
{
	*to = (UNICODE_STRING){ (USHORT)from.bytes, (USHORT)(from.bytes + sizeof(WCHAR)), (PWSTR)*room };
	if (from.offset)
		memcpy(*room, runtime_at(from.offset), from.bytes);
	to->Buffer[ROUND_UP(from.bytes, sizeof(WCHAR)) / sizeof(WCHAR)] = 0;
	*room += text_room(from);
}
/* What a Linux program started has a console when it has a terminal: code pages, title and control events go by this handle. */
static HANDLE console_of_terminal(void)
{
	static WCHAR path[] = L"\\Device\\ConDrv\\Connection";
	UNICODE_STRING name = { sizeof(path) - sizeof(WCHAR), sizeof(path), path };
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE };
	IO_STATUS_BLOCK io;
	HANDLE h;
	NTSTATUS status = NtOpenFile(&h, GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
				     FILE_SYNCHRONOUS_IO_NONALERT);
	return status ? NULL : h; /* no terminal: no console, as for a service of Windows */
}
static NTSTATUS make_parameters(PPEB peb)
{
	const struct windows_runtime *b = runtime_blob;
	ULONG directory = MAX_PATH * sizeof(WCHAR) > b->current_directory.bytes + 8 ? MAX_PATH * sizeof(WCHAR) : b->current_directory.bytes + 8;
	ULONG bytes = sizeof(RTL_USER_PROCESS_PARAMETERS) + directory + text_room(b->dll_path) + text_room(b->image_path) +
		text_room(b->command_line) + text_room(b->window_title) + text_room(b->desktop) + text_room(b->runtime_info) + sizeof(WCHAR);
	RTL_USER_PROCESS_PARAMETERS *p = heap_allocate_zeroed(bytes);
	if (!p)
		return STATUS_NO_MEMORY;
	char *room = (char *)(p + 1), *first = room;
	p->AllocationSize = p->Size = bytes;
	p->Flags = PROCESS_PARAMS_FLAG_NORMALIZED;
	p->ConsoleHandle = b->console_handle == WINDOWS_CONSOLE_OF_TERMINAL ? console_of_terminal() : (HANDLE)b->console_handle;
	p->hStdInput = (HANDLE)b->standard_handles[0];
	p->hStdOutput = (HANDLE)b->standard_handles[1];
	p->hStdError = (HANDLE)b->standard_handles[2];
	p->ProcessGroupId = (ULONG)b->process_group_id;
	p->wShowWindow = b->show_window;
	put_text(&p->CurrentDirectory.DosPath, b->current_directory, &room);
	p->CurrentDirectory.DosPath.MaximumLength = (USHORT)directory;
	UNICODE_STRING *cwd = &p->CurrentDirectory.DosPath;
	if (cwd->Length && cwd->Buffer[cwd->Length / sizeof(WCHAR) - 1] != '\\') { /* kept with its separator at the end */
		cwd->Buffer[cwd->Length / sizeof(WCHAR)] = '\\';
		cwd->Length += sizeof(WCHAR);
		cwd->Buffer[cwd->Length / sizeof(WCHAR)] = 0;
	}
	room = first + directory;
	put_text(&p->DllPath, b->dll_path, &room);
	put_text(&p->ImagePathName, b->image_path, &room);
	put_text(&p->CommandLine, b->command_line, &room);
	put_text(&p->WindowTitle, b->window_title, &room);
	put_text(&p->Desktop, b->desktop, &room);
	p->ShellInfo = (UNICODE_STRING){ 0, sizeof(WCHAR), (PWSTR)room };
	room += sizeof(WCHAR);
	if (b->runtime_info.bytes) { /* bytes, not text: GetStartupInfo gives MaximumLength away as their count, and C run-times read it */
		put_text(&p->RuntimeInfo, b->runtime_info, &room);
		p->RuntimeInfo.MaximumLength = p->RuntimeInfo.Length;
	}
	const WCHAR *environment = b->environment.offset ? runtime_at(b->environment.offset) : L"\0", *end = environment;
	while (*end)
		end += wcslen(end) + 1;
	p->EnvironmentSize = ((SIZE_T)(end - environment) + 1 + (end == environment)) * sizeof(WCHAR);
	p->Environment = heap_allocate(p->EnvironmentSize);
	if (!p->Environment)
		return STATUS_NO_MEMORY;
	memcpy(p->Environment, environment, p->EnvironmentSize);
	peb->ProcessParameters = p;
	return STATUS_SUCCESS;
}
#define CRITICAL_SECTION_TIMEOUT (-150ll * 10000000) /* what Windows sets when the registry says nothing */
static void fill_peb(PPEB peb)
{
	const struct windows_runtime *b = runtime_blob;
	RtlInitializeBitMap(&tls_bitmap, peb->TlsBitmapBits, TLS_MINIMUM_AVAILABLE);
	RtlInitializeBitMap(&tls_expansion_bitmap, peb->TlsExpansionBitmapBits, sizeof(peb->TlsExpansionBitmapBits) * 8);
	RtlInitializeBitMap(&fls_bitmap, peb->FlsBitmapBits, sizeof(peb->FlsBitmapBits) * 8);
	RtlSetBits(&tls_bitmap, 0, 1); /* index 0 is never given out */
	peb->TlsBitmap = &tls_bitmap;
	peb->TlsExpansionBitmap = &tls_expansion_bitmap;
	peb->FlsBitmap = &fls_bitmap;
	peb->Ldr = &loader_data;
	peb->FastPebLock = &peb_section;
	peb->LoaderLock = &loader_section;
	peb->ApiSetMap = (PVOID)b->api_set.base;
	peb->AnsiCodePageData = b->ansi_code_page == CP_UTF8 ? NULL : (PVOID)b->nls[WINDOWS_NLS_ANSI].base;
	peb->OemCodePageData = b->oem_code_page == CP_UTF8 ? NULL : (PVOID)b->nls[WINDOWS_NLS_OEM].base;
	peb->UnicodeCaseTableData = (PVOID)b->nls[WINDOWS_NLS_CASE].base;
	peb->NumberOfProcessors = b->processor_count;
	peb->ActiveProcessAffinityMask = b->processor_count >= 64 ? ~(ULONG_PTR)0 : ((ULONG_PTR)1 << b->processor_count) - 1;
	peb->CriticalSectionTimeout.QuadPart = CRITICAL_SECTION_TIMEOUT;
	peb->HeapSegmentReserve = 0x100000;
	peb->HeapSegmentCommit = 0x2000;
	peb->HeapDeCommitTotalFreeThreshold = 0x10000;
	peb->HeapDeCommitFreeBlockThreshold = 0x1000;
	peb->OSMajorVersion = b->os_major;
	peb->OSMinorVersion = b->os_minor;
	peb->OSBuildNumber = (USHORT)b->os_build;
	peb->OSPlatformId = b->os_platform;
	peb->ImageSubSystem = b->subsystem;
	peb->ImageSubSystemMajorVersion = b->subsystem_major;
	peb->ImageSubSystemMinorVersion = b->subsystem_minor;
	peb->SessionId = b->session_id;
}
static PVOID kernel32_function(const char *name)
{
	return kernel32_module ? module_export(kernel32_module, name, 0, NULL) : NULL;
}
static NTSTATUS attach_all(void)
{
	NTSTATUS status = STATUS_SUCCESS;
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		if ((status = tls_module_add(module)))
			return status;
	}
	if ((status = tls_thread_start()))
		return status;
	if ((status = module_attach(ntdll_module, (PVOID)1)))
		return status;
	if (kernel32_module && (status = module_attach(kernel32_module, (PVOID)1)))
		return status;
	return module_attach(main_module, (PVOID)1);
}
static const char *attach_failure(void)
{
	static char name[64];
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		if (module->ldr.Flags & (LDRP_PROCESS_ATTACHED | LDRP_ENTRY_PROCESSED) || module->is_main)
			continue;
		ULONG i = 0;
		for (; i < module->ldr.BaseDllName.Length / sizeof(WCHAR) && i < sizeof(name) - 1; i++)
			name[i] = (char)module->ldr.BaseDllName.Buffer[i];
		name[i] = 0;
	}
	return name;
}
/* The security cookie of an image built by MSVC is a known constant until the loader changes it. */
#define DEFAULT_SECURITY_COOKIE 0x00002b992ddfa232ull
static void seed_cookies(void)
{
	struct module *module;
	FOR_EACH_MODULE(module, link) {
		ULONG size = 0;
		const IMAGE_LOAD_CONFIG_DIRECTORY64 *config =
			RtlImageDirectoryEntryToData(module->ldr.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG, &size);
		if (!config || config->Size < offsetof(IMAGE_LOAD_CONFIG_DIRECTORY64, SecurityCookie) + 8 || !config->SecurityCookie)
			continue;
		ULONG64 *cookie = (ULONG64 *)config->SecurityCookie;
		if ((ULONG_PTR)cookie - (ULONG_PTR)module->ldr.DllBase < module->ldr.SizeOfImage && *cookie == DEFAULT_SECURITY_COOKIE)
			*cookie = (__builtin_ia32_rdtsc() * 0x9e3779b97f4a7c15ull ^ (ULONG_PTR)cookie) >> 16 | 1;
	}
}
/* Where the kernel enters the first thread. */
DECLSPEC_NORETURN void NTAPI AmbosProcessStart(const struct windows_runtime *blob);
DECLSPEC_NORETURN void NTAPI AmbosProcessStart(const struct windows_runtime *blob)
{
	PPEB peb = current_peb();
	PTEB teb = current_teb();
	NTSTATUS status;
	runtime_blob = blob;
	if (blob->magic != WINDOWS_RUNTIME_MAGIC || blob->version != WINDOWS_RUNTIME_VERSION)
		start_fail("blob of another version", STATUS_REVISION_MISMATCH);
	fill_peb(peb);
	nls_start();
	teb->ActivationContextStackPointer = &teb->ActivationContextStack;
	teb->ActivationContextStack.FrameListCache.Flink = teb->ActivationContextStack.FrameListCache.Blink =
		&teb->ActivationContextStack.FrameListCache;
	teb->StaticUnicodeString = (UNICODE_STRING){ 0, sizeof(teb->StaticUnicodeBuffer), teb->StaticUnicodeBuffer };
	RtlInitializeCriticalSectionEx(&peb_section, 0, RTL_CRITICAL_SECTION_FLAG_NO_DEBUG_INFO);
	RtlInitializeCriticalSectionEx(&loader_section, 0, RTL_CRITICAL_SECTION_FLAG_NO_DEBUG_INFO);
	peb->NtGlobalFlag = heap_flag_of_program(runtime_at(blob->image_path.offset), blob->image_path.bytes / sizeof(WCHAR));
	peb->ProcessHeap = RtlCreateHeap(HEAP_GROWABLE, NULL, blob->heap_reserve, blob->heap_commit, NULL, NULL);
	if (!peb->ProcessHeap)
		start_fail("no heap", STATUS_NO_MEMORY);
	fls_start();
	if ((status = make_parameters(peb)) || (status = modules_from_blob()))
		start_fail("process parameters or module list", status);
	path_open_current_directory();
	peb->ImageBaseAddress = main_module->ldr.DllBase;
	seed_cookies();
	loader_lock();
	kernel32_thread_thunk = kernel32_function("BaseThreadInitThunk");
	void *control = kernel32_function("CtrlRoutine");
	if (control) /* where the kernel starts a thread for Ctrl-C */
		NtSetInformationProcess(NtCurrentProcess(), PROCESS_CONTROL_ROUTINE, &control, sizeof(control));
	status = attach_all();
	loader_unlock();
	if (status)
		start_fail(attach_failure(), status);
	teb->AmbosThreadAttached = 1;
	AmbosUserThread((LPTHREAD_START_ROUTINE)main_module->ldr.EntryPoint, peb);
	for (;;)
		NtTerminateProcess(NtCurrentProcess(), STATUS_SUCCESS);
}
void NTAPI RtlAcquirePebLock(void)
{
	RtlEnterCriticalSection(&peb_section);
}
void NTAPI RtlReleasePebLock(void)
{
	RtlLeaveCriticalSection(&peb_section);
}
PPEB NTAPI RtlGetCurrentPeb(void);
PPEB NTAPI RtlGetCurrentPeb(void)
{
	return current_peb();
}
