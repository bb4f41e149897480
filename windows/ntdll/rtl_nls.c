// SPDX-License-Identifier: MIT
/* The NLS files: case table, code page tables, the section pointers that kernelbase asks for, and the default locales.
 * What every process needs is mapped by loaderd and named in the blob; other files are mapped at first use and kept.
 * Layouts: c_NNN.nls is the CPTABLEINFO header, then a word that leads to the table from Unicode, 256 words from bytes,
 * a glyph table, the lead-byte ranges and their offsets; l_intl.nls two case tables of three levels of deltas. */
#include "rtl.h"
#include "nt/runtime.h"

struct code_page ansi_code_page = { .code_page = CODE_PAGE_UTF8 }, oem_code_page = { .code_page = CODE_PAGE_UTF8 };
static const USHORT *upper_table, *lower_table;
USHORT NlsAnsiCodePage = CODE_PAGE_UTF8;
BYTE NlsMbCodePageTag, NlsMbOemCodePageTag;

#define HEADER_WORDS 13

void NTAPI RtlInitCodePageTable(USHORT *file, struct code_page *table)
{
	USHORT *body = file + file[0];
	USHORT *after;
	memset(table, 0, sizeof(*table));
	table->code_page = file[1];
	if (table->code_page == CODE_PAGE_UTF8) {
		table->max_char_size = 4;
		table->default_char = table->unicode_default_char = 0xfffd;
		table->translated_default_char = table->translated_unicode_default_char = '?';
		return;
	}
	table->max_char_size = file[2];
	table->default_char = file[3];
	table->unicode_default_char = file[4];
	table->translated_default_char = file[5];
	table->translated_unicode_default_char = file[6];
	memcpy(table->lead_bytes, file + 7, sizeof(table->lead_bytes));
	table->to_bytes = body + 1 + body[0];
	table->from_bytes = body + 1;
	after = table->from_bytes + 256;
	after += after[0] ? 1 + after[0] : 1;
	table->ranges = after;
	if (*table->ranges) {
		table->double_byte = 1;
		table->lead_offsets = table->ranges + 1;
	}
}

static void set_case_tables(const USHORT *file)
{
	upper_table = file + 2;
	lower_table = file + file[1] + 2;
}

static WCHAR map_case(const USHORT *table, WCHAR c)
{
	return c + table[table[table[c >> 8] + ((c >> 4) & 15)] + (c & 15)];
}

/* Until the table is there the loader compares names in ASCII. */
WCHAR unicode_upper(WCHAR c)
{
	if (c < 0x80 || !upper_table)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	return map_case(upper_table, c);
}

WCHAR unicode_lower(WCHAR c)
{
	if (c < 0x80 || !lower_table)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	return map_case(lower_table, c);
}

struct nls_tables { struct code_page oem, ansi; USHORT *upper, *lower; };
void NTAPI RtlInitNlsTables(USHORT *ansi, USHORT *oem, USHORT *upcase, struct nls_tables *table)
{
	RtlInitCodePageTable(ansi, &table->ansi);
	RtlInitCodePageTable(oem, &table->oem);
	table->upper = upcase + 2;
	table->lower = upcase + upcase[1] + 2;
}

/* What the process converts with from now on. */
static void use_tables(USHORT *ansi, USHORT *oem, USHORT *upcase)
{
	if (ansi)
		RtlInitCodePageTable(ansi, &ansi_code_page);
	if (oem)
		RtlInitCodePageTable(oem, &oem_code_page);
	if (upcase)
		set_case_tables(upcase);
	NlsAnsiCodePage = ansi_code_page.code_page;
	NlsMbCodePageTag = ansi_code_page.double_byte != 0;
	NlsMbOemCodePageTag = oem_code_page.double_byte != 0;
}

void nls_start(void)
{
	PPEB peb = current_peb();
	use_tables(peb->AnsiCodePageData, peb->OemCodePageData, peb->UnicodeCaseTableData);
}

void NTAPI RtlResetRtlTranslations(const struct nls_tables *table)
{
	ansi_code_page = table->ansi;
	oem_code_page = table->oem;
	upper_table = table->upper;
	lower_table = table->lower;
}

/* One row a file that this process mapped itself; the list only grows. */
struct nls_file { struct nls_file *next; ULONG type, id; PVOID base; SIZE_T size; };
static struct nls_file *nls_files;

#define NLS_SORT 9
#define NLS_CASE 10
#define NLS_CODE_PAGE 11
#define NLS_NORMALIZE 12
#define NLS_PATH_MAX 64 /* characters; the longest name is the sort table's */

static NTSTATUS nls_path(ULONG type, ULONG id, WCHAR *path)
{
	static const struct { ULONG id; const WCHAR *name; } forms[] = { { 1, L"normnfc" }, { 2, L"normnfd" }, { 5, L"normnfkc" },
		{ 6, L"normnfkd" }, { 13, L"normidna" } };
	const WCHAR *folder = L"\\??\\C:\\windows\\system32\\";
	unsigned i;
	switch (type) {
	case NLS_SORT:
		if (id)
			return STATUS_INVALID_PARAMETER_1;
		_snwprintf(path, NLS_PATH_MAX, L"%ssortdefault.nls", folder);
		return STATUS_SUCCESS;
	case NLS_CASE:
		if (id)
			return STATUS_UNSUCCESSFUL;
		_snwprintf(path, NLS_PATH_MAX, L"%sl_intl.nls", folder);
		return STATUS_SUCCESS;
	case NLS_CODE_PAGE:
		_snwprintf(path, NLS_PATH_MAX, L"%sc_%03u.nls", folder, id);
		return STATUS_SUCCESS;
	case NLS_NORMALIZE:
		for (i = 0; i < ARRAYSIZE(forms); i++) {
			if (forms[i].id != id)
				continue;
			_snwprintf(path, NLS_PATH_MAX, L"%s%s.nls", folder, forms[i].name);
			return STATUS_SUCCESS;
		}
		return STATUS_OBJECT_NAME_NOT_FOUND;
	}
	return STATUS_INVALID_PARAMETER_1;
}

static NTSTATUS map_nls_file(WCHAR *path, PVOID *base, SIZE_T *size)
{
	UNICODE_STRING name;
	OBJECT_ATTRIBUTES attributes = { .Length = sizeof(attributes), .ObjectName = &name, .Attributes = OBJ_CASE_INSENSITIVE };
	IO_STATUS_BLOCK io;
	HANDLE file, section;
	NTSTATUS status;
	RtlInitUnicodeString(&name, path);
	status = NtOpenFile(&file, GENERIC_READ | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_DELETE,
		FILE_SYNCHRONOUS_IO_NONALERT);
	if (status)
		return status;
	status = NtCreateSection(&section, SECTION_MAP_READ | SECTION_QUERY, NULL, NULL, PAGE_READONLY, SEC_COMMIT, file);
	NtClose(file);
	if (status)
		return status;
	*base = NULL, *size = 0;
	status = NtMapViewOfSection(section, NtCurrentProcess(), base, 0, 0, NULL, size, 1 /* ViewShare */, 0, PAGE_READONLY);
	NtClose(section);
	return status;
}

/* What the blob has, then what this process mapped, then the file. */
static NTSTATUS find_nls(ULONG type, ULONG id, PVOID *base, SIZE_T *size)
{
	const struct windows_mapping *shared = NULL;
	struct nls_file *file, *head;
	WCHAR path[NLS_PATH_MAX];
	NTSTATUS status;
	if (runtime_blob && type == NLS_SORT && !id)
		shared = &runtime_blob->nls[WINDOWS_NLS_SORT];
	if (runtime_blob && type == NLS_CASE && !id)
		shared = &runtime_blob->nls[WINDOWS_NLS_CASE];
	if (runtime_blob && type == NLS_NORMALIZE && id == 1)
		shared = &runtime_blob->nls[WINDOWS_NLS_NORM_C];
	if (runtime_blob && type == NLS_CODE_PAGE && id == runtime_blob->ansi_code_page)
		shared = &runtime_blob->nls[WINDOWS_NLS_ANSI];
	if (runtime_blob && type == NLS_CODE_PAGE && id == runtime_blob->oem_code_page)
		shared = &runtime_blob->nls[WINDOWS_NLS_OEM];
	if (shared && shared->base) {
		*base = (PVOID)shared->base, *size = shared->size;
		return STATUS_SUCCESS;
	}
	for (file = __atomic_load_n(&nls_files, __ATOMIC_ACQUIRE); file; file = file->next)
		if (file->type == type && file->id == id) {
			*base = file->base, *size = file->size;
			return STATUS_SUCCESS;
		}
	status = nls_path(type, id, path);
	if (status)
		return status;
	status = map_nls_file(path, base, size);
	if (status)
		return status == STATUS_NO_SUCH_FILE ? STATUS_OBJECT_NAME_NOT_FOUND : status;
	file = heap_allocate(sizeof(*file));
	if (!file)
		return STATUS_SUCCESS;
	*file = (struct nls_file){ .type = type, .id = id, .base = *base, .size = *size };
	do
		file->next = head = __atomic_load_n(&nls_files, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&nls_files, &head, file, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtGetNlsSectionPtr(ULONG type, ULONG id, PVOID unused, PVOID *base, SIZE_T *size)
{
	SIZE_T bytes;
	NTSTATUS status = find_nls(type, id, base, &bytes);
	if (!status && size)
		*size = bytes;
	return status;
}

NTSTATUS NTAPI NtInitializeNlsFiles(PVOID *base, LCID *locale, LARGE_INTEGER *size)
{
	WCHAR path[] = L"\\??\\C:\\windows\\system32\\locale.nls";
	const struct windows_mapping *shared = runtime_blob ? &runtime_blob->nls[WINDOWS_NLS_LOCALE] : NULL;
	static struct windows_mapping own;
	NTSTATUS status;
	if (!shared || !shared->base) {
		PVOID mapped;
		SIZE_T bytes;
		shared = &own;
		if (!own.base) {
			status = map_nls_file(path, &mapped, &bytes);
			if (status)
				return status;
			own = (struct windows_mapping){ (uintptr_t)mapped, bytes };
		}
	}
	*base = (PVOID)shared->base;
	if (size)
		size->QuadPart = (LONGLONG)shared->size;
	*locale = runtime_blob ? runtime_blob->system_locale : 0x409;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetLocaleFileMappingAddress(PVOID *base, LCID *locale, LARGE_INTEGER *size)
{
	return NtInitializeNlsFiles(base, locale, size);
}
