// SPDX-License-Identifier: MIT
/* `trace=com2` on the command line: each call of a program as one line on the second serial port, decoded by the kinds
 * of abi/linux/syscalls.def. Lossless: the caller waits for the port. Services are not traced.
 * A line is written when the call returns; calls that replace or end the caller are announced when they are made. */
#include "boot_option.h"
#include "linux.h"
#include "nt.h"
#include "trace_line.h"

#include "base/string.h"

#define PORT 0x2f8u              /* COM2 */
#define LINE_STATUS (PORT + 5)
#define TRANSMIT_EMPTY 0x20
#define FIFO_BYTES 16u
#define TEXT_SHOWN 48u           /* bytes of a buffer, more of a path */
#define PATH_SHOWN 200u
#define ROWS 512u

enum kind {
#define KIND(name) KIND_##name,
#include "../../abi/linux/kinds.def"
#undef KIND
};
struct trace_row { u8 known, result, args[6]; };
static const struct trace_row rows[ROWS] = {
#define LINUX_CALL(nr, name, how, result, a, b, c, d, e, f) \
	[nr] = { 1, KIND_##result, { KIND_##a, KIND_##b, KIND_##c, KIND_##d, KIND_##e, KIND_##f } },
#include "../../abi/linux/syscalls.def"
#undef LINUX_CALL
};
static const struct { s64 status; const char *name; } errors[] = {
#define STATUS(name, errno_value, ntstatus, text) { -(errno_value), "E" #name },
#include "../../abi/core/status.def"
#undef STATUS
};
static struct spinlock port_lock = SPINLOCK_INIT(RANK_LOG);

struct flag_name { u64 value; const char *name; };

#define add line_add
void line_add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = fmt_vsnprintf(l->text + l->used, sizeof(l->text) - l->used, fmt, ap);
	va_end(ap);
	l->used = MIN(l->used + (u32)n, (u32)sizeof(l->text) - 1);
}

static void add_flags(struct line *l, u64 value, const struct flag_name *names, u32 count)
{
	const char *separator = "";
	for (u32 i = 0; i < count; i++)
		if (names[i].value && (value & names[i].value) == names[i].value) {
			add(l, "%s%s", separator, names[i].name);
			separator = "|";
			value &= ~names[i].value;
		}
	if (value || !*separator)
		add(l, "%s0x%llx", separator, (unsigned long long)value);
}

static void add_quoted(struct line *l, const char *raw, size_t size, bool string)
{
	add(l, "\"");
	for (size_t i = 0; i < size && (!string || raw[i]); i++) {
		unsigned char c = (unsigned char)raw[i];
		if (c == '\n')
			add(l, "\\n");
		else if (c == '"' || c == '\\')
			add(l, "\\%c", c);
		else if (c >= 32 && c < 127)
			add(l, "%c", c);
		else
			add(l, "\\x%02x", c);
	}
	add(l, "\"");
}

static void add_bytes(struct line *l, u64 va, u64 size, bool string)
{
	char raw[PATH_SHOWN];
	u64 shown = MIN(size, string ? PATH_SHOWN : TEXT_SHOWN);
	size_t got = copy_in_partial(raw, user_ptr(va), shown);
	if (got == 0 && size) {
		add(l, "0x%llx", (unsigned long long)va);
		return;
	}
	add_quoted(l, raw, got, string);
	if (!string && size > shown)
		add(l, "...");
}

static const struct flag_name open_names[] = {
	{ 1, "O_WRONLY" }, { 2, "O_RDWR" }, { 0100, "O_CREAT" }, { 0200, "O_EXCL" }, { 01000, "O_TRUNC" },
			{ 02000, "O_APPEND" },
	{ 04000, "O_NONBLOCK" }, { 020200000, "O_TMPFILE" }, { 0200000, "O_DIRECTORY" }, { 0400000, "O_NOFOLLOW" },
	{ 02000000, "O_CLOEXEC" }, { 010000000, "O_PATH" },
};
static const struct flag_name prot_names[] = { { 1, "PROT_READ" }, { 2, "PROT_WRITE" }, { 4, "PROT_EXEC" } };
static const struct flag_name map_names[] = {
	{ 1, "MAP_SHARED" }, { 2, "MAP_PRIVATE" }, { 16, "MAP_FIXED" }, { 32, "MAP_ANONYMOUS" }, { 0x800, "MAP_DENYWRITE" },
	{ 0x20000, "MAP_STACK" }, { 0x4000, "MAP_NORESERVE" },
};

/* `size`: the byte count that belongs to a buffer. */
static void add_argument(struct line *l, u8 kind, u64 value, u64 size)
{
	switch (kind) {
	case KIND_INT: case KIND_FD: add(l, "%d", (s32)value); break;
	case KIND_UINT: case KIND_SIZE: case KIND_SIGNAL: case KIND_FUTEX_OP:
		add(l, "%llu", (unsigned long long)value);
		break;
	case KIND_OFFSET: add(l, "%lld", (long long)value); break;
	case KIND_DIRFD: (s32)value == -100 ? add(l, "AT_FDCWD") : add(l, "%d", (s32)value); break;
	case KIND_MODE: add(l, "0%u%u%u", (u32)(value >> 6) & 7, (u32)(value >> 3) & 7, (u32)value & 7); break;
	case KIND_PATH: value ? add_bytes(l, value, PATH_SHOWN, true) : add(l, "NULL"); break;
	case KIND_BUF_IN: case KIND_BUF_OUT: add_bytes(l, value, size, false); break;
	case KIND_OPEN_FLAGS: (value & 3) ? add_flags(l, value, open_names, ARRAY_SIZE(open_names)) :
		(add(l, "O_RDONLY|"), add_flags(l, value, open_names, ARRAY_SIZE(open_names))); break;
	case KIND_PROT: add_flags(l, value, prot_names, ARRAY_SIZE(prot_names)); break;
	case KIND_MAP_FLAGS: add_flags(l, value, map_names, ARRAY_SIZE(map_names)); break;
	default: value ? add(l, "0x%llx", (unsigned long long)value) : add(l, "NULL"); break;
	}
}

static void add_call(struct line *l, const struct trap_frame *f, u64 nr, bool returned, s64 result)
{
	const u64 args[6] = { f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9 };
	const char *name = linux_call_name((u32)nr);
	const struct trace_row *row = &rows[nr % ROWS];
	add(l, "[%u] ", thread_current()->tid);
	name ? add(l, "%s(", name) : add(l, "call_%llu(", (unsigned long long)nr);
	for (u32 i = 0; i < 6 && nr < ROWS && row->args[i] != KIND_NONE; i++) {
		u64 size = i + 1 < 6 ? args[i + 1] : 0;
		u8 kind = row->args[i];
		if (kind == KIND_BUF_OUT) {
			size = returned && result > 0 ? (u64)result : 0;
			kind = size ? kind : KIND_PTR;
		}
		if (i)
			add(l, ", ");
		add_argument(l, kind, args[i], size);
	}
	add(l, ")");
}

static void add_result(struct line *l, u8 kind, s64 result)
{
	if (result >= 0 || result < -4095) {
		add(l, kind == KIND_PTR || kind == KIND_HEX ? " = 0x%llx" : " = %lld", (unsigned long long)result);
		return;
	}
	for (u32 i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].status == result) {
			add(l, " = -1 %s", errors[i].name);
			return;
		}
	add(l, " = %lld", (long long)result);
}

static void add_hops(struct line *l)
{
	if (thread_current()->hops)
		add(l, " <%u %s>", thread_current()->hops, thread_current()->hops == 1 ? "hop" : "hops");
}

static inline u8 in8(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }
static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }

void line_write(struct line *l)
{
	add(l, "\n");
	l->text[l->used - 1] = '\n'; /* also when the text was cut */
	spin_lock(&port_lock);
	for (u32 i = 0; i < l->used; i++) {
		if (i % FIFO_BYTES == 0)
			while (!(in8(LINE_STATUS) & TRANSMIT_EMPTY))
				cpu_relax_poll();
		out8(PORT, (u8)l->text[i]);
	}
	spin_unlock(&port_lock);
}

static bool of_windows(void) { return process_current()->flags & PROC_WINDOWS; }

static bool traced(u64 nr)
{
	struct process *p = process_current();
	return p && !(p->flags & PROC_SERVICE) && !(nr & 0x80000000u);
}

/* execve, exit, exit_group, execveat: the arguments are gone when they return, if they do. */
static bool announced(u64 nr)
{
	return nr == 59 || nr == 60 || nr == 231 || nr == 322;
}

/* An execve that made a Windows program of a Linux one returns to its first instruction. */
static bool became_windows(const struct trap_frame *f)
{
	const struct nt_process *nt = process_current()->nt;
	return nt && f->rip == nt->start.process_start;
}

void syscall_trace_enter(struct trap_frame *f)
{
	const u64 nr = (u32)f->error;
	struct line l = { .used = 0 };
	thread_current()->hops = 0;
	if (traced(nr) && of_windows())
		trace_nt_enter(f, nr);
	if (!traced(nr) || of_windows() || !announced(nr))
		return;
	add_call(&l, f, nr, false, 0);
	line_write(&l);
}

void syscall_trace_exit(struct trap_frame *f, s64 result)
{
	const u64 nr = thread_current()->syscall_nr;
	struct line l = { .used = 0 };
	if (!traced(nr))
		return;
	if (of_windows() && !became_windows(f)) {
		trace_nt_exit(f, (u32)f->error, result); /* syscall_nr is the row of its hops */
		return;
	}
	if (announced(nr))
		add(&l, "[%u] %s", thread_current()->tid, linux_call_name((u32)nr));
	else
		add_call(&l, f, nr, true, result);
	add_result(&l, rows[nr % ROWS].result, result);
	add_hops(&l);
	line_write(&l);
}

/* The first program of a launch was not called by anybody: it is shown as the execve that it amounts to. */
void trace_launch(const struct exec_args *a)
{
	struct line l = { .used = 0 };
	thread_current()->hops = 0;
	add(&l, "[%u] execve(", thread_current()->tid);
	add_quoted(&l, a->path, PATH_SHOWN, true);
	add(&l, ", [");
	const char *at = a->strings;
	for (u32 i = 0; i < a->argc; i++, at += strlen(at) + 1) {
		if (i)
			add(&l, ", ");
		add_quoted(&l, at, PATH_SHOWN, true);
	}
	add(&l, "], %u vars)", a->envc);
	line_write(&l);
}

void trace_launch_result(s64 result)
{
	struct line l = { .used = 0 };
	add(&l, "[%u] execve", thread_current()->tid);
	add_result(&l, KIND_INT, result);
	add_hops(&l);
	line_write(&l);
}

void trace_init(void);
void trace_init(void)
{
	char value[8];
	if (boot_option("trace", value, sizeof(value)) && strcmp(value, "com2") == 0) {
		out8(PORT + 1, 0);    /* no interrupts */
		out8(PORT + 2, 0x07); /* FIFO on, emptied */
		syscall_trace_enabled = 1;
	}
}
