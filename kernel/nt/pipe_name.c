// SPDX-License-Identifier: MIT
/* Named pipes: names and instances, NtCreateNamedPipeFile, clients' opens, FSCTLs, FilePipe* queries (MS-FSCC 2.4, 3.2).
 * A pipe without a name is made relative to the pipe directory; its client opens it relative to the server's handle. */
#include "pipe.h"

#include "linux.h"
#include "nt_text.h"
#include "nt_internal.h"
#include "string.h"

#define QUOTA_DEFAULT 4096u
#define QUOTA_MAX (1u << 20)         /* what a pipe may hold of kernel memory before writers wait */
#define INSTANCES_UNLIMITED 255u
#define NAME_UNITS_MAX 256u
enum { FSCTL_PIPE_DISCONNECT = 0x110004, FSCTL_PIPE_LISTEN = 0x110008, FSCTL_PIPE_WAIT = 0x110018,
	FSCTL_PIPE_GET_CONNECTION_ATTRIBUTE = 0x110030, FSCTL_PIPE_TRANSCEIVE = 0x11c017 };

struct nt_pipe_name {
	struct list_node link, instances;
	u32 count, maximum, sharing;
	bool message;
	struct wait_queue changed;
	u32 refs;                    /* instances and waiters; under pipe_names */
	u32 units;
	u16 text[];                  /* upper case */
};
static struct list_node names = LIST_INIT(names);
static struct mutex pipe_names = NT_MUTEX_INIT(pipe_names, RANK_EXEC_MUTEX);

static void names_lock(void) { mutex_lock(&pipe_names); }

/* ---- the pipe directory, \Device\NamedPipe\ ---- */
static const struct file_ops pipe_directory_ops = { .name = "pipe directory" };
bool nt_pipe_directory_is(const struct file *f) { return f->ops == &pipe_directory_ops; }

/* ---- names ---- */
static struct nt_pipe_name *find_locked(const u16 *text, u32 units)
{
	list_for_each(n, &names, struct nt_pipe_name, link) {
		u32 i = 0;
		while (i < units && n->units == units && nt_upcase(text[i]) == n->text[i])
			i++;
		if (n->units == units && i == units)
			return n;
	}
	return NULL;
}

static void name_put_locked(struct nt_pipe_name *n)
{
	if (--n->refs)
		return;
	list_remove(&n->link);
	kfree(n);
}

void nt_pipe_name_leave(struct nt_pipe *p)
{
	names_lock();
	struct nt_pipe_name *n = p->name;
	if (n) {
		list_remove(&p->name_link);
		p->name = NULL;
		n->count--;
		name_put_locked(n);
	}
	mutex_unlock(&pipe_names);
}

/* ---- making a pipe ---- */
struct create_request { struct nt_open_request open; u32 type, read_mode, completion_mode, maximum, in_quota, out_quota; };

static void end_init(struct nt_pipe *p, u32 i, u32 quota)
{
	struct nt_pipe_end *e = &p->ends[i];
	e->pipe = p;
	e->client = i;
	e->quota = quota ? MIN(quota, QUOTA_MAX) : QUOTA_DEFAULT;
	list_init(&e->packets);
	list_init(&e->readers);
	list_init(&e->listeners);
	wait_queue_init(&e->changed);
}

static struct nt_pipe *pipe_new(const struct create_request *c)
{
	struct nt_pipe *p = kzalloc(sizeof(*p));
	if (!p)
		return NULL;
	mutex_init(&p->mutex, RANK_PIPE_MUTEX);
	p->refs = 1;
	p->state = PIPE_IS_LISTENING;
	p->message = c->type & 1;
	p->ino = file_new_ino();
	list_init(&p->name_link);
	end_init(p, 0, c->in_quota);
	end_init(p, 1, c->out_quota);
	p->ends[0].open = true;
	p->pid[0] = process_current()->pid;
	p->ends[0].reads = p->ends[1].writes = c->open.share & FILE_SHARE_WRITE;
	p->ends[0].writes = p->ends[1].reads = c->open.share & FILE_SHARE_READ;
	p->ends[0].read_message = c->read_mode & 1;
	p->ends[0].nonblocking = c->completion_mode & 1;
	return p;
}

/* Enters p under its name. 0, or why not; *created says whether the name is new. */
static s64 name_enter(struct nt_pipe *p, const struct create_request *c, const u16 *text, u32 units, bool *created)
{
	s64 st = 0;
	if (!units || units > NAME_UNITS_MAX)
		return NT(OBJECT_NAME_INVALID);
	names_lock();
	struct nt_pipe_name *n = find_locked(text, units);
	*created = !n;
	if (n && c->open.disposition == FILE_CREATE)
		st = NT(ACCESS_DENIED);
	else if (n && (n->count >= n->maximum))
		st = NT(INSTANCE_NOT_AVAILABLE);
	else if (n && (n->message != p->message || n->sharing != (c->open.share & 3)))
		st = NT(ACCESS_DENIED);
	else if (!n && c->open.disposition == FILE_OPEN)
		st = NT(OBJECT_NAME_NOT_FOUND);
	if (!st && !n) {
		n = kzalloc(sizeof(*n) + units * sizeof(u16));
		if (n) {
			for (u32 i = 0; i < units; i++)
				n->text[i] = (u16)nt_upcase(text[i]);
			n->units = units;
			n->maximum = c->maximum >= INSTANCES_UNLIMITED ? UINT32_MAX : c->maximum;
			n->message = p->message;
			n->sharing = c->open.share & 3;
			list_init(&n->instances);
			wait_queue_init(&n->changed);
			list_push_back(&names, &n->link);
		}
		st = n ? 0 : ERR_NOMEM;
	}
	if (!st) {
		n->refs++;
		n->count++;
		p->name = n;
		list_push_back(&n->instances, &p->name_link);
		wake_all(&n->changed);
	}
	mutex_unlock(&pipe_names);
	return st;
}

static s64 end_file(struct nt_pipe_end *e, const struct nt_open_request *r, struct file **out)
{
	u32 mode = e->reads && e->writes ? 2 : e->writes ? 1 : 0;
	struct nt_open *o = nt_open_new(r);
	struct file *f = o ? file_create(&nt_pipe_ops, e, mode) : NULL;
	if (!f) {
		kfree(o);
		return ERR_NOMEM;
	}
	f->nt_open = o;
	*out = f;
	return 0;
}

static s64 create_pipe(const struct create_request *c, const struct nt_object_attributes *oa)
{
	struct nt_target t;
	struct file *f;
	bool created = true;
	s64 st = nt_target_in(oa, &t);
	if (st)
		return st;
	struct nt_pipe *p = pipe_new(c);
	if (t.kind != NT_TARGET_PIPE)
		st = NT(OBJECT_NAME_INVALID);
	else if (!p)
		st = ERR_NOMEM;
	else if (t.rest_count || !oa->root) /* with a root and no name: a pipe that only its handle leads to */
		st = name_enter(p, c, t.rest, t.rest_count, &created);
	nt_target_free(&t);
	if (!st) {
		st = end_file(&p->ends[0], &c->open, &f);
		if (st)
			nt_pipe_name_leave(p);
	}
	if (st) {
		kfree(p);
		return st;
	}
	return nt_open_finish(f, &c->open, oa->attributes, created ? FILE_CREATED : FILE_OPENED);
}

NT_HANDLER(CreateNamedPipeFile)
{
	struct create_request c = {
		.open = { .handle_va = a[0], .access = nt_access_map(NT_TYPE_FILE, (u32)a[1]), .iosb_va = a[3], .share = (u32)a[4],
			.disposition = (u32)a[5], .options = (u32)a[6] },
		.type = (u32)a[7], .read_mode = (u32)a[8], .completion_mode = (u32)a[9], .maximum = (u32)a[10],
		.in_quota = (u32)a[11], .out_quota = (u32)a[12],
	};
	struct nt_object_attributes oa;
	if (c.open.disposition == FILE_OVERWRITE_IF) /* what Wine's kernelbase asks for; a pipe has nothing to overwrite */
		c.open.disposition = FILE_OPEN_IF;
	if (!(c.open.share & 3) || (c.open.share & ~3u) || c.open.disposition > FILE_OPEN_IF || c.open.disposition == FILE_SUPERSEDE ||
			(c.type & ~3u) || c.read_mode > 1 || c.completion_mode > 1 || !c.maximum)
		return NT(INVALID_PARAMETER);
	if (c.read_mode && !(c.type & 1))
		return NT(INVALID_PARAMETER);
	s64 st = nt_object_attributes_in(a[2], &oa);
	if (!st) {
		st = create_pipe(&c, &oa);
		nt_object_attributes_free(&oa);
	}
	return st;
}

/* ---- clients ---- */
static bool connect_locked(struct nt_pipe *p, struct list_node *done)
{
	struct nt_pipe_end *server = &p->ends[0];
	if (p->state != PIPE_IS_LISTENING)
		return false;
	p->state = PIPE_IS_CONNECTED;
	p->ends[1].open = true;
	p->pid[1] = process_current()->pid;
	__atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
	while (!list_empty(&server->listeners)) {
		struct nt_io *io = list_first(&server->listeners, struct nt_io, link);
		list_remove(&io->link);
		list_init(&io->link);
		io->status = NT_SUCCESS;
		io->information = 0;
		if (io->pended)
			list_push_back(done, &io->link);
		else
			__atomic_store_n(&io->done, true, __ATOMIC_RELEASE);
	}
	return true;
}

static bool try_connect(struct nt_pipe *p)
{
	struct list_node done = LIST_INIT(done);
	mutex_lock(&p->mutex);
	bool ok = connect_locked(p, &done);
	mutex_unlock(&p->mutex);
	nt_pipe_tell(p, &done);
	return ok;
}

static s64 connect_named(const u16 *text, u32 units, struct nt_pipe **out)
{
	names_lock();
	struct nt_pipe_name *n = find_locked(text, units);
	s64 st = n ? NT(PIPE_NOT_AVAILABLE) : NT(OBJECT_NAME_NOT_FOUND);
	*out = NULL;
	if (n)
		list_for_each(p, &n->instances, struct nt_pipe, name_link)
			if (!*out && try_connect(p)) {
				*out = p;
				st = 0;
			}
	mutex_unlock(&pipe_names);
	return st;
}

static s64 connect_relative(u64 root, struct nt_pipe **out)
{
	struct file *f;
	s64 st = nt_handle_get(root, NT_TYPE_FILE, 0, &f);
	if (st)
		return st;
	struct nt_pipe_end *e = nt_pipe_is(f) ? f->object : NULL;
	if (!e || e->client)
		st = NT(OBJECT_TYPE_MISMATCH);
	else if (!try_connect(e->pipe))
		st = NT(PIPE_NOT_AVAILABLE);
	*out = e ? e->pipe : NULL;
	file_put(f);
	return st;
}

static s64 open_directory(const struct nt_open_request *r, u32 attributes)
{
	struct file *f = file_create(&pipe_directory_ops, NULL, 0);
	if (!f)
		return ERR_NOMEM;
	f->nt_open = nt_open_new(r);
	return nt_open_finish(f, r, attributes, FILE_OPENED);
}

s64 nt_pipe_open(const struct nt_open_request *r, const struct nt_object_attributes *oa, const struct nt_target *t)
{
	struct nt_pipe *p;
	struct file *f, *root = NULL;
	s64 st = 0;
	if (oa->root && !t->rest_count) {
		st = nt_handle_get(oa->root, NT_TYPE_FILE, 0, &root);
		if (st)
			return st;
	}
	bool directory = !t->rest_count && (!root || !nt_pipe_is(root));
	if (root)
		file_put(root);
	if (directory)
		return open_directory(r, oa->attributes);
	st = t->rest_count ? connect_named(t->rest, t->rest_count, &p) : connect_relative(oa->root, &p);
	if (st)
		return st;
	bool reads = r->access & FILE_READ_DATA, writes = r->access & FILE_WRITE_DATA;
	st = (reads && !p->ends[1].reads) || (writes && !p->ends[1].writes) ? NT(ACCESS_DENIED) : end_file(&p->ends[1], r, &f);
	if (st) {
		struct list_node done = LIST_INIT(done);
		mutex_lock(&p->mutex);
		p->state = PIPE_IS_LISTENING;
		p->ends[1].open = false;
		mutex_unlock(&p->mutex);
		nt_pipe_tell(p, &done);
		nt_pipe_put(p);
		return st;
	}
	return nt_open_finish(f, r, oa->attributes, FILE_OPENED);
}

/* ---- FSCTLs ---- */
static s64 listen(struct nt_io *io)
{
	struct nt_pipe_end *e = io->file->object;
	struct nt_pipe *p = e->pipe;
	bool wait = nt_is_synchronous(io->file);
	s64 st = 0;
	mutex_lock(&p->mutex);
	if (e->client)
		st = NT(ILLEGAL_FUNCTION);
	else if (p->state == PIPE_IS_CONNECTED)
		st = NT(PIPE_CONNECTED);
	else if (p->state == PIPE_IS_CLOSING)
		st = NT(PIPE_CLOSING);
	if (!st)
		p->state = PIPE_IS_LISTENING;
	if (!st && e->nonblocking)
		st = NT(PIPE_LISTENING);
	struct nt_io *queued = st ? NULL : wait ? io : nt_io_pend(io);
	if (queued)
		list_push_back(&e->listeners, &queued->link);
	else if (!st)
		st = ERR_NOMEM;
	mutex_unlock(&p->mutex);
	if (!st && p->name) {
		names_lock();
		if (p->name)
			wake_all(&p->name->changed);
		mutex_unlock(&pipe_names);
	}
	if (st || !wait)
		return st ? nt_io_finish(io, st, 0) : NT(PENDING);
	status_t woken = WAIT_EVENT(&e->changed, __atomic_load_n(&io->done, __ATOMIC_ACQUIRE), DEADLINE_NEVER, WAIT_INTERRUPTIBLE);
	mutex_lock(&p->mutex);
	if (woken && !io->done && list_linked(&io->link))
		list_remove(&io->link);
	mutex_unlock(&p->mutex);
	return nt_io_finish(io, woken && !io->done ? ERR_RESTART : (s64)io->status, 0);
}

static s64 disconnect(struct nt_io *io)
{
	struct nt_pipe_end *e = io->file->object;
	struct list_node done = LIST_INIT(done);
	s64 st = 0;
	mutex_lock(&e->pipe->mutex);
	if (e->client)
		st = NT(ILLEGAL_FUNCTION);
	else if (e->pipe->state == PIPE_IS_DISCONNECTED)
		st = NT(PIPE_DISCONNECTED);
	else
		nt_pipe_disconnect_locked(e->pipe, &done);
	mutex_unlock(&e->pipe->mutex);
	nt_pipe_tell(e->pipe, &done);
	return nt_io_finish(io, st, 0);
}

static s64 peek_locked(struct nt_pipe_end *e, const u64 *a, u64 *information)
{
	struct nt_peek_head h = { .state = e->pipe->state, .available = (u32)e->queued };
	u32 room = (u32)a[9], used = 0;
	s64 st = 0;
	if (room < sizeof(h))
		return NT(INVALID_PARAMETER);
	if (list_empty(&e->packets) && e->pipe->state != PIPE_IS_CONNECTED)
		return e->pipe->state == PIPE_IS_CLOSING ? NT(PIPE_BROKEN) : NT(INVALID_PIPE_STATE);
	room -= sizeof(h);
	list_for_each(p, &e->packets, struct nt_packet, link) {
		u32 n = MIN(p->size - p->taken, room - used);
		h.messages += e->pipe->message;
		if (used && e->read_message)
			continue;
		if (!used && e->read_message)
			h.message_length = p->size - p->taken;
		if (copy_out(user_ptr(a[8] + sizeof(h) + used), p->data + p->taken, n))
			return NT(ACCESS_VIOLATION);
		used += n;
	}
	if (e->read_message ? h.message_length > room : false)
		st = NT(BUFFER_OVERFLOW);
	*information = sizeof(h) + used;
	return copy_out(user_ptr(a[8]), &h, sizeof(h)) ? NT(ACCESS_VIOLATION) : st;
}

static s64 peek(struct nt_io *io, const u64 *a)
{
	struct nt_pipe_end *e = io->file->object;
	u64 information = 0;
	mutex_lock(&e->pipe->mutex);
	s64 st = e->reads ? peek_locked(e, a, &information) : NT(INVALID_PARAMETER);
	mutex_unlock(&e->pipe->mutex);
	return nt_io_finish(io, st, information);
}

static s64 transceive(struct nt_io *io, const u64 *a)
{
	struct nt_pipe_end *e = io->file->object;
	struct nt_io write = { .file = io->file, .buffer = a[6], .length = (u32)a[7] };
	list_init(&write.link);
	if (!e->reads || !e->writes || !e->read_message)
		return nt_io_finish(io, NT(INVALID_PIPE_STATE), 0);
	s64 st = nt_pipe_write_io(io->file, &write, true);
	if (st)
		return nt_io_finish(io, st, 0);
	io->buffer = a[8];
	io->length = (u32)a[9];
	return nt_pipe_read(io);
}

/* The attributes of a connection are asked for by name; the answer is a number. */
#define ATTRIBUTE_BYTES_MAX 32u
static s64 connection_attribute(struct nt_io *io, const u64 *a)
{
	struct nt_pipe *p = ((struct nt_pipe_end *)io->file->object)->pipe;
	char name[ATTRIBUTE_BYTES_MAX + 1] = "";
	u32 size = (u32)a[7], value = 0;
	s64 st = 0;
	if (size > ATTRIBUTE_BYTES_MAX)
		return nt_io_finish(io, NT(OBJECT_NAME_NOT_FOUND), 0);
	if (copy_in(name, user_ptr(a[6]), size))
		return nt_io_finish(io, NT(ACCESS_VIOLATION), 0);
	mutex_lock(&p->mutex);
	if (!strcmp(name, "ClientProcessId"))
		value = p->pid[1];
	else if (!strcmp(name, "ServerProcessId"))
		value = p->pid[0];
	else
		st = NT(OBJECT_NAME_NOT_FOUND);
	if (!st && p->state != PIPE_IS_CONNECTED)
		st = NT(PIPE_DISCONNECTED);
	mutex_unlock(&p->mutex);
	if (!st && (u32)a[9] < sizeof(value))
		st = NT(BUFFER_TOO_SMALL);
	if (!st && COPY_OUT(user_ptr(a[8]), &value))
		st = NT(ACCESS_VIOLATION);
	return nt_io_finish(io, st, st ? 0 : sizeof(value));
}

s64 nt_pipe_control(struct nt_io *io, u32 code, const u64 *a)
{
	switch (code) {
	case FSCTL_PIPE_LISTEN:
		return listen(io);
	case FSCTL_PIPE_DISCONNECT:
		return disconnect(io);
	case FSCTL_PIPE_PEEK:
		return peek(io, a);
	case FSCTL_PIPE_TRANSCEIVE:
		return transceive(io, a);
	case FSCTL_PIPE_GET_CONNECTION_ATTRIBUTE:
		return connection_attribute(io, a);
	default:
		return nt_io_finish(io, NT(INVALID_DEVICE_REQUEST), 0);
	}
}

/* FSCTL_PIPE_WAIT on the pipe directory: until the named pipe has a listening instance. */
static bool has_listener_locked(const struct nt_pipe_name *n)
{
	list_for_each(p, &n->instances, struct nt_pipe, name_link)
		if (p->state == PIPE_IS_LISTENING)
			return true;
	return false;
}

static s64 wait_for(struct nt_pipe_name *n, u64 deadline)
{
	for (;;) {
		names_lock();
		bool ready = has_listener_locked(n), gone = !n->count;
		mutex_unlock(&pipe_names);
		if (ready || gone)
			return ready ? 0 : NT(OBJECT_NAME_NOT_FOUND);
		u64 until = MIN(deadline, time_now_ns() + 10 * NSEC_PER_MSEC); /* an instance may start to listen unseen */
		wait_prepare();
		status_t st = wait_sleep(until, WAIT_INTERRUPTIBLE);
		wait_finish();
		if (st == ERR_INTR && (thread_current()->work & WORK_EXIT))
			return NT(IO_TIMEOUT); /* never seen */
		if (st == ERR_INTR)
			nt_settle(thread_current());
		if (time_now_ns() >= deadline)
			return NT(IO_TIMEOUT);
	}
}

s64 nt_pipe_directory_control(u32 code, const u64 *a)
{
	struct { s64 timeout; u32 name_bytes; u8 given, unused; } __attribute__((packed)) w;
	u16 name[NAME_UNITS_MAX];
	if (code != FSCTL_PIPE_WAIT)
		return NT(INVALID_DEVICE_REQUEST);
	s64 st = (u32)a[7] < sizeof(w) ? NT(INVALID_PARAMETER) : copy_in(&w, user_ptr(a[6]), sizeof(w));
	if (!st && (w.name_bytes > sizeof(name) || w.name_bytes > (u32)a[7] - sizeof(w)))
		st = NT(INVALID_PARAMETER);
	if (!st)
		st = copy_in(name, user_ptr(a[6] + sizeof(w)), w.name_bytes);
	if (st)
		return st;
	u64 deadline = !w.given ? time_now_ns() + 50 * NSEC_PER_MSEC : w.timeout == INT64_MIN ? DEADLINE_NEVER :
			w.timeout < 0 ? deadline_from_relative((u64)-w.timeout * 100) : time_now_ns();
	names_lock();
	struct nt_pipe_name *n = find_locked(name, w.name_bytes / 2);
	if (n)
		n->refs++;
	mutex_unlock(&pipe_names);
	if (!n)
		return NT(OBJECT_NAME_NOT_FOUND);
	st = wait_for(n, deadline);
	names_lock();
	name_put_locked(n);
	mutex_unlock(&pipe_names);
	return st;
}

/* ---- queries ---- */
static void local_information(const struct nt_pipe_end *e, u32 *v)
{
	const struct nt_pipe_end *peer = &e->pipe->ends[!e->client];
	v[0] = e->pipe->message;
	v[1] = e->pipe->ends[0].reads && e->pipe->ends[0].writes ? 2 : e->pipe->ends[0].writes ? 1 : 0;
	v[2] = e->pipe->name ? e->pipe->name->maximum : 1;
	v[3] = e->pipe->name ? e->pipe->name->count : 1;
	v[4] = e->pipe->ends[0].quota;
	v[5] = (u32)e->queued;
	v[6] = e->pipe->ends[1].quota;
	v[7] = peer->queued < peer->quota ? peer->quota - (u32)peer->queued : 0;
	v[8] = e->pipe->state;
	v[9] = !e->client;
}

s64 nt_pipe_query(struct file *f, u32 class, u64 va, u32 length, u64 *information)
{
	struct nt_pipe_end *e = nt_pipe_is(f) ? f->object : NULL;
	u32 v[10] = { 0 }, n = class == CLASS_PIPE ? 8 : class == CLASS_PIPE_LOCAL ? sizeof(v) : class == CLASS_PIPE_REMOTE ? 16 : 4;
	if (!e) {
		nt_linux_pipe_information(f, class, v);
	} else {
		mutex_lock(&e->pipe->mutex);
		if (class == CLASS_PIPE_LOCAL)
			local_information(e, v);
		else if (class == CLASS_PIPE)
			v[0] = e->read_message, v[1] = e->nonblocking; /* else: no name to show */
		mutex_unlock(&e->pipe->mutex);
	}
	if (length < n)
		return NT(INFO_LENGTH_MISMATCH);
	*information = n;
	return copy_out(user_ptr(va), v, n);
}

s64 nt_pipe_set(struct file *f, u32 class UNUSED, u64 va, u32 length)
{
	struct nt_pipe_end *e = nt_pipe_is(f) ? f->object : NULL;
	u32 v[2];
	s64 st = length < sizeof(v) ? NT(INFO_LENGTH_MISMATCH) : copy_in(v, user_ptr(va), sizeof(v));
	if (st)
		return st;
	if (v[0] > 1 || v[1] > 1 || (v[0] && !(e && e->pipe->message)))
		return NT(INVALID_PARAMETER);
	if (!e) /* O_NONBLOCK would hold for the Linux programs at this pipe, too */
		return v[1] ? NT(NOT_SUPPORTED) : 0;
	mutex_lock(&e->pipe->mutex);
	e->read_message = v[0];
	e->nonblocking = v[1];
	mutex_unlock(&e->pipe->mutex);
	return 0;
}

NT_HANDLER(CreateMailslotFile) { return NT(NOT_SUPPORTED); }
