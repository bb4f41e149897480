// SPDX-License-Identifier: MIT
// A program named by its DOS path: the drive's folder, then each component, exact name first, else the first that differs
// in case only. Rules: docs/windows-paths.md.
#include <dirent.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "dos_path.h"

#define DRIVE_C "/system/drive_c"
#define EXTENSION ".exe"
#define COMPONENT_BYTES 256u /* NAME_MAX and a NUL */

static bool is_separator(char c) { return c == '\\' || c == '/'; }

static const char *without_prefix(const char *name)
{
	bool prefixed = is_separator(name[0]) && is_separator(name[1]) && name[2] == '?' && is_separator(name[3]);
	return prefixed ? name + 4 : name;
}

bool dos_path_is(const char *name)
{
	const char *p = without_prefix(name);
	bool letter = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');
	return letter && p[1] == ':' && is_separator(p[2]);
}

static status_t append(char *path, u32 size, const char *text, size_t n)
{
	size_t length = strlen(path);
	if (length + n + 2 > size)
		return ERR_NAMETOOLONG;
	path[length] = '/';
	memcpy(path + length + 1, text, n);
	path[length + 1 + n] = '\0';
	return OK;
}

/* The entry of directory `path` that is `name` but for case; NOENT: none. */
static status_t append_folded(char *path, u32 size, const char *name, size_t n)
{
	status_t st = ERR_NOENT;
	DIR *d = opendir(*path ? path : "/");
	if (!d)
		return ERR_NOENT;
	for (struct dirent *e; st == ERR_NOENT && (e = readdir(d));)
		if (strlen(e->d_name) == n && strncasecmp(e->d_name, name, n) == 0)
			st = append(path, size, e->d_name, n);
	closedir(d);
	return st;
}

static status_t step(char *path, u32 size, const char *name, size_t n)
{
	struct stat s;
	size_t before = strlen(path);
	status_t st = append(path, size, name, n);
	if (st || stat(path, &s) == 0)
		return st;
	path[before] = '\0';
	return append_folded(path, size, name, n);
}

/* The last one may leave ".exe" out, as CreateProcess allows. */
static status_t last_step(char *path, u32 size, const char *name, size_t n)
{
	char with[COMPONENT_BYTES];
	status_t st = step(path, size, name, n);
	if (st != ERR_NOENT || memchr(name, '.', n) || n + sizeof(EXTENSION) > sizeof(with))
		return st;
	memcpy(with, name, n);
	memcpy(with + n, EXTENSION, sizeof(EXTENSION));
	return step(path, size, with, n + sizeof(EXTENSION) - 1);
}

static void parent(char *path, size_t least)
{
	char *slash = strrchr(path, '/');
	if (slash && (size_t)(slash - path) >= least)
		*slash = '\0';
}

status_t dos_path_find(const char *name, char *path, u32 size)
{
	const char *at = without_prefix(name);
	bool c = (at[0] | 32) == 'c';
	size_t root = c ? sizeof(DRIVE_C) - 1 : 0;
	if ((!c && (at[0] | 32) != 'z') || size <= sizeof(DRIVE_C))
		return ERR_NOENT;
	memcpy(path, DRIVE_C, root);
	path[root] = '\0';
	for (at += 2; *at;) {
		while (is_separator(*at))
			at++;
		size_t n = strcspn(at, "\\/");
		bool last = !at[n], dots = n == 2 && at[0] == '.' && at[1] == '.';
		status_t st = OK;
		if (dots)
			parent(path, root);
		else if (n && !(n == 1 && at[0] == '.'))
			st = last ? last_step(path, size, at, n) : step(path, size, at, n);
		if (st)
			return st;
		at += n;
	}
	return OK;
}
