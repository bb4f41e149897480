// SPDX-License-Identifier: MIT
/* The rest of the C library part of ntdll: sorting, searching, path pieces, absolute values, logarithm and roots. */
#include "rtl.h"

#define C_EINVAL 22
#define C_ERANGE 34

int abs(int value) { return value < 0 ? (int)(0 - (unsigned)value) : value; }
long labs(long value) { return value < 0 ? (long)(0 - (unsigned long)value) : value; }

static void swap_items(char *a, char *b, size_t bytes)
{
	for (; bytes; bytes--, a++, b++) {
		char c = *a;
		*a = *b;
		*b = c;
	}
}

typedef int compare_in_context(void *context, const void *, const void *);

/* Heap sort: no recursion, no worst case, no allocation. */
static void sort(char *base, size_t count, size_t bytes, compare_in_context *compare, void *context)
{
	size_t end = count, start = count / 2;
	while (end > 1) {
		size_t root, child;
		if (start)
			start--;
		else
			swap_items(base, base + --end * bytes, bytes);
		for (root = start; (child = 2 * root + 1) < end; root = child) {
			if (child + 1 < end && compare(context, base + child * bytes, base + (child + 1) * bytes) < 0)
				child++;
			if (compare(context, base + root * bytes, base + child * bytes) >= 0)
				break;
			swap_items(base + root * bytes, base + child * bytes, bytes);
		}
	}
}

/* Short arrays sort by moving the greatest of the rest to the end: the order among equals that callers came to expect. */
#define SMALL_LIMIT 8

static void sort_small(char *base, size_t count, size_t bytes, compare_in_context *compare, void *context)
{
	size_t i, greatest;
	for (; count > 1; count--) {
		for (i = 1, greatest = 0; i < count; i++)
			if (compare(context, base + i * bytes, base + greatest * bytes) > 0)
				greatest = i;
		if (greatest != count - 1)
			swap_items(base + greatest * bytes, base + (count - 1) * bytes, bytes);
	}
}

void qsort_s(void *base, size_t count, size_t bytes, int (*compare)(void *, const void *, const void *), void *context)
{
	if (!bytes)
		return;
	if (count <= SMALL_LIMIT)
		sort_small(base, count, bytes, compare, context);
	else
		sort(base, count, bytes, compare, context);
}

static int without_context(void *compare, const void *a, const void *b)
{
	return (*(int (**)(const void *, const void *))compare)(a, b);
}

void qsort(void *base, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
	qsort_s(base, count, bytes, without_context, &compare);
}

void *bsearch_s(const void *key, const void *base, size_t count, size_t bytes, int (*compare)(void *, const void *, const void *),
	void *context)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *item = (const char *)base + middle * bytes;
		int order = compare(context, key, item);
		if (!order)
			return (void *)(uintptr_t)item;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void *bsearch(const void *key, const void *base, size_t count, size_t bytes, int (*compare)(const void *, const void *))
{
	return bsearch_s(key, base, count, bytes, without_context, &compare);
}

void *_lfind(const void *key, const void *base, unsigned *count, unsigned bytes, int (*compare)(const void *, const void *))
{
	unsigned i;
	for (i = 0; i < *count; i++)
		if (!compare(key, (const char *)base + (size_t)i * bytes))
			return (void *)(uintptr_t)((const char *)base + (size_t)i * bytes);
	return NULL;
}

/* A path falls into drive, directory, name, extension; positions in characters. */
struct pieces { size_t drive, directory, name, extension, end; };

static WCHAR path_at(const void *path, bool wide, size_t i)
{
	return wide ? ((const WCHAR *)path)[i] : ((const unsigned char *)path)[i];
}

static struct pieces split(const void *path, bool wide)
{
	struct pieces p = { 0 };
	size_t i;
	if (path_at(path, wide, 0) && path_at(path, wide, 1) == ':')
		p.drive = 2;
	p.directory = p.drive;
	for (i = p.drive; path_at(path, wide, i); i++)
		if (path_at(path, wide, i) == '/' || path_at(path, wide, i) == '\\')
			p.directory = i + 1;
	p.end = p.name = i;
	for (i = p.directory; i < p.end; i++)
		if (path_at(path, wide, i) == '.')
			p.name = i;
	return p;
}

static void copy_piece(void *out, const void *path, bool wide, size_t from, size_t to)
{
	size_t unit = wide ? sizeof(WCHAR) : 1;
	if (!out)
		return;
	memcpy(out, (const char *)path + from * unit, (to - from) * unit);
	memset((char *)out + (to - from) * unit, 0, unit);
}

void _splitpath(const char *path, char *drive, char *directory, char *name, char *extension)
{
	struct pieces p = split(path, false);
	copy_piece(drive, path, false, 0, p.drive);
	copy_piece(directory, path, false, p.drive, p.directory);
	copy_piece(name, path, false, p.directory, p.name);
	copy_piece(extension, path, false, p.name, p.end);
}

/* What is too long empties everything. */
static int split_s(const void *path, bool wide, void *const out[4], const size_t room[4])
{
	size_t unit = wide ? sizeof(WCHAR) : 1, edge[5], i;
	struct pieces p;
	int error = path ? 0 : C_EINVAL;
	for (i = 0; i < 4; i++)
		if (!out[i] != !room[i])
			error = C_EINVAL;
	if (!error) {
		p = split(path, wide);
		edge[0] = 0, edge[1] = p.drive, edge[2] = p.directory, edge[3] = p.name, edge[4] = p.end;
		for (i = 0; i < 4; i++)
			if (out[i] && edge[i + 1] - edge[i] >= room[i])
				error = C_ERANGE;
	}
	for (i = 0; i < 4; i++) {
		if (!error)
			copy_piece(out[i], path, wide, edge[i], edge[i + 1]);
		else if (out[i] && room[i])
			memset(out[i], 0, unit);
	}
	return error;
}

int _splitpath_s(const char *path, char *drive, size_t drive_room, char *directory, size_t directory_room, char *name, size_t name_room,
	char *extension, size_t extension_room)
{
	return split_s(path, false, (void *const[]){ drive, directory, name, extension },
		(const size_t[]){ drive_room, directory_room, name_room, extension_room });
}

int _wsplitpath_s(const WCHAR *path, WCHAR *drive, size_t drive_room, WCHAR *directory, size_t directory_room, WCHAR *name,
	size_t name_room,
	WCHAR *extension, size_t extension_room)
{
	return split_s(path, true, (void *const[]){ drive, directory, name, extension },
		(const size_t[]){ drive_room, directory_room, name_room, extension_room });
}

/* Join: "c:" "dir" "\" name "." "ext"; false when it does not fit. */
struct joined { WCHAR text[4 * MAX_PATH]; size_t count; bool full; };

static void join(struct joined *j, const void *text, bool wide, size_t limit)
{
	size_t i;
	for (i = 0; i < limit && path_at(text, wide, i); i++) {
		if (j->count == ARRAYSIZE(j->text) - 1)
			j->full = true;
		else
			j->text[j->count++] = path_at(text, wide, i);
	}
}

static void join_path(struct joined *j, bool wide, const void *drive, const void *directory, const void *name, const void *extension)
{
	j->count = 0, j->full = false;
	if (drive && path_at(drive, wide, 0)) {
		join(j, drive, wide, 1);
		join(j, ":", false, 1);
	}
	if (directory && path_at(directory, wide, 0)) {
		join(j, directory, wide, ~(size_t)0);
		if (j->text[j->count - 1] != '/' && j->text[j->count - 1] != '\\')
			join(j, "\\", false, 1);
	}
	if (name)
		join(j, name, wide, ~(size_t)0);
	if (extension && path_at(extension, wide, 0)) {
		if (path_at(extension, wide, 0) != '.')
			join(j, ".", false, 1);
		join(j, extension, wide, ~(size_t)0);
	}
}

int _makepath_s(char *out, size_t room, const char *drive, const char *directory, const char *name, const char *extension)
{
	struct joined j;
	size_t i;
	if (!out || !room)
		return C_EINVAL;
	join_path(&j, false, drive, directory, name, extension);
	if (j.full || j.count >= room) {
		out[0] = 0;
		return C_ERANGE;
	}
	for (i = 0; i < j.count; i++)
		out[i] = (char)j.text[i];
	out[i] = 0;
	return 0;
}

int _wmakepath_s(WCHAR *out, size_t room, const WCHAR *drive, const WCHAR *directory, const WCHAR *name, const WCHAR *extension)
{
	struct joined j;
	if (!out || !room)
		return C_EINVAL;
	join_path(&j, true, drive, directory, name, extension);
	if (j.full || j.count >= room) {
		out[0] = 0;
		return C_ERANGE;
	}
	memcpy(out, j.text, j.count * sizeof(WCHAR));
	out[j.count] = 0;
	return 0;
}
