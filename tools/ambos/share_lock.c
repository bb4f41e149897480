// SPDX-License-Identifier: MIT
// Hidden files of dead VMs. Files that lose their last name while a program of the guest uses them get a hidden name on a shared
// folder (services/vfsd/share_hide.c); a VM that is killed leaves them. Each VM holds a shared lock on the folders it writes to;
// who gets the exclusive one knows that no other VM lives there and removes what is left.
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ambos.h"

#define HIDDEN_PREFIX ".ambos-hidden-"

static bool is_hidden(const char *name) { return !strncmp(name, HIDDEN_PREFIX, sizeof(HIDDEN_PREFIX) - 1); }

/* Removes the hidden names in a folder; the hidden folders have files only. */
static void remove_hidden(int at, const char *folder, bool inside)
{
	int fd = openat(at, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(dir));) {
		if (!is_hidden(e->d_name))
			continue;
		if (!inside && e->d_type != DT_REG) {
			remove_hidden(fd, e->d_name, true);
			unlinkat(fd, e->d_name, AT_REMOVEDIR);
		} else {
			unlinkat(fd, e->d_name, 0);
		}
	}
	closedir(dir);
}

static void clean(const struct share *s)
{
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		remove_hidden(s->lock, ".", false);
}

/* QEMU inherits the descriptors: the locks hold for as long as it lives. */
void shares_lock(struct options *o)
{
	for (u32 i = 0; i < o->share_count; i++) {
		struct share *s = &o->shares[i];
		s->lock = s->read_only ? -1 : open(s->host, O_RDONLY | O_DIRECTORY);
		if (s->lock < 0)
			continue;
		clean(s);
		if (flock(s->lock, LOCK_SH | LOCK_NB)) { /* a program of the user's locks the folder: it stays uncleaned */
			close(s->lock);
			s->lock = -1;
		}
	}
}

void shares_unlock(struct options *o)
{
	for (u32 i = 0; i < o->share_count; i++) {
		struct share *s = &o->shares[i];
		if (s->lock < 0)
			continue;
		clean(s);
		close(s->lock);
		s->lock = -1;
	}
}
