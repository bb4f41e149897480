// SPDX-License-Identifier: MIT
// Unit test: makes a tree and images with mkfs.erofs (plain and with inline tails), compares every name, attribute and
// byte with the real tree, and refuses damaged images with the expected reason.
// LINK: lib/erofs/erofs.c lib/erofs/erofs_dir.c
#include "erofs_private.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;
#define CHECK(cond) do { if (!(cond)) { printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #cond); failures++; } } while (0)

static char root[64];

static void run(const char *fmt, const char *a)
{
	char command[1024];
	snprintf(command, sizeof(command), fmt, root, root, a);
	if (system(command))
		exit((printf("FAIL command %s\n", command), 1));
}

static u8 *load(const char *path, u64 *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		exit(1);
	*size = (u64)st.st_size;
	u8 *data = malloc(*size + 1);
	if (read(fd, data, *size) != (ssize_t)*size)
		exit(1);
	close(fd);
	return data;
}

static void compare_file(const struct erofs *fs, const struct erofs_inode *inode, const char *path)
{
	u64 size;
	u8 *want = load(path, &size), *got = calloc(1, size + 1);
	CHECK(inode->size == size);
	for (u64 offset = 0; offset < size; offset += 777)
		CHECK(erofs_read(fs, inode, offset, got + offset, MIN(777ull, size - offset)) ==
		      (s64)MIN(777ull, size - offset));
	CHECK(!memcmp(want, got, size));
	CHECK(erofs_read(fs, inode, size, got, 10) == 0);
	free(want);
	free(got);
}

static void compare_tree(const struct erofs *fs, u64 nid, const char *path)
{
	struct erofs_inode inode;
	struct erofs_entry entry;
	struct stat st;
	char target[4096], want[4096];
	CHECK(!lstat(path, &st) && !erofs_inode(fs, nid, &inode, NULL));
	CHECK(inode.mode == st.st_mode && inode.uid == st.st_uid && inode.gid == st.st_gid && inode.nlink == st.st_nlink);
	CHECK(inode.mtime_ns / 1000000000 == st.st_mtim.tv_sec);
	if (S_ISREG(st.st_mode))
		compare_file(fs, &inode, path);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		CHECK(inode.rdev == st.st_rdev);
	if (S_ISLNK(st.st_mode)) {
		s64 n = erofs_read(fs, &inode, 0, target, sizeof(target));
		CHECK(n == readlink(path, want, sizeof(want)) && !memcmp(target, want, (size_t)n));
	}
	if (!S_ISDIR(st.st_mode))
		return;
	int count = 0, expected = 0;
	DIR *d = opendir(path);
	for (struct dirent *e; (e = readdir(d)); expected++) {
		CHECK(!erofs_lookup(fs, &inode, e->d_name, (u32)strlen(e->d_name), &entry));
		CHECK(entry.type == e->d_type || !strcmp(e->d_name, ".."));
		snprintf(want, sizeof(want), "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.')
			compare_tree(fs, entry.nid, want);
	}
	closedir(d);
	for (u64 position = 0; !erofs_next_entry(fs, &inode, position, &entry); position = entry.position)
		count++;
	CHECK(count == expected);
	CHECK(erofs_lookup(fs, &inode, "nonexistent", 11, &entry) == ERR_NOENT);
	CHECK(erofs_lookup(fs, &inode, "!", 1, &entry) == ERR_NOENT);
	CHECK(erofs_lookup(fs, &inode, "~~", 2, &entry) == ERR_NOENT);
}

static void repair_checksum(u8 *image)
{
	memset(image + 1028, 0, 4);
	u32 crc = erofs_crc32c(~0u, image + 1024, 3072);
	memcpy(image + 1028, &crc, 4);
}

static void refuse(u8 *image, u64 size, u32 offset, u8 value, bool repair, const char *want)
{
	struct erofs fs;
	const char *reason = "";
	u8 old[4096];
	memcpy(old, image, sizeof(old));
	image[offset] = value;
	if (repair)
		repair_checksum(image);
	status_t st = erofs_open(&fs, image, size, &reason);
	CHECK(st == ERR_BADMSG);
	if (!strstr(reason, want))
		failures += printf("FAIL reason '%s', wanted '%s'\n", reason, want) > 0;
	memcpy(image, old, sizeof(old));
}

static void test_image(const char *options)
{
	struct erofs fs;
	const char *reason = NULL;
	u64 size;
	char path[128];
	run("mkfs.erofs --quiet -x-1 %3$s %1$s/i.img %2$s/tree >/dev/null 2>&1", options);
	snprintf(path, sizeof(path), "%s/i.img", root);
	u8 *image = load(path, &size);
	if (erofs_open(&fs, image, size, &reason))
		exit((printf("FAIL open: %s\n", reason), 1));
	snprintf(path, sizeof(path), "%s/tree", root);
	compare_tree(&fs, fs.root_nid, path);
	refuse(image, size, 1024, 0, false, "magic");
	refuse(image, size, 1060, 0xff, false, "shorter");
	refuse(image, size, 1028, (u8)(image[1028] + 1), false, "checksum");
	refuse(image, size, 1104, 4, false, "features");
	refuse(image, size, 1036, 99, false, "block size");
	refuse(image, size, 1039, 0x7f, true, "");
	CHECK(erofs_open(&fs, image, 1100, &reason) == ERR_BADMSG);
	CHECK(erofs_open(&fs, image, size - 4096, &reason) == ERR_BADMSG);
	free(image);
}

int main(void)
{
	snprintf(root, sizeof(root), "/tmp/erofs-test-XXXXXX");
	if (!mkdtemp(root))
		return 1;
	run("mkdir -p %1$s/tree/deep/er %1$s/tree/many && cd %2$s/tree && : > empty && head -c 4096 /dev/urandom > "
	    "block && "
	    "head -c 70001 /dev/urandom > odd && printf hello > small && ln small hard && ln -s /some/where link "
	    "&& mkfifo fifo && "
	    "chmod 4755 odd && touch -d @1234567890 small && for i in $(seq 1500); do : > "
	    "many/a-rather-long-file-name-$i; done%3$s",
	    "");
	if (geteuid() == 0)
		run("mknod %1$s/tree/null c 1 3 && mknod %2$s/tree/wide b 259 70000 && chown 70000:80000 "
		    "%1$s/tree/odd%3$s",
		    "");
	test_image("-Enoinline_data");
	test_image("");
	run("chown -R 0:0 %1$s/tree 2>/dev/null; find %2$s/tree -exec touch -h -d @1234567890 {} +%3$s", "");
	test_image("-Eforce-inode-compact,noinline_data -T1234567890");
	run("rm -rf %1$s%3$s", "");
	printf("%s\n", failures ? "FAILED" : "ok");
	return failures != 0;
}
