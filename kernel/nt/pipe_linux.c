// SPDX-License-Identifier: MIT
/* Linux pipes and sockets behind NT handles: what the calls of named pipes answer for them. */
#include "pipe.h"

#include "linux.h"
#include "nt_internal.h"
#include "string.h"

#define LINUX_PIPE_QUOTA 65536u
#define PEEK_BYTES_MAX 65536u /* of one call: all that such a pipe holds by default */

static bool writes_only(const struct file *f) { return (f->flags & O_ACCMODE_K) == 1; }

/* FilePipeLocalInformation; connected, one instance. A writer is the end that CreatePipe calls the client. */
void nt_linux_pipe_information(struct file *f, u32 class, u32 *v)
{
	bool writes = writes_only(f);
	if (class != CLASS_PIPE_LOCAL)
		return;
	v[2] = v[3] = 1;
	v[4] = v[6] = LINUX_PIPE_QUOTA;
	v[5] = writes || !pipe_is(f) ? 0 : pipe_bytes(f);
	v[7] = writes ? LINUX_PIPE_QUOTA : 0;
	v[8] = PIPE_IS_CONNECTED;
	v[9] = !writes;
}

/* FSCTL_PIPE_PEEK: the bytes that a read would give, and how many there are. */
s64 nt_linux_pipe_peek(struct file *f, const u64 *a, u64 *information)
{
	struct nt_peek_head h = { .state = PIPE_IS_CONNECTED };
	u32 room = (u32)a[9];
	if (writes_only(f) || room < sizeof(h))
		return NT(INVALID_PARAMETER);
	h.available = pipe_bytes(f);
	if (!h.available && !pipe_has_writers(f))
		return NT(PIPE_BROKEN);
	u64 wanted = MIN(MIN(room - (u32)sizeof(h), h.available), PEEK_BYTES_MAX);
	u8 *bytes = wanted ? kmalloc(wanted) : NULL;
	if (wanted && !bytes)
		return ERR_NOMEM;
	s64 n = wanted ? pipe_peek_now(f, bytes, wanted) : 0;
	s64 st = copy_out(user_ptr(a[8]), &h, sizeof(h));
	if (!st && n)
		st = copy_out(user_ptr(a[8] + sizeof(h)), bytes, (u64)n);
	kfree(bytes);
	*information = sizeof(h) + (u64)n;
	return st ? NT(ACCESS_VIOLATION) : 0;
}
