// SPDX-License-Identifier: MIT
/* Random mmap, munmap, mprotect, mremap, madvise and stores in a window of pages, each step checked against a
 * model of what every page must hold and allow. usage: mem_random [steps [seed]] */
#include "check.h"
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES 96
#define FILE_PAGES 32

enum kind { NONE, ANON, FILE_SHARED, FILE_PRIVATE };
struct model_page {
	enum kind kind;
	int prot;
	int own;       /* a private copy exists: value counts, else the file's */
	uint32_t value;
	int file_page;
};

static struct model_page model[PAGES];
static uint32_t file_value[FILE_PAGES];
static char *window;
static int fd;
static unsigned seed = 1;
static sigjmp_buf jump;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

static int load(const char *p, uint32_t *v)
{
	if (sigsetjmp(jump, 1))
		return 0;
	*v = *(volatile const uint32_t *)p;
	return 1;
}

static int store(char *p, uint32_t v)
{
	if (sigsetjmp(jump, 1))
		return 0;
	*(volatile uint32_t *)p = v;
	return 1;
}

static unsigned pick(unsigned n) { return (unsigned)rand_r(&seed) % n; }
static char *at(int i) { return window + (size_t)i * PAGE; }

static uint32_t expected(const struct model_page *m)
{
	return m->kind == ANON || m->own ? m->value : file_value[m->file_page];
}

static int page_is_right(int i)
{
	struct model_page *m = &model[i];
	uint32_t v = 0;
	int ok = load(at(i), &v);
	int readable = m->kind != NONE && m->prot != PROT_NONE;
	if (ok != readable || (ok && v != expected(m))) {
		printf("  page %d kind %d prot %d: read %s value %u, model %u\n", i, m->kind, m->prot, ok ? "ok" : "faults", v,
		       readable ? expected(m) : 0);
		return 0;
	}
	return 1;
}

static int random_prot(void)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };
	return prots[pick(4)];
}

static int do_map(int i, int n)
{
	int prot = random_prot(), kind = ANON + (int)pick(3), first = (int)pick(FILE_PAGES - 1);
	if (first + n > FILE_PAGES)
		n = FILE_PAGES - first;
	int flags = MAP_FIXED | (kind == FILE_SHARED ? MAP_SHARED : MAP_PRIVATE) | (kind == ANON ? MAP_ANONYMOUS : 0);
	if (mmap(at(i), n * PAGE, prot, flags, kind == ANON ? -1 : fd, kind == ANON ? 0 : first * (off_t)PAGE) != at(i))
		return 0;
	for (int k = 0; k < n; k++)
		model[i + k] = (struct model_page){ kind, prot, 0, 0, first + k };
	return 1;
}

static int do_protect(int i, int n)
{
	int prot = random_prot(), hole = 0;
	for (int k = 0; k < n && !hole; k++) {
		hole = model[i + k].kind == NONE;
		if (!hole)
			model[i + k].prot = prot;
	}
	return mprotect(at(i), n * PAGE, prot) == (hole ? -1 : 0);
}

static int do_store(int i, int n)
{
	for (int k = 0; k < n; k++) {
		struct model_page *m = &model[i + k];
		uint32_t v = (uint32_t)rand_r(&seed) | 1;
		int writable = m->kind != NONE && (m->prot & PROT_WRITE);
		if (store(at(i + k), v) != writable)
			return 0;
		if (!writable)
			continue;
		if (m->kind == FILE_SHARED)
			file_value[m->file_page] = v;
		else
			m->own = 1, m->value = v;
	}
	return 1;
}

static int do_forget(int i, int n)
{
	int hole = 0;
	for (int k = 0; k < n; k++) {
		hole |= model[i + k].kind == NONE;
		model[i + k].own = 0;
		model[i + k].value = 0;
	}
	return madvise(at(i), n * PAGE, MADV_DONTNEED) == (hole ? -1 : 0);
}

/* Moves a run of one kind to a place that does not overlap it. */
static int do_move(int i, int n)
{
	int to = (int)pick(PAGES - (unsigned)n + 1), same = 1;
	for (int k = 1; k < n; k++)
		same &= model[i + k].kind == model[i].kind && model[i + k].prot == model[i].prot &&
			(model[i].kind == ANON || model[i + k].file_page - model[i].file_page == k);
	if (model[i].kind == NONE || !same || (to < i + n && i < to + n))
		return 1;
	void *p = mremap(at(i), n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at(to));
	if (p == MAP_FAILED && errno == EFAULT)
		return 1; /* the run spans two mappings; mremap refuses before it unmaps the target only sometimes */
	if (p != at(to))
		return 0;
	for (int k = 0; k < n; k++) {
		model[to + k] = model[i + k];
		model[i + k] = (struct model_page){ 0 };
	}
	return 1;
}

static int do_fork(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		int bad = 0;
		for (int i = 0; i < PAGES; i++) {
			bad += !page_is_right(i);
			if (model[i].kind != FILE_SHARED && (model[i].prot & PROT_WRITE))
				bad += !store(at(i), 4);
		}
		_exit(bad != 0);
	}
	int status = -1;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int do_file_write(void)
{
	int page = (int)pick(FILE_PAGES);
	uint32_t v = (uint32_t)rand_r(&seed) | 1;
	file_value[page] = v;
	return pwrite(fd, &v, sizeof(v), page * (off_t)PAGE) == sizeof(v);
}

static int step(void)
{
	int n = 1 + (int)pick(12), i = (int)pick(PAGES - 12);
	switch (pick(16)) {
	case 0: case 1: case 2:
		return do_map(i, n);
	case 3:
		for (int k = 0; k < n; k++)
			model[i + k] = (struct model_page){ 0 };
		return munmap(at(i), n * PAGE) == 0;
	case 4: case 5: case 6:
		return do_protect(i, n);
	case 7:
		return do_forget(i, n);
	case 8: case 9:
		return do_move(i, n);
	case 10:
		return do_file_write();
	case 11:
		return pick(8) ? 1 : do_fork();
	default:
		return do_store(i, n);
	}
}

static int steps = 3000;

CASE(random_changes_keep_to_the_model)
{
	struct sigaction sa = { .sa_handler = on_fault };
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	window = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(window, PAGES * PAGE);
	fd = memfd_create("model", 0);
	CHECK(fd >= 0 && ftruncate(fd, FILE_PAGES * PAGE) == 0);
	for (int s = 0; s < steps; s++) {
		int ok = step(), wrong = 0;
		CHECK(ok);
		for (int i = 0; i < PAGES; i++)
			wrong += !page_is_right(i);
		CHECK(wrong == 0);
		if (!ok || wrong) {
			printf("  step %d\n", s);
			break;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		steps = atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	RUN(random_changes_keep_to_the_model);
	return check_summary();
}
