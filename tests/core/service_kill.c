// SPDX-License-Identifier: MIT
// Kills one foundation service N times under load; nobody may see an error. Arguments: SERVICE_ID KILLS [COMMAND ...].
// Without a command the load is: create, write, rename, read and remove files, and run a small program in a loop. A command
// is started as the load; it makes /tmp/ready when the killing may begin and ends with status 0 soon after /tmp/stop appears.
// Runs in the guest, or as init=service_kill with `services`, on a kernel with test_ipc.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

struct shared { volatile u32 stop; volatile u64 runs, files, errors; };
static struct shared *shared;
static const char *program = "/quiet";

/* mov $231,%eax; xor %edi,%edi; syscall: exit_group(0) */
static void write_quiet(void)
{
	u8 file[64 + 56 + 12] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1 };
	const u8 code[] = { 0xb8, 231, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 };
	u64 entry = 0x400078, phoff = 64, va = 0x400000, size = sizeof(file), align = 4096;
	u32 type_flags[2] = { 1, 5 };
	memcpy(file + 24, &entry, 8);
	memcpy(file + 32, &phoff, 8);
	file[52] = 64, file[54] = 56, file[56] = 1;
	memcpy(file + 64, type_flags, 8);
	memcpy(file + 64 + 16, &va, 8);
	memcpy(file + 64 + 32, &size, 8);
	memcpy(file + 64 + 40, &size, 8);
	memcpy(file + 64 + 48, &align, 8);
	memcpy(file + 120, code, sizeof(code));
	int fd = open("/quiet", O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (fd < 0 || write(fd, file, sizeof(file)) != (ssize_t)sizeof(file))
		perror("/quiet");
	close(fd);
}

static void failed(const char *what)
{
	printf("%s: errno %d\n", what, errno);
	__atomic_add_fetch(&shared->errors, 1, __ATOMIC_RELAXED);
}

static void run_loop(void)
{
	char *argv[] = { (char *)program, NULL }, *envp[] = { NULL };
	while (!shared->stop) {
		int status = -1;
		pid_t pid = vfork();
		if (pid == 0) {
			execve(program, argv, envp);
			_exit(100);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			printf("status 0x%x ", status);
			failed("run");
		}
		__atomic_add_fetch(&shared->runs, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

static void file_loop(int me)
{
	char a[32], b[32], text[16], back[16];
	for (u32 i = 0; !shared->stop; i++) {
		snprintf(a, sizeof(a), "/file%d.%u", me, i % 7);
		snprintf(b, sizeof(b), "/other%d.%u", me, i % 5);
		snprintf(text, sizeof(text), "%u", i);
		int fd = open(a, O_CREAT | O_EXCL | O_RDWR, 0644);
		if (fd < 0)
			failed("create");
		else if (write(fd, text, 16) != 16)
			failed("write");
		close(fd);
		if (rename(a, b))
			failed("rename");
		fd = open(b, O_RDONLY);
		if (fd < 0 || read(fd, back, 16) != 16 || memcmp(back, text, 16))
			failed("read back");
		close(fd);
		if (unlink(b))
			failed("unlink");
		if (open(b, O_RDONLY) >= 0 || errno != ENOENT)
			failed("unlinked name");
		__atomic_add_fetch(&shared->files, 1, __ATOMIC_RELAXED);
	}
	_exit(0);
}

static u32 service_pid(u32 service)
{
	struct service_test_request q = { 0 };
	struct service_test_reply reply = { 0 };
	s64 st = call_service(service, SERVICE_OP_TEST, &q, sizeof(q), &reply, sizeof(reply));
	if (st)
		printf("test door of service %u: %lld\n", service, (long long)st);
	return st ? 0 : reply.pid;
}

static pid_t children[3];
static void start_loops(void)
{
	write_quiet();
	for (int i = 0; i < 3; i++) {
		if ((children[i] = fork()) != 0)
			continue;
		if (i == 0)
			run_loop();
		file_loop(i);
	}
}

static void start_command(char **argv)
{
	unlink("/tmp/stop");
	unlink("/tmp/ready");
	children[0] = fork();
	if (children[0] == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (access("/tmp/ready", F_OK) && waitpid(children[0], NULL, WNOHANG) == 0)
		usleep(10000);
}

static void stop_load(bool command)
{
	int status = 0;
	shared->stop = 1;
	if (command)
		close(open("/tmp/stop", O_CREAT | O_WRONLY, 0600));
	for (int i = 0; i < 3; i++) {
		if (children[i] > 0 && waitpid(children[i], &status, 0) == children[i] && status != 0) {
			printf("load ended with status 0x%x\n", status);
			shared->errors++;
		}
	}
}

int main(int argc, char **argv)
{
	u32 service = argc > 1 ? (u32)atoi(argv[1]) : SERVICE_VFSD;
	int kills = argc > 2 ? atoi(argv[2]) : 100, killed = 0;
	bool command = argc > 3;
	setvbuf(stdout, NULL, _IONBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (command)
		start_command(argv + 3);
	else
		start_loops();
	for (int k = 0; k < kills; k++) {
		service_pid(service); /* waits until the new instance answers */
		usleep((unsigned)(rand() % (command ? 100000 : 4000)));
		killed += call_service(service, SERVICE_OP_KILL, NULL, 0, NULL, 0) == OK;
	}
	stop_load(command);
	bool good = !shared->errors && killed == kills;
	printf("%s restart service %u killed %d times under %s, %llu programs, %llu file rounds, %llu errors\n", good ? "ok" : "FAIL",
	       service, killed, command ? "real programs" : "small loops", (unsigned long long)shared->runs,
	       (unsigned long long)shared->files, (unsigned long long)shared->errors);
	return !good;
}
