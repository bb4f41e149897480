// SPDX-License-Identifier: MIT
// `ambos image`: build runs tools/image/build.sh, list shows what is there, verify checks the superblock and every
// byte against FILE.sum, which the build wrote.
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ambos.h"
#include "sha256.h"

#define EROFS_SUPER_OFFSET 1024
#define EROFS_MAGIC 0xe0f5e1e2u
#define READ_BYTES (1u << 20)

/* The fields of the EROFS superblock that are looked at; on-disk format of Linux 6.1. */
struct erofs_super {
	u32 magic, checksum, feature_compat;
	u8 block_bits, slots;
	u16 root_nid;
	u64 inodes, build_time;
	u32 build_time_nsec, blocks;
};

static const char *read_super(const char *path, struct erofs_super *super, u64 *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return strerror(errno);
	}
	ssize_t n = pread(fd, super, sizeof(*super), EROFS_SUPER_OFFSET);
	close(fd);
	*size = (u64)st.st_size;
	if (n != (ssize_t)sizeof(*super))
		return "shorter than a superblock";
	if (super->magic != EROFS_MAGIC)
		return "no EROFS superblock";
	if (super->block_bits != PAGE_SHIFT)
		return "block size is not 4096";
	if (((u64)super->blocks << PAGE_SHIFT) > *size)
		return "shorter than its superblock says";
	return NULL;
}

static int image_build(int argc, char **argv)
{
	static char script[PATH_BYTES + 64];
	snprintf(script, sizeof(script), "%s/tools/image/build.sh", find_home());
	char **args = calloc((size_t)argc + 2, sizeof(*args));
	if (!args)
		die(EXIT_AMBOS_FAILED, "out of memory");
	args[0] = script;
	memcpy(args + 1, argv, (size_t)argc * sizeof(*argv));
	execv(script, args);
	die(EXIT_AMBOS_FAILED, "%s: %s; images are built in a source tree", script, strerror(errno));
}

static int image_list(void)
{
	char pattern[PATH_BYTES + 64], when[32];
	snprintf(pattern, sizeof(pattern), "%s/out/image/*.erofs", find_home());
	glob_t found;
	if (glob(pattern, 0, NULL, &found)) {
		say("no images at %s; make one with `ambos image build`", pattern);
		return EXIT_AMBOS_FAILED;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct erofs_super super;
		struct stat st;
		u64 size;
		const char *bad = read_super(found.gl_pathv[i], &super, &size);
		if (bad || stat(found.gl_pathv[i], &st)) {
			printf("%s  BAD: %s\n", found.gl_pathv[i], bad ? bad : strerror(errno));
			continue;
		}
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", localtime(&st.st_mtime));
		printf("%s  %llu MiB  %llu files  built %s\n", found.gl_pathv[i], (unsigned long long)(size >> 20),
		       (unsigned long long)super.inodes, when);
	}
	globfree(&found);
	return 0;
}

static bool digest_file(const char *path, char text[65])
{
	struct sha256 sum;
	u8 digest[32];
	u8 *buffer = malloc(READ_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	sha256_start(&sum);
	while (buffer && fd >= 0 && (n = read(fd, buffer, READ_BYTES)) > 0)
		sha256_add(&sum, buffer, (size_t)n);
	if (fd >= 0)
		close(fd);
	free(buffer);
	sha256_finish(&sum, digest);
	for (u32 i = 0; i < 32; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	return n == 0;
}

static int image_verify(const char *path)
{
	struct erofs_super super;
	u64 size;
	const char *bad = read_super(path, &super, &size);
	if (bad)
		die(EXIT_AMBOS_FAILED, "image %s: %s; build it again with `ambos image build`", path, bad);
	char sum_path[PATH_BYTES + 80], want[65] = "", have[65];
	snprintf(sum_path, sizeof(sum_path), "%s.sum", path);
	FILE *f = fopen(sum_path, "re");
	if (!f || fscanf(f, "%64s", want) != 1)
		die(EXIT_AMBOS_FAILED, "image %s: its checksum file %s is missing; build the image again", path, sum_path);
	fclose(f);
	if (!digest_file(path, have))
		die(EXIT_AMBOS_FAILED, "image %s: %s", path, strerror(errno));
	if (strcmp(want, have))
		die(EXIT_AMBOS_FAILED, "image %s: its bytes were changed (sha256 %.16s..., built as %.16s...); build it again",
		    path,
		    have, want);
	printf("%s: ok, %llu bytes, sha256 %s\n", path, (unsigned long long)size, have);
	return 0;
}

int image_command(int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "list";
	if (!strcmp(what, "build"))
		return image_build(argc - 1, argv + 1);
	if (!strcmp(what, "list") && argc <= 1)
		return image_list();
	if (!strcmp(what, "verify") && argc <= 2) {
		struct options none = { .image = argc == 2 ? argv[1] : NULL };
		return image_verify(find_image(&none));
	}
	if (!strcmp(what, "--help") || !strcmp(what, "-h"))
		return help_command(1, (char *[]){ "image" });
	die(EXIT_AMBOS_FAILED, "image %s: unknown; see `ambos help image`", what);
}
