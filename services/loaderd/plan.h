/* SPDX-License-Identifier: MIT */
/* loaderd's parts: plan.c turns an open file into a plan (with a cache), load.c a plan into a prepared program. */
#ifndef AMBOS_LOADERD_PLAN_H
#define AMBOS_LOADERD_PLAN_H

#include "../../abi/core/broker.h"
#include "../../lib/elf/elf.h"
#include "../../lib/service/service.h"

enum plan_kind { PLAN_ELF, PLAN_SCRIPT, PLAN_PE };
struct plan {
	enum plan_kind kind;
	struct elf_image image;
	char interpreter[ELF_INTERPRETER_MAX]; /* PT_INTERP or the #! line's first word */
	u32 interpreter_size;                  /* without NUL */
	char argument[PROC_SCRIPT_LINE_MAX + 1];
	u32 argument_size;                     /* 0: none */
};

/* Reads and validates the file behind `fd`. On failure *step names the check. */
status_t plan_make(int fd, const struct proc_file_key *key, struct plan *out, const char **step);
s64 load_program(struct service_request *r);

/* refusal.c: the line of a refused file, at most a burst of them at a time; to_launcher: shown without --log. */
void log_refusal(bool to_launcher, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
