// SPDX-License-Identifier: MIT
/* NT names of files: \??\C:\dir is /system/drive_c/dir, \??\Z:\ is / (nt_mount.h), devices by their names; and the way back.
 * Case does not count: the exact path is walked first; where that misses, each component is looked for in its
 * directory's cached index (directory_find_folded), so a repeated look-up stays in the kernel. */
#include "file.h"

#include "nt_mount.h"
#include "nt_text.h"
#include "../vfs/vfs_internal.h"

#define REDIRECTIONS_MAX 4u   /* \??\GLOBALROOT in front of a name */

/* ---- parsing ---- */
static bool bad_character(u16 c)
{
	return c < 32 || c == '"' || c == '*' || c == '<' || c == '>' || c == '?' || c == '|' || c == '/' || c == ':';
}

/* Backslash path to bytes behind `base`; components are checked: none is empty but for one at the start and one at the end. */
static s64 put_path(struct nt_target *t, const char *base, const u16 *text, u32 count)
{
	u32 at = (u32)strlen(base), start = at;
	memcpy(t->path, base, at);
	if (count && text[0] == '\\')
		text++, count--;
	if (count && text[count - 1] == '\\') {
		t->trailing = true;
		count--;
	}
	for (u32 i = 0; i < count;) {
		u32 end = i;
		if (text[i] == '\\' || (text[count - 1] == '\\'))
			return NT(OBJECT_NAME_INVALID);
		while (end < count && text[end] != '\\') {
			if (bad_character(text[end]))
				return NT(OBJECT_NAME_INVALID);
			end++;
		}
		if ((end - i == 1 && text[i] == '.') || (end - i == 2 && text[i] == '.' && text[i + 1] == '.'))
			return NT(OBJECT_NAME_INVALID);
		if (at + 2 >= PATH_MAX_BYTES)
			return NT(NAME_TOO_LONG);
		if (end > i && (at > start || at == 0 || t->path[at - 1] != '/'))
			if (at)
				t->path[at++] = '/';
		s64 n = nt_to_utf8(text + i, end - i, t->path + at, PATH_MAX_BYTES - 1 - at);
		if (n < 0)
			return NT(NAME_TOO_LONG);
		if (n > NAME_MAX_BYTES)
			return NT(OBJECT_NAME_INVALID);
		at += (u32)n;
		i = end + 1;
	}
	if (!at)
		t->path[at++] = '.';
	t->path[at] = '\0';
	return 0;
}

/* The first component names no object. */
static s64 not_an_object(const u16 *text, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (text[i] == '\\')
			return NT(OBJECT_PATH_NOT_FOUND);
	return NT(OBJECT_NAME_NOT_FOUND);
}

/* The volume itself, or what follows its name: nothing or a path that begins with a backslash. */
static s64 put_volume(struct nt_target *t, const struct nt_volume *v, const u16 *text, u32 count)
{
	if (!count)
		t->kind = NT_TARGET_VOLUME;
	return put_path(t, v->root, text + MIN(1u, count), count - MIN(1u, count));
}

/* The volume whose name `text` begins with, by its device's name or its own; *length is the name's. */
static const struct nt_volume *find_volume(const u16 *text, u32 count, bool device, u32 *length)
{
	for (u32 i = 0; i < NT_VOLUMES; i++) {
		u32 n = nt_prefix(text, count, device ? nt_volumes[i].device : nt_volumes[i].name);
		if (!n || (n < count && text[n] != '\\'))
			continue;
		*length = n;
		return &nt_volumes[i];
	}
	return NULL;
}

static s64 parse_drive(struct nt_target *t, const u16 *text, u32 count)
{
	for (u32 i = 0; i < NT_VOLUMES; i++)
		if (nt_upcase(text[0]) == (u32)nt_volumes[i].letter)
			return count > 2 && text[2] != '\\' ? not_an_object(text, count) : put_volume(t, &nt_volumes[i], text + 2, count - 2);
	return NT(OBJECT_PATH_NOT_FOUND);
}

static s64 parse_device(struct nt_target *t, const u16 *text, u32 count)
{
	const struct nt_volume *v;
	u32 n;
	if ((n = nt_prefix(text, count, "namedpipe")) && (count == n || text[n] == '\\')) {
		t->kind = NT_TARGET_PIPE;
	} else if ((n = nt_prefix(text, count, "condrv")) && (count == n || text[n] == '\\')) {
		t->kind = NT_TARGET_CONSOLE;
	} else if ((n = nt_prefix(text, count, "null")) && n == count) {
		t->kind = NT_TARGET_NULL;
	} else if ((n = nt_prefix(text, count, "mountpointmanager")) && n == count) {
		t->kind = NT_TARGET_MOUNT_MANAGER;
	} else if ((v = find_volume(text, count, true, &n))) {
		return put_volume(t, v, text + n, count - n);
	} else {
		return NT(OBJECT_NAME_NOT_FOUND); /* \Device\Afd: sockets are refused by name until they are made */
	}
	t->rest = text + MIN(n + 1, count);
	t->rest_count = count - MIN(n + 1, count);
	return 0;
}

static s64 parse_dos(struct nt_target *t, const u16 *text, u32 count)
{
	static const struct { const char *name; enum nt_target_kind kind; } devices[] = {
		{ "nul", NT_TARGET_NULL }, { "con", NT_TARGET_CONSOLE }, { "conin$", NT_TARGET_CONSOLE },
		{ "conout$", NT_TARGET_CONSOLE }, { "mountpointmanager", NT_TARGET_MOUNT_MANAGER },
	};
	const struct nt_volume *v;
	u32 n;
	if (!count)
		return NT(OBJECT_NAME_INVALID);
	if (count >= 2 && text[1] == ':')
		return parse_drive(t, text, count);
	if ((n = nt_prefix(text, count, "pipe")) && (count == n || text[n] == '\\')) {
		t->kind = NT_TARGET_PIPE;
		t->rest = text + MIN(n + 1, count);
		t->rest_count = count - MIN(n + 1, count);
		return 0;
	}
	if (nt_prefix(text, count, "unc\\"))
		return NT(BAD_NETWORK_PATH);
	if ((n = nt_prefix(text, count, "unix\\"))) /* the whole tree, whatever the drives are */
		return put_path(t, "/", text + n, count - n);
	if ((v = find_volume(text, count, false, &n)))
		return put_volume(t, v, text + n, count - n);
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++) {
		n = nt_prefix(text, count, devices[i].name);
		if (!n || n != count)
			continue;
		t->kind = devices[i].kind;
		t->rest = text;
		t->rest_count = count;
		return 0;
	}
	return NT(OBJECT_NAME_NOT_FOUND);
}

static s64 parse_absolute(struct nt_target *t, const u16 *text, u32 count)
{
	for (u32 i = 0; i < REDIRECTIONS_MAX; i++) {
		u32 n = nt_prefix(text, count, "\\??\\");
		if (!n)
			n = nt_prefix(text, count, "\\dosdevices\\");
		if (!n)
			n = nt_prefix(text, count, "\\global??\\");
		if (n) {
			u32 global = nt_prefix(text + n, count - n, "global\\");
			u32 root = nt_prefix(text + n, count - n, "globalroot");
			if (!root)
				return parse_dos(t, text + n + global, count - n - global);
			text += n + root;
			count -= n + root;
			continue;
		}
		if ((n = nt_prefix(text, count, "\\device\\")))
			return parse_device(t, text + n, count - n);
		if ((n = nt_prefix(text, count, "\\systemroot")) && (n == count || text[n] == '\\'))
			return put_path(t, NT_VOLUME_ROOT_C "/Windows", text + MIN(n + 1, count), count - MIN(n + 1, count));
		break;
	}
	return count && *text == '\\' ? not_an_object(text + 1, count - 1) : NT(OBJECT_PATH_SYNTAX_BAD);
}

/* A name below a directory's or a console's handle. */
static s64 parse_relative(struct nt_target *t, const struct nt_object_attributes *oa)
{
	struct file *root;
	s64 st = nt_handle_get(oa->root, NT_TYPE_ANY, 0, &root);
	if (st)
		return st;
	if (nt_console_is(root)) {
		t->kind = NT_TARGET_CONSOLE;
		t->rest = oa->name.text;
		t->rest_count = oa->name.bytes / 2;
	} else if (nt_pipe_is(root) || nt_pipe_directory_is(root)) {
		t->kind = NT_TARGET_PIPE;
		t->rest = oa->name.text;
		t->rest_count = oa->name.bytes / 2;
	} else if (!root->where.node) {
		st = NT(OBJECT_TYPE_MISMATCH);
	} else if (oa->name.bytes && oa->name.text[0] == '\\') {
		st = NT(INVALID_PARAMETER);
	} else {
		t->dirfd = (int)(oa->root / 4) - 1;
		st = put_path(t, "", oa->name.text, oa->name.bytes / 2);
		if (!st && !oa->name.bytes)
			t->path[0] = '\0'; /* the directory, or file, itself */
	}
	file_put(root);
	return st;
}

static struct slab_cache *target_paths;

s64 nt_target_in(const struct nt_object_attributes *oa, struct nt_target *t)
{
	*t = (struct nt_target){ .kind = NT_TARGET_PATH, .dirfd = AT_FDCWD_K };
	if (!oa->root && !oa->name.bytes)
		return NT(OBJECT_PATH_SYNTAX_BAD);
	if (!target_paths)
		target_paths = slab_create("nt path", PATH_MAX_BYTES, 64);
	t->path = target_paths ? slab_alloc(target_paths) : NULL;
	if (!t->path)
		return ERR_NOMEM;
	s64 st = oa->root ? parse_relative(t, oa) : parse_absolute(t, oa->name.text, oa->name.bytes / 2);
	if (st)
		nt_target_free(t);
	return st;
}

void nt_target_free(struct nt_target *t)
{
	if (t->path)
		slab_free(target_paths, t->path);
	t->path = NULL;
}

/* ---- the walk ---- */
/* Replaces the component [start, end) of t->path, which its directory (the path before it) does not hold, by the name
 * that differs in case only. */
static status_t correct_case(const struct nt_target *t, u32 start, u32 end)
{
	struct walk_result dir;
	char *path = t->path, kept = path[start], found[NAME_MAX_BYTES + 1];
	path[start] = '\0';
	status_t st = start ? path_walk(t->dirfd, path, WALK_FOLLOW | WALK_DIRECTORY, &dir) :
			path_walk(t->dirfd, ".", WALK_FOLLOW | WALK_DIRECTORY, &dir);
	path[start] = kept;
	if (st)
		return st;
	st = node_permission(dir.at.node, 1, current_cred());
	if (!st)
		st = directory_find_folded(dir.at.node, path + start, end - start, found);
	walk_result_put(&dir);
	if (st)
		return st;
	u32 length = (u32)strlen(found), tail = (u32)strlen(path + end) + 1;
	if (start + length + tail > PATH_MAX_BYTES)
		return ERR_NAMETOOLONG;
	memmove(path + start + length, path + end, tail);
	memcpy(path + start, found, length);
	return OK;
}

static bool prefix_exists(const struct nt_target *t, u32 end)
{
	struct walk_result r;
	char kept = t->path[end];
	t->path[end] = '\0';
	status_t st = path_walk(t->dirfd, t->path, 0, &r);
	t->path[end] = kept;
	if (!st)
		walk_result_put(&r);
	return !st;
}

/* Makes t->path spell existing names as they are. ERR_NOENT: the last one is missing. Else an error. */
static s64 correct_path(const struct nt_target *t)
{
	char *path = t->path;
	u32 start = path[0] == '/' ? 1 : 0;
	while (path[start]) {
		u32 end = start;
		while (path[end] && path[end] != '/')
			end++;
		bool last = !path[end];
		if (!prefix_exists(t, end)) {
			status_t st = correct_case(t, start, end);
			if (st)
				return st == ERR_NOENT && !last ? NT(OBJECT_PATH_NOT_FOUND) : st;
			while (path[start] && path[start] != '/')
				start++;
			end = start;
		}
		start = path[end] ? end + 1 : end;
	}
	return 0;
}

s64 nt_status_of_path(s64 st)
{
	switch (st) {
	case ERR_NOENT:
		return NT(OBJECT_NAME_NOT_FOUND);
	case ERR_NOTDIR:
	case ERR_LOOP:
		return NT(OBJECT_PATH_NOT_FOUND);
	case ERR_NAMETOOLONG:
		return NT(OBJECT_NAME_INVALID);
	case ERR_NOTEMPTY:
		return NT(DIRECTORY_NOT_EMPTY);
	case ERR_ISDIR:
		return NT(FILE_IS_A_DIRECTORY);
	case ERR_TXTBSY:
		return NT(SHARING_VIOLATION);
	default:
		return st;
	}
}

s64 nt_walk(const struct nt_target *t, bool follow, struct walk_result *out)
{
	u32 flags = WALK_CREATE | (follow ? WALK_FOLLOW : 0) | (*t->path ? 0 : WALK_EMPTY_PATH);
	status_t st = path_walk(t->dirfd, t->path, flags, out);
	if (!st && !out->missing)
		return 0;
	if (st && st != ERR_NOENT)
		return nt_status_of_path(st);
	if (!st)
		walk_result_put(out);
	s64 corrected = correct_path(t);
	if (corrected && corrected != ERR_NOENT)
		return corrected < 0 ? nt_status_of_path(corrected) : corrected;
	st = path_walk(t->dirfd, t->path, flags, out);
	return st == ERR_NOENT ? NT(OBJECT_PATH_NOT_FOUND) : nt_status_of_path(st);
}

/* ---- the way back ---- */
s64 nt_short_name_of(const struct file *f, u16 *out)
{
	char *path = kmalloc(PATH_MAX_BYTES), text[NT_SHORT_NAME_MAX];
	s64 n = path ? vfs_path_of(f->where, (struct position){ 0 }, path, PATH_MAX_BYTES) : ERR_NOMEM;
	s64 start = n;
	while (start > 0 && path[start - 1] != '/')
		start--;
	if (n >= 0)
		n = nt_short_name(path + start, (u32)(n - start), text);
	for (s64 i = 0; i < n; i++)
		out[i] = (u8)text[i];
	kfree(path);
	return n;
}

s64 nt_path_of(const struct file *f, struct nt_string *out, u16 *drive)
{
	char *path = kmalloc(PATH_MAX_BYTES), *rest = path;
	u16 *text = kmalloc((PATH_MAX_BYTES + 1) * sizeof(u16));
	s64 n = path && text ? vfs_path_of(f->where, (struct position){ 0 }, path, PATH_MAX_BYTES) : ERR_NOMEM;
	u32 skip = 0;
	*drive = n >= 0 ? (u16)nt_volume_of(path, &skip)->letter : 'Z';
	if (skip) {
		rest = path + skip;
		n -= skip;
	}
	if (n == 0) { /* the drive's root */
		rest = "/";
		n = 1;
	}
	if (n > 0)
		n = nt_path_from_utf8(rest, (u32)n, text, PATH_MAX_BYTES);
	kfree(path);
	if (n < 0) {
		kfree(text);
		return n;
	}
	text[n] = 0;
	*out = (struct nt_string){ text, (u32)n * 2 };
	return 0;
}

/* ObjectNameInformation of a file: \??\C:\dir\name. */
s64 nt_file_object_name(struct file *f, struct nt_string *out)
{
	static const u16 prefix[] = { '\\', '?', '?', '\\', 'C', ':' };
	struct nt_string path;
	u16 drive;
	if (!f->where.node || nt_device_of(f) != NT_DEVICE_DISK) {
		*out = (struct nt_string){ 0 };
		return 0;
	}
	s64 st = nt_path_of(f, &path, &drive);
	if (st)
		return st;
	u16 *text = kmalloc(sizeof(prefix) + path.bytes + 2);
	if (text) {
		memcpy(text, prefix, sizeof(prefix));
		text[4] = drive;
		memcpy((char *)text + sizeof(prefix), path.text, path.bytes + 2);
		*out = (struct nt_string){ text, (u32)sizeof(prefix) + path.bytes };
	}
	nt_string_free(&path);
	return text ? 0 : ERR_NOMEM;
}
