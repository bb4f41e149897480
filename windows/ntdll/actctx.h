/* SPDX-License-Identifier: MIT */
/* Activation contexts: a root manifest, the assemblies it depends on, and the table that finds DLLs in them.
 * A context never changes once it is made, and lives while it has references; its address is its handle. */
#ifndef AMBOS_WINDOWS_ACTCTX_H
#define AMBOS_WINDOWS_ACTCTX_H

#include "loader.h"
#include "manifest.h"

#define ASSEMBLY_LIMIT 32u               /* of one context, with the root */
#define MANIFEST_BYTES_LIMIT (1u << 20)  /* real ones are below 64 KiB */
#define ACTCTX_PATH_LIMIT 1024u
#define MANIFEST_RESOURCE_TYPE 24u

struct assembly {
	WCHAR *path;      /* of the manifest, or of the image it is in */
	WCHAR *directory; /* name in the form of the system's store; NULL: the root */
	WCHAR *identity;  /* encoded */
	void *text;
	struct manifest manifest;
};
struct activation_context {
	LIST_ENTRY link;
	LONG references;
	WCHAR *directory; /* of the program, with the separator; NULL: an empty context */
	ULONG assembly_count;
	struct assembly *assemblies[ASSEMBLY_LIMIT];
	void *dll_section;
	ULONG dll_section_bytes;
};
/* Where a manifest is looked for. */
struct manifest_source {
	const WCHAR *path;           /* of the file; of the image with a resource */
	const WCHAR *directory;      /* NULL: the path's */
	HMODULE module;              /* already mapped, or NULL */
	ULONG_PTR resource;          /* 0: the file is the manifest */
	WORD language;
	bool keep_going;             /* without dependencies that are missing */
};

/* actctx_load.c */
NTSTATUS context_load(const struct manifest_source *source, struct activation_context **context);
void context_free(struct activation_context *context);
WCHAR *text_copy(const WCHAR *text, SIZE_T characters);

/* actctx_section.c */
NTSTATUS context_build_section(struct activation_context *context);
bool context_dll_path(const WCHAR *name, SIZE_T characters, WCHAR *full, SIZE_T limit); /* as the active context redirects it */

/* actctx.c */
struct activation_context *context_of_handle(HANDLE handle); /* with a reference; NULL: none */
struct activation_context *context_of_process(void);         /* reads the program's manifest at its first use */
struct activation_context *context_of_image(void);           /* of the manifest in the program alone */
struct activation_context *context_active(void);             /* NULL: none on this thread */
void context_release(struct activation_context *context);
void context_inherit(PTEB teb, HANDLE context);              /* for a thread that has not begun; takes the reference */
void contexts_thread_end(void);

void NTAPI RtlAddRefActivationContext(HANDLE handle);
void NTAPI RtlReleaseActivationContext(HANDLE handle);
NTSTATUS NTAPI RtlGetActiveActivationContext(HANDLE *handle);

#endif
