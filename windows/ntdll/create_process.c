// SPDX-License-Identifier: MIT
/* NtCreateUserProcess over NtAmbosCreateProcess: opens program and current directory, packs the parameters for a Windows
 * child and the same as argv and environment for a Linux one (the kernel sees which it is), answers the attributes. */
#include <ntdll.h>
#include <nt/create.h>
#include <nt/runtime.h>

/* PS_ATTRIBUTE numbers: bits 0-15 which, 16 thread, 17 input, 18 additive. */
enum { ATTRIBUTE_PARENT = 0x60000, ATTRIBUTE_DEBUG = 0x60001, ATTRIBUTE_TOKEN = 0x60002, ATTRIBUTE_CLIENT_ID = 0x10003,
	ATTRIBUTE_TEB = 0x10004, ATTRIBUTE_IMAGE_NAME = 0x20005, ATTRIBUTE_IMAGE_INFO = 0x6, ATTRIBUTE_HANDLES = 0x2000a,
	ATTRIBUTE_JOBS = 0x2000d };
enum { PROCESS_INHERIT_HANDLES = 4, PROCESS_SUSPENDED = 0x200, THREAD_SUSPENDED = 1 };
struct attribute { ULONG_PTR id; SIZE_T size; union { ULONG_PTR value; void *pointer; }; SIZE_T *length; };
struct attribute_list { SIZE_T total; struct attribute list[]; };
struct image_information {
	void *entry;
	ULONG zero_bits, unused;
	SIZE_T stack_reserve, stack_commit;
	ULONG subsystem;
	USHORT subsystem_minor, subsystem_major, os_major, os_minor, characteristics, dll_characteristics, machine;
	BOOLEAN contains_code;
	UCHAR flags;
	ULONG loader_flags, file_size, checksum;
};
_Static_assert(sizeof(struct image_information) == 64, "SECTION_IMAGE_INFORMATION");
#define HEADER_BYTES 0x400u
#define CONSOLE_SPECIAL(h) ((LONG_PTR)(h) <= 0 && (LONG_PTR)(h) >= -4)
#define CONSOLE_ALLOC (-1)

NTSTATUS NTAPI NtCreateUserProcess(HANDLE *process, HANDLE *thread, ACCESS_MASK process_access, ACCESS_MASK thread_access,
	OBJECT_ATTRIBUTES *process_attributes, OBJECT_ATTRIBUTES *thread_attributes, ULONG process_flags, ULONG thread_flags,
	RTL_USER_PROCESS_PARAMETERS *p, void *create_info, struct attribute_list *attributes);

/* ---- a buffer that grows ---- */
struct bytes { char *at; ULONG used, room; bool failed; };

static void reserve(struct bytes *b, ULONG more)
{
	if (b->failed || b->used + more <= b->room)
		return;
	ULONG room = (b->used + more) * 2;
	char *at = RtlAllocateHeap(current_peb()->ProcessHeap, 0, room);
	if (!at) {
		b->failed = true;
		return;
	}
	memcpy(at, b->at, b->used);
	if (b->at)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, b->at);
	b->at = at;
	b->room = room;
}

static void put(struct bytes *b, const void *from, ULONG n)
{
	reserve(b, n);
	if (b->failed)
		return;
	memcpy(b->at + b->used, from, n);
	b->used += n;
}
static void put_char(struct bytes *b, char c) { put(b, &c, 1); }

static void put_utf8(struct bytes *b, const WCHAR *text, ULONG chars)
{
	DWORD n = 0;
	reserve(b, chars * 3 + 1);
	if (b->failed || !chars)
		return;
	RtlUnicodeToUTF8N(b->at + b->used, chars * 3, &n, text, chars * sizeof(WCHAR));
	b->used += n;
}

static ULONG length_of(const WCHAR *s)
{
	ULONG n = 0;
	while (s[n])
		n++;
	return n;
}

/* ---- a Linux program's arguments ---- */
/* C:\x is below the tree of drive C, Z:\x is /x; anything else stays. */
static void put_path(struct bytes *b, const WCHAR *path, ULONG chars)
{
	bool drive = chars >= 2 && path[1] == ':', c = drive && (path[0] | 0x20) == 'c', z = drive && (path[0] | 0x20) == 'z';
	if (c)
		put(b, "/system/drive_c", 15);
	ULONG from = c || z ? 2 : 0, start = b->used;
	put_utf8(b, path + from, chars - from);
	for (ULONG i = start; !b->failed && (c || z) && i < b->used; i++)
		if (b->at[i] == '\\')
			b->at[i] = '/';
}

/* The rules of CommandLineToArgvW: backslashes count only before a quote; "" inside quotes is a quote. */
static const WCHAR *put_argument(struct bytes *b, const WCHAR *s, const WCHAR *end)
{
	bool quoted = false;
	for (; s < end && (quoted || (*s != ' ' && *s != '\t')); s++) {
		ULONG slashes = 0;
		while (s < end && *s == '\\')
			slashes++, s++;
		bool quote = s < end && *s == '"';
		for (ULONG i = 0; i < (quote ? slashes / 2 : slashes); i++)
			put_char(b, '\\');
		if (quote && slashes % 2) {
			put_char(b, '"');
		} else if (quote) {
			if (quoted && s + 1 < end && s[1] == '"') {
				put_char(b, '"');
				s++;
			} else {
				quoted = !quoted;
			}
		} else if (slashes) {
			s--; /* the character behind them is looked at again */
		} else {
			bool pair = *s >= 0xd800 && *s < 0xdc00 && s + 1 < end;
			put_utf8(b, s, pair ? 2 : 1);
			s += pair;
		}
	}
	put_char(b, '\0');
	return s;
}

static ULONG put_arguments(struct bytes *b, const UNICODE_STRING *line)
{
	const WCHAR *s = line->Buffer, *end = s + line->Length / sizeof(WCHAR), *from = s;
	ULONG count = 1;
	bool quoted = s < end && *s == '"'; /* the first ends at its quote, without escapes */
	for (s += quoted; s < end && (quoted ? *s != '"' : *s != ' ' && *s != '\t'); s++)
		continue;
	put_path(b, from + quoted, (ULONG)(s - from) - quoted);
	put_char(b, '\0');
	s += quoted && s < end;
	for (;; count++) {
		while (s < end && (*s == ' ' || *s == '\t'))
			s++;
		if (s >= end)
			return count;
		s = put_argument(b, s, end);
	}
}

static bool is_path_variable(const WCHAR *s)
{
	static const char name[] = "path=";
	for (unsigned i = 0; name[i]; i++)
		if ((s[i] | (s[i] == '=' ? 0 : 0x20)) != (WCHAR)name[i])
			return false;
	return true;
}

static void put_path_list(struct bytes *b, const WCHAR *s)
{
	put(b, "PATH=", 5);
	for (s += 5; *s;) {
		ULONG n = 0;
		while (s[n] && s[n] != ';')
			n++;
		put_path(b, s, n);
		s += n;
		if (*s)
			put_char(b, ':'), s++;
	}
}

static ULONG put_environment(struct bytes *b, const WCHAR *s)
{
	ULONG count = 0;
	for (; s && *s; s += length_of(s) + 1) {
		if (*s == '=') /* current directories of drives */
			continue;
		if (is_path_variable(s))
			put_path_list(b, s);
		else
			put_utf8(b, s, length_of(s));
		put_char(b, '\0');
		count++;
	}
	return count;
}

/* ---- a Windows program's parameters ---- */
static void put_text(struct bytes *b, ULONG field, const WCHAR *text, ULONG size)
{
	WCHAR end = 0;
	while (!b->failed && b->used % sizeof(WCHAR))
		put_char(b, 0);
	struct windows_text t = { text ? b->used : 0, text ? size : 0 };
	if (text) {
		put(b, text, size);
		put(b, &end, sizeof(end));
	}
	if (!b->failed)
		memcpy(b->at + field, &t, sizeof(t));
}

static ULONG environment_bytes(const WCHAR *s)
{
	const WCHAR *from = s;
	while (s && *s)
		s += length_of(s) + 1;
	return s ? (ULONG)((s - from) + 1) * (ULONG)sizeof(WCHAR) : 0;
}

static void put_parameters(struct bytes *b, const RTL_USER_PROCESS_PARAMETERS *p, const UNICODE_STRING *image)
{
	struct windows_parameters w = {
		.magic = WINDOWS_PARAMETERS_MAGIC, .show_window = p->wShowWindow, .process_group_id = p->ProcessGroupId,
	};
	const UNICODE_STRING *directory = &p->CurrentDirectory.DosPath;
	UNICODE_STRING dos = p->ImagePathName.Length ? p->ImagePathName : *image;
	if (dos.Length > 8 && dos.Buffer[0] == '\\' && dos.Buffer[1] == '?' && dos.Buffer[2] == '?') {
		dos.Buffer += 4;
		dos.Length -= 8;
	}
	put(b, &w, sizeof(w));
	put_text(b, offsetof(struct windows_parameters, image_path), dos.Buffer, dos.Length);
	put_text(b, offsetof(struct windows_parameters, command_line), p->CommandLine.Buffer, p->CommandLine.Length);
	put_text(b, offsetof(struct windows_parameters, current_directory), directory->Buffer, directory->Length);
	put_text(b, offsetof(struct windows_parameters, dll_path), p->DllPath.Buffer, p->DllPath.Length);
	put_text(b, offsetof(struct windows_parameters, window_title), p->WindowTitle.Buffer, p->WindowTitle.Length);
	put_text(b, offsetof(struct windows_parameters, desktop), p->Desktop.Buffer, p->Desktop.Length);
	put_text(b, offsetof(struct windows_parameters, runtime_info), p->RuntimeInfo.Buffer, p->RuntimeInfo.Length);
	put_text(b, offsetof(struct windows_parameters, environment), p->Environment, environment_bytes(p->Environment));
	if (!b->failed)
		((struct windows_parameters *)(void *)b->at)->bytes = b->used;
}

/* ---- the call ---- */
static NTSTATUS open_path(const UNICODE_STRING *nt_path, ACCESS_MASK access, ULONG options, HANDLE *handle)
{
	UNICODE_STRING name = *nt_path;
	OBJECT_ATTRIBUTES oa = object_named(&name);
	IO_STATUS_BLOCK io;
	return NtOpenFile(handle, access, &oa, &io, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, options);
}

static HANDLE open_directory(const RTL_USER_PROCESS_PARAMETERS *p)
{
	UNICODE_STRING name;
	HANDLE handle = NULL;
	const UNICODE_STRING *dos = &p->CurrentDirectory.DosPath;
	WCHAR text[MAX_PATH + 2];
	if (!dos->Length || dos->Length >= sizeof(text))
		return NULL;
	memcpy(text, dos->Buffer, dos->Length);
	text[dos->Length / sizeof(WCHAR)] = 0;
	if (!RtlDosPathNameToNtPathName_U(text, &name, NULL, NULL))
		return NULL;
	if (open_path(&name, FILE_TRAVERSE | SYNCHRONIZE, FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT, &handle))
		handle = NULL;
	RtlFreeUnicodeString(&name);
	return handle;
}

static struct image_information image_of(HANDLE file)
{
	struct image_information info = { .subsystem = IMAGE_SUBSYSTEM_WINDOWS_CUI, .machine = IMAGE_FILE_MACHINE_AMD64,
		.contains_code = TRUE };
	static const LARGE_INTEGER start;
	BYTE header[HEADER_BYTES];
	LARGE_INTEGER from = start;
	IO_STATUS_BLOCK io = { .Information = 0 };
	if (NtReadFile(file, NULL, NULL, NULL, &io, header, sizeof(header), &from, NULL) || io.Information < sizeof(IMAGE_DOS_HEADER))
		return info;
	ULONG at = *(const ULONG *)(const void *)(header + offsetof(IMAGE_DOS_HEADER, e_lfanew));
	if (header[0] != 'M' || header[1] != 'Z' || at > io.Information || io.Information - at < sizeof(IMAGE_NT_HEADERS64))
		return info;
	IMAGE_NT_HEADERS64 nt;
	memcpy(&nt, header + at, sizeof(nt));
	info.entry = (void *)(ULONG_PTR)(nt.OptionalHeader.ImageBase + nt.OptionalHeader.AddressOfEntryPoint);
	info.stack_reserve = nt.OptionalHeader.SizeOfStackReserve;
	info.stack_commit = nt.OptionalHeader.SizeOfStackCommit;
	info.subsystem = nt.OptionalHeader.Subsystem;
	info.subsystem_major = nt.OptionalHeader.MajorSubsystemVersion;
	info.subsystem_minor = nt.OptionalHeader.MinorSubsystemVersion;
	info.characteristics = nt.FileHeader.Characteristics;
	info.dll_characteristics = nt.OptionalHeader.DllCharacteristics;
	info.machine = nt.FileHeader.Machine;
	info.checksum = nt.OptionalHeader.CheckSum;
	return info;
}

/* What the caller gives and wants. A parent or a debugger of its own is not there. */
static NTSTATUS read_attributes(struct attribute_list *a, struct ambos_create_process *in, UNICODE_STRING *image, struct attribute *out[3])
{
	ULONG count = a ? (ULONG)((a->total - sizeof(a->total)) / sizeof(a->list[0])) : 0;
	for (ULONG i = 0; i < count; i++) {
		struct attribute *x = &a->list[i];
		switch (x->id) {
		case ATTRIBUTE_PARENT:
		case ATTRIBUTE_DEBUG: if (x->pointer) return STATUS_NOT_SUPPORTED; break;
		case ATTRIBUTE_TOKEN: in->token = (ULONG_PTR)x->pointer; break;
		case ATTRIBUTE_CLIENT_ID: out[0] = x; break;
		case ATTRIBUTE_TEB: out[1] = x; break;
		case ATTRIBUTE_IMAGE_INFO: out[2] = x; break;
		case ATTRIBUTE_IMAGE_NAME: *image = (UNICODE_STRING){ (USHORT)x->size, (USHORT)x->size, x->pointer }; break;
		case ATTRIBUTE_HANDLES:
			in->handle_list = (ULONG_PTR)x->pointer;
			in->handle_count = (ULONG)(x->size / sizeof(HANDLE));
			in->flags |= AMBOS_CREATE_HANDLE_LIST;
			break;
		case ATTRIBUTE_JOBS: in->job = (ULONG_PTR)*(HANDLE *)x->pointer; break;
		default: break; /* hints: policies, preferred node */
		}
	}
	return STATUS_SUCCESS;
}

static void answer(const struct attribute *x, const void *from, SIZE_T size)
{
	if (!x)
		return;
	memcpy(x->pointer, from, size < x->size ? size : x->size);
	if (x->length)
		*x->length = size;
}

static ULONG handle_attributes(const OBJECT_ATTRIBUTES *oa) { return oa ? oa->Attributes & OBJ_INHERIT : 0; }

static void take_handles(struct ambos_create_process *in, const RTL_USER_PROCESS_PARAMETERS *p)
{
	in->standard_handles[0] = (ULONG_PTR)p->hStdInput;
	in->standard_handles[1] = (ULONG_PTR)p->hStdOutput;
	in->standard_handles[2] = (ULONG_PTR)p->hStdError;
	HANDLE console = p->ConsoleHandle;
	if ((LONG_PTR)console == CONSOLE_ALLOC) /* there is one console */
		console = current_peb()->ProcessParameters->ConsoleHandle;
	in->console_handle = CONSOLE_SPECIAL(console) ? 0 : (ULONG_PTR)console;
}

static NTSTATUS run(struct ambos_create_process *in, struct ambos_created *made, const RTL_USER_PROCESS_PARAMETERS *p,
	const UNICODE_STRING *image)
{
	struct bytes strings = { 0 }, parameters = { 0 };
	put_parameters(&parameters, p, image);
	in->argc = put_arguments(&strings, p->CommandLine.Length ? &p->CommandLine : image);
	in->envc = put_environment(&strings, p->Environment);
	in->parameters = (ULONG_PTR)parameters.at;
	in->parameters_bytes = parameters.used;
	in->strings = (ULONG_PTR)strings.at;
	in->strings_bytes = strings.used;
	NTSTATUS status = parameters.failed || strings.failed ? STATUS_NO_MEMORY : NtAmbosCreateProcess(in, made, NULL);
	if (parameters.at)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, parameters.at);
	if (strings.at)
		RtlFreeHeap(current_peb()->ProcessHeap, 0, strings.at);
	return status;
}

NTSTATUS NTAPI NtCreateUserProcess(HANDLE *process, HANDLE *thread, ACCESS_MASK process_access, ACCESS_MASK thread_access,
	OBJECT_ATTRIBUTES *process_attributes, OBJECT_ATTRIBUTES *thread_attributes, ULONG process_flags, ULONG thread_flags,
	RTL_USER_PROCESS_PARAMETERS *p, void *create_info, struct attribute_list *attributes)
{
	struct attribute *out[3] = { NULL };
	struct ambos_created made = { 0 };
	UNICODE_STRING image = p->ImagePathName;
	HANDLE file = NULL;
	struct ambos_create_process in = {
		.bytes = sizeof(in), .process_access = process_access, .thread_access = thread_access,
		.process_attributes = handle_attributes(process_attributes), .thread_attributes = handle_attributes(thread_attributes),
	};
	(void)create_info;
	if (process_flags & PROCESS_INHERIT_HANDLES)
		in.flags |= AMBOS_CREATE_INHERIT;
	if (thread_flags & THREAD_SUSPENDED)
		in.flags |= AMBOS_CREATE_SUSPENDED;
	NTSTATUS status = read_attributes(attributes, &in, &image, out);
	if (!status)
		status = open_path(&image, FILE_READ_DATA | FILE_EXECUTE | SYNCHRONIZE,
			FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, &file);
	if (status)
		return status;
	struct image_information info = image_of(file);
	HANDLE directory = open_directory(p);
	in.file = (ULONG_PTR)file;
	in.directory = (ULONG_PTR)directory;
	take_handles(&in, p);
	status = run(&in, &made, p, &image);
	NtClose(file);
	if (directory)
		NtClose(directory);
	if (status)
		return status;
	CLIENT_ID id = { (HANDLE)(ULONG_PTR)made.pid, (HANDLE)(ULONG_PTR)made.tid };
	answer(out[0], &id, sizeof(id));
	answer(out[1], &made.teb, sizeof(made.teb));
	answer(out[2], &info, sizeof(info));
	*process = (HANDLE)made.process;
	*thread = (HANDLE)made.thread;
	return STATUS_SUCCESS;
}
