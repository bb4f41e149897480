/* SPDX-License-Identifier: MIT */
/* Operations of the PROC_* and MM brokers: (operation, struct pointer, struct size). The size must be exact, unknown
 * operations and flag bits are INVAL, a call id that the calling service is not executing is SRCH. Structs are read,
 * and written back where a field is marked out. Each broker needs its capability (calls.def); spawn and status need
 * PROC_SPAWN, services need SERVICES, besides PROC_PREPARE.
 * loaderd's order for one LOADER_LOAD: [PROC_SCRIPT]* PROC_CREATE PROC_MAP [PROC_OPEN PROC_MAP]
 * SET_LINUX_RUNTIME COMMIT; for a PE file: PROC_ARGUMENTS PROC_CREATE [PROC_OPEN] [PROC_IMAGE_CREATE]
 * PROC_MAP_IMAGE [PROC_WRITE] SET_WINDOWS_RUNTIME COMMIT. For LOADER_IMAGE: [PROC_IMAGE_CREATE] PROC_IMAGE_GIVE.
 * A repeat after a restart starts over with PROC_CREATE, which drops what was there: all of it is idempotent. */
#ifndef AMBOS_CORE_BROKER_H
#define AMBOS_CORE_BROKER_H

#include "../../lib/base/base.h"

enum proc_prepare_op {
	PROC_CREATE = 1,         /* struct proc_create: fresh address space for the call */
	/* struct proc_open: a file for execution with the caller's credentials, lent for the call */
	PROC_OPEN = 2,
	PROC_SCRIPT = 3,         /* struct proc_script: go on with the interpreter of a #! line */
	PROC_ARGUMENTS = 4,      /* struct proc_arguments: what the program is started with */
	PROC_OPEN_LIBRARY = 6,   /* struct proc_open: a file for reading, as PROC_OPEN otherwise */
	PROC_WINDOWS_LAYOUT = 5, /* struct proc_windows_layout: this boot's places of shared images */
	PROC_SPAWN = 16,         /* struct proc_spawn: new process and session, exec in it; answers when exec has succeeded or failed */
	PROC_STATUS = 17,        /* struct proc_status: exit status by pidfd; AGAIN while it runs */
	PROC_SERVICE_DEFINE = 32,/* struct proc_service_define: what the manifest grants; once per service */
	PROC_SERVICE_START = 33, /* struct proc_service_start: new instance from the boot archive member of its name */
	PROC_SERVICE_STATS = 34, /* struct proc_service_stats */
	PROC_SERVICE_GIVE_UP = 35, /* struct proc_service_start: no instance will come; its calls fail, present and future. BUSY: one runs */
};
struct proc_create {
	u64 call_id;
	u64 program_base;        /* out: where to put an ET_DYN program that has an interpreter (randomised) */
	u64 mmap_base;           /* out: shared objects go below it (interpreter, static PIE) */
};
#define PROC_PATH_MAX 4096
/* Which file a lent descriptor is: the key of plan caches. fs 0: not cacheable. */
struct proc_file_key { u64 cookie, version; u32 fs; u32 unused; };
/* path without NUL needed; out: fd, key */
struct proc_open { u64 call_id; u64 path; u32 path_size; s32 fd; struct proc_file_key key; };
#define PROC_SCRIPT_LINE_MAX 255  /* as Linux: BINPRM_BUF_SIZE - 1 */
#define PROC_SCRIPT_DEPTH_MAX 5   /* then LOOP */
struct proc_script {
	u64 call_id;
	u64 interpreter, argument; /* strings; argument 0: none */
	u32 interpreter_size, argument_size;
	s32 fd;                  /* out: the interpreter, lent */
	u32 unused;
	struct proc_file_key key; /* out */
};
/* Text at va, each with its NUL: argv strings, envp strings, absolute path of the program, absolute cwd, name of the
 * user's home in the environment or nothing; then nt_bytes of struct windows_parameters (abi/nt/runtime.h) when an NT
 * program started it. size: room in, bytes needed out; RANGE when they do not fit. */
struct proc_arguments {
	u64 call_id;
	u64 va;
	u32 size;
	u32 argc, envc;          /* out, as the rest */
	u32 nt_offset, nt_bytes;
	u32 pid, parent_pid, uid, gid, session;
	u32 open_fds;            /* bit i: descriptor i (0..2) is open and stays */
	u32 terminal_fds;        /* bit i: it is a terminal */
	u32 processors;
	u32 unused;
};
struct proc_windows_layout { u64 system_base; /* out: system DLLs lie from here upwards */ u64 image_base; /* out: others */ };

/* SYS_AMBOS_PROC_MAP_BROKER */
enum proc_map_op {
	PROC_MAP = 1,
	PROC_IMAGE_CREATE = 2,   /* struct proc_image: an image object, open in the service and mapped into it */
	PROC_MAP_IMAGE = 3,      /* struct proc_image_use: its sections into the prepared space, at its base */
	PROC_IMAGE_GIVE = 4,     /* struct proc_image_use: the answer of a LOADER_IMAGE call */
	PROC_WRITE = 5,          /* struct proc_write: stores into the prepared space */
	PROC_IMAGE_MAPPABLE = 6, /* struct proc_image_use: ERR_EXIST when its place is taken in the prepared space */
};
#define IMAGE_SECTIONS_MAX 128u
#define IMAGE_BYTES_MAX (2ull << 30)
/* prot: 1 read 2 write 4 execute. 16: private even when not written */
struct image_section { u32 rva, size, prot, flags; };
enum image_section_flag { IMAGE_SECTION_SHARED = 1 /* IMAGE_SCN_MEM_SHARED: stores are seen by all */ };
/* What an image object knows besides its bytes; SECTION_IMAGE_INFORMATION comes from it. */
struct image_layout {
	u64 base, preferred, size;   /* where its bytes are relocated for; ImageBase of the file; SizeOfImage */
	u64 stack_reserve, stack_commit;
	u32 entry;                   /* RVA, 0: none */
	u32 flags;                   /* enum image_flag */
	u16 subsystem, subsystem_major, subsystem_minor, machine;
	u16 characteristics, dll_characteristics, os_major, os_minor;
	u32 checksum, time_stamp, loader_flags, file_size;
	u32 section_count, unused;
};
enum image_flag {
	IMAGE_DLL = 1, IMAGE_SYSTEM = 2 /* one of the system DLLs */, IMAGE_BOUND = 4 /* imports are resolved */,
	IMAGE_RELOCATED = 8 /* not at its preferred base */, IMAGE_DATA = 16 /* plain bytes: NLS tables */,
	IMAGE_HAS_RELOCATIONS = 32,
};
#define IMAGE_NAME_MAX 260u
struct proc_image {
	struct image_layout layout;
	u64 sections;            /* struct image_section[layout.section_count], ascending, page aligned, inside size */
	u64 name;                /* path as programs see it, for QueryVirtualMemory; name_size bytes without NUL */
	u32 name_size;
	s32 fd;                  /* out: the service's own descriptor */
	u64 va;                  /* out: its bytes in the service, shared and writable; unmapped with munmap */
};
struct proc_image_use { u64 call_id; s32 fd; u32 unused; };
struct proc_write { u64 call_id; u64 va, from, size; };
#define PROC_MAPPINGS_MAX 64u
enum proc_mapping_flag { PROC_MAPPING_BRK = 1 /* the heap starts behind this mapping */ };
struct proc_mapping {
	u64 va;                  /* not page aligned: offset must be congruent */
	u64 offset;
	u64 file_size;           /* bytes from the file */
	u64 mem_size;            /* >= file_size: the rest is zero */
	u32 prot;                /* 1 read 2 write 4 execute */
	s32 fd;                  /* lent file; -1: anonymous */
};
/* out: failed = index of the mapping that was refused */
struct proc_map { u64 call_id; u64 mappings; u32 count; u32 failed; };

/* SYS_AMBOS_PROC_SET_LINUX_RUNTIME_BROKER */
enum proc_linux_op { PROC_LINUX_RUNTIME = 1 };
enum proc_linux_flag { PROC_LINUX_EXEC_STACK = 1 };
struct proc_linux {
	u64 call_id;
	u64 entry;               /* AT_ENTRY */
	u64 start;               /* first instruction */
	u64 headers_va;          /* AT_PHDR */
	u32 header_count, flags;
	u64 interpreter_base;    /* AT_BASE */
	u64 brk;                 /* end of the program */
	u64 code_start, code_end, data_start, data_end;
};
/* SYS_AMBOS_PROC_SET_WINDOWS_RUNTIME_BROKER */
enum proc_windows_op { PROC_WINDOWS_RUNTIME = 1 };
#define PROC_WINDOWS_BLOB_MAX (4u << 20)
/* The entry points of struct windows_start (abi/nt/runtime.h). The blob is copied into a fresh private mapping. */
struct proc_windows {
	u64 call_id;
	u64 process_start, thread_start, exception_dispatcher, apc_dispatcher;
	u64 blob, blob_bytes;    /* in the service */
	u64 image_base;
	u64 stack_reserve, stack_commit;
};
/* SYS_AMBOS_PROC_COMMIT_BROKER */
enum proc_commit_op { PROC_COMMIT = 1 };
struct proc_commit { u64 call_id; };

enum proc_spawn_flag {
	PROC_SPAWN_CONTROLLING_TTY = 1, /* tty_fd becomes the controlling terminal */
	PROC_SPAWN_CREDENTIALS = 2, /* uid, gid, groups; else root */
};
#define PROC_SPAWN_FDS_MAX 64u
#define PROC_SPAWN_STRINGS_MAX (2u << 20) /* argv and envp together, as a quarter of the 8 MiB stack */
struct proc_spawn {
	u64 path;                /* NUL-terminated strings */
	u64 cwd;                 /* 0: "/" */
	u64 strings;             /* argv strings, then envp strings, each ending with NUL */
	u32 strings_size;
	u32 argc, envc;
	u32 flags;
	u64 fds;                 /* s32[fd_count]: the caller's fd that becomes i in the child; -1: closed */
	u32 fd_count;
	s32 tty_fd;              /* the caller's fd */
	u32 uid, gid;
	u64 groups;              /* u32[group_count] */
	u32 group_count;
	u32 pid;                 /* out */
	s32 pidfd;               /* out: in the caller's table */
	u32 unused;
	/* not 0: the service's name for this launch; a repeat answers with the first's pid and pidfd */
	u64 spawn_id;
};
struct proc_status { s32 pidfd; s32 wait_status; }; /* out: as wait4(2) */

#define SERVICE_LINUX_CALLS 512u
struct proc_service_define {
	u32 service;             /* enum service_id */
	u32 threads;
	u64 capabilities;        /* enum ambos_capability */
	u64 pool_bytes;          /* working memory, granted whole */
	u64 state_bytes, state_max_bytes;
	u64 linux_calls[SERVICE_LINUX_CALLS / 64]; /* rows it may use */
};
struct proc_service_start { u32 service; u32 pid; }; /* out: pid */
struct proc_service_stats {
	u32 service; u32 generation;
	u64 calls, retries, deaths, deaths_in_call, failed_calls;
	u64 last_restart_ns;     /* death to first reply of the next instance */
};

/* SYS_AMBOS_MM_BROKER */
enum mm_op {
	MM_SYSTEM_IMAGE = 1,     /* struct mm_region: maps the system image read-only; NOENT without one */
	MM_BOOT_OPTIONS = 2,     /* struct mm_region: copies the kernel command line to va, at most size bytes; out: size */
	MM_BOOT_MEMBER = 3,      /* struct mm_member: copies a boot archive member (manifest, policy) to va; out: size */
	MM_POWER_OFF = 4,        /* struct mm_power: ends the machine (initd, runtimed) */
	MM_POLICY_LEASE = 5,     /* struct policy_lease of abi/proto/policy.h; with AMBOS_CAP_POLICY (syscalld) */
};
struct mm_region { u64 va, size; };
struct mm_member { char name[32]; u64 va, size; }; /* RANGE when it does not fit: size says how much it needs */
struct mm_power { u32 code; u32 unused; };

/* Notifications (ipc_message.flags IPC_NOTIFY, op = one of these). */
enum ipc_notice { NOTICE_SERVICE_DIED = 1, NOTICE_SHUTDOWN = 2 };
struct notice_service_died { u32 service, generation, pid, received; s32 wait_status; u32 executing; }; /* received: it asked for work */

#endif
