/* SPDX-License-Identifier: MIT */
/* What loaderd hands to a new Windows process, read by ntdll's process start: one layout, checked on both sides.
 * The blob is one read-write private mapping in the process; every reference inside it is an offset from its start,
 * strings are UTF-16 with their byte size, NUL-terminated behind it. Offset 0: absent.
 * struct windows_start is what the kernel keeps (SET_WINDOWS_RUNTIME): where to enter ntdll.
 * The kernel makes PEB, first TEB and stack; ntdll fills the PEB from the blob. */
#ifndef AMBOS_NT_RUNTIME_H
#define AMBOS_NT_RUNTIME_H

#include <stdint.h>

#define WINDOWS_RUNTIME_MAGIC 0x31425457u /* "WTB1" */
#define WINDOWS_RUNTIME_VERSION 1u

struct windows_text { uint32_t offset, bytes; };        /* UTF-16 */

enum windows_module_flag {
	WINDOWS_MODULE_MAIN = 1,      /* the program */
	WINDOWS_MODULE_NTDLL = 2,
	WINDOWS_MODULE_SYSTEM = 4,    /* prelinked, shared by all processes */
	WINDOWS_MODULE_RELOCATED = 8, /* not at its preferred base */
};
/* One loaded image, in load order: main, ntdll, then as import resolution met them. Imports are bound already. */
struct windows_module {
	uint64_t base, size;          /* SizeOfImage */
	uint64_t entry;               /* address, 0: none */
	struct windows_text path;     /* full DOS path: C:\Windows\System32\kernel32.dll */
	struct windows_text name;     /* base name as the file has it */
	uint32_t flags;               /* enum windows_module_flag */
	uint32_t dependencies;        /* offset of uint32_t[dependency_count]: module indices in import order */
	uint32_t dependency_count;
	uint32_t time_stamp, checksum;
	uint32_t unused;
};
/* A read-only mapping that all processes share (NLS file, API set schema). */
struct windows_mapping { uint64_t base, size; };

enum windows_nls { WINDOWS_NLS_LOCALE, WINDOWS_NLS_SORT, WINDOWS_NLS_CASE, WINDOWS_NLS_ANSI, WINDOWS_NLS_OEM,
	WINDOWS_NLS_NORM_C, WINDOWS_NLS_COUNT }; /* locale, sortdefault, l_intl, c_<ACP>, c_<OEMCP>, normnfc; others by NtCreateFile */

struct windows_time_zone {
	int32_t bias_minutes, standard_bias, daylight_bias;
	uint16_t standard_date[8], daylight_date[8]; /* SYSTEMTIME as TIME_ZONE_INFORMATION has it */
	struct windows_text standard_name, daylight_name, key_name;
};

#define WINDOWS_CONSOLE_OF_TERMINAL UINT64_MAX
struct windows_runtime {
	uint32_t magic, version;
	uint32_t bytes;               /* of the whole blob */
	uint32_t module_count;
	uint32_t modules;             /* offset of struct windows_module[] */
	uint32_t flags;
	struct windows_text image_path;    /* DOS path of the program */
	struct windows_text nt_image_path; /* \??\C:\... */
	struct windows_text command_line, current_directory, dll_path, window_title, desktop, runtime_info;
	struct windows_text environment;   /* NAME=value NUL ... NUL NUL */
	uint64_t standard_handles[3];      /* NT handles, 0: none */
	uint64_t console_handle;           /* 0: no console; WINDOWS_CONSOLE_OF_TERMINAL: that of the controlling terminal, if it has one */
	uint64_t process_group_id;
	struct windows_mapping nls[WINDOWS_NLS_COUNT];
	struct windows_mapping api_set;    /* the .apiset section of apisetschema.dll */
	uint32_t ansi_code_page, oem_code_page, user_locale, system_locale; /* LCIDs */
	struct windows_text user_locale_name;
	struct windows_time_zone time_zone;
	uint32_t processor_count, session_id;
	uint32_t os_major, os_minor, os_build, os_platform; /* 10 0 19045 2 */
	uint64_t heap_reserve, heap_commit, stack_reserve, stack_commit; /* of the program's optional header */
	uint32_t subsystem, subsystem_major, subsystem_minor, show_window;
	uint64_t missing_stubs;            /* address of ntdll's AmbosMissingImport, which stubs of missing functions enter; 0: none */
	uint64_t parent_process_id;
};

/* A missing function of an import is a stub that enters AmbosMissingImport(module, function): ASCII with NUL, function
 * "#ordinal" for one imported by number. */

/* What CreateProcess gives for a child: carried by the kernel from AmbosCreateProcess to loaderd as bytes. Offsets from
 * its start, strings UTF-16; what is absent loaderd makes from argv, environment and cwd as for execve. */
#define WINDOWS_PARAMETERS_MAGIC 0x31505457u /* "WTP1" */
struct windows_parameters {
	uint32_t magic, bytes;
	struct windows_text image_path, command_line, current_directory, dll_path, window_title, desktop, runtime_info;
	struct windows_text environment;
	uint64_t standard_handles[3]; /* as the child sees them */
	uint64_t console_handle, process_group_id;
	uint32_t flags;               /* WINDOWS_PARAMETERS_* */
	uint32_t show_window;
};
#define WINDOWS_PARAMETERS_HANDLES 1u /* standard_handles and console_handle are given; else fds 0, 1, 2 */

/* PROC_WINDOWS_RUNTIME of abi/core/broker.h: entry points inside ntdll, all exported by name:
 *   AmbosProcessStart(rcx = blob)           first thread, rsp aligned as at a call; never returns
 *   AmbosThreadStart(rcx = function, rdx = argument)  later threads; never returns
 *   KiUserExceptionDispatcher               rsp -> CONTEXT (0x4d0), CONTEXT_EX (0x20), EXCEPTION_RECORD (0x98), 8 bytes, machine frame
 *   KiUserApcDispatcher                     rsp -> CONTEXT with P1Home..P4Home = routine, argument 1, 2, 3
 * rip is set to them by the kernel; they end in NtContinue. */
struct windows_start {
	uint64_t process_start, thread_start, exception_dispatcher, apc_dispatcher;
	uint64_t blob, blob_bytes;
	uint64_t image_base;          /* PEB.ImageBaseAddress */
	uint64_t stack_reserve, stack_commit;
};

/* Handles: index n of the process's descriptor table is handle (n + 1) * 4; a pipe inherited as fd 0 is handle 4. */
#define WINDOWS_HANDLE_OF_FD(fd) (((uint64_t)(fd) + 1) * 4)

#endif
