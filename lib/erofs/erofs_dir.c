// SPDX-License-Identifier: MIT
// EROFS directories: blocks of 12-byte records (nid, name offset, type) followed by the names; records are sorted by
// name within and across blocks. A position is block << 16 | index, stable because the image never changes.
#include "erofs_private.h"

#define RECORD_SIZE 12u
#define INDEX_BITS 16

struct block {
	const u8 *data;
	u32 size;              /* bytes of the directory in this block */
	u32 count;
};

static status_t load_block(const struct erofs *fs, const struct erofs_inode *dir, u64 number, struct block *out)
{
	u64 offset = number << fs->block_bits;
	if (number > dir->size >> fs->block_bits || offset >= dir->size)
		return ERR_NOENT;
	out->size = (u32)MIN((u64)fs->block_size, dir->size - offset);
	if (offset < dir->flat_size) {
		out->size = (u32)MIN((u64)out->size, dir->flat_size - offset);
		out->data = erofs_span(fs, dir->data_offset + offset, out->size);
	} else {
		out->data = erofs_span(fs, dir->tail_offset + (offset - dir->flat_size), out->size);
	}
	if (!out->data || out->size < RECORD_SIZE)
		return ERR_BADMSG;
	u32 names = read_u16(out->data + 8);
	if (!names || names % RECORD_SIZE || names >= out->size)
		return ERR_BADMSG;
	out->count = names / RECORD_SIZE;
	return OK;
}

static u8 dt_of(u8 type)
{
	static const u8 table[] = { 0, 8, 4, 2, 6, 1, 12, 10 }; /* EROFS_FT_* to DT_* */
	return type < sizeof(table) ? table[type] : 0;
}

static status_t entry_at(const struct block *b, u64 number, u32 index, struct erofs_entry *out)
{
	const u8 *record = b->data + index * RECORD_SIZE;
	u32 start = read_u16(record + 8);
	u32 end = index + 1 < b->count ? read_u16(record + RECORD_SIZE + 8) : b->size;
	if (start < b->count * RECORD_SIZE || start >= end || end > b->size)
		return ERR_BADMSG;
	out->nid = read_u64(record);
	out->type = dt_of(record[10]);
	out->name = (const char *)b->data + start;
	out->name_size = (u32)strnlen(out->name, end - start);
	out->position = (number << INDEX_BITS | index) + 1;
	if (!out->name_size || out->name_size > EROFS_NAME_MAX || !out->type)
		return ERR_BADMSG;
	for (u32 i = 0; i < out->name_size; i++)
		if (out->name[i] == '/')
			return ERR_BADMSG;
	return OK;
}

static int compare_names(const char *a, u32 a_size, const char *b, u32 b_size)
{
	int order = memcmp(a, b, MIN(a_size, b_size));
	return order ? order : (a_size > b_size) - (a_size < b_size);
}

status_t erofs_next_entry(const struct erofs *fs, const struct erofs_inode *dir, u64 position, struct erofs_entry *out)
{
	u64 number = position >> INDEX_BITS;
	u32 index = position & (BIT(INDEX_BITS) - 1);
	struct block b;
	status_t st = load_block(fs, dir, number, &b);
	if (st)
		return st;
	if (index >= b.count) {
		index = 0;
		st = load_block(fs, dir, ++number, &b);
		if (st)
			return st;
	}
	return entry_at(&b, number, index, out);
}

/* Last block whose first name is <= name. */
static status_t find_block(const struct erofs *fs, const struct erofs_inode *dir, const char *name, u32 name_size,
			   struct block *out, u64 *number)
{
	u64 low = 0, high = (dir->size + fs->block_size - 1) >> fs->block_bits;
	while (low < high) {
		u64 middle = low + (high - low) / 2;
		struct erofs_entry first;
		status_t st = load_block(fs, dir, middle, out);
		if (!st)
			st = entry_at(out, middle, 0, &first);
		if (st)
			return st;
		if (compare_names(first.name, first.name_size, name, name_size) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return ERR_NOENT;
	*number = low - 1;
	return load_block(fs, dir, low - 1, out);
}

status_t erofs_lookup(const struct erofs *fs, const struct erofs_inode *dir, const char *name, u32 name_size,
		      struct erofs_entry *out)
{
	struct block b;
	u64 number = 0;
	if ((dir->mode & 0170000) != 0040000)
		return ERR_NOTDIR;
	status_t st = find_block(fs, dir, name, name_size, &b, &number);
	if (st)
		return st;
	u32 low = 0, high = b.count;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		st = entry_at(&b, number, middle, out);
		if (st)
			return st;
		int order = compare_names(out->name, out->name_size, name, name_size);
		if (!order)
			return OK;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return ERR_NOENT;
}
