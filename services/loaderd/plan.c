// SPDX-License-Identifier: MIT
// From an open file to a plan: one pread64 for the headers of a usual file, pure validation by lib/elf, and
// a cache keyed by (file system, cookie, version) so that a file is parsed once per version.
#include "plan.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define HEAD_BYTES 4096u        /* ELF header and program headers of every usual file */
#define CACHE_SLOTS 64u         /* programs in use at once on a console system */
#define SCRIPT_LINE_BYTES 256u  /* Linux reads this much of a #! line */

struct cached_plan {
	struct proc_file_key key;   /* fs 0: empty */
	u64 used;
	struct plan plan;
};
static struct cached_plan cache[CACHE_SLOTS];
static u64 cache_clock;
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;

static bool key_equal(const struct proc_file_key *a, const struct proc_file_key *b)
{
	return a->fs == b->fs && a->cookie == b->cookie && a->version == b->version;
}

/* Only what is used: a plan is 4 KiB of mostly unused path. */
static void plan_copy(struct plan *to, const struct plan *from)
{
	to->kind = from->kind;
	size_t head = offsetof(struct elf_image, segments);
	memcpy(&to->image, &from->image, head + from->image.segment_count * sizeof(struct elf_segment));
	to->interpreter_size = from->interpreter_size;
	memcpy(to->interpreter, from->interpreter, from->interpreter_size);
	to->argument_size = from->argument_size;
	memcpy(to->argument, from->argument, from->argument_size);
}

static bool cache_find(const struct proc_file_key *key, struct plan *out)
{
	bool found = false;
	if (!key->fs)
		return false;
	pthread_mutex_lock(&cache_lock);
	for (u32 i = 0; i < CACHE_SLOTS && !found; i++) {
		if (!key_equal(&cache[i].key, key))
			continue;
		plan_copy(out, &cache[i].plan);
		cache[i].used = ++cache_clock;
		found = true;
	}
	pthread_mutex_unlock(&cache_lock);
	return found;
}

static void cache_store(const struct proc_file_key *key, const struct plan *plan)
{
	if (!key->fs)
		return;
	pthread_mutex_lock(&cache_lock);
	struct cached_plan *victim = &cache[0];
	for (u32 i = 1; i < CACHE_SLOTS; i++)
		if (cache[i].used < victim->used)
			victim = &cache[i];
	victim->key = *key;
	victim->used = ++cache_clock;
	plan_copy(&victim->plan, plan);
	pthread_mutex_unlock(&cache_lock);
}

static status_t fail(const char **step, const char *name, status_t st)
{
	*step = name;
	return st;
}

static status_t read_at(int fd, void *buf, size_t size, u64 offset, size_t *got)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = pread(fd, (u8 *)buf + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*got = done;
	return OK;
}

/* "#!" blanks interpreter [blanks argument] newline; the argument keeps inner blanks. Rules of Linux's execve(2). */
static status_t parse_script(const char *head, size_t size, struct plan *p, const char **step)
{
	size_t limit = MIN(size, (size_t)SCRIPT_LINE_BYTES);
	const char *at = head + 2, *end = memchr(head, '\n', limit);
	bool cut = !end && size >= SCRIPT_LINE_BYTES;
	if (!end)
		end = head + limit;
	const char *nul = memchr(at, '\0', (size_t)(end - at));
	if (nul)
		end = nul;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	const char *name = at;
	while (at < end && *at != ' ' && *at != '\t')
		at++;
	if (name == at)
		return fail(step, "script_interpreter_missing", ERR_NOEXEC);
	if (at == end && cut)
		return fail(step, "script_interpreter_long", ERR_NOEXEC);
	p->kind = PLAN_SCRIPT;
	p->image.segment_count = 0;
	p->interpreter_size = (u32)(at - name);
	memcpy(p->interpreter, name, p->interpreter_size);
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	p->argument_size = (u32)MIN((size_t)(end - at), (size_t)PROC_SCRIPT_LINE_MAX);
	memcpy(p->argument, at, p->argument_size);
	return OK;
}

static status_t read_headers(int fd, const u8 *head, size_t size, struct plan *p, const char **step)
{
	static __thread u8 far_headers[ELF_PROGRAM_HEADERS_MAX * ELF_PROGRAM_HEADER_BYTES];
	u64 bytes = (u64)p->image.header_count * ELF_PROGRAM_HEADER_BYTES;
	if (p->image.headers_offset <= size && bytes <= size - p->image.headers_offset)
		return elf_parse_segments(head + p->image.headers_offset, bytes, &p->image, step);
	size_t got = 0;
	status_t st = read_at(fd, far_headers, bytes, p->image.headers_offset, &got);
	if (st)
		return fail(step, "program_header_read", st);
	return elf_parse_segments(far_headers, got, &p->image, step);
}

static status_t read_interpreter(int fd, const u8 *head, size_t size, struct plan *p, const char **step)
{
	u64 bytes = p->image.interpreter_size, offset = p->image.interpreter_offset;
	size_t got = bytes;
	status_t st = OK;
	p->interpreter_size = 0;
	if (bytes == 0)
		return OK;
	if (offset <= size && bytes <= size - offset)
		memcpy(p->interpreter, head + offset, bytes);
	else
		st = read_at(fd, p->interpreter, bytes, offset, &got);
	if (st || got != bytes)
		return fail(step, "interpreter_read", st ? st : ERR_IO);
	st = elf_check_interpreter(p->interpreter, bytes, step);
	p->interpreter_size = (u32)strnlen(p->interpreter, bytes);
	if (!st && p->interpreter_size == 0)
		return fail(step, "interpreter_text", ERR_NOENT);
	return st;
}

status_t plan_make(int fd, const struct proc_file_key *key, struct plan *p, const char **step)
{
	static __thread u8 head[HEAD_BYTES];
	size_t size = 0;
	if (cache_find(key, p))
		return OK;
	status_t st = read_at(fd, head, sizeof(head), 0, &size);
	if (st)
		return fail(step, "read", st);
	p->argument_size = p->interpreter_size = 0;
	p->kind = PLAN_ELF;
	if (size >= 2 && head[0] == '#' && head[1] == '!') {
		st = parse_script((const char *)head, size, p, step);
	} else if (size >= 2 && head[0] == 'M' && head[1] == 'Z') {
		p->kind = PLAN_PE;
		p->image.segment_count = 0;
	} else {
		st = elf_parse_header(head, size, &p->image, step);
		if (!st)
			st = read_headers(fd, head, size, p, step);
		if (!st)
			st = read_interpreter(fd, head, size, p, step);
	}
	if (!st)
		cache_store(key, p);
	return st;
}
