// SPDX-License-Identifier: MIT
// The argument block of an exec: path and strings in kernel memory, owned by struct exec_args.
#include "exec.h"
#include "file.h"
#include "../../lib/base/string.h"

status_t exec_args_from_strings(struct exec_args *out, const char *path, const char *const *argv, u32 argc,
				const char *const *envp, u32 envc)
{
	u64 size = 0;
	for (u32 i = 0; i < argc + envc; i++)
		size += strlen(i < argc ? argv[i] : envp[i - argc]) + 1;
	*out = (struct exec_args){ .strings_size = size, .argc = argc, .envc = envc };
	out->path = kmalloc(strlen(path) + 1);
	out->strings = kmalloc(size ? size : 1);
	if (!out->path || !out->strings) {
		exec_args_free(out);
		return ERR_NOMEM;
	}
	memcpy(out->path, path, strlen(path) + 1);
	char *to = out->strings;
	for (u32 i = 0; i < argc + envc; i++) {
		const char *s = i < argc ? argv[i] : envp[i - argc];
		size_t n = strlen(s) + 1;
		memcpy(to, s, n);
		to += n;
	}
	return OK;
}

void exec_args_free(struct exec_args *args)
{
	if (args->file)
		file_put(args->file);
	kfree(args->path);
	kfree(args->strings);
	kfree(args->nt_parameters);
	*args = (struct exec_args){ 0 };
}
