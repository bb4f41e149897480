/* SPDX-License-Identifier: MIT */
/* NtAmbosCreateProcess(in, out, 0): what our ntdll's NtCreateUserProcess gives the kernel. The file decides which world
 * the child belongs to; both forms of arguments are always given. */
#ifndef AMBOS_NT_CREATE_H
#define AMBOS_NT_CREATE_H

#include <stdint.h>

enum ambos_create_flag { AMBOS_CREATE_INHERIT = 1, AMBOS_CREATE_SUSPENDED = 2, AMBOS_CREATE_NEW_GROUP = 4, AMBOS_CREATE_HANDLE_LIST = 8 };
struct ambos_create_process {
	uint32_t bytes, flags;             /* sizeof, enum ambos_create_flag */
	uint64_t file;                     /* handle of the program, readable */
	uint64_t directory;                /* handle of its current directory; 0: the caller's */
	uint64_t parameters, strings;      /* struct windows_parameters; argv then envp, UTF-8, each NUL-terminated */
	uint32_t parameters_bytes, strings_bytes, argc, envc;
	uint64_t standard_handles[3];      /* the caller's; the child's numbers replace those in the parameters */
	uint64_t console_handle;           /* the same; values that are no handle are passed on */
	uint64_t handle_list;              /* AMBOS_CREATE_HANDLE_LIST: only these are inherited */
	uint32_t handle_count;
	uint32_t process_access, thread_access, process_attributes, thread_attributes, unused;
	uint64_t job, token;               /* handle or 0 */
};
struct ambos_created { uint64_t process, thread, peb, teb; uint32_t pid, tid; uint32_t windows, unused; };

#endif
