// SPDX-License-Identifier: MIT
/* AF_UNIX: pairs, names, connections, descriptors and credentials in messages, options, shutdown. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int s[2];
static char b[70000];

static void pair(int type) { CHECK(socketpair(AF_UNIX, type, 0, s) == 0); }
static void done(void) { close(s[0]); close(s[1]); }
static int revents(int fd)
{
	struct pollfd f = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	poll(&f, 1, 0);
	return f.revents;
}
static socklen_t abstract(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)sprintf(a->sun_path + 1, "%s-%d", name, getpid()));
}

CASE(stream_carries_bytes_both_ways)
{
	pair(SOCK_STREAM);
	CHECK(write(s[0], "abc", 3) == 3 && send(s[0], "def", 3, 0) == 3);
	CHECK(read(s[1], b, 4) == 4 && !memcmp(b, "abcd", 4));
	CHECK(recv(s[1], b, 10, MSG_PEEK) == 2 && recv(s[1], b, 10, 0) == 2);
	CHECK(write(s[1], "x", 1) == 1 && read(s[0], b, 9) == 1);
	CHECK_ERRNO(recv(s[0], b, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(revents(s[0]) == POLLOUT);
	done();
}
CASE(seqpacket_and_dgram_keep_boundaries)
{
	int types[] = { SOCK_SEQPACKET, SOCK_DGRAM };
	for (int i = 0; i < 2; i++) {
		pair(types[i]);
		CHECK(send(s[0], "first", 5, 0) == 5 && send(s[0], "second", 6, 0) == 6 && send(s[0], "", 0, 0) == 0);
		int n = 0;
		CHECK(ioctl(s[1], FIONREAD, &n) == 0 && n == (types[i] == SOCK_DGRAM ? 5 : 11));
		CHECK(recv(s[1], b, 3, 0) == 3);
		CHECK(recv(s[1], b, 3, MSG_TRUNC | MSG_PEEK) == 6);
		CHECK(recv(s[1], b, 100, 0) == 6 && !memcmp(b, "second", 6));
		CHECK(recv(s[1], b, 100, MSG_DONTWAIT) == 0);
		CHECK_ERRNO(recv(s[1], b, 100, MSG_DONTWAIT), EAGAIN);
		done();
	}
}
CASE(close_of_one_end_is_seen)
{
	signal(SIGPIPE, SIG_IGN);
	pair(SOCK_STREAM);
	CHECK(write(s[0], "bye", 3) == 3);
	close(s[0]);
	CHECK(revents(s[1]) == (POLLIN | POLLOUT | POLLHUP | POLLRDHUP));
	CHECK(read(s[1], b, 10) == 3 && read(s[1], b, 10) == 0);
	CHECK_ERRNO(write(s[1], "x", 1), EPIPE);
	close(s[1]);
	pair(SOCK_STREAM);
	CHECK(write(s[0], "unread", 6) == 6);
	close(s[1]);
	CHECK_ERRNO(read(s[0], b, 1), ECONNRESET);
	CHECK(read(s[0], b, 1) == 0);
	close(s[0]);
	signal(SIGPIPE, SIG_DFL);
}
static volatile int sigpipes;
static void on_sigpipe(int n) { sigpipes++; }
CASE(sigpipe_unless_nosignal)
{
	struct sigaction sa = { .sa_handler = on_sigpipe };
	sigaction(SIGPIPE, &sa, NULL);
	pair(SOCK_STREAM);
	close(s[1]);
	sigpipes = 0;
	CHECK_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(sigpipes == 0);
	CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
	CHECK(sigpipes == 1);
	CHECK_ERRNO(write(s[0], "x", 1), EPIPE);
	CHECK(sigpipes == 2);
	close(s[0]);
	signal(SIGPIPE, SIG_DFL);
}
CASE(shutdown_closes_one_direction)
{
	pair(SOCK_STREAM);
	CHECK(shutdown(s[0], SHUT_WR) == 0);
	CHECK(read(s[1], b, 1) == 0 && write(s[1], "y", 1) == 1 && read(s[0], b, 1) == 1);
	CHECK_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(revents(s[1]) == (POLLIN | POLLOUT | POLLRDHUP));
	CHECK_ERRNO(shutdown(s[0], 7), EINVAL);
	done();
}
CASE(full_stream_says_again_and_recovers)
{
	long sent = 0, got = 0, n;
	pair(SOCK_STREAM | SOCK_NONBLOCK);
	while ((n = write(s[0], b, sizeof(b))) > 0)
		sent += n;
	CHECK(errno == EAGAIN && sent >= 100000);
	CHECK(revents(s[0]) == 0);
	while ((n = read(s[1], b, sizeof(b))) > 0)
		got += n;
	CHECK(got == sent && revents(s[0]) == POLLOUT);
	done();
}
CASE(blocked_writer_and_waitall_reader)
{
	pair(SOCK_STREAM);
	static char big[600000];
	if (!fork()) {
		close(s[1]);
		_exit(write(s[0], big, sizeof(big)) != sizeof(big));
	}
	close(s[0]);
	CHECK(recv(s[1], big, sizeof(big), MSG_WAITALL) == sizeof(big));
	int status;
	wait(&status);
	CHECK(status == 0);
	close(s[1]);
}
static long send_fds(int sock, const int *fds, int count, const char *text)
{
	char control[CMSG_SPACE(sizeof(int) * 10)] = { 0 };
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
	return sendmsg(sock, &m, 0);
}
static long receive_fds(int sock, int *fds, int room, int *count, int flags, int *out_flags)
{
	char control[CMSG_SPACE(sizeof(int) * 10)];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(sizeof(int) * (size_t)room) };
	long n = recvmsg(sock, &m, flags);
	*count = 0;
	*out_flags = m.msg_flags;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (n >= 0 && c && c->cmsg_type == SCM_RIGHTS) {
		*count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)*count);
	}
	return n;
}
CASE(descriptors_travel_in_messages)
{
	int p[2], got[10], n, flags;
	pair(SOCK_STREAM);
	CHECK(pipe(p) == 0);
	CHECK(send_fds(s[0], p, 2, "ab") == 2);
	CHECK(write(s[0], "cd", 2) == 2);
	close(p[0]);
	close(p[1]);
	CHECK(receive_fds(s[1], got, 10, &n, MSG_CMSG_CLOEXEC, &flags) == 2 && n == 2); /* stops after the descriptors */
	CHECK(fcntl(got[0], F_GETFD) == FD_CLOEXEC);
	CHECK(write(got[1], "through", 7) == 7 && read(got[0], b, 10) == 7);
	CHECK(send_fds(s[0], got, 2, "x") == 1);
	int again[10];
	CHECK(read(s[1], b, 2) == 2); /* "cd" */
	CHECK(receive_fds(s[1], again, 1, &n, 0, &flags) == 1 && n == 1 && (flags & MSG_CTRUNC));
	close(again[0]);
	got[9] = 999;
	CHECK_ERRNO(send_fds(s[0], got + 9, 1, "x"), EBADF);
	close(got[0]);
	close(got[1]);
	done();
}
CASE(descriptors_in_flight_die_with_the_socket)
{
	int p[2];
	pair(SOCK_STREAM);
	CHECK(pipe(p) == 0);
	CHECK(send_fds(s[0], &p[1], 1, "x") == 1);
	close(p[1]);
	CHECK(revents(p[0]) == 0);
	done();
	CHECK(revents(p[0]) == POLLHUP);
	close(p[0]);
	for (int i = 0; i < 200; i++) { /* sockets inside sockets */
		int q[2];
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
		if (i && (send_fds(q[0], s, 2, "n") != 1))
			CHECK(0);
		if (i)
			done();
		s[0] = q[0];
		s[1] = q[1];
	}
	done();
}
CASE(credentials_come_with_messages)
{
	int on = 1;
	char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec v = { b, 10 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct ucred u;
	pair(SOCK_DGRAM);
	CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(send(s[0], "hi", 2, 0) == 2);
	CHECK(recvmsg(s[1], &m, 0) == 2);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	CHECK(c && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(u)));
	memcpy(&u, CMSG_DATA(c), sizeof(u));
	CHECK(u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
	done();
}
CASE(foreign_flags_and_control_data_are_ignored)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(struct ucred))]; } control;
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(4) };
	struct ucred u = { 0x3fffff, getuid(), getgid() };
	pair(SOCK_STREAM);
	CHECK(send(s[0], "x", 1, 0x24000000) == 1); /* MSG_FASTOPEN, MSG_ZEROCOPY */
	memset(&control, 0, sizeof(control));
	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(4), .cmsg_level = 99, .cmsg_type = 1 };
	CHECK(sendmsg(s[0], &m, 0) == 1);
	control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = 99 };
	CHECK_ERRNO(sendmsg(s[0], &m, 0), EINVAL);
	if (geteuid() == 0) {
		control.h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(u)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS };
		memcpy(CMSG_DATA(&control.h), &u, sizeof(u));
		m.msg_controllen = sizeof(control);
		CHECK(sendmsg(s[0], &m, 0) == -1 && (errno == ESRCH || errno == EPERM)); /* a process that is not there */
	}
	done();
}
CASE(abstract_names_listen_and_connect)
{
	struct sockaddr_un a, got;
	socklen_t length = abstract(&a, "listen"), n = sizeof(got);
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), other, value;
	socklen_t value_length = sizeof(value);
	CHECK_ERRNO(connect(c, (void *)&a, length), ECONNREFUSED);
	CHECK(bind(l, (void *)&a, length) == 0);
	CHECK_ERRNO(connect(c, (void *)&a, length), ECONNREFUSED);
	CHECK_ERRNO(bind(l, (void *)&a, length), EINVAL);
	CHECK_ERRNO(bind(c, (void *)&a, length), EADDRINUSE);
	CHECK_ERRNO(listen(c, 1), EINVAL);
	CHECK(listen(l, 5) == 0);
	CHECK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &value, &value_length) == 0 && value == 1);
	CHECK(connect(c, (void *)&a, length) == 0);
	CHECK_ERRNO(connect(c, (void *)&a, length), EISCONN);
	CHECK(write(c, "early", 5) == 5 && revents(l) == POLLIN);
	CHECK((other = accept4(l, (void *)&got, &n, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0 && n == 2 && got.sun_family == AF_UNIX);
	CHECK((fcntl(other, F_GETFL) & O_NONBLOCK) && fcntl(other, F_GETFD) == FD_CLOEXEC);
	CHECK(read(other, b, 10) == 5);
	n = sizeof(got);
	CHECK(getpeername(c, (void *)&got, &n) == 0 && n == length && !memcmp(got.sun_path, a.sun_path, length - 2));
	n = sizeof(got);
	CHECK(getsockname(other, (void *)&got, &n) == 0 && n == length);
	n = sizeof(got);
	CHECK_ERRNO(getpeername(l, (void *)&got, &n), ENOTCONN);
	struct ucred u;
	socklen_t u_length = sizeof(u);
	CHECK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &u_length) == 0 && u.pid == getpid());
	close(other);
	CHECK(read(c, b, 1) == 0);
	close(c);
	fcntl(l, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(accept(l, NULL, NULL), EAGAIN);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&a, length) == 0);
	close(l);
	CHECK_ERRNO(read(c, b, 1), ECONNRESET);
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(c, (void *)&a, length), ECONNREFUSED);
	close(c);
}
CASE(accept_blocks_for_a_client)
{
	struct sockaddr_un a;
	socklen_t length = abstract(&a, "blocks");
	int l = socket(AF_UNIX, SOCK_SEQPACKET, 0), c;
	CHECK(bind(l, (void *)&a, length) == 0 && listen(l, 1) == 0);
	if (!fork()) {
		usleep(30000);
		c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		_exit(connect(c, (void *)&a, length) || send(c, "hello", 5, 0) != 5);
	}
	CHECK((c = accept(l, NULL, NULL)) >= 0 && recv(c, b, 10, 0) == 5 && recv(c, b, 10, 0) == 0);
	int status;
	wait(&status);
	CHECK(status == 0);
	close(c);
	close(l);
}
CASE(path_names_are_nodes)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	sprintf(a.sun_path, "/tmp/unix-socket-test-%d", getpid());
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	if (stat("/tmp", &st)) { /* no file tree in this boot */
		close(l);
		close(c);
		return;
	}
	CHECK_ERRNO(connect(c, (void *)&a, sizeof(a)), ENOENT);
	CHECK(bind(l, (void *)&a, sizeof(a)) == 0 && stat(a.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK(listen(l, 1) == 0 && connect(c, (void *)&a, sizeof(a)) == 0);
	CHECK_ERRNO(open(a.sun_path, O_RDWR), ENXIO);
	close(l);
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	CHECK_ERRNO(bind(c, (void *)&a, sizeof(a)), EADDRINUSE);
	CHECK(unlink(a.sun_path) == 0);
	close(c);
}
CASE(datagrams_go_to_names)
{
	struct sockaddr_un a, from;
	socklen_t length = abstract(&a, "dgram"), n = sizeof(from);
	int r = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK(bind(r, (void *)&a, length) == 0);
	CHECK(sendto(c, "one", 3, 0, (void *)&a, length) == 3);
	CHECK_ERRNO(send(c, "two", 3, 0), ENOTCONN);
	CHECK(bind(c, (void *)&(struct sockaddr_un){ .sun_family = AF_UNIX }, 2) == 0); /* autobind */
	CHECK(connect(c, (void *)&a, length) == 0 && send(c, "two", 3, 0) == 3);
	CHECK(recvfrom(r, b, 10, 0, (void *)&from, &n) == 3);
	n = sizeof(from);
	CHECK(recvfrom(r, b, 10, 0, (void *)&from, &n) == 3 && n == 8 && from.sun_path[0] == 0);
	CHECK(sendto(r, "back", 4, 0, (void *)&from, n) == 4 && recv(c, b, 10, 0) == 4);
	close(r);
	CHECK_ERRNO(send(c, "x", 1, 0), ECONNREFUSED);
	close(c);
}
CASE(options_and_wrong_uses)
{
	int v, fd;
	socklen_t n = sizeof(v);
	struct timeval t = { 0, 50000 };
	pair(SOCK_SEQPACKET);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &v, &n) == 0 && v == SOCK_SEQPACKET);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_DOMAIN, &v, &n) == 0 && v == AF_UNIX);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_ERROR, &v, &n) == 0 && v == 0);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &n) == 0 && v == 212992);
	v = 10000;
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)) == 0);
	CHECK(getsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &v, &n) == 0 && v == 20000);
	CHECK_ERRNO(send(s[0], b, 30000, 0), EMSGSIZE);
	CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
	CHECK_ERRNO(recv(s[0], b, 1, 0), EAGAIN);
	CHECK_ERRNO(setsockopt(s[0], SOL_SOCKET, 9999, &v, sizeof(v)), ENOPROTOOPT);
	CHECK_ERRNO(send(s[0], "x", 1, MSG_OOB), EOPNOTSUPP);
	CHECK_ERRNO(listen(s[0], 1), EINVAL);
	CHECK_ERRNO(accept(s[0], NULL, NULL), EINVAL);
	CHECK_ERRNO(lseek(s[0], 0, SEEK_SET), ESPIPE);
	done();
	CHECK_ERRNO(socket(AF_UNIX, 77, 0), EINVAL);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(9999, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(send(0, "x", 1, 0), ENOTSOCK);
	CHECK_ERRNO(send(999, "x", 1, 0), EBADF);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERRNO(recv(fd, b, 1, 0), EINVAL);
	CHECK_ERRNO(send(fd, b, 1, 0), ENOTCONN);
	CHECK(revents(fd) == (POLLOUT | POLLHUP));
	CHECK(shutdown(fd, SHUT_RD) == 0);
	close(fd);
}
CASE(many_messages_in_one_call)
{
	struct iovec v[3] = { { "a", 1 }, { "bb", 2 }, { "ccc", 3 } }, w[3] = { { b, 10 }, { b + 10, 10 }, { b + 20, 10 } };
	struct mmsghdr out[3] = { 0 }, in[3] = { 0 };
	for (int i = 0; i < 3; i++) {
		out[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i], .msg_iovlen = 1 };
		in[i].msg_hdr = (struct msghdr){ .msg_iov = &w[i], .msg_iovlen = 1 };
	}
	pair(SOCK_DGRAM);
	CHECK(sendmmsg(s[0], out, 3, 0) == 3 && out[2].msg_len == 3);
	CHECK(recvmmsg(s[1], in, 3, MSG_DONTWAIT, NULL) == 3 && in[1].msg_len == 2 && !memcmp(b + 20, "ccc", 3));
	done();
}

int main(void)
{
	RUN(stream_carries_bytes_both_ways);
	RUN(seqpacket_and_dgram_keep_boundaries);
	RUN(close_of_one_end_is_seen);
	RUN(sigpipe_unless_nosignal);
	RUN(shutdown_closes_one_direction);
	RUN(full_stream_says_again_and_recovers);
	RUN(blocked_writer_and_waitall_reader);
	RUN(descriptors_travel_in_messages);
	RUN(descriptors_in_flight_die_with_the_socket);
	RUN(credentials_come_with_messages);
	RUN(foreign_flags_and_control_data_are_ignored);
	RUN(abstract_names_listen_and_connect);
	RUN(accept_blocks_for_a_client);
	RUN(path_names_are_nodes);
	RUN(datagrams_go_to_names);
	RUN(options_and_wrong_uses);
	RUN(many_messages_in_one_call);
	return check_summary();
}
