// SPDX-License-Identifier: MIT
/* Making a context: its root manifest from a file or an image's resource, then the private assemblies it depends on, looked
 * for beside the program. There is no system store of shared assemblies (WinSxS). */
#include "actctx.h"
#include "rtl.h"

#define MANIFEST_RESOURCE_OF_ASSEMBLY 1u

struct bytes { void *data; ULONG size; };

WCHAR *text_copy(const WCHAR *text, SIZE_T characters)
{
	WCHAR *copy = heap_allocate((characters + 1) * sizeof(WCHAR));
	if (copy) {
		memcpy(copy, text, characters * sizeof(WCHAR));
		copy[characters] = 0;
	}
	return copy;
}
static SIZE_T directory_characters(const WCHAR *path)
{
	SIZE_T count = 0;
	for (SIZE_T i = 0; path[i]; i++)
		if (path[i] == '\\' || path[i] == '/')
			count = i + 1;
	return count;
}
static NTSTATUS open_file(const WCHAR *path, ACCESS_MASK access, HANDLE *file)
{
	return path_open(path, access, FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_NON_DIRECTORY_FILE, 0, file);
}
static NTSTATUS read_file(const WCHAR *path, struct bytes *bytes)
{
	HANDLE file;
	IO_STATUS_BLOCK io;
	FILE_STANDARD_INFORMATION information;
	NTSTATUS status = open_file(path, FILE_READ_DATA, &file);
	if (status)
		return status;
	bytes->data = NULL;
	if (!(status = NtQueryInformationFile(file, &io, &information, sizeof(information), FileStandardInformation))) {
		if (information.EndOfFile.QuadPart > MANIFEST_BYTES_LIMIT)
			status = STATUS_SXS_MANIFEST_TOO_BIG;
		else if (!(bytes->data = heap_allocate((SIZE_T)information.EndOfFile.QuadPart + 1)))
			status = STATUS_NO_MEMORY;
		else
			status = NtReadFile(file, NULL, NULL, NULL, &io, bytes->data, (ULONG)information.EndOfFile.QuadPart, NULL, NULL);
	}
	NtClose(file);
	bytes->size = (ULONG)io.Information;
	if (status == STATUS_END_OF_FILE) {
		bytes->size = 0;
		status = STATUS_SUCCESS;
	}
	if (status)
		heap_free(bytes->data);
	return status;
}
struct resource_place { ULONG_PTR type, name, language; };
static NTSTATUS copy_resource(HMODULE module, const struct manifest_source *source, struct bytes *bytes)
{
	const struct resource_place place = { MANIFEST_RESOURCE_TYPE, source->resource, source->language };
	const IMAGE_RESOURCE_DATA_ENTRY *entry;
	const IMAGE_NT_HEADERS *nt = RtlImageNtHeader(module);
	void *data;
	if (!nt)
		return STATUS_INVALID_IMAGE_FORMAT;
	NTSTATUS status = LdrFindResource_U(module, &place, 3, &entry);
	if (!status)
		status = LdrAccessResource(module, entry, &data, &bytes->size);
	if (status)
		return status;
	ULONG image_bytes = nt->OptionalHeader.SizeOfImage;
	if (bytes->size > MANIFEST_BYTES_LIMIT)
		return STATUS_SXS_MANIFEST_TOO_BIG;
	if (entry->OffsetToData > image_bytes || bytes->size > image_bytes - entry->OffsetToData)
		return STATUS_INVALID_IMAGE_FORMAT;
	if (!(bytes->data = heap_allocate(bytes->size + 1)))
		return STATUS_NO_MEMORY;
	memcpy(bytes->data, data, bytes->size);
	return STATUS_SUCCESS;
}
enum { VIEW_SHARE = 1 };
static NTSTATUS read_image(const struct manifest_source *source, struct bytes *bytes)
{
	HANDLE file, section;
	void *base = NULL;
	SIZE_T size = 0;
	NTSTATUS status = open_file(source->path, FILE_READ_DATA | FILE_EXECUTE, &file);
	if (status)
		return status;
	status = NtCreateSection(&section, SECTION_MAP_READ | SECTION_MAP_EXECUTE | SECTION_QUERY, NULL, NULL, PAGE_EXECUTE_READ, SEC_IMAGE,
		file);
	NtClose(file);
	if (status)
		return status;
	status = NtMapViewOfSection(section, NtCurrentProcess(), &base, 0, 0, NULL, &size, VIEW_SHARE, 0, PAGE_EXECUTE_READ);
	NtClose(section);
	if (!NT_SUCCESS(status))
		return status;
	status = copy_resource(base, source, bytes);
	NtUnmapViewOfSection(NtCurrentProcess(), base);
	return status;
}
static NTSTATUS read_source(const struct manifest_source *source, struct bytes *bytes)
{
	if (source->module)
		return copy_resource(source->module, source, bytes);
	return source->resource ? read_image(source, bytes) : read_file(source->path, bytes);
}
static SIZE_T append_part(WCHAR *out, SIZE_T at, const char *label, const struct xml_text *value)
{
	if (!value->count)
		return at;
	for (; *label; label++)
		out[at++] = (unsigned char)*label;
	memcpy(out + at, value->at, value->count * sizeof(WCHAR));
	at += value->count;
	out[at++] = '"';
	return at;
}
#define VERSION_CHARACTERS 24u
static struct xml_text version_text(const struct manifest_identity *identity, WCHAR buffer[VERSION_CHARACTERS])
{
	static const WCHAR format[] = L"%u.%u.%u.%u";
	const USHORT *v = identity->version;
	int count = _snwprintf(buffer, VERSION_CHARACTERS, format, v[0], v[1], v[2], v[3]);
	return (struct xml_text){ buffer, count > 0 ? (SIZE_T)count : 0 };
}
/* NAME,language="..",processorArchitecture="..",... in this order; parts that are not given are left out. */
static WCHAR *encode_identity(const struct manifest_identity *identity)
{
	WCHAR buffer[VERSION_CHARACTERS];
	struct xml_text version = version_text(identity, buffer);
	const SIZE_T labels = 100;
	SIZE_T at = identity->name.count;
	WCHAR *out = heap_allocate((at + identity->language.count + identity->architecture.count + identity->token.count +
		identity->type.count + version.count + labels) * sizeof(WCHAR));
	if (!out)
		return NULL;
	memcpy(out, identity->name.at, at * sizeof(WCHAR));
	at = append_part(out, at, ",language=\"", &identity->language);
	at = append_part(out, at, ",processorArchitecture=\"", &identity->architecture);
	at = append_part(out, at, ",publicKeyToken=\"", &identity->token);
	at = append_part(out, at, ",type=\"", &identity->type);
	at = append_part(out, at, ",version=\"", &version);
	out[at] = 0;
	return out;
}
static SIZE_T append_word(WCHAR *out, SIZE_T at, const struct xml_text *value)
{
	if (at)
		out[at++] = '_';
	if (value->count) {
		memcpy(out + at, value->at, value->count * sizeof(WCHAR));
		return at + value->count;
	}
	memcpy(out + at, L"none", 4 * sizeof(WCHAR));
	return at + 4;
}
/* architecture_name_token_version_language_hash, as directories of the system's store are named. */
static WCHAR *store_name(const struct manifest_identity *identity)
{
	WCHAR buffer[VERSION_CHARACTERS], digits[9];
	struct xml_text version = version_text(identity, buffer), hash = { digits, 8 };
	ULONG value = 0;
	const SIZE_T extra = 64;
	for (SIZE_T i = 0; i < identity->name.count; i++)
		value = value * 65599 + RtlUpcaseUnicodeChar(identity->name.at[i]);
	_snwprintf(digits, 9, L"%08x", value);
	WCHAR *out = heap_allocate((identity->name.count + identity->language.count + identity->architecture.count + identity->token.count +
		version.count + extra) * sizeof(WCHAR));
	if (!out)
		return NULL;
	SIZE_T at = append_word(out, 0, &identity->architecture);
	at = append_word(out, at, &identity->name);
	at = append_word(out, at, &identity->token);
	at = append_word(out, at, &version);
	at = append_word(out, at, &identity->language);
	out[append_word(out, at, &hash)] = 0;
	return out;
}
static void assembly_free(struct assembly *assembly)
{
	heap_free(assembly->path);
	heap_free(assembly->directory);
	heap_free(assembly->identity);
	heap_free(assembly->text);
	heap_free(assembly);
}
static NTSTATUS parse(struct assembly *assembly, const struct bytes *bytes)
{
	SIZE_T units;
	if (!(assembly->text = heap_allocate(bytes->size * sizeof(WCHAR) + sizeof(WCHAR))))
		return STATUS_NO_MEMORY;
	if (!xml_decode(bytes->data, bytes->size, assembly->text, &units) || !manifest_read(&assembly->manifest, assembly->text, units))
		return STATUS_SXS_CANT_GEN_ACTCTX;
	return STATUS_SUCCESS;
}
static NTSTATUS assembly_load(const struct manifest_source *source, bool root, struct assembly **result)
{
	struct bytes bytes;
	NTSTATUS status = read_source(source, &bytes);
	if (status)
		return status;
	struct assembly *assembly = heap_allocate_zeroed(sizeof(*assembly));
	status = assembly ? parse(assembly, &bytes) : STATUS_NO_MEMORY;
	heap_free(bytes.data);
	if (!status && (!(assembly->path = text_copy(source->path, wcslen(source->path))) ||
		!(assembly->identity = encode_identity(&assembly->manifest.identity)) ||
		(!root && !(assembly->directory = store_name(&assembly->manifest.identity)))))
		status = STATUS_NO_MEMORY;
	if (status && assembly)
		assembly_free(assembly);
	else
		*result = assembly;
	return status;
}
static bool texts_equal(const struct xml_text *a, const struct xml_text *b)
{
	return names_equal(a->at, a->count, b->at, b->count);
}
static bool any(const struct xml_text *text) { return !text->count || xml_equals(text, "*"); }
/* A private assembly has to be what is asked for: without a policy of the system no other version will do. */
static bool serves(const struct manifest_identity *wanted, const struct manifest_identity *found)
{
	if (!texts_equal(&wanted->name, &found->name) || (!any(&wanted->architecture) && !any(&found->architecture) &&
		!texts_equal(&wanted->architecture, &found->architecture)))
		return false;
	if (!any(&wanted->token) && !texts_equal(&wanted->token, &found->token))
		return false;
	return !memcmp(wanted->version, found->version, sizeof(wanted->version));
}
static bool native(const struct manifest_identity *identity)
{
	return any(&identity->architecture) || xml_equals_caseless(&identity->architecture, "amd64") ||
		xml_equals_caseless(&identity->architecture, "msil");
}
static bool absent(NTSTATUS status)
{
	return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND || status == STATUS_NO_SUCH_FILE ||
		status == STATUS_OBJECT_NAME_INVALID || status == STATUS_NOT_A_DIRECTORY || status == STATUS_RESOURCE_DATA_NOT_FOUND ||
		status == STATUS_RESOURCE_TYPE_NOT_FOUND || status == STATUS_RESOURCE_NAME_NOT_FOUND;
}
static bool plain(const struct xml_text *text)
{
	for (SIZE_T i = 0; i < text->count; i++)
		if (text->at[i] == '\\' || text->at[i] == '/' || text->at[i] == ':')
			return false;
	return true;
}
/* DIRECTORY[language\]NAME.dll, NAME.manifest, NAME\NAME.dll, NAME\NAME.manifest. */
static NTSTATUS find_private(const WCHAR *directory, const struct manifest_identity *wanted, struct assembly **found)
{
	static const WCHAR *const endings[2] = { L".dll", L".manifest" };
	const struct xml_text *name = &wanted->name, *language = &wanted->language;
	WCHAR path[ACTCTX_PATH_LIMIT];
	SIZE_T base = wcslen(directory);
	if (base + 2 * name->count + language->count + 16 > ACTCTX_PATH_LIMIT || !native(wanted))
		return STATUS_SXS_ASSEMBLY_NOT_FOUND;
	if (!plain(name) || !plain(language))
		return STATUS_SXS_ASSEMBLY_NOT_FOUND;
	memcpy(path, directory, base * sizeof(WCHAR));
	for (unsigned attempt = any(language) ? 4 : 0; attempt < 8; attempt++) {
		SIZE_T at = base;
		if (attempt < 4) {
			memcpy(path + at, language->at, language->count * sizeof(WCHAR));
			at += language->count;
			path[at++] = '\\';
		}
		for (unsigned part = attempt & 2 ? 0 : 1; part < 2; part++) {
			memcpy(path + at, name->at, name->count * sizeof(WCHAR));
			at += name->count;
			path[at++] = '\\';
		}
		wcscpy(path + at - 1, endings[attempt & 1]);
		struct manifest_source source = { .path = path, .resource = attempt & 1 ? 0 : MANIFEST_RESOURCE_OF_ASSEMBLY };
		NTSTATUS status = assembly_load(&source, false, found);
		if (!absent(status))
			return status;
	}
	return STATUS_SXS_ASSEMBLY_NOT_FOUND;
}
static bool has_assembly(const struct activation_context *context, const struct manifest_identity *wanted)
{
	for (ULONG i = 1; i < context->assembly_count; i++)
		if (serves(wanted, &context->assemblies[i]->manifest.identity))
			return true;
	return false;
}
static NTSTATUS add_dependency(struct activation_context *context, const struct manifest_identity *wanted)
{
	struct assembly *found;
	if (has_assembly(context, wanted))
		return STATUS_SUCCESS;
	if (context->assembly_count == ASSEMBLY_LIMIT)
		return STATUS_SXS_CANT_GEN_ACTCTX;
	NTSTATUS status = find_private(context->directory, wanted, &found);
	if (status)
		return status == STATUS_SXS_ASSEMBLY_NOT_FOUND && wanted->optional ? STATUS_SUCCESS : STATUS_SXS_CANT_GEN_ACTCTX;
	if (!serves(wanted, &found->manifest.identity)) {
		assembly_free(found);
		return STATUS_SXS_CANT_GEN_ACTCTX;
	}
	context->assemblies[context->assembly_count++] = found;
	return STATUS_SUCCESS;
}
void context_free(struct activation_context *context)
{
	for (ULONG i = 0; i < context->assembly_count; i++)
		assembly_free(context->assemblies[i]);
	heap_free(context->directory);
	heap_free(context->dll_section);
	heap_free(context);
}
static NTSTATUS fill(struct activation_context *context, const struct manifest_source *source)
{
	const WCHAR *directory = source->directory ? source->directory : source->path;
	SIZE_T characters = source->directory ? wcslen(directory) : directory_characters(directory);
	if (!(context->directory = heap_allocate((characters + 2) * sizeof(WCHAR))))
		return STATUS_NO_MEMORY;
	memcpy(context->directory, directory, characters * sizeof(WCHAR));
	if (characters && directory[characters - 1] != '\\' && directory[characters - 1] != '/')
		context->directory[characters++] = '\\';
	context->directory[characters] = 0;
	NTSTATUS status = assembly_load(source, true, &context->assemblies[0]);
	if (status)
		return status;
	context->assembly_count = 1;
	for (ULONG i = 0; i < context->assembly_count; i++) {
		const struct manifest *manifest = &context->assemblies[i]->manifest;
		for (ULONG d = 0; d < manifest->dependency_count; d++)
			if ((status = add_dependency(context, &manifest->dependencies[d])) && !source->keep_going)
				return status;
	}
	return context_build_section(context);
}
NTSTATUS context_load(const struct manifest_source *source, struct activation_context **result)
{
	struct activation_context *context = heap_allocate_zeroed(sizeof(*context));
	if (!context)
		return STATUS_NO_MEMORY;
	context->references = 1;
	NTSTATUS status = fill(context, source);
	if (status)
		context_free(context);
	else
		*result = context;
	return status;
}
