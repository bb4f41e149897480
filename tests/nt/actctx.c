// SPDX-License-Identifier: MIT
/* Activation contexts: manifests in files, private assemblies, stacks of active contexts, and the program's own manifest
 * (actctx.rc gives this program one that names Windows 10 and two settings). */
#include "check.h"

#define ROOT_OPEN "<assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0'>"
static WCHAR folder[MAX_PATH];

static void full_path(const WCHAR *name, WCHAR *path)
{
	wcscpy(path, folder);
	wcscat(path, name);
}
static void write_bytes(const WCHAR *name, const void *bytes, size_t count)
{
	WCHAR path[MAX_PATH];
	DWORD written;
	full_path(name, path);
	HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	CHECK(file != INVALID_HANDLE_VALUE && WriteFile(file, bytes, (DWORD)count, &written, NULL));
	CloseHandle(file);
}
static void write_text(const WCHAR *name, const char *text) { write_bytes(name, text, strlen(text)); }
static HANDLE create(const WCHAR *name)
{
	WCHAR path[MAX_PATH];
	full_path(name, path);
	ACTCTXW request = { .cbSize = sizeof(request), .lpSource = path };
	return CreateActCtxW(&request);
}
static void delete_file(const WCHAR *name)
{
	WCHAR path[MAX_PATH];
	full_path(name, path);
	DeleteFileW(path);
}
/* version: that is asked for; the assembly is 1.2.3.4 */
static HANDLE with_dependency_on(const char *version)
{
	char text[1024];
	snprintf(text, sizeof(text), ROOT_OPEN "<assemblyIdentity type='win32' name='Main.Program' version='1.0.0.0'/><dependency>"
		"<dependentAssembly><assemblyIdentity type='win32' name='ambosdep' version='%s' processorArchitecture='amd64'/>"
		"</dependentAssembly></dependency></assembly>", version);
	write_text(L"ambosdep.manifest", ROOT_OPEN "<assemblyIdentity type='win32' name='ambosdep' version='1.2.3.4' "
		"processorArchitecture='amd64'/><file name='ambosfile.dll'/><file name='second.dll'/></assembly>");
	write_text(L"main.manifest", text);
	HANDLE context = create(L"main.manifest");
	delete_file(L"ambosdep.manifest");
	delete_file(L"main.manifest");
	return context;
}
static HANDLE with_dependency(void) { return with_dependency_on("1.2.3.4"); }
CASE(an_assembly_of_another_version_does_not_serve)
{
	CHECK_ERROR((long long)with_dependency_on("1.2.3.0"), ERROR_SXS_CANT_GEN_ACTCTX);
	CHECK_ERROR((long long)with_dependency_on("1.2.3.5"), ERROR_SXS_CANT_GEN_ACTCTX);
	CHECK_ERROR((long long)with_dependency_on("2.2.3.4"), ERROR_SXS_CANT_GEN_ACTCTX);
}
CASE(the_programs_manifest_decides_the_version_it_is_told)
{
	OSVERSIONINFOW version = { .dwOSVersionInfoSize = sizeof(version) }, system = version;
	LONG(WINAPI *system_version)(OSVERSIONINFOW *) = (void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "RtlGetVersion");
	CHECK(GetVersionExW(&version) && !system_version(&system));
	CHECK(version.dwMajorVersion == system.dwMajorVersion && version.dwBuildNumber == system.dwBuildNumber);
	struct { ULONG count, padding; GUID id; ULONG kind; ULONGLONG tested; } systems;
	CHECK(QueryActCtxW(QUERY_ACTCTX_FLAG_NO_ADDREF, NULL, NULL, CompatibilityInformationInActivationContext, &systems,
		sizeof(systems), NULL));
	CHECK(systems.count == 1 && systems.kind == 1 && systems.id.Data1 == 0x8e0f7a12);
}
CASE(settings_of_the_program_are_found)
{
	WCHAR value[16];
	SIZE_T size = 0;
	BOOL(WINAPI *settings)(DWORD, HANDLE, PCWSTR, PCWSTR, PWSTR, SIZE_T, SIZE_T *) =
		(void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "QueryActCtxSettingsW");
	CHECK(settings && settings(0, NULL, NULL, L"dpiAware", value, 16, &size) && !wcscmp(value, L"true") && size == 5);
	CHECK(settings(0, NULL, L"http://schemas.microsoft.com/SMI/2016/WindowsSettings", L"longPathAware", value, 16, &size));
	CHECK_ERROR(settings(0, NULL, NULL, L"longPathAware", value, 16, &size), ERROR_SXS_KEY_NOT_FOUND);
	CHECK_ERROR(settings(0, NULL, L"elsewhere", L"dpiAware", value, 16, &size), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(settings(1, NULL, NULL, L"dpiAware", value, 16, &size), ERROR_INVALID_PARAMETER);
	CHECK_ERROR(settings(0, NULL, NULL, L"dpiAware", value, 2, &size), ERROR_INSUFFICIENT_BUFFER);
}
CASE(manifests_that_cannot_be_made_sense_of_are_refused)
{
	static const char *const bad[] = { "no xml", ROOT_OPEN, ROOT_OPEN "<a></b></assembly>", "<other/>",
		ROOT_OPEN "<assemblyIdentity name='x' version='1.2.3.4.5' type='win32'/></assembly>",
		ROOT_OPEN "<assemblyIdentity name='x' version='1.0.0.0' type='win32'/><dependency><dependentAssembly><assemblyIdentity "
		"name='absent.assembly' type='win32' version='1.0.0.0'/></dependentAssembly></dependency></assembly>" };
	for (unsigned i = 0; i < ARRAYSIZE(bad); i++) {
		write_text(L"bad.manifest", bad[i]);
		CHECK_ERROR((long long)create(L"bad.manifest"), ERROR_SXS_CANT_GEN_ACTCTX);
	}
	delete_file(L"bad.manifest");
	CHECK_ERROR((long long)create(L"bad.manifest"), ERROR_FILE_NOT_FOUND);
	ACTCTXW request = { .cbSize = sizeof(request) - 8 };
	CHECK_ERROR((long long)CreateActCtxW(&request), ERROR_INVALID_PARAMETER);
	request = (ACTCTXW){ .cbSize = sizeof(request), .dwFlags = 0x8000 };
	CHECK_ERROR((long long)CreateActCtxW(&request), ERROR_INVALID_PARAMETER);
}
CASE(manifests_in_utf_16_are_read)
{
	static const WCHAR text[] = L"\xfeff<assembly xmlns='urn:schemas-microsoft-com:asm.v1' manifestVersion='1.0'>"
		L"<assemblyIdentity type='win32' name='Wide' version='1.0.0.0'/></assembly>";
	write_bytes(L"wide.manifest", text, sizeof(text) - sizeof(WCHAR));
	HANDLE context = create(L"wide.manifest");
	CHECK(context != INVALID_HANDLE_VALUE);
	ReleaseActCtx(context);
	delete_file(L"wide.manifest");
}
CASE(a_context_tells_its_assemblies)
{
	union { ACTIVATION_CONTEXT_DETAILED_INFORMATION context; ACTIVATION_CONTEXT_ASSEMBLY_DETAILED_INFORMATION assembly;
		ASSEMBLY_FILE_DETAILED_INFORMATION file; BYTE bytes[4096]; } data;
	SIZE_T size = 0;
	HANDLE context = with_dependency();
	CHECK(context != INVALID_HANDLE_VALUE);
	CHECK_ERROR(QueryActCtxW(0, context, NULL, ActivationContextDetailedInformation, &data, 1, &size), ERROR_INSUFFICIENT_BUFFER);
	CHECK(size > sizeof(data.context));
	CHECK(QueryActCtxW(0, context, NULL, ActivationContextDetailedInformation, &data, sizeof(data), &size));
	CHECK(data.context.ulAssemblyCount == 2 && data.context.ulFormatVersion == 1 && data.context.ulRootManifestPathType == 2);
	CHECK(wcsstr(data.context.lpRootManifestPath, L"main.manifest") && data.context.lpAppDirPath &&
		data.context.lpAppDirPath[data.context.ulAppDirPathChars - 1] == '\\');
	ULONG index = 2;
	CHECK(QueryActCtxW(0, context, &index, AssemblyDetailedInformationInActivationContext, &data, sizeof(data), &size));
	CHECK(!wcscmp(data.assembly.lpAssemblyEncodedAssemblyIdentity,
		L"ambosdep,processorArchitecture=\"amd64\",type=\"win32\",version=\"1.2.3.4\""));
	CHECK(data.assembly.lpAssemblyDirectoryName);
	index = 3;
	CHECK_ERROR(QueryActCtxW(0, context, &index, AssemblyDetailedInformationInActivationContext, &data, sizeof(data), &size),
		ERROR_INVALID_PARAMETER);
	ACTIVATION_CONTEXT_QUERY_INDEX file = { 1, 1 };
	CHECK(QueryActCtxW(0, context, &file, FileInformationInAssemblyOfAssemblyInActivationContext, &data, sizeof(data), &size));
	CHECK(!wcscmp(data.file.lpFileName, L"second.dll"));
	ReleaseActCtx(context);
}
CASE(the_active_context_redirects_its_files)
{
	ACTCTX_SECTION_KEYED_DATA data = { .cbSize = sizeof(data) };
	ULONG_PTR cookie;
	HANDLE context = with_dependency();
	CHECK(!FindActCtxSectionStringW(0, NULL, ACTIVATION_CONTEXT_SECTION_DLL_REDIRECTION, L"ambosfile.dll", &data));
	CHECK(ActivateActCtx(context, &cookie));
	CHECK(FindActCtxSectionStringW(FIND_ACTCTX_SECTION_KEY_RETURN_HACTCTX, NULL, ACTIVATION_CONTEXT_SECTION_DLL_REDIRECTION,
		L"AmbosFile.dll", &data));
	CHECK(data.hActCtx == context && data.ulAssemblyRosterIndex == 2 && data.lpData && data.ulLength == 20);
	ReleaseActCtx(data.hActCtx);
	CHECK_ERROR(FindActCtxSectionStringW(0, NULL, ACTIVATION_CONTEXT_SECTION_DLL_REDIRECTION, L"none.dll", &data),
		ERROR_SXS_KEY_NOT_FOUND);
	CHECK(!FindActCtxSectionStringW(0, NULL, ACTIVATION_CONTEXT_SECTION_WINDOW_CLASS_REDIRECTION, L"none", &data));
	CHECK(DeactivateActCtx(0, cookie));
	ReleaseActCtx(context);
}
static BOOL copy_own_dll(const WCHAR *name)
{
	WCHAR from[MAX_PATH], to[MAX_PATH];
	GetSystemDirectoryW(from, MAX_PATH);
	wcscat(from, L"\\version.dll");
	full_path(name, to);
	return CopyFileW(from, to, FALSE);
}
CASE(a_load_takes_the_file_of_the_active_assembly)
{
	WCHAR path[MAX_PATH] = L"", wanted[MAX_PATH];
	ULONG_PTR cookie;
	HANDLE context = with_dependency();
	CHECK(copy_own_dll(L"ambosfile.dll"));
	CHECK(!LoadLibraryW(L"ambosfile.dll") && GetLastError() == ERROR_MOD_NOT_FOUND);
	CHECK(ActivateActCtx(context, &cookie));
	HMODULE module = LoadLibraryW(L"ambosfile.dll");
	CHECK(module && GetModuleFileNameW(module, path, MAX_PATH));
	full_path(L"ambosfile.dll", wanted);
	CHECK(!lstrcmpiW(path, wanted));
	CHECK(DeactivateActCtx(0, cookie));
	FreeLibrary(module);
	delete_file(L"ambosfile.dll");
	ReleaseActCtx(context);
}
static DWORD WINAPI tell_context(void *place) { return !GetCurrentActCtx(place); }
CASE(contexts_stack_and_threads_inherit_them)
{
	HANDLE context = with_dependency(), current = (HANDLE)1;
	ULONG_PTR first, second, none;
	CHECK(GetCurrentActCtx(&current) && !current);
	CHECK(ActivateActCtx(context, &first) && ActivateActCtx(NULL, &none));
	CHECK(first && none && first != none && GetCurrentActCtx(&current) && !current);
	CHECK(ActivateActCtx(context, &second));
	HANDLE thread = CreateThread(NULL, 0, tell_context, &current, 0, NULL);
	WaitForSingleObject(thread, INFINITE);
	CHECK(current == context);
	ReleaseActCtx(current);
	CloseHandle(thread);
	CHECK(DeactivateActCtx(0, second) && DeactivateActCtx(0, none));
	CHECK(GetCurrentActCtx(&current) && current == context);
	ReleaseActCtx(current);
	CHECK(ActivateActCtx(context, &second));
	CHECK(DeactivateActCtx(DEACTIVATE_ACTCTX_FLAG_FORCE_EARLY_DEACTIVATION, first));
	CHECK(GetCurrentActCtx(&current) && !current);
	ReleaseActCtx(context);
}
int main(void)
{
	GetTempPathW(MAX_PATH, folder);
	RUN(the_programs_manifest_decides_the_version_it_is_told);
	RUN(settings_of_the_program_are_found);
	RUN(manifests_that_cannot_be_made_sense_of_are_refused);
	RUN(manifests_in_utf_16_are_read);
	RUN(an_assembly_of_another_version_does_not_serve);
	RUN(a_context_tells_its_assemblies);
	RUN(the_active_context_redirects_its_files);
	RUN(a_load_takes_the_file_of_the_active_assembly);
	RUN(contexts_stack_and_threads_inherit_them);
	return check_summary();
}
