// SPDX-License-Identifier: MIT
/* The call trace of Windows programs: name, arguments, names of files and objects behind handles and object attributes,
 * NTSTATUS by name, the handle that a create or open gave. Rows and names come from abi/nt by inclusion. */
#include "trace_line.h"
#include "file.h"
#include "nt.h"
#include "user_ptr.h"
#include "vfs.h"
#include "base/string.h"

#define NT_ROWS 256u
#define NAME_SHOWN 200u
#define STACK_ARGUMENTS 0x28u    /* as in kernel/nt/table.c */

static const struct { const char *name; u8 count; } rows[NT_ROWS] = {
#define NT_CALL(nr, call, arguments, how) [nr] = { #call, (arguments) },
#include "../../abi/nt/syscalls.def"
#undef NT_CALL
};
static const struct { u32 value; const char *name; } statuses[] = {
#define NTSTATUS(status, number) { (number), #status },
#include "../../abi/nt/ntstatus.def"
#undef NTSTATUS
};

static bool begins(const char *s, const char *with) { return strncmp(s, with, strlen(with)) == 0; }

/* Calls that give a handle through argument 0 and take object attributes as argument 2. */
static bool makes_handle(const char *name)
{
	static const char *const others[] = { "CreateUserProcess", "CreateToken", "OpenProcessToken", "OpenThreadToken" };
	for (u32 i = 0; i < ARRAY_SIZE(others); i++)
		if (begins(name, others[i]))
			return false;
	return begins(name, "Create") || begins(name, "Open");
}

static int attributes_argument(const char *name)
{
	if (makes_handle(name))
		return 2;
	bool first = strcmp(name, "QueryAttributesFile") == 0 || strcmp(name, "QueryFullAttributesFile") == 0 ||
		strcmp(name, "DeleteFile") == 0;
	return first ? 0 : -1;
}

static void add_wide(struct line *l, const struct nt_string *s)
{
	line_add(l, "\"");
	for (u32 i = 0; i < MIN(s->bytes / 2, NAME_SHOWN); i++)
		line_add(l, s->text[i] >= 32 && s->text[i] < 127 ? "%c" : "\\u%04x", s->text[i]);
	line_add(l, "\"");
}

static void add_object_attributes(struct line *l, u64 va)
{
	struct nt_object_attributes o;
	if (nt_object_attributes_in(va, &o) || !o.name.text) {
		va ? line_add(l, "0x%llx", (unsigned long long)va) : line_add(l, "NULL");
		return;
	}
	if (o.root)
		line_add(l, "0x%llx:", (unsigned long long)o.root);
	add_wide(l, &o.name);
	nt_object_attributes_free(&o);
}

static void add_node_name(struct line *l, struct file *f)
{
	char *path = kmalloc(PATH_MAX_BYTES);
	s64 n = path ? vfs_path_of(f->where, fs_root(thread_current()->fs), path, PATH_MAX_BYTES) : ERR_NOMEM;
	if (n >= 0)
		line_add(l, "<%.*s>", (int)NAME_SHOWN, path);
	kfree(path);
}

static void add_handle(struct line *l, u64 handle)
{
	line_add(l, "0x%llx", (unsigned long long)handle);
	struct file *f = handle && handle % 4 == 0 && handle < FDTABLE_MAX * 4ull ?
		fdtable_get_file(thread_current()->fds, (int)(handle / 4) - 1) : NULL;
	if (!f)
		return;
	struct nt_string name = { 0 };
	if (f->where.node) {
		add_node_name(l, f);
	} else if (f->ops->nt_type && !nt_name_of(f, &name) && name.text) {
		line_add(l, "<");
		add_wide(l, &name);
		line_add(l, ">");
		nt_string_free(&name);
	} else {
		line_add(l, "<%s>", f->ops->name);
	}
	file_put(f);
}

static void add_argument(struct line *l, const char *name, u32 index, u64 value)
{
	if ((int)index == attributes_argument(name))
		add_object_attributes(l, value);
	else if (index == 0 && !makes_handle(name))
		add_handle(l, value);
	else if (value < 10)
		line_add(l, "%llu", (unsigned long long)value);
	else
		line_add(l, "0x%llx", (unsigned long long)value);
}

static void add_call(struct line *l, const struct trap_frame *f, u64 nr)
{
	u64 a[NT_ARGUMENTS_MAX] = { f->r10, f->rdx, f->r8, f->r9 };
	const char *name = nr < NT_ROWS ? rows[nr].name : NULL;
	line_add(l, "[%u] Nt", thread_current()->tid);
	if (!name) {
		line_add(l, "call_%llu()", (unsigned long long)nr);
		return;
	}
	u32 count = rows[nr].count;
	if (count > 4 && copy_in(a + 4, user_ptr(f->rsp + STACK_ARGUMENTS), (count - 4) * sizeof(u64)))
		count = 4;
	line_add(l, "%s(", name);
	for (u32 i = 0; i < count; i++) {
		line_add(l, "%s", i ? ", " : "");
		add_argument(l, name, i, a[i]);
	}
	line_add(l, ")");
}

/* What may not return, or returns to another place with other registers. */
static bool leaves(u64 nr)
{
	const char *name = nr < NT_ROWS ? rows[nr].name : NULL;
	return name && (begins(name, "Terminate") || begins(name, "Continue") || strcmp(name, "RaiseException") == 0 ||
		strcmp(name, "CallbackReturn") == 0);
}

void trace_nt_enter(const struct trap_frame *f, u64 nr)
{
	struct line l = { .used = 0 };
	if (!leaves(nr))
		return;
	add_call(&l, f, nr);
	line_write(&l);
}

static void add_status(struct line *l, u32 status)
{
	for (u32 i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].value == status && status) {
			line_add(l, " = STATUS_%s", statuses[i].name);
			return;
		}
	line_add(l, status ? " = 0x%x" : " = %u", status);
}

void trace_nt_exit(const struct trap_frame *f, u64 nr, s64 result)
{
	struct line l = { .used = 0 };
	u64 handle;
	if (leaves(nr))
		return;
	add_call(&l, f, nr);
	add_status(&l, (u32)result);
	bool made = nr < NT_ROWS && rows[nr].name && makes_handle(rows[nr].name) && !NT_IS_ERROR(result);
	if (made && !copy_in(&handle, user_ptr(f->r10), sizeof(handle)))
		line_add(&l, " -> 0x%llx", (unsigned long long)handle);
	if (thread_current()->hops)
		line_add(&l, " <%u hops>", thread_current()->hops);
	line_write(&l);
}
