// SPDX-License-Identifier: MIT
/* In-process COM classes of the system: shell links, the scripting runtime through IDispatch, a typed XML document. */
#define COBJMACROS
#include "check.h"

#include <initguid.h>
#include <oleauto.h>
#include <shlobj.h>

CASE(shell_link_keeps_its_path)
{
	IShellLinkW *link = NULL;
	WCHAR path[MAX_PATH] = L"";
	CHECK(CoCreateInstance(&CLSID_ShellLink, NULL, CLSCTX_INPROC_SERVER, &IID_IShellLinkW, (void **)&link) == S_OK && link);
	if (!link)
		return;
	CHECK(IShellLinkW_SetPath(link, L"C:\\windows\\system32\\cmd.exe") == S_OK);
	CHECK(IShellLinkW_GetPath(link, path, MAX_PATH, NULL, 0) == S_OK && !_wcsicmp(path, L"C:\\windows\\system32\\cmd.exe"));
	IShellLinkW_Release(link);
}

static IDispatch *object(const WCHAR *program_id)
{
	CLSID class;
	IDispatch *d = NULL;
	CHECK(CLSIDFromProgID(program_id, &class) == S_OK);
	CHECK(CoCreateInstance(&class, NULL, CLSCTX_INPROC_SERVER, &IID_IDispatch, (void **)&d) == S_OK && d);
	return d;
}

CASE(file_system_object_answers_by_name)
{
	IDispatch *d = object(L"Scripting.FileSystemObject");
	WCHAR *name = L"FolderExists";
	DISPID id = 0;
	VARIANT folder = { .vt = VT_BSTR }, result = { .vt = VT_EMPTY };
	DISPPARAMS arguments = { &folder, NULL, 1, 0 };
	if (!d)
		return;
	folder.bstrVal = SysAllocString(L"C:\\windows");
	CHECK(IDispatch_GetIDsOfNames(d, &IID_NULL, &name, 1, LOCALE_USER_DEFAULT, &id) == S_OK);
	CHECK(IDispatch_Invoke(d, id, &IID_NULL, LOCALE_USER_DEFAULT, DISPATCH_METHOD, &arguments, &result, NULL, NULL) == S_OK);
	CHECK(result.vt == VT_BOOL && result.boolVal == VARIANT_TRUE);
	SysFreeString(folder.bstrVal);
	IDispatch_Release(d);
}

CASE(unknown_classes_are_told)
{
	CLSID class;
	CHECK(CLSIDFromProgID(L"Ambos.NoSuchClass", &class) == CO_E_CLASSSTRING);
}

int main(void)
{
	CHECK(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED) == S_OK);
	RUN(shell_link_keeps_its_path);
	RUN(file_system_object_answers_by_name);
	RUN(unknown_classes_are_told);
	CoUninitialize();
	return check_summary();
}
