// SPDX-License-Identifier: MIT
// Superblock, inodes and data of an EROFS image; directories are in erofs_dir.c.
// Every offset is checked against the image before it is read: span() is the one way to image bytes.
#include "erofs_private.h"

#define SUPER_OFFSET 1024
#define SUPER_SIZE 128
#define COMPAT_CHECKSUM 1u
#define INCOMPAT_KNOWN 1u          /* zero padding of compressed data: nothing to do for plain images */
#define INODE_COMPACT_SIZE 32
#define INODE_EXTENDED_SIZE 64
#define BLOCK_BITS_MIN 9
#define BLOCK_BITS_MAX 16
#define MODE_TYPE 0170000
#define MODE_DIRECTORY 0040000
#define MODE_REGULAR 0100000
#define MODE_SYMLINK 0120000
#define MODE_CHARACTER 0020000
#define MODE_BLOCK 0060000
#define SYMLINK_MAX 4095           /* PATH_MAX - 1: longer targets cannot be walked */

enum layout { FLAT_PLAIN = 0, FLAT_INLINE = 2 };

const u8 *erofs_span(const struct erofs *fs, u64 offset, u64 size)
{
	if (offset > fs->size || size > fs->size - offset)
		return NULL;
	return fs->image + offset;
}

u32 erofs_crc32c(u32 crc, const void *data, size_t n)
{
	static const u32 nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const u8 *p = data;
	while (n--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ nibble[crc & 15];
		crc = (crc >> 4) ^ nibble[crc & 15];
	}
	return crc;
}

static status_t bad(const char **reason, const char *why)
{
	if (reason)
		*reason = why;
	return ERR_BADMSG;
}

static status_t check_checksum(const struct erofs *fs, const u8 *super, const char **reason)
{
	static const u8 zero[4];
	u64 size = fs->block_size > SUPER_OFFSET ? fs->block_size - SUPER_OFFSET : fs->block_size;
	const u8 *p = erofs_span(fs, SUPER_OFFSET, size);
	if (!p)
		return bad(reason, "image shorter than its first block");
	u32 crc = erofs_crc32c(~0u, p, 4);
	crc = erofs_crc32c(crc, zero, sizeof(zero));
	crc = erofs_crc32c(crc, p + 8, size - 8);
	if (crc != read_u32(super + 4))
		return bad(reason, "superblock checksum mismatch");
	return OK;
}

static status_t parse_super(struct erofs *fs, const u8 *s, const char **reason)
{
	if (read_u32(s) != EROFS_MAGIC)
		return bad(reason, "no EROFS superblock (bad magic)");
	fs->block_bits = s[12];
	if (fs->block_bits < BLOCK_BITS_MIN || fs->block_bits > BLOCK_BITS_MAX)
		return bad(reason, "unsupported block size");
	fs->block_size = 1u << fs->block_bits;
	if (read_u32(s + 80) & ~INCOMPAT_KNOWN)
		return bad(reason, "unsupported incompatible features (compression, chunks or devices)");
	if (s[13])
		return bad(reason, "unsupported superblock extension");
	if (read_u16(s + 86))
		return bad(reason, "image spans extra devices");
	fs->root_nid = read_u16(s + 14);
	fs->inode_count = read_u64(s + 16);
	u64 seconds = read_u64(s + 24);
	if (seconds > INT64_MAX / NSEC_PER_SEC - 1)
		return bad(reason, "build time out of range");
	fs->build_time_ns = (s64)(seconds * NSEC_PER_SEC + read_u32(s + 32) % NSEC_PER_SEC);
	fs->block_count = read_u32(s + 36);
	fs->meta_offset = (u64)read_u32(s + 40) << fs->block_bits;
	if (fs->block_count << fs->block_bits > fs->size)
		return bad(reason, "image shorter than its superblock says");
	if (fs->meta_offset >= fs->size)
		return bad(reason, "metadata area outside the image");
	return OK;
}

status_t erofs_open(struct erofs *fs, const void *image, u64 size, const char **reason)
{
	*fs = (struct erofs){ .image = image, .size = size };
	const u8 *s = erofs_span(fs, SUPER_OFFSET, SUPER_SIZE);
	if (!image || !s)
		return bad(reason, "image shorter than a superblock");
	status_t st = parse_super(fs, s, reason);
	if (!st && read_u32(s + 8) & COMPAT_CHECKSUM)
		st = check_checksum(fs, s, reason);
	if (st)
		return st;
	struct erofs_inode root;
	st = erofs_inode(fs, fs->root_nid, &root, reason);
	if (st)
		return st;
	if ((root.mode & MODE_TYPE) != MODE_DIRECTORY)
		return bad(reason, "root inode is not a directory");
	struct erofs_entry entry;
	if (erofs_lookup(fs, &root, "..", 2, &entry))
		return bad(reason, "root directory is damaged");
	return OK;
}

static void parse_compact(const struct erofs *fs, const u8 *p, struct erofs_inode *out)
{
	out->mode = read_u16(p + 4);
	out->nlink = read_u16(p + 6);
	out->size = read_u32(p + 8);
	out->uid = read_u16(p + 24);
	out->gid = read_u16(p + 26);
	out->mtime_ns = fs->build_time_ns;
}

static status_t parse_extended(const u8 *p, struct erofs_inode *out, const char **reason)
{
	out->mode = read_u16(p + 4);
	out->size = read_u64(p + 8);
	out->uid = read_u32(p + 24);
	out->gid = read_u32(p + 28);
	u64 seconds = read_u64(p + 32);
	if (seconds > INT64_MAX / NSEC_PER_SEC - 1)
		return bad(reason, "inode time out of range");
	out->mtime_ns = (s64)(seconds * NSEC_PER_SEC + read_u32(p + 40) % NSEC_PER_SEC);
	out->nlink = read_u32(p + 44);
	return OK;
}

/* Where the data lies. `after` is the byte after inode and xattrs, `block` the raw block address. */
static status_t place_data(const struct erofs *fs, u32 layout, u64 block, u64 after, struct erofs_inode *out,
			   const char **reason)
{
	if (layout != FLAT_PLAIN && layout != FLAT_INLINE)
		return bad(reason, "compressed or chunked inode");
	if (out->size > fs->size)
		return bad(reason, "file larger than the image");
	out->data_offset = block << fs->block_bits;
	out->flat_size = out->size;
	out->tail_offset = 0;
	if (layout == FLAT_INLINE) {
		u64 tail = out->size & (fs->block_size - 1);
		out->flat_size = out->size - tail;
		out->tail_offset = after;
		if (tail && (after & (fs->block_size - 1)) + tail > fs->block_size)
			return bad(reason, "inline tail crosses a block");
		if (!erofs_span(fs, after, tail))
			return bad(reason, "inline tail outside the image");
	}
	if (out->flat_size && !erofs_span(fs, out->data_offset, out->flat_size))
		return bad(reason, "file data outside the image");
	return OK;
}

static bool mode_is_known(u32 mode)
{
	u32 type = (mode & MODE_TYPE) >> 12;
	return type == 1 || type == 2 || type == 4 || type == 6 || type == 8 || type == 10 || type == 12;
}

status_t erofs_inode(const struct erofs *fs, u64 nid, struct erofs_inode *out, const char **reason)
{
	*out = (struct erofs_inode){ .nid = nid };
	if (nid > fs->size / INODE_COMPACT_SIZE)
		return bad(reason, "inode number outside the image");
	u64 at = fs->meta_offset + nid * INODE_COMPACT_SIZE;
	const u8 *p = erofs_span(fs, at, INODE_COMPACT_SIZE);
	if (!p)
		return bad(reason, "inode outside the image");
	u32 format = read_u16(p);
	u64 inode_size = INODE_COMPACT_SIZE;
	if (format & ~0xfu)
		return bad(reason, "unknown inode format bits");
	if (format & 1) {
		inode_size = INODE_EXTENDED_SIZE;
		if (!erofs_span(fs, at, inode_size))
			return bad(reason, "inode outside the image");
		status_t st = parse_extended(p, out, reason);
		if (st)
			return st;
	} else {
		parse_compact(fs, p, out);
	}
	if (!mode_is_known(out->mode))
		return bad(reason, "inode of no known type");
	u32 xattrs = read_u16(p + 2);
	u64 after = at + inode_size + (xattrs ? 12 + 4 * (u64)(xattrs - 1) : 0);
	u32 type = out->mode & MODE_TYPE;
	if (type == MODE_REGULAR || type == MODE_DIRECTORY || type == MODE_SYMLINK) {
		if (type == MODE_SYMLINK && out->size > SYMLINK_MAX)
			return bad(reason, "symlink target too long");
		return place_data(fs, (format >> 1) & 7, read_u32(p + 16), after, out, reason);
	}
	if (type == MODE_CHARACTER || type == MODE_BLOCK)
		out->rdev = read_u32(p + 16);
	out->size = 0;
	return OK;
}

s64 erofs_read(const struct erofs *fs, const struct erofs_inode *inode, u64 offset, void *buf, u64 size)
{
	if (offset >= inode->size)
		return 0;
	size = MIN(size, inode->size - offset);
	u64 done = 0;
	if (offset < inode->flat_size) {
		done = MIN(size, inode->flat_size - offset);
		const u8 *p = erofs_span(fs, inode->data_offset + offset, done);
		if (!p)
			return ERR_BADMSG;
		memcpy(buf, p, done);
	}
	if (done < size) {
		const u8 *p = erofs_span(fs, inode->tail_offset + (offset + done - inode->flat_size), size - done);
		if (!p)
			return ERR_BADMSG;
		memcpy((u8 *)buf + done, p, size - done);
	}
	return (s64)size;
}
