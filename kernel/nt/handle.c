// SPDX-License-Identifier: MIT
/* Handles: descriptor n of the process is handle (n + 1) * 4, granted access and protection stand beside the slot,
 * "not inheritable" is close-on-exec. A descriptor from a Linux parent has none set: its open mode counts. */
#include "nt.h"
#include "nt_internal.h"

static const u32 type_all_access[NT_TYPE_COUNT] = {
	[NT_TYPE_FILE] = 0x1f01ff, [NT_TYPE_DIRECTORY] = 0xf000f, [NT_TYPE_SYMLINK] = 0xf0001, [NT_TYPE_EVENT] = 0x1f0003,
	[NT_TYPE_MUTANT] = 0x1f0001, [NT_TYPE_SEMAPHORE] = 0x1f0003, [NT_TYPE_TIMER] = 0x1f0003, [NT_TYPE_KEYED_EVENT] = 0xf0003,
	[NT_TYPE_IO_COMPLETION] = 0x1f0003, [NT_TYPE_WAIT_PACKET] = 0xf0001, [NT_TYPE_PROCESS] = 0x1fffff,
	[NT_TYPE_THREAD] = 0x1fffff, [NT_TYPE_JOB] = 0x1f003f, [NT_TYPE_TOKEN] = 0xf01ff, [NT_TYPE_SECTION] = 0xf001f,
	[NT_TYPE_KEY] = 0xf003f, [NT_TYPE_DEBUG] = 0x1f000f,
};
/* What GENERIC_READ, WRITE and EXECUTE mean for each type (MSDN, "Standard Access Rights" and each object's page). */
static const u32 type_generic[NT_TYPE_COUNT][3] = {
	[NT_TYPE_FILE] = { 0x120089, 0x120116, 0x1200a0 }, [NT_TYPE_DIRECTORY] = { 0x20003, 0x2000c, 0x20003 },
	[NT_TYPE_SYMLINK] = { 0x20001, 0x20000, 0x20001 }, [NT_TYPE_EVENT] = { 0x20001, 0x20002, 0x120000 },
	[NT_TYPE_MUTANT] = { 0x20001, 0x20000, 0x120000 }, [NT_TYPE_SEMAPHORE] = { 0x20001, 0x20002, 0x120000 },
	[NT_TYPE_TIMER] = { 0x20001, 0x20002, 0x120000 }, [NT_TYPE_KEYED_EVENT] = { 0x20001, 0x20002, 0x20000 },
	[NT_TYPE_IO_COMPLETION] = { 0x20001, 0x20002, 0x120000 }, [NT_TYPE_WAIT_PACKET] = { 0x20001, 0x20001, 0x20001 },
	[NT_TYPE_PROCESS] = { 0x20410, 0x20bea, 0x121001 }, [NT_TYPE_THREAD] = { 0x20048, 0x20437, 0x120800 },
	[NT_TYPE_JOB] = { 0x20004, 0x2000b, 0x120000 }, [NT_TYPE_TOKEN] = { 0x2001a, 0x201e0, 0x20005 },
	[NT_TYPE_SECTION] = { 0x20005, 0x20002, 0x20008 }, [NT_TYPE_KEY] = { 0x20019, 0x20006, 0x20019 },
	[NT_TYPE_DEBUG] = { 0x20001, 0x20002, 0x120000 },
};

static int handle_fd(u64 handle) { return handle < 4 || handle > (u64)FDTABLE_MAX * 4 + 3 ? -1 : (int)(handle / 4) - 1; }

/* Who may query or set has the limited right too (MSDN, "Thread/Process Security and Access Rights"). */
static u32 implied(enum nt_type type, u32 granted)
{
	u32 more = 0;
	if (type == NT_TYPE_THREAD)
		more = (granted & NT_THREAD_QUERY_INFORMATION ? NT_THREAD_QUERY_LIMITED_INFORMATION : 0) |
			(granted & NT_THREAD_SET_INFORMATION ? NT_THREAD_SET_LIMITED_INFORMATION : 0);
	else if (type == NT_TYPE_PROCESS && (granted & NT_PROCESS_QUERY_INFORMATION))
		more = NT_PROCESS_QUERY_LIMITED_INFORMATION;
	return more;
}

u32 nt_access_map(enum nt_type type, u32 desired)
{
	u32 granted = desired & ~(NT_GENERIC_READ | NT_GENERIC_WRITE | NT_GENERIC_EXECUTE | NT_GENERIC_ALL | NT_MAXIMUM_ALLOWED);
	if (type >= NT_TYPE_COUNT)
		type = NT_TYPE_FILE;
	if (desired & NT_GENERIC_READ)
		granted |= type_generic[type][0];
	if (desired & NT_GENERIC_WRITE)
		granted |= type_generic[type][1];
	if (desired & NT_GENERIC_EXECUTE)
		granted |= type_generic[type][2];
	if (desired & (NT_GENERIC_ALL | NT_MAXIMUM_ALLOWED))
		granted |= type_all_access[type];
	return (granted | implied(type, granted)) & 0x1ffffff;
}

/* Of a descriptor that no NT call made: a file's open mode, everything else whole. */
static u32 access_of_mode(const struct file *f)
{
	if (f->ops->nt_type != NT_TYPE_FILE)
		return type_all_access[f->ops->nt_type];
	u32 access = NT_SYNCHRONIZE | NT_READ_CONTROL | 0x80;
	if (FILE_CAN_READ(f))
		access |= type_generic[NT_TYPE_FILE][0] | type_generic[NT_TYPE_FILE][2];
	if (FILE_CAN_WRITE(f))
		access |= type_generic[NT_TYPE_FILE][1] | NT_DELETE;
	return access;
}

static s64 check(struct file *f, u32 slot, enum nt_type type, u32 access, u32 *granted)
{
	*granted = slot & FD_ACCESS_SET ? slot & ~(FD_ACCESS_SET | FD_ACCESS_PROTECTED) : access_of_mode(f);
	if (type != NT_TYPE_ANY && f->ops->nt_type != (u32)type)
		return NT(OBJECT_TYPE_MISMATCH);
	return (*granted & access) == access ? 0 : NT(ACCESS_DENIED);
}

s64 nt_handle_get_access(u64 handle, enum nt_type type, u32 access, struct file **out, u32 *granted)
{
	struct fdtable *t = thread_current()->fds;
	int fd = handle_fd(handle);
	u32 slot;
	bool inherit;
	*out = NULL;
	struct file *f = fd >= 0 ? fdtable_get_access(t, fd, &slot, &inherit) : NULL;
	if (!f)
		return NT(INVALID_HANDLE);
	s64 st = check(f, slot, type, access, granted);
	if (st)
		file_put(f);
	else
		*out = f;
	return st;
}

s64 nt_handle_get(u64 handle, enum nt_type type, u32 access, struct file **out)
{
	u32 granted;
	return nt_handle_get_access(handle, type, access, out, &granted);
}

s64 nt_handle_borrow(u64 handle, enum nt_type type, u32 access, struct file **out, bool *held)
{
	struct fdtable *t = thread_current()->fds;
	int fd = handle_fd(handle);
	u32 granted;
	*held = __atomic_load_n(&t->refs, __ATOMIC_RELAXED) != 1;
	if (unlikely(*held))
		return nt_handle_get(handle, type, access, out);
	struct file *f = fd >= 0 && (u32)fd < t->capacity ? t->files[fd] : NULL;
	*out = f;
	if (unlikely(!f))
		return NT(INVALID_HANDLE);
	return check(f, t->access ? t->access[fd] : 0, type, access, &granted);
}

static s64 insert(struct fdtable *t, struct file *f, u32 access, u32 attributes, u64 *handle)
{
	int fd = fdtable_install(t, f, 0, attributes & NT_OBJ_INHERIT ? 0 : FD_CLOEXEC_K);
	if (fd < 0)
		return fd;
	u32 slot = (access & 0x1ffffff) | FD_ACCESS_SET | (attributes & NT_OBJ_PROTECT_CLOSE ? FD_ACCESS_PROTECTED : 0);
	status_t st = fdtable_set_access(t, fd, slot);
	if (st == ERR_NOMEM) {
		file_get(f); /* the caller keeps its reference on failure */
		if (fdtable_close(t, fd)) { /* closed by another thread */ }
		return st;
	}
	*handle = WINDOWS_HANDLE_OF_FD(fd);
	return 0;
}

s64 nt_handle_insert(struct file *f, u32 access, u32 attributes, u64 *handle)
{
	return insert(thread_current()->fds, f, access, attributes, handle);
}

s64 nt_handle_out(struct file *f, u32 access, u32 attributes, u64 va, s64 st)
{
	u64 handle;
	s64 inserted = nt_handle_insert(f, access, attributes, &handle);
	if (inserted) {
		file_put(f);
		return inserted;
	}
	if (!COPY_OUT(user_ptr(va), &handle))
		return st;
	if (fdtable_close(thread_current()->fds, handle_fd(handle))) { /* closed by another thread */ }
	return NT(ACCESS_VIOLATION);
}

static s64 close_in(struct fdtable *t, u64 handle)
{
	u32 slot;
	bool inherit;
	int fd = handle_fd(handle);
	struct file *f = fd >= 0 ? fdtable_get_access(t, fd, &slot, &inherit) : NULL;
	if (!f)
		return NT(INVALID_HANDLE);
	file_put(f);
	if (slot & FD_ACCESS_PROTECTED)
		return NT(HANDLE_NOT_CLOSABLE);
	return fdtable_close(t, fd) ? NT(INVALID_HANDLE) : 0;
}

/* Pseudo handles (process, thread, and the tokens' -4 to -6) are closed without effect. */
static bool is_pseudo(u64 handle) { return handle >= ~5ull; }

NT_HANDLER(Close)
{
	return is_pseudo(a[0]) ? 0 : close_in(thread_current()->fds, a[0]);
}

NT_HANDLER(MakeTemporaryObject)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_ANY, NT_DELETE, &f);
	if (st)
		return st;
	nt_name_set_permanent(f, false);
	file_put(f);
	return 0;
}

NT_HANDLER(MakePermanentObject)
{
	struct file *f;
	s64 st = nt_handle_get(a[0], NT_TYPE_ANY, 0, &f);
	if (st)
		return st;
	nt_name_set_permanent(f, true);
	file_put(f);
	return 0;
}

bool nt_same_object(const struct file *x, const struct file *y)
{
	if (x == y)
		return true;
	u32 type = x->ops->nt_type;
	return type == y->ops->nt_type && (type == NT_TYPE_PROCESS || type == NT_TYPE_THREAD) && x->object == y->object;
}

/* A handle that may be a pseudo handle, as a file. */
static s64 any_file(u64 handle, struct file **out, u32 *granted)
{
	if (handle == NT_CURRENT_PROCESS || handle == NT_CURRENT_THREAD) {
		*granted = NT_PROCESS_ALL_ACCESS;
		*out = handle == NT_CURRENT_PROCESS ? nt_process_file(process_current()) : nt_thread_file(thread_current());
		return *out ? 0 : ERR_NOMEM;
	}
	return nt_handle_get_access(handle, NT_TYPE_ANY, 0, out, granted);
}

NT_HANDLER(CompareObjects)
{
	struct file *x, *y;
	u32 granted;
	s64 st = any_file(a[0], &x, &granted);
	if (st)
		return st;
	st = any_file(a[1], &y, &granted);
	if (!st) {
		st = nt_same_object(x, y) ? 0 : 0xC00001ACll; /* STATUS_NOT_SAME_OBJECT */
		file_put(y);
	}
	file_put(x);
	return st;
}

#define DUPLICATE_CLOSE_SOURCE 1u
#define DUPLICATE_SAME_ACCESS 2u
#define DUPLICATE_SAME_ATTRIBUTES 4u

struct duplicate { u64 source_handle, target_va; u32 access, attributes, options; };

static s64 source_get(struct fdtable *t, struct process *p, const struct duplicate *d, struct file **f, u32 *slot, u32 *attributes)
{
	bool inherit = false;
	*attributes = 0;
	if (p == process_current() && d->source_handle >= NT_CURRENT_THREAD)
		return any_file(d->source_handle, f, slot);
	int fd = handle_fd(d->source_handle);
	*f = fd >= 0 ? fdtable_get_access(t, fd, slot, &inherit) : NULL;
	if (!*f)
		return NT(INVALID_HANDLE);
	*attributes = (inherit ? NT_OBJ_INHERIT : 0) | (*slot & FD_ACCESS_PROTECTED ? NT_OBJ_PROTECT_CLOSE : 0);
	*slot = *slot & FD_ACCESS_SET ? *slot & ~(FD_ACCESS_SET | FD_ACCESS_PROTECTED) : access_of_mode(*f);
	return 0;
}

static s64 duplicate(struct process *source, struct process *target, const struct duplicate *d)
{
	struct fdtable *from = process_fds_get(source), *to = target ? process_fds_get(target) : NULL;
	struct file *f = NULL;
	u32 access = 0, attributes = 0;
	u64 handle = 0;
	s64 st = !from || (target && !to) ? NT(PROCESS_IS_TERMINATING) : source_get(from, source, d, &f, &access, &attributes);
	if (!st && to) {
		if (!(d->options & DUPLICATE_SAME_ACCESS))
			access = nt_access_map(f->ops->nt_type, d->access);
		st = insert(to, f, access, d->options & DUPLICATE_SAME_ATTRIBUTES ? attributes : d->attributes, &handle);
		if (!st)
			f = NULL;
	}
	if (f)
		file_put(f);
	if ((d->options & DUPLICATE_CLOSE_SOURCE) && from && !is_pseudo(d->source_handle)) {
		s64 closed = close_in(from, d->source_handle);
		st = st ? st : closed;
	}
	if (!st && d->target_va && COPY_OUT(user_ptr(d->target_va), &handle))
		st = NT(ACCESS_VIOLATION);
	if (from)
		fdtable_put(from);
	if (to)
		fdtable_put(to);
	return st;
}

NT_HANDLER(DuplicateObject)
{
	struct duplicate d = { a[1], a[3], (u32)a[4], (u32)a[5], (u32)a[6] };
	struct process *source, *target = NULL;
	s64 st = nt_process_get(a[0], NT_PROCESS_DUP_HANDLE, &source);
	if (st)
		return st;
	if (a[2])
		st = nt_process_get(a[2], NT_PROCESS_DUP_HANDLE, &target);
	if (!st)
		st = duplicate(source, target, &d);
	process_put(source);
	if (target)
		process_put(target);
	return st;
}

/* ---- queries ---- */
static const char *const type_names[NT_TYPE_COUNT] = {
	"File", "Directory", "SymbolicLink", "Event", "Mutant", "Semaphore", "Timer", "KeyedEvent", "IoCompletion",
	"WaitCompletionPacket", "Process", "Thread", "Job", "Token", "Section", "Key", "DebugObject",
};
const char *nt_type_name(enum nt_type type) { return type_names[type]; }

struct unicode_header { u16 length, maximum_length; u32 unused; u64 buffer; };
struct object_basic { u32 attributes, access, handles, pointers, paged, nonpaged, reserved[3], name_size, type_size,
	security_size; u64 created; };
struct object_type {
	struct unicode_header name;
	u32 objects, handles, reserved[4], high_objects, high_handles, reserved2[4], invalid_attributes, generic[4], valid_access;
	u8 security_required, maintain_count, type_index, reserved3;
	u32 pool_type, paged_charge, nonpaged_charge;
};
_Static_assert(sizeof(struct object_basic) == 56 && sizeof(struct object_type) == 104, "OBJECT_*_INFORMATION");

/* A UNICODE_STRING header followed by its text, NUL-terminated, as both name classes answer. */
static s64 text_out(const u64 *a, const void *head, u32 head_size, const u16 *text, u32 bytes)
{
	u32 size = head_size + (bytes ? bytes + (u32)sizeof(u16) : 0), length = (u32)a[3];
	if (a[4] && COPY_OUT(user_ptr(a[4]), &size))
		return NT(ACCESS_VIOLATION);
	if (length < head_size)
		return NT(INFO_LENGTH_MISMATCH);
	if (length < size)
		return NT(BUFFER_OVERFLOW);
	if (copy_out(user_ptr(a[2]), head, head_size) || (bytes && copy_out(user_ptr(a[2] + head_size), text, bytes + sizeof(u16))))
		return NT(ACCESS_VIOLATION);
	return 0;
}

static s64 query_type(const u64 *a, struct file *f)
{
	u16 text[32];
	u32 n = 0, type = f->ops->nt_type;
	for (const char *s = type_names[type]; *s; s++)
		text[n++] = (u8)*s;
	text[n] = 0;
	struct object_type t = {
		.name = { (u16)(n * 2), (u16)(n * 2 + 2), 0, a[2] + sizeof(t) }, .objects = 1, .handles = 1,
		.valid_access = type_all_access[type],
		.generic = { type_generic[type][0], type_generic[type][1], type_generic[type][2], type_all_access[type] },
		.type_index = (u8)(type + 2),
	};
	s64 st = text_out(a, &t, sizeof(t), text, n * 2);
	return st == NT(BUFFER_OVERFLOW) ? NT(INFO_LENGTH_MISMATCH) : st;
}

static s64 query_name(const u64 *a, struct file *f)
{
	struct nt_string s = { 0 };
	s64 st = f->ops->nt_type == NT_TYPE_FILE && nt_file_name_of ? nt_file_name_of(f, &s) : nt_name_of(f, &s);
	if (st)
		return st;
	struct unicode_header head = { (u16)s.bytes, (u16)(s.bytes ? s.bytes + 2 : 0), 0, s.bytes ? a[2] + sizeof(head) : 0 };
	st = text_out(a, &head, sizeof(head), s.text, s.bytes);
	nt_string_free(&s);
	return st;
}

static s64 query_flags(const u64 *a)
{
	u32 slot;
	bool inherit;
	int fd = handle_fd(a[0]);
	struct file *f = fd >= 0 ? fdtable_get_access(thread_current()->fds, fd, &slot, &inherit) : NULL;
	if (!f)
		return NT(INVALID_HANDLE);
	file_put(f);
	u8 flags[2] = { inherit, (slot & FD_ACCESS_PROTECTED) != 0 };
	return nt_query_out(a[2], a[3], a[4], flags, sizeof(flags), true);
}

enum object_class { OBJECT_BASIC, OBJECT_NAME, OBJECT_TYPE, OBJECT_TYPES, OBJECT_FLAGS };

NT_HANDLER(QueryObject)
{
	struct file *f;
	u32 granted;
	u32 class = (u32)a[1];
	if (class == OBJECT_FLAGS)
		return query_flags(a);
	if (class > OBJECT_FLAGS)
		return NT(INVALID_INFO_CLASS);
	if (class == OBJECT_TYPES)
		return NT(NOT_IMPLEMENTED);
	s64 st = any_file(a[0], &f, &granted);
	if (st)
		return st;
	if (class == OBJECT_BASIC) {
		struct object_basic b = {
			.access = granted, .handles = f->refs - 1, .pointers = f->refs, .type_size = sizeof(struct object_type),
		};
		st = nt_query_out(a[2], a[3], a[4], &b, sizeof(b), true);
	} else {
		st = class == OBJECT_NAME ? query_name(a, f) : query_type(a, f);
	}
	file_put(f);
	return st;
}

NT_HANDLER(SetInformationObject)
{
	u8 flags[2];
	struct fdtable *t = thread_current()->fds;
	u32 slot;
	bool inherit;
	if ((u32)a[1] != OBJECT_FLAGS)
		return NT(INVALID_INFO_CLASS);
	if ((u32)a[3] < sizeof(flags))
		return NT(INVALID_PARAMETER);
	if (COPY_IN(&flags, user_ptr(a[2])))
		return NT(ACCESS_VIOLATION);
	if (is_pseudo(a[0]))
		return 0;
	int fd = handle_fd(a[0]);
	struct file *f = fd >= 0 ? fdtable_get_access(t, fd, &slot, &inherit) : NULL;
	if (!f)
		return NT(INVALID_HANDLE);
	if (!(slot & FD_ACCESS_SET))
		slot = access_of_mode(f) | FD_ACCESS_SET;
	slot = flags[1] ? slot | FD_ACCESS_PROTECTED : slot & ~FD_ACCESS_PROTECTED;
	status_t st = fdtable_set_flags(t, fd, flags[0] ? 0 : FD_CLOEXEC_K);
	if (!st)
		st = fdtable_set_access(t, fd, slot);
	file_put(f);
	return st;
}
