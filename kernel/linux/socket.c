// SPDX-License-Identifier: MIT
/* Linux rows that make, name and connect sockets. Only AF_UNIX exists; other families are refused. */
#include "linux.h"
#include "socket.h"

#include "base/string.h"

#define TYPE_FLAGS (O_NONBLOCK_K | O_CLOEXEC_K) /* SOCK_NONBLOCK, SOCK_CLOEXEC */

status_t socket_fd_get(u64 fd, struct socket_fd *out)
{
	out->file = fd_borrow((int)fd, &out->held);
	if (!out->file || (out->file->flags & O_PATH_K)) {
		if (out->file)
			fd_return(out->file, out->held);
		return ERR_BADF;
	}
	out->socket = socket_of(out->file);
	out->nonblock = out->file->flags & O_NONBLOCK_K;
	if (out->socket)
		return OK;
	fd_return(out->file, out->held);
	return ERR_NOTSOCK;
}

status_t socket_address_out(u64 user_address, u64 user_length, const struct sockaddr_un_k *a, u32 length)
{
	s32 room;
	status_t st = COPY_IN(&room, user_ptr(user_length));

	if (st)
		return st;
	if (room < 0)
		return ERR_INVAL;
	st = copy_out(user_ptr(user_address), a, MIN((u32)room, length));
	return st ? st : COPY_OUT(user_ptr(user_length), &length);
}

static status_t check_kind(u64 family, u64 type, u64 protocol, int *kind)
{
	if ((s32)family < 0 || (s32)family >= AF_MAX_K || family != AF_UNIX_K)
		return FAIL(ERR_AFNOSUPPORT, "address family");
	if (type & ~(u64)(TYPE_FLAGS | SOCK_TYPE_MASK_K))
		return ERR_INVAL;
	*kind = (int)(type & SOCK_TYPE_MASK_K);
	if (*kind == SOCK_RAW_K)
		*kind = SOCK_DGRAM_K; /* as Linux treats it */
	if (*kind != SOCK_STREAM_K && *kind != SOCK_DGRAM_K && *kind != SOCK_SEQPACKET_K)
		return ERR_SOCKTNOSUPPORT;
	if (protocol && protocol != AF_UNIX_K)
		return ERR_PROTONOSUPPORT;
	return OK;
}

static status_t make(int kind, u64 type, struct file **out)
{
	struct socket *s = socket_alloc(kind);

	*out = s ? socket_file(s, type & O_NONBLOCK_K) : NULL;
	if (*out)
		return OK;
	if (s)
		socket_put(s);
	return ERR_NOMEM;
}

static s64 install(struct file *f, u64 type)
{
	int fd = fdtable_install(thread_current()->fds, f, 0, type & O_CLOEXEC_K ? FD_CLOEXEC_K : 0);

	if (fd < 0)
		file_put(f);
	return fd;
}

LINUX_HANDLER(socket)
{
	struct file *f;
	int kind;
	status_t st = check_kind(a0, a1, a2, &kind);

	if (st == OK)
		st = make(kind, a1, &f);
	if (st)
		return st;
	socket_of(f)->own_cred = socket_current_cred();
	return install(f, a1);
}

LINUX_HANDLER(socketpair)
{
	struct file *first, *second;
	int kind;
	status_t st = check_kind(a0, a1, a2, &kind);

	if (st)
		return st == ERR_AFNOSUPPORT && a0 < AF_MAX_K && a0 > AF_UNIX_K ? ERR_AFNOSUPPORT : st;
	st = make(kind, a1, &first);
	if (st)
		return st;
	st = make(kind, a1, &second);
	if (st) {
		file_put(first);
		return st;
	}
	socket_pair_up(socket_of(first), socket_of(second));
	return fd_install_pair(first, second, a1 & O_CLOEXEC_K ? FD_CLOEXEC_K : 0, a3);
}

static status_t name_or_connect(u64 fd, u64 user_address, u64 user_length, bool connect)
{
	struct sockaddr_un_k address;
	struct socket_fd s;
	u32 length;
	status_t st = socket_fd_get(fd, &s);

	if (st)
		return st;
	st = socket_address_in(user_ptr(user_address), (u32)user_length, &address, &length);
	if (st == OK)
		st = connect ? socket_connect(s.socket, &address, length, s.nonblock) : socket_bind(s.socket, &address, length);
	socket_fd_put(&s);
	return st;
}

LINUX_HANDLER(bind) { return name_or_connect(a0, a1, a2, false); }
LINUX_HANDLER(connect) { return name_or_connect(a0, a1, a2, true); }

LINUX_HANDLER(listen)
{
	struct socket_fd s;
	status_t st = socket_fd_get(a0, &s);

	if (st)
		return st;
	st = socket_listen(s.socket, (s32)a1);
	socket_fd_put(&s);
	return st;
}

/* The address of a connection's other end; unnamed when it is gone. */
static u32 peer_name(struct socket *s, struct sockaddr_un_k *out)
{
	struct socket *peer = socket_peer_get(s);
	u32 length = socket_name_copy(peer ? peer->name : NULL, out);

	if (peer)
		socket_put(peer);
	return length;
}

static s64 finish_accept(struct socket *connection, u64 flags, u64 user_address, u64 user_length)
{
	struct file *f = socket_file(connection, flags & O_NONBLOCK_K);
	struct sockaddr_un_k address;
	status_t st = OK;
	s64 fd;

	if (!f) {
		socket_close(connection);
		return ERR_NOMEM;
	}
	if (user_address)
		st = socket_address_out(user_address, user_length, &address, peer_name(connection, &address));
	if (st) {
		file_put(f);
		return st;
	}
	fd = install(f, flags);
	return fd;
}

LINUX_HANDLER(accept4)
{
	struct socket *connection;
	struct socket_fd s;
	status_t st;

	if (a3 & ~(u64)TYPE_FLAGS)
		return ERR_INVAL;
	st = socket_fd_get(a0, &s);
	if (st)
		return st;
	st = socket_accept(s.socket, s.nonblock, &connection);
	socket_fd_put(&s);
	return st ? st : finish_accept(connection, a3, a1, a2);
}

LINUX_HANDLER(accept) { return linux_accept4(a0, a1, a2, 0, 0, 0); }

LINUX_HANDLER(shutdown)
{
	struct socket_fd s;
	status_t st = socket_fd_get(a0, &s);

	if (st)
		return st;
	st = socket_shutdown(s.socket, (int)a1);
	socket_fd_put(&s);
	return st;
}

LINUX_HANDLER(getsockname)
{
	struct sockaddr_un_k address;
	struct socket_fd s;
	u32 length;
	status_t st = socket_fd_get(a0, &s);

	if (st)
		return st;
	length = socket_name_copy(s.socket->name, &address);
	socket_fd_put(&s);
	return socket_address_out(a1, a2, &address, length);
}

LINUX_HANDLER(getpeername)
{
	struct sockaddr_un_k address;
	struct socket *peer;
	struct socket_fd s;
	u32 length;
	status_t st = socket_fd_get(a0, &s);

	if (st)
		return st;
	peer = socket_peer_get(s.socket);
	length = peer_name(s.socket, &address);
	socket_fd_put(&s);
	if (!peer)
		return ERR_NOTCONN;
	socket_put(peer);
	return socket_address_out(a1, a2, &address, length);
}
