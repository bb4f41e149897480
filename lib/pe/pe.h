/* SPDX-License-Identifier: MIT */
/* PE32+ images for x86-64: pure checks of untrusted bytes, allocates nothing. pe_parse reads the headers of a file; all else
 * works on a view: the image's bytes in RVA layout. Every access is bounds-checked; a hostile image gives ERR_NOEXEC and
 * a step name, never a wild access. Source of the format: Microsoft's "PE Format" page. */
#ifndef AMBOS_PE_H
#define AMBOS_PE_H

#include "../../abi/core/status.h"
#include "../base/base.h"

#define PE_SECTIONS_MAX 96u          /* the format's own limit */
#define PE_SIZE_MAX (2ull << 30)     /* RVAs are 31 bits wide in practice */
#define PE_HEADERS_MAX 16384u        /* DOS stub, headers and section table of every usual file */
#define PE_NAME_MAX 512u             /* of an imported function or DLL (C++ names are long) */

enum pe_directory_index {
	PE_EXPORT, PE_IMPORT, PE_RESOURCE, PE_EXCEPTION, PE_SECURITY, PE_RELOCATION, PE_DEBUG, PE_ARCHITECTURE, PE_GLOBAL,
	PE_TLS, PE_LOAD_CONFIG, PE_BOUND_IMPORT, PE_IAT, PE_DELAY_IMPORT, PE_CLR, PE_DIRECTORIES = 16,
};
enum pe_section_flag {
	PE_SCN_CODE = 0x20, PE_SCN_DISCARDABLE = 0x02000000, PE_SCN_SHARED = 0x10000000, PE_SCN_EXECUTE = 0x20000000,
	PE_SCN_READ = 0x40000000,
};
#define PE_SCN_WRITE 0x80000000u
enum pe_characteristic { PE_RELOCS_STRIPPED = 1, PE_EXECUTABLE = 2, PE_DLL = 0x2000 };
#define PE_DYNAMIC_BASE 0x40u        /* of dll_characteristics */
enum pe_subsystem { PE_NATIVE = 1, PE_GUI = 2, PE_CONSOLE = 3 };

struct pe_directory { u32 rva, size; };
struct pe_section { u32 rva, virtual_size, raw_offset, raw_size, flags; char name[9]; };
struct pe_image {
	u64 preferred_base, stack_reserve, stack_commit, heap_reserve, heap_commit;
	u32 size;                        /* SizeOfImage, page multiple */
	u32 headers_size;                /* bytes of the file that are mapped at RVA 0 */
	u32 entry, checksum, time_stamp, loader_flags, section_alignment;
	u16 machine, characteristics, dll_characteristics, subsystem, subsystem_major, subsystem_minor, os_major, os_minor;
	struct pe_directory directories[PE_DIRECTORIES];
	u32 section_count;
	struct pe_section sections[PE_SECTIONS_MAX]; /* ascending, apart, inside size; raw bytes inside the file */
};
/* head: the file's first bytes, min(file_size, PE_HEADERS_MAX). ERR_NOEXEC and *step on refusal. Accepts programs and DLLs. */
status_t pe_parse(const u8 *head, u64 head_size, u64 file_size, struct pe_image *out, const char **step) MUST_CHECK;
/* May lie elsewhere: it has relocations, or says that it needs none (GNU ld then marks them stripped). */
static inline bool pe_is_movable(const struct pe_image *p)
{
	return p->directories[PE_RELOCATION].size || !(p->characteristics & PE_RELOCS_STRIPPED) ||
		(p->dll_characteristics & PE_DYNAMIC_BASE);
}
static inline bool pe_is_dll(const struct pe_image *p) { return p->characteristics & PE_DLL; }

struct pe_view { const u8 *bytes; u64 size; const struct pe_image *image; };
/* NUL-terminated text of at most PE_NAME_MAX bytes at `rva`, or NULL. */
const char *pe_text(const struct pe_view *v, u32 rva);

/* Adds `delta` to every place the relocation directory names. `bytes` is the view, writable. */
status_t pe_relocate(u8 *bytes, const struct pe_view *v, u64 delta, const char **step) MUST_CHECK;

/* ---- imports ---- */
struct pe_import { const char *dll; u32 lookup, table; };    /* RVAs of the name thunks and of the table to fill */
/* The descriptor number `index`; ERR_NOENT after the last. */
status_t pe_import_at(const struct pe_view *v, u32 index, struct pe_import *out, const char **step) MUST_CHECK;
/* Delay imports have the same form (their tables are bound at run time). */
status_t pe_delay_import_at(const struct pe_view *v, u32 index, struct pe_import *out, const char **step) MUST_CHECK;
struct pe_thunk { const char *name; u16 ordinal, hint; };    /* name NULL: by ordinal */
status_t pe_thunk_at(const struct pe_view *v, const struct pe_import *import, u32 index, struct pe_thunk *out,
		     const char **step) MUST_CHECK;

/* ---- exports ---- */
struct pe_exports { u32 functions, names, ordinals, function_count, name_count, base; struct pe_directory directory; };
/* ERR_NOENT: exports nothing. */
status_t pe_exports_open(const struct pe_view *v, struct pe_exports *out, const char **step) MUST_CHECK;
struct pe_symbol { u32 rva; const char *forward; };          /* forward: "dll.name" or "dll.#ordinal", else NULL */
status_t pe_export_find(const struct pe_view *v, const struct pe_exports *e, const char *name, u32 hint,
			struct pe_symbol *out) MUST_CHECK;
status_t pe_export_ordinal(const struct pe_view *v, const struct pe_exports *e, u32 ordinal, struct pe_symbol *out) MUST_CHECK;

/* ---- API sets: the .apiset section of apisetschema.dll, version 6 ---- */
struct pe_api_set { const u8 *bytes; u64 size; };
/* The DLL behind `name` ("api-ms-win-...", with or without .dll) into host. OK, ERR_NOENT, ERR_NOEXEC (damaged). */
#define PE_HOST_MAX 64u
status_t pe_api_set_find(const struct pe_api_set *s, const char *name, char host[PE_HOST_MAX]) MUST_CHECK;

/* ---- small helpers ---- */
int pe_name_compare(const char *a, const char *b);           /* ASCII, without case */

#endif
