/* SPDX-License-Identifier: MIT */
/* Parts of program start that exec, the brokers and the first process share: mapping an ELF that lies in
 * kernel memory, and the initial stack of a Linux program (System V ABI AMD64 section 3.4.1). */
#ifndef AMBOS_KERNEL_EXEC_H
#define AMBOS_KERNEL_EXEC_H

#include "nt_start.h"
#include "process.h"

/* What the auxiliary vector tells the program. Addresses are final (bias included). */
struct linux_runtime {
	u64 entry;            /* AT_ENTRY: of the program itself */
	u64 start;            /* first instruction: the interpreter's entry, or entry */
	u64 headers_va;       /* AT_PHDR */
	u32 header_count;
	u32 secure;           /* AT_SECURE: set-id program */
	u64 interpreter_base; /* AT_BASE */
	bool executable_stack;
};
/* Maps stack and vDSO into `as` and writes argc, argv, envp and auxv; *sp is the initial stack pointer. */
status_t linux_stack_build(struct aspace *as, const struct linux_runtime *runtime, const struct exec_args *args,
			   const struct cred *cred, u64 stack_limit, u64 *sp) MUST_CHECK;

/* Loads a static (or static-PIE) ELF from kernel memory into `as` by copying. */
status_t image_load_memory(struct aspace *as, const void *bytes, u64 size, struct linux_runtime *out) MUST_CHECK;

/* Fills *out for a kernel-made process; ends with exec_args_free. */
status_t exec_args_from_strings(struct exec_args *out, const char *path, const char *const *argv, u32 argc,
				const char *const *envp, u32 envc) MUST_CHECK;
/* In the first thread of a new process: loads a boot archive member and commits it; the caller then enters
 * user mode. */
struct boot_member;
const struct boot_member *boot_member_find(const char *name);
status_t image_start(const struct boot_member *m, const struct exec_args *args) MUST_CHECK;

/* One execve or spawn between its start and its commit; on the stack of the thread that executes, which sleeps in its
 * call to loaderd. Only the service thread that serves that call touches it meanwhile (PROC brokers). */
struct exec_session {
	struct exec_args *args;
	struct thread *thread;           /* who executes: credentials, root and cwd of opens */
	struct file *program;            /* what is loaded now: args->file, or a script's interpreter; own reference */
	struct aspace *aspace;           /* PROC_CREATE; NULL before */
	struct linux_runtime runtime;
	u64 stack_limit;
	u32 script_depth;
	bool has_runtime, committed;
	/* What scripts made of the arguments; args stay as the program gave them, for a repeat. NULL strings: unchanged. */
	char *strings;
	u64 strings_size;
	u32 argc;
	/* A Windows program: set by SET_WINDOWS_RUNTIME. Blob in kernel memory, copied into the space at commit. */
	struct nt_commit windows;
	void *blob;
	struct file *image;              /* LOADER_IMAGE: the answer; referenced */
	char *file_name;                 /* of `program` as the script above it named it; NULL: args->path */
};
/* Where stack, mmap area and heap of a new program go; before anything is mapped. */
void linux_layout_choose(struct aspace *as, u64 stack_limit);
void exec_session_reset(struct exec_session *e);
u64 exec_program_base(void);             /* randomised place of a PIE that has an interpreter */
/* New credentials when `f` is set-id or capabilities change; NULL in *out: unchanged. */
status_t exec_credentials(struct file *f, const struct cred *old, struct cred **out, u32 *secure) MUST_CHECK;
s64 exec_copy_strings(struct exec_args *args, u64 argv, u64 envp, u64 limit); /* execve's pointer arrays */

/* Optional part, absent until linked. */
struct file *console_file_open(void) WEAK;

#endif
