/* SPDX-License-Identifier: MIT */
/* Reader of EROFS images in memory: pure, allocates nothing, every access is bounds-checked, so a hostile image
 * gives ERR_BADMSG and a reason and never a wild read. Uncompressed images only (flat-plain and flat-inline data,
 * compact and extended inodes); anything else is refused by feature flag or layout.
 * Source of the format: the EROFS on-disk format page of the Linux kernel documentation. */
#ifndef AMBOS_EROFS_H
#define AMBOS_EROFS_H

#include "../../abi/core/status.h"
#include "../base/base.h"

#define EROFS_MAGIC 0xE0F5E1E2u
#define EROFS_NAME_MAX 255u

struct erofs {
	const u8 *image;
	u64 size;
	u32 block_bits, block_size;
	u64 meta_offset;       /* byte offset of nid 0 */
	u64 root_nid;
	u64 inode_count;
	u64 block_count;
	s64 build_time_ns;
};
struct erofs_inode {
	u64 nid;
	u32 mode, nlink, uid, gid;
	u64 rdev, size;
	s64 mtime_ns;
	u64 data_offset;       /* of the whole blocks */
	u64 flat_size;         /* bytes that lie at data_offset; the rest (less than a block) at tail_offset */
	u64 tail_offset;
};
struct erofs_entry {
	u64 nid;
	u64 position;          /* after this entry, for erofs_next_entry */
	const char *name;      /* into the image, name_size bytes, no NUL */
	u32 name_size;
	u8 type;               /* DT_* */
};

/* Checks superblock, features, checksum, length and root directory. *reason is set on failure. */
status_t erofs_open(struct erofs *fs, const void *image, u64 size, const char **reason) MUST_CHECK;
/* BADMSG: nid outside the image, unsupported layout, data outside the image. */
status_t erofs_inode(const struct erofs *fs, u64 nid, struct erofs_inode *out, const char **reason) MUST_CHECK;
/* Bytes read (short at the end of the file). */
s64 erofs_read(const struct erofs *fs, const struct erofs_inode *inode, u64 offset, void *buf, u64 size);
/* OK, NOENT, NOTDIR or BADMSG. "." and ".." are found as the image has them. */
status_t erofs_lookup(const struct erofs *fs, const struct erofs_inode *dir, const char *name, u32 name_size,
		      struct erofs_entry *out) MUST_CHECK;
/* The entry at or after `position` (0 = first); NOENT at the end, BADMSG when the block is damaged. Includes . and
 * .. */
status_t erofs_next_entry(const struct erofs *fs, const struct erofs_inode *dir, u64 position,
			  struct erofs_entry *out) MUST_CHECK;

/* CRC-32C with a running value, as the superblock uses it (start with ~0, no final inversion). */
u32 erofs_crc32c(u32 crc, const void *data, size_t n);

#endif
