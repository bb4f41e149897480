// SPDX-License-Identifier: MIT
/* Linux rows that move data and control messages: sendto, recvfrom, sendmsg, recvmsg, sendmmsg, recvmmsg.
 * Control messages in: SCM_RIGHTS and SCM_CREDENTIALS, cmsg(3). Descriptors are resolved before anything is sent and
 * installed after everything has been received; those that find no room are dropped with MSG_CTRUNC, as on Linux. */
#include "linux.h"
#include "socket.h"

#include "base/string.h"

#define IO_MAX_BYTES 0x7ffff000ull
#define CONTROL_MAX 4096u        /* incoming control data: SCM_MAX_FDS descriptors take 1,028 bytes */
#define BATCH_MAX 1024u          /* messages per sendmmsg, recvmmsg: UIO_MAXIOV */
#define SEND_FLAGS UINT32_MAX /* flags for other families (MSG_FASTOPEN, MSG_ZEROCOPY) mean nothing to Linux's local sockets */
#define RECEIVE_FLAGS (MSG_PEEK_K | MSG_TRUNC_K | MSG_DONTWAIT_K | MSG_WAITALL_K | MSG_NOSIGNAL_K | MSG_CMSG_CLOEXEC_K)
#define CMSG_ALIGNED(n) ALIGN_UP((u64)(n), 8)

static status_t check_flags(u64 flags, u32 allowed)
{
	if (flags & MSG_OOB_K)
		return ERR_OPNOTSUPP;
	return (u32)flags & ~allowed ? FAIL(ERR_INVAL, "MSG_ flag") : OK;
}

/* ---- control data in ---- */
static status_t rights_in(struct socket_send *send, const u8 *data, u64 size)
{
	u32 count = (u32)(size / sizeof(s32)), have = send->file_count;
	struct file **files;
	s32 fd;

	if (count == 0)
		return OK;
	if (have + count > SCM_MAX_FDS)
		return ERR_INVAL;
	files = kmalloc((have + count) * sizeof(struct file *));
	if (!files)
		return ERR_NOMEM;
	memcpy(files, send->files, have * sizeof(struct file *));
	kfree(send->files);
	send->files = files;
	for (u32 i = 0; i < count; i++) {
		memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
		files[send->file_count] = fd_get(fd);
		if (!files[send->file_count])
			return ERR_BADF;
		send->file_count++;
	}
	return OK;
}

/* A process may only claim ids that it has, unix(7). */
static status_t credentials_in(struct socket_send *send, const u8 *data, u64 size)
{
	const struct cred *c = thread_current()->cred;
	struct ucred_k u;

	if (size != sizeof(u))
		return ERR_INVAL;
	memcpy(&u, data, sizeof(u));
	if ((u32)u.pid != process_current()->pid && !cred_has_cap(c, CAP_SYS_ADMIN))
		return ERR_PERM;
	if (u.uid != c->uid && u.uid != c->euid && u.uid != c->suid && !cred_has_cap(c, CAP_SETUID))
		return ERR_PERM;
	if (u.gid != c->gid && u.gid != c->egid && u.gid != c->sgid && !cred_has_cap(c, CAP_SETGID))
		return ERR_PERM;
	if ((u32)u.pid != process_current()->pid) {
		struct process *p = process_find((u32)u.pid);
		if (!p)
			return ERR_SRCH;
		process_put(p);
	}
	send->cred = u;
	return OK;
}

static status_t control_parse(struct socket_send *send, const u8 *control, u64 size)
{
	u64 at = 0;
	status_t st = OK;

	while (st == OK && at + sizeof(struct cmsghdr_k) <= size) {
		struct cmsghdr_k h;

		memcpy(&h, control + at, sizeof(h));
		if (h.length < sizeof(h) || h.length > size - at)
			return ERR_INVAL;
		if (h.level != SOL_SOCKET_K)
			st = OK; /* another protocol's: not ours to judge */
		else if (h.type == SCM_RIGHTS_K)
			st = rights_in(send, control + at + sizeof(h), h.length - sizeof(h));
		else if (h.type == SCM_CREDENTIALS_K)
			st = credentials_in(send, control + at + sizeof(h), h.length - sizeof(h));
		else
			st = FAIL(ERR_INVAL, "control message");
		at += CMSG_ALIGNED(h.length);
	}
	return st;
}

static status_t control_in(struct socket_send *send, u64 control, u64 size)
{
	u8 *copy;
	status_t st;

	if (!control || !size)
		return OK;
	if (size > CONTROL_MAX)
		return ERR_NOBUFS;
	copy = kmalloc(size);
	if (!copy)
		return ERR_NOMEM;
	st = copy_in(copy, user_ptr(control), size);
	if (st == OK)
		st = control_parse(send, copy, size);
	kfree(copy);
	return st;
}

static void drop_files(struct file **files, u32 count)
{
	for (u32 i = 0; i < count; i++)
		file_put(files[i]);
	kfree(files);
}

/* ---- sending ---- */
static s64 send_message(struct socket_fd *s, const struct msghdr_k *h, u32 flags)
{
	struct socket_send send = { .flags = flags, .cred = socket_current_cred() };
	struct sockaddr_un_k address;
	struct io_buf from;
	s64 result = OK;

	if (h->iov_count > IO_VECTORS_MAX)
		return ERR_MSGSIZE;
	if (h->name && h->name_length) {
		result = socket_address_in(user_ptr(h->name), h->name_length, &address, &send.to_length);
		send.to = &address;
	}
	if (result == OK)
		result = control_in(&send, h->control, h->control_length);
	if (result == OK)
		result = io_buf_init_iovec(&from, user_ptr(h->iov), (u32)h->iov_count);
	if (result == OK) {
		send.from = &from;
		from.remaining = MIN(from.remaining, IO_MAX_BYTES);
		result = socket_send(s->socket, &send, s->nonblock || (flags & MSG_DONTWAIT_K));
		io_buf_done(&from);
	}
	drop_files(send.files, send.file_count);
	return result;
}

/* The checks of sendmsg and recvmsg; OK takes the socket. */
static status_t message_start(u64 fd, u64 header, u64 flags, u64 allowed, struct msghdr_k *h, struct socket_fd *s)
{
	status_t st = check_flags(flags, allowed);

	if (st == OK)
		st = COPY_IN(h, user_ptr(header));
	return st == OK ? socket_fd_get(fd, s) : st;
}

LINUX_HANDLER(sendmsg)
{
	struct msghdr_k h;
	struct socket_fd s;
	s64 result = message_start(a0, a1, a2, SEND_FLAGS, &h, &s);

	if (result)
		return result;
	result = send_message(&s, &h, (u32)a2);
	socket_fd_put(&s);
	return result;
}

LINUX_HANDLER(sendto)
{
	struct socket_send send = { .flags = (u32)a3, .cred = socket_current_cred() };
	struct sockaddr_un_k address;
	struct io_buf from;
	struct socket_fd s;
	s64 result = check_flags(a3, SEND_FLAGS);

	if (result == OK)
		result = socket_fd_get(a0, &s);
	if (result)
		return result;
	if (a4) {
		result = socket_address_in(user_ptr(a4), (u32)a5, &address, &send.to_length);
		send.to = &address;
	}
	io_buf_init_user(&from, user_ptr(a1), MIN(a2, IO_MAX_BYTES));
	send.from = &from;
	if (result == OK)
		result = socket_send(s.socket, &send, s.nonblock || (a3 & MSG_DONTWAIT_K));
	socket_fd_put(&s);
	return result;
}

/* ---- control data out ---- */
struct control_out { u64 at, room; bool truncated; u32 flags; };

static status_t put_control(struct control_out *c, s32 type, const void *data, u64 size)
{
	struct cmsghdr_k h = { sizeof(h) + size, SOL_SOCKET_K, type };
	status_t st;

	if (c->room < h.length) {
		c->truncated = true;
		return OK;
	}
	st = COPY_OUT(user_ptr(c->at), &h);
	if (st == OK)
		st = copy_out(user_ptr(c->at + sizeof(h)), data, size);
	c->at += MIN(CMSG_ALIGNED(h.length), c->room);
	c->room -= MIN(CMSG_ALIGNED(h.length), c->room);
	return st;
}

/* Installs as many descriptors as the control buffer has room for; the rest is dropped. Takes the files over. */
static status_t put_rights(struct control_out *c, struct file **files, u32 count)
{
	u64 fit = c->room > sizeof(struct cmsghdr_k) ? (c->room - sizeof(struct cmsghdr_k)) / sizeof(s32) : 0;
	u32 fd_flags = c->flags & MSG_CMSG_CLOEXEC_K ? FD_CLOEXEC_K : 0, installed = 0;
	s32 fds[SCM_MAX_FDS];
	status_t st = OK;

	for (u32 i = 0; i < count; i++) {
		int fd = i < fit && installed == i ? fdtable_install(thread_current()->fds, files[i], 0, fd_flags) : ERR_MFILE;

		if (fd >= 0)
			fds[installed++] = fd;
		else
			file_put(files[i]);
	}
	kfree(files);
	c->truncated |= installed < count;
	if (installed)
		st = put_control(c, SCM_RIGHTS_K, fds, installed * sizeof(s32));
	return st;
}

static status_t control_out(struct socket *s, struct socket_receive *r, struct msghdr_k *h, u32 flags)
{
	struct control_out c = { .at = h->control, .room = h->control ? h->control_length : 0, .flags = flags };
	status_t st = OK;

	if (s->passcred)
		st = put_control(&c, SCM_CREDENTIALS_K, &r->cred, sizeof(r->cred));
	if (st == OK && r->file_count)
		st = put_rights(&c, r->files, r->file_count);
	else
		drop_files(r->files, r->file_count);
	h->control_length = c.at - h->control;
	if (c.truncated)
		r->out_flags |= MSG_CTRUNC_K;
	return st;
}

/* ---- receiving ---- */
static s64 receive_message(struct socket_fd *s, u64 user_header, struct msghdr_k *h, u32 flags)
{
	struct socket_receive r = { .flags = flags };
	struct io_buf to;
	u32 length;
	s64 result;
	status_t st;

	if (h->iov_count > IO_VECTORS_MAX)
		return ERR_MSGSIZE;
	result = io_buf_init_iovec(&to, user_ptr(h->iov), (u32)h->iov_count);
	if (result)
		return result;
	to.remaining = MIN(to.remaining, IO_MAX_BYTES);
	r.to = &to;
	result = socket_receive(s->socket, &r, s->nonblock || (flags & MSG_DONTWAIT_K));
	io_buf_done(&to);
	if (result < 0) {
		drop_files(r.files, r.file_count);
		return result;
	}
	st = control_out(s->socket, &r, h, flags);
	if (st == OK && h->name) {
		length = r.from_length;
		st = copy_out(user_ptr(h->name), &r.from, MIN(length, h->name_length));
		h->name_length = length;
	}
	h->flags = r.out_flags | (flags & MSG_CMSG_CLOEXEC_K);
	if (st == OK)
		st = COPY_OUT(user_ptr(user_header), h);
	return st ? st : result;
}

LINUX_HANDLER(recvmsg)
{
	struct msghdr_k h;
	struct socket_fd s;
	s64 result = message_start(a0, a1, a2, RECEIVE_FLAGS, &h, &s);

	if (result)
		return result;
	result = receive_message(&s, a1, &h, (u32)a2);
	socket_fd_put(&s);
	return result;
}

LINUX_HANDLER(recvfrom)
{
	struct socket_receive r = { .flags = (u32)a3 };
	struct io_buf to;
	struct socket_fd s;
	s64 result = check_flags(a3, RECEIVE_FLAGS);
	status_t st;

	if (result == OK)
		result = socket_fd_get(a0, &s);
	if (result)
		return result;
	io_buf_init_user(&to, user_ptr(a1), MIN(a2, IO_MAX_BYTES));
	r.to = &to;
	result = socket_receive(s.socket, &r, s.nonblock || (a3 & MSG_DONTWAIT_K));
	socket_fd_put(&s);
	drop_files(r.files, r.file_count);
	if (result >= 0 && a4) {
		st = socket_address_out(a4, a5, &r.from, r.from_length);
		if (st)
			return st;
	}
	return result;
}

/* ---- batches ---- */
LINUX_HANDLER(sendmmsg)
{
	u32 count = (u32)MIN(a2, BATCH_MAX), done;
	struct socket_fd s;
	s64 result = check_flags(a3, SEND_FLAGS);

	if (result == OK)
		result = socket_fd_get(a0, &s);
	if (result)
		return result;
	for (done = 0; done < count; done++) {
		u64 at = a1 + done * sizeof(struct mmsghdr_k);
		struct msghdr_k h;
		u32 length;

		result = COPY_IN(&h, user_ptr(at));
		if (result == OK)
			result = send_message(&s, &h, (u32)a3);
		if (result < 0)
			break;
		length = (u32)result;
		result = COPY_OUT(user_ptr(at + sizeof(h)), &length);
		if (result)
			break;
	}
	socket_fd_put(&s);
	return done ? done : result;
}

/* The timeout is only looked at between messages, as recvmmsg(2) documents. */
LINUX_HANDLER(recvmmsg)
{
	u32 count = (u32)MIN(a2, BATCH_MAX), flags = (u32)a3, done;
	u64 deadline = DEADLINE_NEVER, ns;
	struct socket_fd s;
	s64 result = check_flags(a3, RECEIVE_FLAGS | MSG_WAITFORONE_K);

	if (result == OK && a4) {
		result = timespec_in(user_ptr(a4), &ns);
		if (result == OK)
			deadline = deadline_from_relative(ns);
	}
	if (result == OK)
		result = socket_fd_get(a0, &s);
	if (result)
		return result;
	for (done = 0; done < count; done++) {
		u64 at = a1 + done * sizeof(struct mmsghdr_k);
		struct msghdr_k h;
		u32 length;

		result = COPY_IN(&h, user_ptr(at));
		if (result == OK)
			result = receive_message(&s, at, &h, flags & ~(u32)MSG_WAITFORONE_K);
		if (result < 0)
			break;
		length = (u32)result;
		result = COPY_OUT(user_ptr(at + sizeof(h)), &length);
		if (result)
			break;
		if (flags & MSG_WAITFORONE_K)
			flags |= MSG_DONTWAIT_K;
		if (time_now_ns() >= deadline) {
			done++;
			break;
		}
	}
	socket_fd_put(&s);
	return done ? done : result;
}
