// SPDX-License-Identifier: MIT
// execve(2), execveat(2): arguments, auxiliary vector, scripts, limits, what survives and what does not.
// The program executes itself: argv[1] "probe" makes it report on what it was given.
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char self[PATH_MAX], dir[PATH_MAX];
static char *no_environment[] = { NULL };

static const char *in_dir(const char *name)
{
	static char paths[8][PATH_MAX + 64];
	static int next;
	char *p = paths[next++ % 8];
	snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
	return p;
}

static void put_file(const char *path, const void *data, size_t size, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0700);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchmod(fd, mode))
		perror(path);
	close(fd);
}

/* Runs in a child; its output goes to out. Exit status, 128 + signal, or -errno of execve. */
static int run_at(int dirfd, const char *path, char *const argv[], char *const envp[], int flags, char *out, size_t size)
{
	int pipes[2], report[2], status = 0, error = 0;
	if (pipe(pipes) || pipe2(report, O_CLOEXEC))
		return -1000;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		if (flags < 0)
			execve(path, argv, envp);
		else
			syscall(SYS_execveat, dirfd, path, argv, envp, flags);
		error = errno;
		_exit(write(report[1], &error, sizeof(error)) != sizeof(error));
	}
	close(pipes[1]);
	close(report[1]);
	size_t got = 0;
	for (ssize_t n; got + 1 < size && (n = read(pipes[0], out + got, size - 1 - got)) > 0;)
		got += (size_t)n;
	out[got] = '\0';
	if (read(report[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(pipes[0]);
	close(report[0]);
	waitpid(pid, &status, 0);
	return error ? -error : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(const char *path, char *const argv[], char *const envp[], char *out, size_t size)
{
	return run_at(-1, path, argv, envp, -1, out, size);
}

static int error_of(const char *path)
{
	char out[16];
	char *argv[] = { "x", NULL };
	return -run(path, argv, no_environment, out, sizeof(out));
}

/* ---- the probe ---- */
static void probe_arguments(int argc, char **argv, char **envp)
{
	for (int i = 2; i < argc; i++)
		printf("[%s]", argv[i]);
	for (char **e = envp; *e; e++)
		printf("{%s}", *e);
}

static int probe(int argc, char **argv, char **envp)
{
	const char *what = argv[2];
	if (!strcmp(what, "args")) {
		probe_arguments(argc, argv, envp);
	} else if (!strcmp(what, "comm")) {
		char name[17] = "";
		prctl(PR_GET_NAME, name);
		printf("%s", name);
	} else if (!strcmp(what, "execfn")) {
		printf("%s", (const char *)getauxval(AT_EXECFN));
	} else if (!strcmp(what, "auxv")) {
		printf("%lu %d %d %d %d", getauxval(AT_PAGESZ), getauxval(AT_PHDR) != 0, getauxval(AT_RANDOM) != 0,
		       getauxval(AT_SECURE) != 0, getauxval(AT_UID) == getuid());
	} else if (!strcmp(what, "fd")) {
		printf("%d", fcntl(atoi(argv[3]), F_GETFD));
	} else if (!strcmp(what, "signals")) {
		struct sigaction a, b;
		sigset_t set;
		sigaction(SIGUSR1, NULL, &a);
		sigaction(SIGUSR2, NULL, &b);
		sigprocmask(SIG_SETMASK, NULL, &set);
		sigpending(&set);
		printf("%d %d %d", a.sa_handler == SIG_DFL, b.sa_handler == SIG_IGN, sigismember(&set, SIGHUP));
	} else if (!strcmp(what, "ids")) {
		printf("%d %d %d", (int)getuid(), (int)geteuid(), getauxval(AT_SECURE) != 0);
	}
	return 0;
}

/* ---- cases ---- */
CASE(arguments_and_environment_arrive)
{
	char out[256];
	char *argv[] = { "zero", "probe", "args", "a b", "", "c", NULL }, *envp[] = { "X=1", "Y=", NULL };
	CHECK(run(self, argv, envp, out, sizeof(out)) == 0);
	CHECK(strcmp(out, "[args][a b][][c]{X=1}{Y=}") == 0);
}

CASE(comm_is_the_last_component_cut_to_15)
{
	char out[64];
	char *argv[] = { "zero", "probe", "comm", NULL };
	const char *path = in_dir("a_rather_long_program_name");
	CHECK(symlink(self, path) == 0);
	CHECK(run(path, argv, no_environment, out, sizeof(out)) == 0);
	CHECK(strcmp(out, "a_rather_long_p") == 0);
	unlink(path);
}

CASE(execfn_is_the_path_as_given)
{
	char out[PATH_MAX];
	char *argv[] = { "zero", "probe", "execfn", NULL };
	CHECK(run(self, argv, no_environment, out, sizeof(out)) == 0);
	CHECK(strcmp(out, self) == 0);
}

CASE(auxiliary_vector_is_complete)
{
	char out[64];
	char *argv[] = { "zero", "probe", "auxv", NULL };
	CHECK(run(self, argv, no_environment, out, sizeof(out)) == 0);
	CHECK(strcmp(out, "4096 1 1 0 1") == 0);
}

CASE(names_that_cannot_be_executed)
{
	put_file(in_dir("plain"), "hello\n", 6, 0644);
	put_file(in_dir("text"), "hello\n", 6, 0755);
	put_file(in_dir("empty"), "", 0, 0755);
	CHECK(error_of(in_dir("missing")) == ENOENT);
	CHECK(error_of(in_dir("plain")) == EACCES);
	CHECK(error_of(in_dir("text")) == ENOEXEC);
	CHECK(error_of(in_dir("empty")) == ENOEXEC);
	CHECK(error_of(dir) == EACCES);
	CHECK(error_of(in_dir("text/x")) == ENOTDIR);
	CHECK(error_of("") == ENOENT);
}

CASE(script_gets_interpreter_argument_and_name)
{
	char out[512], line[PATH_MAX + 64], want[PATH_MAX + 64];
	char *argv[] = { "zero", "one", "two", NULL };
	/* the interpreter is this program: "probe args" must come from the line's single argument */
	snprintf(line, sizeof(line), "#!%s  probe\n", self);
	put_file(in_dir("script"), line, strlen(line), 0755);
	char *args[] = { "zero", "args", NULL };
	/* argv is then: self, "probe", script, "args" */
	(void)args;
	CHECK(run(in_dir("script"), argv, no_environment, out, sizeof(out)) == 0);
	snprintf(line, sizeof(line), "#!/bin/sh -e\necho \"$0|$1|$2|$#\"\n");
	put_file(in_dir("shell"), line, strlen(line), 0755);
	CHECK(run(in_dir("shell"), argv, no_environment, out, sizeof(out)) == 0);
	snprintf(want, sizeof(want), "%s|one|two|2\n", in_dir("shell"));
	CHECK(strcmp(out, want) == 0);
}

CASE(script_of_a_missing_interpreter_is_enoent)
{
	put_file(in_dir("orphan"), "#!/no/such/interpreter\n", 23, 0755);
	CHECK(error_of(in_dir("orphan")) == ENOENT);
	put_file(in_dir("nothing"), "#!\n", 3, 0755);
	CHECK(error_of(in_dir("nothing")) == ENOEXEC);
	put_file(in_dir("blank"), "#!   \n", 6, 0755);
	CHECK(error_of(in_dir("blank")) == ENOEXEC);
}

CASE(scripts_nest_to_a_depth)
{
	char line[PATH_MAX + 64], out[64];
	char *argv[] = { "x", NULL };
	put_file(in_dir("n0"), "#!/bin/sh\necho deep\n", 20, 0755);
	for (int i = 1; i < 7; i++) {
		char name[8], before[8];
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(before, sizeof(before), "n%d", i - 1);
		snprintf(line, sizeof(line), "#!%s\n", in_dir(before));
		put_file(in_dir(name), line, strlen(line), 0755);
	}
	CHECK(run(in_dir("n3"), argv, no_environment, out, sizeof(out)) == 0);
	CHECK(strcmp(out, "deep\n") == 0);
	CHECK(error_of(in_dir("n6")) == ELOOP);
}

CASE(argument_limits)
{
	static char big[140 * 1024];
	char *many[64];
	char out[16];
	memset(big, 'x', sizeof(big) - 1);
	char *argv[] = { "x", big, NULL };
	CHECK(run(self, argv, no_environment, out, sizeof(out)) == -E2BIG);
	big[120 * 1024] = '\0';
	CHECK(run(self, argv, no_environment, out, sizeof(out)) != -E2BIG);
	for (int i = 0; i < 63; i++)
		many[i] = big;
	many[63] = NULL;
	CHECK(run(self, many, no_environment, out, sizeof(out)) == -E2BIG); /* 7.4 MiB: over a quarter of the stack */
}

CASE(bad_pointers_are_efault)
{
	char out[16];
	char *argv[] = { "x", NULL };
	char **volatile bad_array = (char **)8; /* volatile: the compiler must not see that it is bad */
	const char *volatile bad_path = (const char *)8;
	CHECK(run(self, bad_array, no_environment, out, sizeof(out)) == -EFAULT);
	CHECK(run(bad_path, argv, no_environment, out, sizeof(out)) == -EFAULT);
	char *bad[] = { "x", (char *)8, NULL };
	CHECK(run(self, bad, no_environment, out, sizeof(out)) == -EFAULT);
}

CASE(close_on_exec_closes_and_others_stay)
{
	char out[32], number[16];
	int closed = open("/dev/null", O_RDONLY | O_CLOEXEC), kept = open("/dev/null", O_RDONLY);
	char *argv[] = { "zero", "probe", "fd", number, NULL };
	snprintf(number, sizeof(number), "%d", closed);
	CHECK(run(self, argv, no_environment, out, sizeof(out)) == 0 && strcmp(out, "-1") == 0);
	snprintf(number, sizeof(number), "%d", kept);
	CHECK(run(self, argv, no_environment, out, sizeof(out)) == 0 && strcmp(out, "0") == 0);
	close(closed);
	close(kept);
}

static void handler(int n) { (void)n; }

CASE(handlers_go_ignored_and_pending_stay)
{
	char out[32];
	char *argv[] = { "zero", "probe", "signals", NULL };
	sigset_t set, old;
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	int pipes[2];
	CHECK(pipe(pipes) == 0);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		raise(SIGHUP);
		dup2(pipes[1], 1);
		execve(self, argv, no_environment);
		_exit(99);
	}
	close(pipes[1]);
	ssize_t n = read(pipes[0], out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = '\0';
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	CHECK(strcmp(out, "1 1 1") == 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

CASE(set_user_id_changes_the_effective_id)
{
	char out[64];
	char *argv[] = { "zero", "probe", "ids", NULL };
	if (getuid() != 0)
		return;
	const char *copy = in_dir("setuid");
	char command[3 * PATH_MAX];
	snprintf(command, sizeof(command), "cp %s %s && chown 1234 %s && chmod 4755 %s", self, copy, copy, copy);
	CHECK(system(command) == 0);
	CHECK(run(copy, argv, no_environment, out, sizeof(out)) == 0);
	CHECK(strcmp(out, "0 1234 1") == 0 || strcmp(out, "0 0 0") == 0); /* the latter where the folder is nosuid or a share */
	unlink(copy);
}

CASE(a_file_open_for_writing_is_busy)
{
	const char *copy = in_dir("busy");
	char command[3 * PATH_MAX];
	snprintf(command, sizeof(command), "cp %s %s", self, copy);
	CHECK(system(command) == 0);
	int fd = open(copy, O_WRONLY);
	CHECK(error_of(copy) == ETXTBSY);
	close(fd);
	unlink(copy);
}

CASE(execveat_by_descriptor_and_relative)
{
	char out[PATH_MAX + 64];
	char *argv[] = { "zero", "probe", "execfn", NULL };
	int fd = open(self, O_RDONLY | O_CLOEXEC), at = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK(run_at(fd, "", argv, no_environment, AT_EMPTY_PATH, out, sizeof(out)) == 0);
	CHECK(strncmp(out, "/dev/fd/", 8) == 0);
	CHECK(run_at(fd, "", argv, no_environment, 0, out, sizeof(out)) == -ENOENT);
	CHECK(symlink(self, in_dir("link")) == 0);
	CHECK(run_at(at, "link", argv, no_environment, 0, out, sizeof(out)) == 0);
	CHECK(run_at(at, "link", argv, no_environment, AT_SYMLINK_NOFOLLOW, out, sizeof(out)) == -ELOOP);
	CHECK(run_at(at, "link", argv, no_environment, 0x40000000, out, sizeof(out)) == -EINVAL);
	unlink(in_dir("link"));
	close(fd);
	close(at);
}

static void *exec_thread(void *arg)
{
	execve(self, arg, no_environment);
	return NULL;
}

CASE(exec_by_a_thread_keeps_the_pid_and_ends_the_others)
{
	char *argv[] = { "zero", "probe", "args", NULL };
	int status;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_t t;
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		pthread_create(&t, NULL, exec_thread, argv);
		for (;;)
			pause();
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

CASE(vfork_parent_runs_after_exec)
{
	char *argv[] = { "zero", "probe", "none", NULL };
	for (int i = 0; i < 50; i++) {
		int status = -1;
		pid_t pid = vfork();
		if (pid == 0) {
			execve(self, argv, no_environment);
			_exit(99);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
}

CASE(failed_exec_leaves_the_caller_untouched)
{
	char *argv[] = { "x", NULL };
	void *before = sbrk(0);
	errno = 0;
	CHECK(execve(in_dir("text"), argv, no_environment) == -1 && errno == ENOEXEC);
	CHECK(sbrk(0) == before);
	CHECK(execve(in_dir("missing"), argv, no_environment) == -1 && errno == ENOENT);
}

int main(int argc, char **argv, char **envp)
{
	if (argc > 2 && !strcmp(argv[1], "probe"))
		return probe(argc, argv, envp);
	if (argc > 1)
		return 0; /* as a script's interpreter */
	const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	snprintf(dir, sizeof(dir), "%s/exec.XXXXXX", base);
	if (!mkdtemp(dir) || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 99;
	RUN(arguments_and_environment_arrive);
	RUN(comm_is_the_last_component_cut_to_15);
	RUN(execfn_is_the_path_as_given);
	RUN(auxiliary_vector_is_complete);
	RUN(names_that_cannot_be_executed);
	RUN(script_gets_interpreter_argument_and_name);
	RUN(script_of_a_missing_interpreter_is_enoent);
	RUN(scripts_nest_to_a_depth);
	RUN(argument_limits);
	RUN(bad_pointers_are_efault);
	RUN(close_on_exec_closes_and_others_stay);
	RUN(handlers_go_ignored_and_pending_stay);
	RUN(set_user_id_changes_the_effective_id);
	RUN(a_file_open_for_writing_is_busy);
	RUN(execveat_by_descriptor_and_relative);
	RUN(exec_by_a_thread_keeps_the_pid_and_ends_the_others);
	RUN(vfork_parent_runs_after_exec);
	RUN(failed_exec_leaves_the_caller_untouched);
	char command[PATH_MAX + 16];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return check_summary() | system(command);
}
