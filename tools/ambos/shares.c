// SPDX-License-Identifier: MIT
// Shared folders, and what PROGRAM means: relative with a '/' lies under the shared current folder, an absolute
// path inside a shared host folder is translated, another absolute path is the guest's, a bare name is left alone.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ambos.h"

#define DEFAULT_GUEST "/host"

static void check_folder(const char *path, struct share *s)
{
	struct stat st;
	if (!realpath(path, s->host))
		die(EXIT_AMBOS_FAILED, "--share %s: %s", path, strerror(errno));
	if (stat(s->host, &st) || !S_ISDIR(st.st_mode))
		die(EXIT_AMBOS_FAILED, "--share %s: not a folder", path);
}

static struct share *new_share(struct options *o)
{
	if (o->share_count == CONTROL_SHARES_MAX)
		die(EXIT_AMBOS_FAILED, "more than %u shared folders", CONTROL_SHARES_MAX);
	return &o->shares[o->share_count++];
}

void shares_add(struct options *o, const char *spec)
{
	struct share *s = new_share(o);
	char host[PATH_BYTES];
	snprintf(host, sizeof(host), "%s", spec);
	char *colon = strrchr(host, ':');
	if (colon && (!strcmp(colon, ":ro") || !strcmp(colon, ":rw"))) {
		s->read_only = colon[2] == 'o';
		*colon = 0;
		colon = strrchr(host, ':');
	}
	if (colon) {
		*colon = 0;
		if (colon[1] != '/')
			die(EXIT_AMBOS_FAILED, "--share %s: the guest folder must begin with '/'", spec);
		snprintf(s->guest, sizeof(s->guest), "%s", colon + 1);
	}
	check_folder(host, s);
	if (!colon) {
		const char *base = strrchr(s->host, '/') + 1;
		if (snprintf(s->guest, sizeof(s->guest), "/mnt/%s", *base ? base : "host") >= (int)sizeof(s->guest))
			die(EXIT_AMBOS_FAILED, "--share %s: name too long", spec);
	}
	size_t end = strlen(s->guest);
	while (end > 1 && s->guest[end - 1] == '/')
		s->guest[--end] = 0;
	if (end == 1)
		die(EXIT_AMBOS_FAILED, "--share %s: the guest's / cannot be replaced", spec);
}

static bool has_guest(const struct options *o, const char *guest)
{
	for (u32 i = 0; i < o->share_count; i++)
		if (!strcmp(o->shares[i].guest, guest))
			return true;
	return false;
}

void shares_finish(struct options *o)
{
	if (!o->no_share && !has_guest(o, DEFAULT_GUEST)) {
		struct share *s = new_share(o);
		check_folder(".", s);
		snprintf(s->guest, sizeof(s->guest), DEFAULT_GUEST);
	}
	for (u32 i = 0; i < o->share_count; i++) {
		snprintf(o->shares[i].tag, sizeof(o->shares[i].tag), "share%u", i);
		for (u32 j = 0; j < i; j++)
			if (!strcmp(o->shares[i].guest, o->shares[j].guest))
				die(EXIT_AMBOS_FAILED, "two folders are shared at %s", o->shares[i].guest);
	}
	o->default_share = has_guest(o, DEFAULT_GUEST);
	const char *base = o->default_share ? DEFAULT_GUEST : "/";
	if (!o->cwd)
		o->cwd = base;
	if (o->cwd[0] != '/') {
		snprintf(o->cwd_buffer, sizeof(o->cwd_buffer), "%s/%s", o->default_share ? base : "", o->cwd);
		o->cwd = o->cwd_buffer;
	}
}

/* Removes ".", ".." and doubled slashes from an absolute path, without looking at links. */
static void normalise(char *path)
{
	char *out = path;
	for (char *in = path; *in;) {
		in += strspn(in, "/");
		size_t length = strcspn(in, "/");
		if (length == 2 && in[0] == '.' && in[1] == '.') {
			while (out > path && *--out != '/')
				;
		} else if (length && !(length == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, length);
			out += length;
		}
		in += length;
	}
	if (out == path)
		*out++ = '/';
	*out = 0;
}

/* The rest of `path` below the share's folder ("" or "/..."), or NULL. */
static const char *inside(const struct share *s, const char *path)
{
	size_t length = strcmp(s->host, "/") ? strlen(s->host) : 0;
	if (strncmp(path, s->host, length) || (path[length] && path[length] != '/'))
		return NULL;
	return path + length;
}

static const char *translate_absolute(const struct options *o, const char *path, char *buffer, size_t size)
{
	const struct share *best = NULL;
	const char *best_rest = NULL;
	for (u32 i = 0; i < o->share_count; i++) {
		const char *rest = inside(&o->shares[i], path);
		if (rest && (!best_rest || strlen(rest) < strlen(best_rest))) {
			best = &o->shares[i];
			best_rest = rest;
		}
	}
	if (!best)
		return NULL;
	if (snprintf(buffer, size, "%s%s", best->guest, best_rest) >= (int)size)
		die(EXIT_NOT_FOUND, "%s: name too long", path);
	return buffer;
}

/* Host spelling of a path whose folder may be reached through links. */
static void resolve_folder(const char *program, char *path, size_t size)
{
	char folder[PATH_BYTES], real[PATH_BYTES];
	snprintf(folder, sizeof(folder), "%s", program);
	char *slash = strrchr(folder, '/');
	const char *base = strrchr(program, '/') + 1;
	slash[slash == folder] = 0;
	if (realpath(folder, real))
		snprintf(path, size, "%s/%s", strcmp(real, "/") ? real : "", base);
}

/* "C:\\x", "z:/x", "\\\\?\\C:\\x": a path of the guest's Windows programs (docs/windows-paths.md). */
bool program_is_dos_path(const char *program)
{
	const char *p = strncmp(program, "\\\\?\\", 4) ? program : program + 4;
	return ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) && p[1] == ':' && (p[2] == '\\' || p[2] == '/');
}

const char *program_translate(const struct options *o, const char *program, char *buffer, size_t size)
{
	char path[2 * PATH_BYTES + 2];
	if (!strchr(program, '/') || program_is_dos_path(program))
		return program;
	if (strlen(program) >= PATH_BYTES)
		die(EXIT_NOT_FOUND, "%.40s...: name too long", program);
	if (program[0] == '/') {
		snprintf(path, sizeof(path), "%s", program);
		normalise(path);
		const char *found = translate_absolute(o, path, buffer, size);
		if (!found) {
			resolve_folder(program, path, sizeof(path));
			found = translate_absolute(o, path, buffer, size);
		}
		return found ? found : program;
	}
	if (!o->default_share) {
		snprintf(buffer, size, "%s/%s", strcmp(o->cwd, "/") ? o->cwd : "", program);
		return buffer;
	}
	const struct share *s = o->shares;
	while (strcmp(s->guest, DEFAULT_GUEST))
		s++;
	snprintf(path, sizeof(path), "%s/%s", strcmp(s->host, "/") ? s->host : "", program);
	normalise(path);
	const char *found = translate_absolute(o, path, buffer, size);
	if (!found)
		die(EXIT_NOT_FOUND, "%s: outside of the shared folder %s; share its folder with --share", program, s->host);
	return found;
}
