// SPDX-License-Identifier: MIT
// Where the installation's files are: AMBOS_HOME, or the folder of the executable.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ambos.h"

const char *find_home(void)
{
	static char home[PATH_BYTES];
	const char *named = getenv("AMBOS_HOME");
	if (named && *named) {
		snprintf(home, sizeof(home), "%s", named);
		return home;
	}
	ssize_t n = readlink("/proc/self/exe", home, sizeof(home) - 1);
	if (n <= 0)
		die(EXIT_AMBOS_FAILED, "cannot find my own folder: %s; set AMBOS_HOME", strerror(errno));
	home[n] = 0;
	char *slash = strrchr(home, '/');
	if (slash)
		*slash = 0;
	return home;
}

const char *find_kernel(void)
{
	static char path[PATH_BYTES + 64];
	const char *named = getenv("AMBOS_KERNEL");
	if (named && *named) {
		if (access(named, R_OK))
			die(EXIT_AMBOS_FAILED, "kernel %s: %s (from AMBOS_KERNEL)", named, strerror(errno));
		return named;
	}
	static const char *const places[] = { "out/release/kernel.elf", "kernel.elf", "../share/ambos/kernel.elf" };
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", find_home(), places[i]);
		if (access(path, R_OK) == 0)
			return path;
	}
	die(EXIT_AMBOS_FAILED, "no kernel at %s/out/release/kernel.elf: build it with `make kernel`, or set AMBOS_HOME",
	    find_home());
}

const char *find_image(const struct options *o)
{
	static char path[PATH_BYTES + 64];
	const char *named = o->image ? o->image : getenv("AMBOS_IMAGE");
	if (named && *named) {
		if (access(named, R_OK))
			die(EXIT_AMBOS_FAILED, "image %s: %s; `ambos image` lists and builds images", named, strerror(errno));
		return named;
	}
	snprintf(path, sizeof(path), "%s/out/image/system.erofs", find_home());
	if (access(path, R_OK))
		die(EXIT_AMBOS_FAILED, "no system image at %s: build it with `ambos image build`", path);
	return path;
}

bool find_qemu(char *buffer, size_t size)
{
	const char *named = getenv("AMBOS_QEMU");
	if (named && *named) {
		snprintf(buffer, size, "%s", named);
		return access(buffer, X_OK) == 0;
	}
	const char *path = getenv("PATH");
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");
		snprintf(buffer, size, "%.*s/qemu-system-x86_64", (int)length, path);
		if (access(buffer, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}
