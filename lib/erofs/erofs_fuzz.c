// SPDX-License-Identifier: MIT
// libFuzzer harness: the input as an image (magic and checksum repaired, so that mutations get past them) and, with the
// superblock left out, as bare inodes and directories; walks the tree to a bounded depth, reads and looks up everything.
// LINK: lib/erofs/erofs.c lib/erofs/erofs_dir.c
#include "erofs_private.h"

#define DEPTH_MAX 6       /* image trees can be cyclic */
#define BARE_INODES 8
#define ENTRIES_MAX 2000  /* bound of one run */

static u32 visited;
int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void visit(const struct erofs *fs, u64 nid, u32 depth)
{
	static u8 buf[8192];
	struct erofs_inode inode;
	struct erofs_entry entry, found;
	if (depth > DEPTH_MAX || erofs_inode(fs, nid, &inode, NULL))
		return;
	if ((inode.mode & 0170000) != 0040000) {
		for (u64 offset = 0; offset < inode.size && offset < 4 * sizeof(buf); offset += sizeof(buf))
			if (erofs_read(fs, &inode, offset, buf, sizeof(buf)) < 0)
				__builtin_trap(); /* erofs_inode checked the range */
		return;
	}
	for (u64 position = 0; visited < ENTRIES_MAX && !erofs_next_entry(fs, &inode, position, &entry);
	     position = entry.position) {
		visited++;
		if (erofs_lookup(fs, &inode, entry.name, entry.name_size, &found)) { /* unsorted: not an error here */ }
		visit(fs, entry.nid, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct erofs fs;
	const char *reason = NULL;
	static u8 image[1 << 20];
	static const u8 magic[4] = { 0xe2, 0xe1, 0xf5, 0xe0 };
	size = MIN(size, sizeof(image));
	memcpy(image, data, size);
	visited = 0;
	fs = (struct erofs){ .image = image, .size = size, .block_bits = 9, .block_size = 512 };
	for (u64 nid = 0; nid < BARE_INODES; nid++)
		visit(&fs, nid, 0);
	if (size > 1032) {
		memcpy(image + 1024, magic, sizeof(magic));
		image[1032] &= (u8)~1u; /* no checksum */
	}
	if (erofs_open(&fs, image, size, &reason)) {
		if (!reason)
			__builtin_trap();
		return 0;
	}
	visited = 0;
	visit(&fs, fs.root_nid, 0);
	return 0;
}
