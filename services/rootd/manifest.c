// SPDX-License-Identifier: MIT
// The manifest parser: pure, bounded by the text it is given.
#include "manifest.h"

#include <string.h>

#include "../../abi/core/ipc.h"

#define NUMBER_MAX (64ull << 20) /* KiB: 64 GiB, the window of a state object */

struct word { const char *at; size_t size; };
struct named { const char *name; u64 value; };

static const struct named capabilities[] = {
	{ "ipc_call", AMBOS_CAP_IPC_CALL }, { "proc_prepare", AMBOS_CAP_PROC_PREPARE }, { "proc_map", AMBOS_CAP_PROC_MAP },
	{ "proc_linux", AMBOS_CAP_PROC_LINUX }, { "proc_windows", AMBOS_CAP_PROC_WINDOWS }, { "proc_commit",
		AMBOS_CAP_PROC_COMMIT },
	{ "mm", AMBOS_CAP_MM }, { "vfs", AMBOS_CAP_VFS }, { "dev", AMBOS_CAP_DEV }, { "proc_spawn", AMBOS_CAP_PROC_SPAWN },
	{ "policy", AMBOS_CAP_POLICY },
};
static const struct named linux_rows[] = {
#define LINUX_CALL(number, name, ...) { #name, (number) },
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL
};
/* musl's start and threads, and the service library. */
static const char *const base_calls[] = {
	"mmap", "munmap", "mprotect", "madvise", "brk", "futex", "clone", "exit", "exit_group",
		"set_tid_address", "arch_prctl",
	"rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "gettid", "getpid", "clock_gettime",
		"clock_nanosleep", "nanosleep",
	"sched_yield", "set_robust_list", "rseq", "getrandom", "membarrier", "poll", "tkill",
};

static bool word_is(struct word w, const char *s)
{
	return strlen(s) == w.size && memcmp(w.at, s, w.size) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool next_word(const char **at, const char *end, struct word *w)
{
	while (*at < end && is_blank(**at))
		++*at;
	w->at = *at;
	while (*at < end && !is_blank(**at))
		++*at;
	w->size = (size_t)(*at - w->at);
	return w->size != 0;
}

static const char *allow_call(struct proc_service_define *d, struct word w)
{
	for (size_t i = 0; i < ARRAY_SIZE(linux_rows); i++) {
		if (!word_is(w, linux_rows[i].name))
			continue;
		d->linux_calls[linux_rows[i].value / 64] |= BIT(linux_rows[i].value % 64);
		return NULL;
	}
	return "unknown Linux call";
}

static const char *add_linux(struct proc_service_define *d, struct word w)
{
	if (!word_is(w, "base"))
		return allow_call(d, w);
	const char *why = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(base_calls) && !why; i++)
		why = allow_call(d, (struct word){ base_calls[i], strlen(base_calls[i]) });
	return why;
}

static const char *add_capability(struct proc_service_define *d, struct word w)
{
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		if (!word_is(w, capabilities[i].name))
			continue;
		d->capabilities |= capabilities[i].value;
		return NULL;
	}
	return "unknown capability";
}

static const char *number(struct word w, u64 *out)
{
	u64 v = 0;
	for (size_t i = 0; i < w.size; i++) {
		if (w.at[i] < '0' || w.at[i] > '9')
			return "not a number";
		v = v * 10 + (u64)(w.at[i] - '0');
		if (v > NUMBER_MAX)
			return "number too large";
	}
	*out = v;
	return NULL;
}

static const char *set_number(struct proc_service_define *d, struct word key, struct word w)
{
	u64 v = 0;
	const char *why = number(w, &v);
	if (why)
		return why;
	if (word_is(key, "threads"))
		d->threads = (u32)v;
	else if (word_is(key, "pool_kib"))
		d->pool_bytes = v << 10;
	else if (word_is(key, "state_kib"))
		d->state_bytes = v << 10;
	else if (word_is(key, "state_max_kib"))
		d->state_max_bytes = v << 10;
	else
		return "unknown key";
	return NULL;
}

static const char *parse_line(const char *at, const char *end, struct proc_service_define *d)
{
	struct word key, equals, w;
	if (!next_word(&at, end, &key) || key.at[0] == '#')
		return NULL;
	if (!next_word(&at, end, &equals) || !word_is(equals, "="))
		return "expected `key = words`";
	bool is_linux = word_is(key, "linux"), is_capabilities = word_is(key, "capabilities");
	const char *why = NULL;
	while (!why && next_word(&at, end, &w))
		why = is_linux ? add_linux(d, w) : is_capabilities ? add_capability(d, w) : set_number(d, key, w);
	return why;
}

static const char *check(const struct proc_service_define *d)
{
	if (d->threads == 0 || d->threads > 32)
		return "threads must be 1 to 32";
	if (d->state_bytes < PAGE_SIZE || d->state_bytes > d->state_max_bytes)
		return "state_kib must be at least 4 and at most state_max_kib";
	return NULL;
}

status_t manifest_parse(const char *text, size_t size, struct proc_service_define *out, u32 *bad_line, const char **why)
{
	const char *at = text, *end = text + size;
	memset(out, 0, sizeof(*out));
	*bad_line = 0;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		++*bad_line;
		*why = parse_line(at, stop ? stop : end, out);
		if (*why)
			return ERR_INVAL;
		at = stop ? stop + 1 : end;
	}
	*why = check(out);
	return *why ? ERR_INVAL : OK;
}
