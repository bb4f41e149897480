// SPDX-License-Identifier: MIT
// The tree engine against a real directory: the same random operations on both (results and trees must be equal), on
// an empty tmpfs and on a root with an image; each changing operation is also killed at each of its stores and rolled
// back, and the tree must be as before.
// LINK: services/vfsd/tree_store.c services/vfsd/tree_object.c services/vfsd/tree_change.c services/vfsd/tree_rename.c
// LINK: services/vfsd/tree_xattr.c services/vfsd/tree_read.c services/vfsd/tree_mount.c lib/erofs/erofs.c lib/erofs/erofs_dir.c
// LINK: tests/host/fake_service.c tests/host/hash.c
#include "../../tests/host/fake_service.h"
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failures;
#define CHECK(cond)                                                                                                \
	do {                                                                                                       \
		if (!(cond)) {                                                                                     \
			printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #cond);                                      \
			if (++failures > 20)                                                                       \
				exit(1);                                                                           \
		}                                                                                                  \
	} while (0)

static const struct ipc_caller super = { .capabilities = UINT64_MAX };
static char real[64];
static u32 fs;
#define DUMP_MAX (1 << 20)

struct dump { char *text; u32 used; u64 inos[4096]; u32 ino_count; };
static char text_a[DUMP_MAX], text_b[DUMP_MAX];

static u32 ino_index(struct dump *d, u64 ino)
{
	for (u32 i = 0; i < d->ino_count; i++)
		if (d->inos[i] == ino)
			return i;
	d->inos[d->ino_count++] = ino;
	return d->ino_count - 1;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void line(struct dump *d, const char *path, u32 mode, u32 nlink, u64 ino, const char *target)
{
	d->used += (u32)snprintf(d->text + d->used, DUMP_MAX - d->used, "%s %o %u #%u %s\n", path, mode, nlink,
				 ino_index(d, ino), target);
}

static void dump_tree(struct dump *d, u64 ino, const char *path)
{
	struct vfs_attributes a;
	char target[4096] = "", child[4096];
	CHECK(!tree_attributes(fs, ino, &a));
	CHECK(a.ino == ino);
	if ((a.mode & MODE_TYPE) == MODE_SYMLINK) {
		s64 n = tree_readlink(fs, ino, target, sizeof(target) - 1);
		CHECK(n > 0 && (u64)n == a.size);
	}
	line(d, path, a.mode, a.nlink, ino, target);
	if ((a.mode & MODE_TYPE) != MODE_DIRECTORY)
		return;
	char *names[4096];
	u32 count = 0;
	u64 offset = 0;
	static u8 buf[300]; /* small: many resumptions */
	for (s64 n; (n = tree_readdir(fs, ino, offset, buf, sizeof(buf)));) {
		CHECK(n > 0);
		for (s64 at = 0; at < n;) {
			struct vfs_dirent *e = (void *)(buf + at);
			names[count++] = strndup(e->name, e->name_size);
			offset = e->offset;
			struct vfs_node node;
			CHECK(!tree_lookup(fs, ino, e->name, e->name_size, &node) && node.attr.ino == e->ino &&
			      node.attr.mode >> 12 == e->type);
			at += e->record_size;
		}
	}
	qsort(names, count, sizeof(names[0]), by_name);
	for (u32 i = 0; i < count; i++) {
		struct vfs_node node;
		snprintf(child, sizeof(child), "%s/%s", path, names[i]);
		if (!tree_lookup(fs, ino, names[i], (u32)strlen(names[i]), &node))
			dump_tree(d, node.cookie, child);
		free(names[i]);
	}
}

static void dump_real(struct dump *d, const char *full, const char *path)
{
	struct stat st;
	char target[4096] = "", child[4096], full_child[4096];
	CHECK(!lstat(full, &st));
	if (S_ISLNK(st.st_mode) && readlink(full, target, sizeof(target)) < 0)
		CHECK(0);
	line(d, path, st.st_mode, (u32)st.st_nlink, st.st_ino, target);
	if (!S_ISDIR(st.st_mode))
		return;
	struct dirent **list;
	int n = scandir(full, &list, NULL, NULL);
	char *names[4096];
	u32 count = 0;
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i]->d_name, ".") && strcmp(list[i]->d_name, ".."))
			names[count++] = strdup(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	qsort(names, count, sizeof(names[0]), by_name);
	for (u32 i = 0; i < count; i++) {
		snprintf(child, sizeof(child), "%s/%s", path, names[i]);
		snprintf(full_child, sizeof(full_child), "%s/%s", full, names[i]);
		dump_real(d, full_child, child);
		free(names[i]);
	}
}

static const char *tree_text(char *text)
{
	struct dump d = { .text = text };
	dump_tree(&d, vfsd_state()->fs[fs].root_ino, "");
	return text;
}

static void compare_with_real(const char *where)
{
	struct dump d = { .text = text_b };
	tree_text(text_a);
	dump_real(&d, real, "");
	if (strcmp(text_a, text_b)) {
		printf("FAIL trees differ %s\n", where);
		for (u32 i = 0; text_a[i] && text_a[i] == text_b[i]; i++)
			if (text_a[i + 1] != text_b[i + 1]) {
				u32 from = i > 60 ? i - 60 : 0;
				printf("ours:\n%.150s\nreal:\n%.150s\n", text_a + from, text_b + from);
			}
		exit(1);
	}
}

/* ---- one operation, described once, done on both ---- */
enum kind { CREATE, MKDIR, SYMLINK, LINK, UNLINK, RMDIR, RENAME, EXCHANGE, NOREPLACE, CHMOD, SET_XATTR, REMOVE_XATTR, KIND_COUNT };
struct operation { enum kind kind; char a_dir[512], a[300], b_dir[512], b[300]; };

#define XATTR_OF(o) ((o)->b[1] & 1 ? "user.a" : "user.b")

static status_t resolve(const char *path, u64 *ino)
{
	char copy[512];
	snprintf(copy, sizeof(copy), "%s", path);
	*ino = vfsd_state()->fs[fs].root_ino;
	for (char *part = strtok(copy, "/"); part; part = strtok(NULL, "/")) {
		struct vfs_node node;
		status_t st = tree_lookup(fs, *ino, part, (u32)strlen(part), &node);
		if (st)
			return st;
		*ino = node.cookie;
	}
	return OK;
}

static status_t do_tree(const struct operation *o)
{
	u64 a_dir, b_dir;
	struct vfs_node node;
	struct vfs_attributes attr;
	status_t st = resolve(o->a_dir, &a_dir);
	if (!st)
		st = resolve(o->b_dir, &b_dir);
	if (st)
		return st;
	tree_begin();
	u32 a_size = (u32)strlen(o->a), b_size = (u32)strlen(o->b);
	struct tree_create c = { .fs = fs,
				 .dir = a_dir,
				 .name = o->a,
				 .name_size = a_size,
				 .target = "some/target",
				 .target_size = 11 };
	struct vfs_name_request name = { .fs = fs, .dir = a_dir };
	struct vfs_rename_request rename = { .fs = fs, .old_dir = a_dir, .new_dir = b_dir };
	struct vfs_unlink_reply unlinked;
	struct vfs_rename_reply renamed;
	switch (o->kind) {
	case CREATE: c.mode = MODE_REGULAR | 0644; return tree_create(&super, &c, &node);
	case MKDIR: c.mode = MODE_DIRECTORY | 0755; return tree_create(&super, &c, &node);
	case SYMLINK: c.mode = MODE_SYMLINK | 0777; return tree_create(&super, &c, &node);
	case LINK:
		st = tree_lookup(fs, a_dir, o->a, a_size, &node);
		return st ? st : tree_link(fs, b_dir, o->b, b_size, node.cookie, &attr);
	case UNLINK: return tree_unlink(&super, &name, o->a, a_size, false, &unlinked);
	case RMDIR: return tree_unlink(&super, &name, o->a, a_size, true, &unlinked);
	case RENAME: return tree_rename(&super, &rename, o->a, a_size, o->b, b_size, &renamed);
	case EXCHANGE: rename.flags = 2; return tree_rename(&super, &rename, o->a, a_size, o->b, b_size, &renamed);
	case NOREPLACE: rename.flags = 1; return tree_rename(&super, &rename, o->a, a_size, o->b, b_size, &renamed);
	case CHMOD:
		st = tree_lookup(fs, a_dir, o->a, a_size, &node);
		struct vfs_setattr_request q = { .fs = fs, .cookie = node.cookie, .valid = VFS_SET_MODE, .mode = 0700 };
		return st ? st : tree_setattr(&super, &q, &attr);
	case SET_XATTR:
	case REMOVE_XATTR:
		st = tree_lookup(fs, a_dir, o->a, a_size, &node);
		struct vfs_node_request x = { .fs = fs, .cookie = node.cookie };
		if (st)
			return st;
		return o->kind == SET_XATTR ? tree_setxattr(&x, XATTR_OF(o), (u32)strlen(XATTR_OF(o)), o->b, b_size)
					    : tree_removexattr(&x, XATTR_OF(o), (u32)strlen(XATTR_OF(o)));
	default: return ERR_INVAL;
	}
}

static int do_real(const struct operation *o)
{
	char a[1024], b[1024];
	struct stat st;
	snprintf(a, sizeof(a), "%s/%s/%s", real, o->a_dir, o->a);
	snprintf(b, sizeof(b), "%s/%s/%s", real, o->b_dir, o->b);
	int r = -1;
	switch (o->kind) {
	case CREATE: r = open(a, O_CREAT | O_EXCL | O_WRONLY, 0644); if (r >= 0) { close(r); r = 0; } break;
	case MKDIR: r = mkdir(a, 0755); break;
	case SYMLINK: r = symlink("some/target", a); break;
	case LINK: r = linkat(AT_FDCWD, a, AT_FDCWD, b, 0); break;
	case UNLINK: r = unlink(a); break;
	case RMDIR: r = rmdir(a); break;
	case RENAME: r = (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0); break;
	case EXCHANGE: r = (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2); break;
	case NOREPLACE: r = (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 1); break;
	case CHMOD:
		r = lstat(a, &st);
		if (!r && S_ISLNK(st.st_mode)) {
			errno = EOPNOTSUPP;
			r = -1;
		} else if (!r)
			r = chmod(a, 0700);
		break;
	case SET_XATTR:
	case REMOVE_XATTR:
		r = lstat(a, &st);
		if (!r && S_ISLNK(st.st_mode)) {
			errno = EOPNOTSUPP; /* user attributes are for files and directories; the kernel's check, not vfsd's */
			r = -1;
		} else if (!r) {
			r = o->kind == SET_XATTR ? setxattr(a, XATTR_OF(o), o->b, strlen(o->b), 0) : removexattr(a, XATTR_OF(o));
		}
		break;
	default: break;
	}
	return r ? -errno : 0;
}

static u64 kills;
/* The n-th-store walk of one operation. */
static void kill_walk(const struct operation *o)
{
	static char before[DUMP_MAX];
	tree_text(before);
	u64 live = fake_state_live();
	for (u64 n = 1;; n++) {
		fake_kill_at = n;
		txn_begin();
		if (!setjmp(fake_kill)) {
			do_tree(o);
			fake_rollback();
			break;
		}
		fake_kill_at = 0;
		fake_rollback();
		kills++;
		if (strcmp(before, tree_text(text_a)) || live != fake_state_live()) {
			printf("FAIL kill at store %llu of kind %d\n", (unsigned long long)n, o->kind);
			exit(1);
		}
	}
	fake_kill_at = 0;
}

/* A random directory of the tree (by walking down) in out; names are few, so that they collide. */
static void random_dir(char *out)
{
	char path[512] = "";
	for (int depth = rand() % 4; depth > 0; depth--) {
		char next[1024];
		struct vfs_node node;
		u64 ino;
		snprintf(next, sizeof(next), "%s/n%d", path, rand() % 12);
		if (strlen(next) > 400 || resolve(path, &ino) ||
		    tree_lookup(fs, ino, strrchr(next, '/') + 1, (u32)strlen(strrchr(next, '/') + 1), &node) ||
		    (node.attr.mode & MODE_TYPE) != MODE_DIRECTORY)
			break;
		snprintf(path, sizeof(path), "%.511s", next);
	}
	memcpy(out, path, sizeof(path));
}

static void random_operations(u32 count, u32 walk_every)
{
	for (u32 i = 0; i < count; i++) {
		struct operation o = { .kind = (enum kind)(rand() % KIND_COUNT) };
		random_dir(o.a_dir);
		random_dir(o.b_dir);
		snprintf(o.a, sizeof(o.a), "n%d", rand() % 12);
		snprintf(o.b, sizeof(o.b), "n%d", rand() % 12);
		if (walk_every && i % walk_every == 0)
			kill_walk(&o);
		int want = do_real(&o);
		if (want == -EOPNOTSUPP)
			continue;
		txn_begin();
		status_t got = do_tree(&o);
		if (got)
			txn_abort();
		else
			txn_commit(NULL, 0);
		if (got != want && !(o.kind == LINK && got == -ENOENT)) {
			printf("FAIL op %u kind %d %s/%s %s/%s: ours %d real %d\n", i, o.kind, o.a_dir, o.a,
			       o.b_dir, o.b, got, want);
			exit(1);
		}
		if (i % 50 == 0)
			compare_with_real("during");
	}
	compare_with_real("at the end");
}

static void shell(const char *fmt)
{
	char command[1024];
	snprintf(command, sizeof(command), fmt, real, real, real);
	if (system(command))
		exit(1);
}

static void mount(u32 kind, const char *options)
{
	txn_begin();
	CHECK(!tree_mount(kind, options, &fs));
	txn_commit(NULL, 0);
}

static void test_limits(void)
{
	struct operation o = { .kind = CREATE, .a = "x" };
	fake_state_reset(sizeof(struct vfsd_state), 0);
	mount(FS_KIND_TMPFS, "nr_inodes=3,size=64k,mode=700,uid=5");
	struct vfs_statfs_reply s;
	tree_statfs(fs, &s);
	CHECK(s.blocks == 16 && s.files == 3 && s.files_free == 2);
	txn_begin();
	CHECK(!do_tree(&o));
	o.a[0] = 'y';
	CHECK(!do_tree(&o));
	o.a[0] = 'z';
	CHECK(do_tree(&o) == ERR_NOSPC);
	txn_abort();
	u32 bad;
	txn_begin();
	CHECK(tree_mount(FS_KIND_TMPFS, "nonsense=1", &bad) == ERR_INVAL);
	CHECK(tree_mount(FS_KIND_TMPFS, "size=", &bad) == ERR_INVAL);
	CHECK(tree_mount(FS_KIND_TMPFS, "size=1k,", &bad) == OK);
	txn_abort();
	fake_state_reset(sizeof(struct vfsd_state), ALIGN_UP(sizeof(struct vfsd_state), 16ull) + 120000);
	mount(FS_KIND_TMPFS, "");
	status_t st = OK;
	for (u32 i = 0; !st && i < 100000; i++) {
		snprintf(o.a, sizeof(o.a), "file%u", i);
		txn_begin();
		st = do_tree(&o);
		if (st)
			txn_abort();
		else
			txn_commit(NULL, 0);
	}
	CHECK(st == ERR_NOSPC);
	tree_text(text_a);
}

/* Sticky directories, setgid inheritance, kept objects, unmount gives everything back. */
static void test_policy(void)
{
	struct vfs_node dir, node;
	struct vfs_unlink_reply u;
	struct ipc_caller joe = { .uid = 7, .gid = 7 }, ann = { .uid = 8, .gid = 8 };
	fake_state_reset(sizeof(struct vfsd_state), 0);
	mount(FS_KIND_TMPFS, "");
	txn_begin();
	u64 live = fake_state_live(), root = vfsd_state()->fs[fs].root_ino;
	struct tree_create c = { .fs = fs,
				 .dir = root,
				 .name = "d",
				 .name_size = 1,
				 .mode = MODE_DIRECTORY | MODE_STICKY | MODE_SETGID | 0777,
				 .uid = 7,
				 .gid = 99 };
	CHECK(!tree_create(&joe, &c, &dir));
	c = (struct tree_create){ .fs = fs,
				  .dir = dir.cookie,
				  .name = "f",
				  .name_size = 1,
				  .mode = MODE_REGULAR | 0600,
				  .uid = 7,
				  .gid = 7 };
	CHECK(!tree_create(&joe, &c, &node) && node.attr.gid == 99);
	c.mode = MODE_CHARACTER;
	c.name = "c";
	CHECK(tree_create(&joe, &c, &node) == ERR_PERM);
	struct vfs_name_request q = { .fs = fs, .dir = dir.cookie, .flags = VFS_UNLINK_KEEP };
	CHECK(tree_unlink(&ann, &q, "f", 1, false, &u) == ERR_PERM);
	CHECK(tree_unlink(&joe, &q, "f", 1, true, &u) == ERR_NOTDIR);
	CHECK(!tree_unlink(&joe, &q, "f", 1, false, &u) && !u.nlink);
	CHECK(!tree_node(fs, u.cookie, &node) && !node.attr.nlink);
	struct vfs_attributes a;
	CHECK(tree_link(fs, root, "again", 5, u.cookie, &a) == ERR_NOENT);
	CHECK(!tree_forget(fs, u.cookie) && tree_node(fs, u.cookie, &node) == ERR_STALE);
	q.dir = root;
	CHECK(!tree_unlink(&joe, &q, "d", 1, true, &u));
	CHECK(tree_readdir(fs, dir.cookie, 0, (u8 *)text_a, 100) == 0);
	c.mode = MODE_REGULAR;
	CHECK(tree_create(&joe, &c, &node) == ERR_NOENT);
	CHECK(!tree_forget(fs, dir.cookie));
	c = (struct tree_create){ .fs = fs, .dir = root, .mode = MODE_REGULAR | 0600 };
	CHECK(!tree_tmpfile(&c, &node) && !node.attr.nlink);
	CHECK(!tree_link(fs, root, "t", 1, node.cookie, &a) && a.nlink == 1);
	CHECK(!tree_forget(fs, node.cookie) && !tree_node(fs, node.cookie, &node));
	q.flags = 0;
	CHECK(!tree_unlink(&super, &q, "t", 1, false, &u));
	CHECK(tree_node(fs, u.cookie, &node) == ERR_STALE);
	(void)live;
	CHECK(!tree_unmount(fs) && !fs_get(fs));
	tree_reclaim();
	CHECK(!vfsd_state()->dying_count && !vfsd_state()->objects.count && !vfsd_state()->entries.count);
	txn_commit(NULL, 0);
	mount(FS_KIND_DEVTMPFS, "");
	CHECK(!tree_lookup(fs, 1, "urandom", 7, &node) && node.attr.rdev == 0x109 &&
	      node.attr.mode == (MODE_CHARACTER | 0666));
}

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; } /* killed operations leave journal records */

int main(int argc, char **argv)
{
	u32 rounds = argc > 1 ? (u32)atoi(argv[1]) : 3000;
	umask(0);
	srand(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
	snprintf(real, sizeof(real), "/tmp/tree-test-XXXXXX");
	if (!mkdtemp(real))
		return 1;
	test_limits();
	test_policy();
	shell("mkdir -p %s/t && mount -t tmpfs none %s/t 2>/dev/null; true");
	strcat(real, "/t");
	fake_state_reset(sizeof(struct vfsd_state), 0);
	mount(FS_KIND_TMPFS, "mode=755");
	chmod(real, 0755);
	random_operations(rounds, 40);
	shell("rm -rf %1$s/* ; for i in $(seq 0 11); do mkdir -p %2$s/n$i/n1/n2 %3$s/n$i/n3; done");
	shell("cd %s; for i in $(seq 0 9); do echo $i > n$i/n4; ln n$i/n4 n$i/n5; ln -s here n$i/n6; touch "
	      "n$i/n1/n7; done; rmdir n10/n3 n11/n3; chmod 755 .");
	shell("mkfs.erofs --quiet -x-1 -Enoinline_data %s/../i.img %s >/dev/null 2>&1");
	char path[128];
	snprintf(path, sizeof(path), "%s/../i.img", real);
	FILE *f = fopen(path, "r");
	static u8 image[4 << 20];
	u64 size = fread(image, 1, sizeof(image), f);
	fclose(f);
	struct erofs e;
	const char *reason;
	if (erofs_open(&e, image, size, &reason))
		return 1;
	tree_set_image(&e);
	fake_state_reset(sizeof(struct vfsd_state), 0);
	mount(FS_KIND_ROOT, "");
	compare_with_real("image");
	random_operations(rounds, 40);
	real[strlen(real) - 2] = 0;
	shell("umount %s/t 2>/dev/null; rm -rf %s");
	printf("%s: %u operations twice, %llu kills\n", failures ? "FAILED" : "ok", rounds, (unsigned long long)kills);
	return failures != 0;
}
