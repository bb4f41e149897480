/* SPDX-License-Identifier: MIT */
/* loaderd's PE path: pe_system.c (system DLLs and tables of this boot), pe_image.c (image objects and their cache),
 * pe_bind.c (imports, forwarders, API sets, stubs of missing functions), pe_closure.c (all modules of a program),
 * pe_text.c (UTF-16, DOS paths, quoting, environment), pe_blob.c (the runtime blob), pe_load.c (the pipeline).
 * Starts run side by side. Locks, in this order: a pe_loaded's bind_lock, stub lock (pe_bind.c), a pe_loaded's or system DLL's
 * make_lock, then the leaves: cache_lock, place_lock (pe_image.c). What one start alone uses is in struct pe_program. */
#ifndef AMBOS_LOADERD_PE_H
#define AMBOS_LOADERD_PE_H

#include <pthread.h>

#include "../../abi/core/broker.h"
#include "../../abi/nt/runtime.h"
#include "../../lib/pe/pe.h"
#include "../../lib/service/service.h"

#define PE_MODULES_MAX 256u      /* the largest of the corpus has 61 */
#define PE_DEPENDENCIES_MAX 64u
#define PE_DETAIL_BYTES 320u
#define PE_PATH_MAX PROC_PATH_MAX
#define PE_SYSTEM_BINDING 1u     /* system DLLs are bound to each other, always the same way */

/* Which step failed and what it was about; the log line of a refused start. */
struct pe_trouble { const char *step; char detail[PE_DETAIL_BYTES]; };
status_t pe_fail(struct pe_trouble *t, const char *step, status_t st, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Bytes of a file: in memory (system image) or behind a lent descriptor. */
struct pe_source { const u8 *memory; u64 size; int fd; struct proc_file_key key; };
status_t pe_source_open(int fd, const struct proc_file_key *key, struct pe_source *out) MUST_CHECK;
status_t pe_source_read(const struct pe_source *s, void *buf, u64 size, u64 offset) MUST_CHECK; /* ERR_NOEXEC: too short */

/* One image object. Its bytes stay mapped here: exports and import names are read from them. Fields without a letter are
 * written while it is made and not after; [c] cache_lock, [b] bind_lock. */
struct pe_loaded {
	pthread_mutex_t make_lock;   /* held by who makes it */
	pthread_mutex_t bind_lock;   /* held by who binds it */
	bool taken;                  /* [c] a slot of the cache in use; its key says of what */
	u32 users;                   /* [c] starts that hold it; 0: may be evicted */
	struct proc_file_key key;    /* of files; system DLLs: all zero */
	u64 base;
	u64 binding;                 /* [b, set by atomic store] what its imports are bound to (a hash); 0: not bound */
	u8 *bytes;                   /* NULL: not made, or making it failed */
	s32 fd;
	u32 system;                  /* 1 + index of the system DLL, 0: none */
	u64 used;                    /* [c] */
	struct pe_image pe;
	struct pe_exports exports;
	bool has_exports;
	s32 depends[PE_DEPENDENCIES_MAX]; /* of a bound one: system DLLs that it needs, forwarders included */
	u32 depend_count;
};
static inline struct pe_view pe_view_of(const struct pe_loaded *l)
{
	return (struct pe_view){ l->bytes, l->pe.size, &l->pe };
}
/* Makes an image object at `base` (0: its usual place), not bound. Fills *out; make_lock held. */
status_t pe_loaded_make(const struct pe_source *s, const struct pe_image *pe, u64 base, const char *dos_name, u32 system,
			struct pe_loaded *out, struct pe_trouble *t) MUST_CHECK;
/* The cached image of a file, held for the caller: binding 0 any binding will do, base 0 any base. NULL: none. It may still
 * be in the making: pe_loaded_wait. */
struct pe_loaded *pe_cache_find(const struct proc_file_key *key, u64 base, u64 binding);
/* The same, or else a fresh slot of that key, held, with make_lock taken and *fresh set: the caller makes it and says so with
 * pe_cache_made. `again`: a fresh one in any case. NULL: all slots are held. */
struct pe_loaded *pe_cache_take(const struct proc_file_key *key, u64 base, bool again, bool *fresh);
void pe_cache_made(struct pe_loaded *l, bool ok);  /* ends the making; one that failed is found no more */
bool pe_loaded_wait(struct pe_loaded *l);        /* until it is made; false: that failed */
void pe_cache_put(struct pe_loaded *l);          /* ends a hold; system DLLs have none */
u64 pe_cache_place(u32 size);                    /* address for an image that may go anywhere; 0: no room */

/* ---- system DLLs ---- */
struct pe_system_dll {
	char name[48];
	bool known;                  /* goes before a file of that name beside the program */
	u64 base;
	struct pe_source source;     /* in the system image */
	struct pe_image *pe;         /* parsed headers */
	pthread_mutex_t make_lock;
	struct pe_loaded *loaded;    /* [make_lock, read by atomic load] NULL until needed */
};
extern struct pe_api_set pe_api_set;
extern struct windows_mapping pe_nls[WINDOWS_NLS_COUNT], pe_api_set_mapping;
status_t pe_system_open(struct pe_trouble *t) MUST_CHECK;  /* once per instance; OK when it was done */
s32 pe_system_find(const char *name);                       /* index, -1: none of that name */
struct pe_system_dll *pe_system_at(s32 index);
struct pe_loaded *pe_system_loaded(s32 index, struct pe_trouble *t); /* made at first need, not bound; NULL: trouble */
s32 pe_system_data_fd(void);                                /* image object of the NLS tables and the schema */

/* ---- binding ---- */
struct pe_program;
/* The image that an import of `importer` means: API sets, the program's folder, system DLLs. NULL with *st ERR_NOENT: none. */
struct pe_loaded *pe_resolve(struct pe_program *p, const struct pe_loaded *importer, const char *dll, status_t *st,
			     struct pe_trouble *t);
/* Import descriptor n of l, and the image that serves it; NULL with *st OK behind the last one. */
struct pe_loaded *pe_import_target(struct pe_program *p, const struct pe_loaded *l, u32 n, struct pe_import *i, status_t *st,
				   struct pe_trouble *t);
/* Binds `l`, which must have been made, unless it is bound already; *to: what its binding is then. */
status_t pe_bind(struct pe_program *p, struct pe_loaded *l, u64 binding, u64 *to, struct pe_trouble *t) MUST_CHECK;
s32 pe_stub_fd(void);            /* image object of stubs of missing functions, -1: none is needed yet */
u64 pe_export_address(const struct pe_loaded *l, const char *name); /* 0: not exported */
void pe_canonical_name(const char *dll, char out[PE_HOST_MAX * 2]); /* ".dll" added when there is no ending */

/* ---- a program being started ---- */
struct pe_module {
	struct pe_loaded *loaded;
	char path[PE_HOST_MAX * 2];  /* base name: file name in the program's folder; system DLLs: their name */
	s32 fd;                      /* lent file; -1: system */
	struct proc_file_key key;
	u32 dependencies[PE_DEPENDENCIES_MAX];
	u32 dependency_count;
	bool followed;               /* its imports are in the list */
};
struct pe_program {
	u64 call_id;
	s32 fd;
	struct proc_file_key key;
	struct pe_trouble trouble;
	struct proc_arguments arguments;
	char *text;                  /* of PROC_ARGUMENTS */
	u32 text_room;
	const char *unix_path, *unix_cwd;
	struct pe_module modules[PE_MODULES_MAX];
	u32 module_count;
	u64 starts[4];               /* entry points in ntdll */
};
status_t pe_closure(struct pe_program *p) MUST_CHECK;
void pe_program_put(struct pe_program *p);       /* ends the holds of its modules */
status_t pe_image_for_section(int fd, const struct proc_file_key *key, u64 base, const char *dos_name,
			      struct pe_loaded **out, struct pe_trouble *t) MUST_CHECK;
status_t pe_build_blob(struct pe_program *p, u8 **blob, u32 *bytes) MUST_CHECK;
s64 pe_load(u64 call_id, int fd, const struct proc_file_key *key, const char *path);
s64 load_image(struct service_request *r);       /* LOADER_IMAGE */

/* ---- text ---- */
struct pe_text16 { u16 *at; u32 count, room; bool failed; };
void pe_put(struct pe_text16 *t, const char *utf8, size_t size);
void pe_put_unit(struct pe_text16 *t, u16 unit);
void pe_put_dos_path(struct pe_text16 *t, const char *unix_path);  /* absolute */
void pe_put_command_line(struct pe_text16 *t, const struct pe_program *p);
void pe_put_environment(struct pe_text16 *t, const struct pe_program *p);
#define WINDOWS_DRIVE_C "/system/drive_c"

#endif
