// SPDX-License-Identifier: MIT
// Names in the guest: users and groups from /etc/passwd and /etc/group, programs by PATH.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dos_path.h"
#include "runtimed.h"

#define TABLE_BYTES 65536u /* /etc/passwd and /etc/group of a system image are a few KiB */
#define FIELDS_MAX 7
#define DEFAULT_SEARCH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/system/drive_c/Windows/System32"

static char table[TABLE_BYTES];

static status_t read_table(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	u32 got = 0;
	ssize_t n;
	while (got < sizeof(table) - 1 && (n = read(fd, table + got, sizeof(table) - 1 - got)) > 0)
		got += (u32)n;
	close(fd);
	table[got] = 0;
	return OK;
}

/* Cuts one line off *rest and its fields at the colons. Number of fields; 0 at the end of the table. */
static u32 next_line(char **rest, char *fields[FIELDS_MAX])
{
	char *line = *rest;
	if (!*line)
		return 0;
	char *end = strchr(line, '\n');
	*rest = end ? end + 1 : line + strlen(line);
	if (end)
		*end = 0;
	u32 count = 0;
	while (count < FIELDS_MAX) {
		fields[count++] = line;
		char *colon = strchr(line, ':');
		if (!colon)
			break;
		*colon = 0;
		line = colon + 1;
	}
	return count;
}

static bool in_list(const char *list, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

static void add_groups(struct account *out)
{
	char *rest = table, *fields[FIELDS_MAX];
	u32 n;
	out->groups[out->group_count++] = out->gid;
	if (read_table("/etc/group"))
		return;
	while ((n = next_line(&rest, fields)) > 0) {
		if (n < 4 || !in_list(fields[3], out->name) || out->group_count == GROUPS_MAX)
			continue;
		u32 gid = (u32)strtoul(fields[2], NULL, 10);
		if (gid != out->gid)
			out->groups[out->group_count++] = gid;
	}
}

static bool is_number(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

static void set_text(char *dst, const char *src, size_t size)
{
	size_t n = MIN(strlen(src), size - 1);
	memcpy(dst, src, n);
	dst[n] = 0;
}

status_t find_user(const char *name, struct account *out)
{
	char *rest = table, *fields[FIELDS_MAX];
	u32 n;
	memset(out, 0, sizeof(*out));
	set_text(out->name, name, sizeof(out->name));
	set_text(out->home, "/", sizeof(out->home));
	set_text(out->shell, "/bin/sh", sizeof(out->shell));
	bool root = !strcmp(name, "root");
	if (read_table("/etc/passwd") == OK)
		while ((n = next_line(&rest, fields)) > 0) {
			if (n < 7 || (strcmp(fields[0], name) != 0 && strcmp(fields[2], name) != 0))
				continue;
			set_text(out->name, fields[0], sizeof(out->name));
			out->uid = (u32)strtoul(fields[2], NULL, 10);
			out->gid = (u32)strtoul(fields[3], NULL, 10);
			set_text(out->home, fields[5], sizeof(out->home));
			if (*fields[6])
				set_text(out->shell, fields[6], sizeof(out->shell));
			add_groups(out);
			return OK;
		}
	if (!root && !is_number(name))
		return ERR_NOENT;
	if (!root)
		out->uid = out->gid = (u32)strtoul(name, NULL, 10);
	out->groups[out->group_count++] = out->gid;
	return OK;
}

static status_t check_program(const char *path)
{
	struct stat st;
	if (stat(path, &st))
		return -errno;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? OK : ERR_ACCES;
}

static status_t join(char *out, u32 size, const char *folder, size_t folder_length, const char *name)
{
	size_t length = strlen(name);
	if (folder_length + 1 + length + 1 > size)
		return ERR_NAMETOOLONG;
	memcpy(out, folder, folder_length);
	out[folder_length] = '/';
	memcpy(out + folder_length + 1, name, length + 1);
	return OK;
}

status_t find_program(const char *name, const char *search, const char *cwd, char *path, u32 size)
{
	if (!*name)
		return ERR_NOENT;
	if (dos_path_is(name)) { /* a file of this very name in the working directory goes first */
		bool unix_name = !strchr(name, '/') && join(path, size, cwd, strlen(cwd), name) == OK && check_program(path) == OK;
		status_t st = unix_name ? OK : dos_path_find(name, path, size);
		return st ? st : check_program(path);
	}
	if (name[0] == '/') {
		set_text(path, name, size);
		return strlen(name) < size ? check_program(path) : ERR_NAMETOOLONG;
	}
	if (strchr(name, '/')) {
		status_t st = join(path, size, cwd, strlen(cwd), name);
		return st ? st : check_program(path);
	}
	status_t result = ERR_NOENT;
	for (const char *at = search ? search : DEFAULT_SEARCH; *at;) {
		size_t length = strcspn(at, ":");
		if (length && join(path, size, at, length, name) == OK) {
			status_t st = check_program(path);
			if (st == OK)
				return OK;
			if (st == ERR_ACCES)
				result = ERR_ACCES; /* found, but goes on: as a shell does */
		}
		at += length + (at[length] == ':');
	}
	return result;
}
