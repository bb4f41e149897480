// SPDX-License-Identifier: MIT
/* Descriptor tables: a slot array with two bit maps (open, close-on-exec), lowest free number first.
 * Entry points: fdtable_* and fd_get (file.h). Files are released outside the lock, because release may sleep. */
#include "vfs.h"

#include "base/string.h"
#include "linux/stat.h"

#define WORD_BITS 64
#define BOOT_NOFILE 1024 /* limit for threads without a process */

static struct slab_cache *table_cache;

struct fdtable *fdtable_create(void)
{
	struct fdtable *t;

	if (unlikely(!table_cache))
		table_cache = slab_create("fdtable", sizeof(struct fdtable), 64);
	t = table_cache ? slab_alloc(table_cache) : NULL;
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->refs = 1;
	spin_init(&t->lock, RANK_FDTABLE);
	t->capacity = FDTABLE_INLINE;
	t->files = t->inline_files;
	t->open_bits = &t->inline_open;
	t->cloexec_bits = &t->inline_cloexec;
	return t;
}

static void free_arrays(struct file **files, u64 *bits, u32 *access, const struct fdtable *t)
{
	kfree(access);
	if (files != t->inline_files) {
		kfree(files);
		kfree(bits); /* both maps are one block */
	}
}

/* One block for both maps: open bits first. */
static status_t alloc_arrays(u32 capacity, struct file ***files, u64 **bits, u32 **access)
{
	*files = kzalloc(capacity * sizeof(struct file *));
	*bits = kzalloc(2 * (capacity / WORD_BITS) * sizeof(u64));
	if (access)
		*access = kzalloc(capacity * sizeof(u32));
	if (*files && *bits && (!access || *access))
		return OK;
	kfree(*files);
	kfree(*bits);
	if (access)
		kfree(*access);
	return ERR_NOMEM;
}

/* Makes room for slot `fd`. Called and left with the lock held; drops it to allocate, so the caller looks again. */
static status_t grow_locked(struct fdtable *t, u32 fd)
{
	u32 capacity = MAX(t->capacity, FDTABLE_INLINE), old_capacity;
	struct file **files, **old_files;
	u64 *bits, *old_bits;
	u32 *access = NULL, *old_access;
	bool with_access = t->access != NULL;
	status_t st;

	if (fd >= FDTABLE_MAX)
		return ERR_MFILE;
	while (capacity <= fd)
		capacity *= 2;
	spin_unlock(&t->lock);
	st = alloc_arrays(capacity, &files, &bits, with_access ? &access : NULL);
	spin_lock(&t->lock);
	if (st)
		return st;
	if (t->capacity >= capacity || (t->access && !access)) { /* another thread was faster */
		kfree(files);
		kfree(bits);
		kfree(access);
		return OK;
	}
	old_capacity = t->capacity;
	old_files = t->files;
	old_bits = t->open_bits;
	memcpy(files, t->files, old_capacity * sizeof(struct file *));
	memcpy(bits, t->open_bits, old_capacity / 8);
	memcpy(bits + capacity / WORD_BITS, t->cloexec_bits, old_capacity / 8);
	old_access = t->access;
	if (old_access)
		memcpy(access, old_access, old_capacity * sizeof(u32));
	t->access = access;
	t->files = files;
	t->open_bits = bits;
	t->cloexec_bits = bits + capacity / WORD_BITS;
	__atomic_store_n(&t->capacity, capacity, __ATOMIC_RELEASE);
	free_arrays(old_files, old_bits, old_access, t);
	return OK;
}


static void copy_slots_locked(struct fdtable *t, struct fdtable *from)
{
	for (u32 w = 0; w < from->capacity / WORD_BITS; w++) {
		u64 bits = from->open_bits[w];

		t->open_bits[w] = bits;
		t->cloexec_bits[w] = from->cloexec_bits[w];
		for (; bits; bits &= bits - 1) {
			u32 fd = w * WORD_BITS + (u32)__builtin_ctzll(bits);

			t->files[fd] = from->files[fd];
			file_get(t->files[fd]);
		}
	}
	if (t->access)
		memcpy(t->access, from->access, from->capacity * sizeof(u32));
	t->count = from->count;
	t->first_free_word = from->first_free_word;
}

struct fdtable *fdtable_clone(struct fdtable *from)
{
	struct fdtable *t = fdtable_create();

	if (!t)
		return NULL;
	for (;;) {
		u32 capacity = __atomic_load_n(&from->capacity, __ATOMIC_ACQUIRE);
		status_t st = OK;

		if (from->access && !t->access && !(t->access = kzalloc(t->capacity * sizeof(u32))))
			st = ERR_NOMEM;
		spin_lock(&t->lock);
		if (!st && t->capacity < capacity)
			st = grow_locked(t, capacity - 1);
		spin_unlock(&t->lock);
		if (st) {
			fdtable_put(t);
			return NULL;
		}
		spin_lock(&from->lock);
		if (from->capacity <= t->capacity && (!from->access || t->access))
			break;
		spin_unlock(&from->lock);
	}
	copy_slots_locked(t, from);
	spin_unlock(&from->lock);
	return t;
}

void fdtable_get(struct fdtable *t) { __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED); }

static void close_file(struct fdtable *t, struct file *f)
{
	if (unlikely(f->owner) && f->where.node && S_ISDIR_K(f->where.node->mode))
		dnotify_drop(f, t);
	if (file_has_locks(f))
		file_locks_drop(f, t);
	if (f->ops->close)
		f->ops->close(f, t);
	file_put(f);
}

static struct file *take_locked(struct fdtable *t, u32 fd)
{
	struct file *f = fd < t->capacity ? t->files[fd] : NULL;
	u32 word = fd / WORD_BITS;

	if (!f)
		return NULL;
	t->files[fd] = NULL;
	t->open_bits[word] &= ~BIT(fd % WORD_BITS);
	t->cloexec_bits[word] &= ~BIT(fd % WORD_BITS);
	t->first_free_word = MIN(t->first_free_word, word);
	if (t->access)
		t->access[fd] = 0;
	t->count--;
	return f;
}

/* Lowest set bit of `bits` (the open or the close-on-exec map) in [first, last], or -1. */
static s64 lowest_bit_locked(struct fdtable *t, const u64 *bits, u32 first, u32 last)
{
	for (u32 w = first / WORD_BITS; w < t->capacity / WORD_BITS && w <= last / WORD_BITS; w++) {
		u64 word = bits[w];

		if (w == first / WORD_BITS)
			word &= ~0ull << (first % WORD_BITS);
		if (w == last / WORD_BITS)
			word &= ~0ull >> (WORD_BITS - 1 - last % WORD_BITS);
		if (word)
			return (s64)w * WORD_BITS + __builtin_ctzll(word);
	}
	return -1;
}

static void close_matching(struct fdtable *t, u32 first, u32 last, bool only_cloexec)
{
	for (;;) {
		struct file *f;
		s64 fd;

		spin_lock(&t->lock);
		fd = lowest_bit_locked(t, only_cloexec ? t->cloexec_bits : t->open_bits, first, last);
		f = fd >= 0 ? take_locked(t, (u32)fd) : NULL;
		spin_unlock(&t->lock);
		if (!f)
			return;
		close_file(t, f);
		if ((u32)fd == last)
			return;
		first = (u32)fd + 1;
		if ((fd & (WORD_BITS - 1)) == 0)
			preempt_point();
	}
}

void fdtable_put(struct fdtable *t)
{
	if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	close_matching(t, 0, UINT32_MAX, false);
	free_arrays(t->files, t->open_bits, t->access, t);
	slab_free(table_cache, t);
}

void fdtable_close_on_exec(struct fdtable *t) { close_matching(t, 0, UINT32_MAX, true); }

status_t fdtable_unshare(void)
{
	struct thread *self = thread_current();
	struct fdtable *old = self->fds, *own;

	if (__atomic_load_n(&old->refs, __ATOMIC_ACQUIRE) == 1)
		return OK;
	own = fdtable_clone(old);
	if (!own)
		return ERR_NOMEM;
	spin_lock(&process_tree_lock); /* process_fds_get looks under it */
	self->fds = own;
	spin_unlock(&process_tree_lock);
	fdtable_put(old);
	return OK;
}

struct file *fdtable_get_file(struct fdtable *t, int fd)
{
	struct file *f;

	spin_lock(&t->lock);
	f = (u32)fd < t->capacity ? t->files[fd] : NULL;
	if (f)
		file_get(f);
	spin_unlock(&t->lock);
	return f;
}

struct file *fd_borrow_slow(struct fdtable *t, int fd) { return fdtable_get_file(t, fd); }

struct file *fd_get(int fd)
{
	struct fdtable *t = thread_current()->fds;
	struct file *f;

	if (unlikely(__atomic_load_n(&t->refs, __ATOMIC_RELAXED) != 1))
		return fdtable_get_file(t, fd);
	f = (u32)fd < t->capacity ? t->files[fd] : NULL;
	if (f)
		file_get(f);
	return f;
}

static u32 descriptor_limit(void)
{
	struct process *p = process_current();
	u64 limit = p ? p->rlimits[RLIMIT_NOFILE].soft : BOOT_NOFILE;

	if (p && (p->flags & PROC_WINDOWS)) /* NT has no such limit */
		limit = FDTABLE_MAX;
	return (u32)MIN(limit, (u64)FDTABLE_MAX);
}

/* Lowest free slot >= min; may lie at the capacity (then the table must grow). */
static u32 find_free_locked(struct fdtable *t, u32 min)
{
	u32 words = t->capacity / WORD_BITS, w = min / WORD_BITS;
	u64 below = BIT(min % WORD_BITS) - 1;

	if (w < t->first_free_word) {
		w = t->first_free_word;
		below = 0;
	}
	for (; w < words; w++, below = 0) {
		u64 free_bits = ~(t->open_bits[w] | below);

		if (free_bits) {
			if (below == 0 && min / WORD_BITS <= t->first_free_word)
				t->first_free_word = w;
			return w * WORD_BITS + (u32)__builtin_ctzll(free_bits);
		}
	}
	return MAX(min, t->capacity);
}

static void store_locked(struct fdtable *t, u32 fd, struct file *f, u32 fd_flags)
{
	u64 bit = BIT(fd % WORD_BITS);

	if (t->access && t->files[fd] != f)
		t->access[fd] = 0;
	t->files[fd] = f;
	t->open_bits[fd / WORD_BITS] |= bit;
	if (fd_flags & FD_CLOEXEC_K)
		t->cloexec_bits[fd / WORD_BITS] |= bit;
	else
		t->cloexec_bits[fd / WORD_BITS] &= ~bit;
}

int fdtable_install(struct fdtable *t, struct file *f, int min, u32 fd_flags)
{
	u32 limit = descriptor_limit(), fd;
	status_t st = OK;

	spin_lock(&t->lock);
	for (;;) {
		fd = find_free_locked(t, (u32)min);
		if (fd >= limit)
			st = ERR_MFILE;
		else if (fd >= t->capacity)
			st = grow_locked(t, fd);
		else
			break;
		if (st) {
			spin_unlock(&t->lock);
			return st;
		}
	}
	store_locked(t, fd, f, fd_flags);
	t->count++;
	spin_unlock(&t->lock);
	return (int)fd;
}

status_t fdtable_install_at(struct fdtable *t, int fd, struct file *f, u32 fd_flags)
{
	struct file *old;

	if (fd < 0 || (u32)fd >= descriptor_limit())
		return ERR_BADF;
	spin_lock(&t->lock);
	while ((u32)fd >= t->capacity) {
		status_t st = grow_locked(t, (u32)fd);

		if (st) {
			spin_unlock(&t->lock);
			return st;
		}
	}
	old = t->files[fd];
	store_locked(t, (u32)fd, f, fd_flags);
	if (!old)
		t->count++;
	spin_unlock(&t->lock);
	if (old)
		close_file(t, old);
	return OK;
}

status_t fdtable_close(struct fdtable *t, int fd)
{
	struct file *f;

	spin_lock(&t->lock);
	f = take_locked(t, (u32)fd);
	spin_unlock(&t->lock);
	if (!f)
		return ERR_BADF;
	close_file(t, f);
	return OK;
}

status_t fdtable_set_flags(struct fdtable *t, int fd, u32 fd_flags)
{
	status_t st = ERR_BADF;

	spin_lock(&t->lock);
	if ((u32)fd < t->capacity && t->files[fd]) {
		store_locked(t, (u32)fd, t->files[fd], fd_flags);
		st = OK;
	}
	spin_unlock(&t->lock);
	return st;
}

s64 fdtable_get_flags(struct fdtable *t, int fd)
{
	s64 flags = ERR_BADF;

	spin_lock(&t->lock);
	if ((u32)fd < t->capacity && t->files[fd])
		flags = (t->cloexec_bits[fd / WORD_BITS] >> (fd % WORD_BITS)) & 1;
	spin_unlock(&t->lock);
	return flags;
}

status_t fdtable_set_access(struct fdtable *t, int fd, u32 access)
{
	status_t st = ERR_BADF;

	spin_lock(&t->lock);
	while (!t->access) {
		u32 capacity = t->capacity, *fresh;

		spin_unlock(&t->lock);
		fresh = kzalloc(capacity * sizeof(u32));
		spin_lock(&t->lock);
		if (!t->access && fresh && t->capacity == capacity)
			t->access = fresh;
		else
			kfree(fresh);
		if (!fresh) {
			spin_unlock(&t->lock);
			return ERR_NOMEM;
		}
	}
	if ((u32)fd < t->capacity && t->files[fd]) {
		t->access[fd] = access;
		st = OK;
	}
	spin_unlock(&t->lock);
	return st;
}

struct file *fdtable_get_access(struct fdtable *t, int fd, u32 *access, bool *inherit)
{
	struct file *f;

	spin_lock(&t->lock);
	f = (u32)fd < t->capacity ? t->files[fd] : NULL;
	if (f) {
		file_get(f);
		*access = t->access ? t->access[fd] : 0;
		*inherit = !((t->cloexec_bits[fd / WORD_BITS] >> (fd % WORD_BITS)) & 1);
	}
	spin_unlock(&t->lock);
	return f;
}

status_t fdtable_close_range(struct fdtable *t, u32 first, u32 last, bool only_mark_cloexec)
{
	if (!only_mark_cloexec) {
		close_matching(t, first, last, false);
		return OK;
	}
	spin_lock(&t->lock);
	for (u32 fd = first; fd < t->capacity && fd <= last; fd++)
		t->cloexec_bits[fd / WORD_BITS] |= t->open_bits[fd / WORD_BITS] & BIT(fd % WORD_BITS);
	spin_unlock(&t->lock);
	return OK;
}

int fdtable_next(struct fdtable *t, int from)
{
	int found = -1;

	spin_lock(&t->lock);
	for (u32 fd = (u32)MAX(from, 0); fd < t->capacity && found < 0; fd++)
		if (t->files[fd])
			found = (int)fd;
	spin_unlock(&t->lock);
	return found;
}

u32 fdtable_count(struct fdtable *t) { return __atomic_load_n(&t->count, __ATOMIC_RELAXED); }
