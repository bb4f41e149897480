// SPDX-License-Identifier: MIT
// ambos: boots the system image in a fresh VM and runs a program there. Subcommands: run, shell, image, help.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ambos.h"

/* /dev/null needs no port; a closed descriptor is treated as one too. */
static u8 kind_of(int fd)
{
	struct stat st, null;
	if (fstat(fd, &st))
		return CONTROL_FD_NULL;
	if (isatty(fd))
		return CONTROL_FD_TTY;
	if (stat("/dev/null", &null) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == null.st_rdev)
		return CONTROL_FD_NULL;
	return CONTROL_FD_PIPE;
}

/* Descriptors of ours must not get the numbers 0 to 2. */
static void fill_standard_fds(void)
{
	struct stat st;
	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) && errno == EBADF && !freopen("/dev/null", fd ? "w" : "r",
				fd == 0 ? stdin : fd == 1 ? stdout : stderr))
			die(EXIT_AMBOS_FAILED, "cannot open /dev/null: %s", strerror(errno));
}

static int run_command(int argc, char **argv, bool login)
{
	static struct options o;
	struct vm vm = { 0 };
	u8 kind[3];
	bool wanted[PORT_COUNT] = { [PORT_CONTROL] = true };
	for (int fd = 0; fd < 3; fd++)
		kind[fd] = kind_of(fd);
	fill_standard_fds();
	options_parse(&o, argc, argv, login);
	for (int fd = 0; fd < 3; fd++) {
		wanted[PORT_TTY] |= kind[fd] == CONTROL_FD_TTY;
		wanted[PORT_FD0 + fd] = kind[fd] == CONTROL_FD_PIPE;
	}
	bool raw = kind[0] == CONTROL_FD_TTY && kind[1] == CONTROL_FD_TTY;
	shares_lock(&o);
	vm_start(&vm, &o, wanted);
	int status = session_run(&vm, &o, kind, raw);
	shares_unlock(&o);
	return status;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "help";
	if (!strcmp(command, "run"))
		return run_command(argc - 2, argv + 2, false);
	if (!strcmp(command, "shell"))
		return run_command(argc - 2, argv + 2, true);
	if (!strcmp(command, "image"))
		return image_command(argc - 2, argv + 2);
	if (!strcmp(command, "help") || !strcmp(command, "--help") || !strcmp(command, "-h"))
		return help_command(argc - 2, argv + 2);
	die(EXIT_AMBOS_FAILED, "unknown command %s; see `ambos help`", command);
}
