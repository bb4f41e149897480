// SPDX-License-Identifier: MIT
// libFuzzer harness: opens the input as an image (checksum repaired, so that mutations get past it), walks the tree to
// a bounded depth and reads and looks up everything.
// LINK: lib/erofs/erofs.c lib/erofs/erofs_dir.c
#include "erofs_private.h"

#define DEPTH_MAX 6       /* image trees can be cyclic */
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
	size = MIN(size, sizeof(image));
	memcpy(image, data, size);
	if (size > 1032)
		image[1032] &= (u8)~1u; /* no checksum */
	if (erofs_open(&fs, image, size, &reason)) {
		if (!reason)
			__builtin_trap();
		return 0;
	}
	visited = 0;
	visit(&fs, fs.root_nid, 0);
	return 0;
}
