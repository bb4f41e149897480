// SPDX-License-Identifier: MIT
// The program's descriptors: a pipe per redirected one, one pty for those that are terminals, /dev/null. Numbers are
// recorded before storaged gets the other ends, so that a repeat attaches the same files.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "runtimed.h"

/* Numbers of ioctl_tty(2); the C libraries disagree on where the macros behind the names come from. */
#define IOCTL_PTY_LOCK 0x40045431u /* TIOCSPTLCK */
#define IOCTL_PTY_PEER 0x5441u     /* TIOCGPTPEER */
#define FIND_TRIES 2000        /* 1 ms each: the console device announces its ports within a few */

static s64 find_port(u32 stream)
{
	char name[] = CONTROL_PORT_FD "0";
	name[sizeof(name) - 2] = (char)('0' + stream);
	const char *wanted = stream == CONTROL_STREAM_TTY ? CONTROL_PORT_TTY : name;
	s64 port = ERR_AGAIN;
	for (u32 i = 0; i < FIND_TRIES && (port = storage_find(wanted)) == ERR_AGAIN; i++)
		usleep(1000);
	return port;
}

static status_t record(u32 stream, s64 port, s32 child_fd, s32 relay_fd)
{
	struct stream_state *t = &session()->streams[stream];
	txn_begin();
	TXN_SET(t->child_fd, child_fd);
	TXN_SET(t->relay_fd, relay_fd);
	TXN_SET(t->port, (s32)port + 1);
	txn_commit(NULL, OK);
	return OK;
}

static status_t attached(u32 stream)
{
	struct stream_state *t = &session()->streams[stream];
	txn_begin();
	TXN_SET(t->attached, 1);
	txn_commit(NULL, OK);
	return OK;
}

static status_t open_pipe(u32 fd)
{
	struct stream_state *t = &session()->streams[fd];
	const u32 direction = fd == 0 ? STORAGE_FROM_HOST : STORAGE_TO_HOST;
	if (t->attached)
		return OK;
	if (!t->port) {
		int pair[2];
		s64 port = find_port(fd);
		if (port < 0)
			return (status_t)port;
		if (pipe2(pair, O_CLOEXEC))
			return -errno;
		record(fd, port, pair[fd != 0], pair[fd == 0]);
	}
	status_t st = storage_attach((u32)(t->port - 1), direction, t->relay_fd);
	if (st)
		return st;
	close(t->relay_fd);
	return attached(fd);
}

static void set_line_rules(int fd, bool raw_host)
{
	struct termios t;
	if (raw_host || tcgetattr(fd, &t))
		return;
	/* The host's terminal is not raw: it echoes, edits lines and turns newlines into CR LF already. */
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	t.c_oflag &= ~(tcflag_t)ONLCR;
	tcsetattr(fd, TCSANOW, &t);
}

void set_window(const struct control_window *w)
{
	struct winsize size = { .ws_row = w->rows, .ws_col = w->columns, .ws_xpixel = w->x_pixels,
			.ws_ypixel = w->y_pixels };
	if (session()->tty_master && w->rows && w->columns)
		ioctl(session()->tty_master, TIOCSWINSZ, &size);
}

static status_t open_pair(const struct control_launch_view *view)
{
	struct session_state *s = session();
	int unlock = 0;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return -errno;
	if (ioctl(master, IOCTL_PTY_LOCK, &unlock))
		return -errno;
	int slave = ioctl(master, IOCTL_PTY_PEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	set_line_rules(slave, view->head.flags & CONTROL_TTY_RAW);
	txn_begin();
	TXN_SET(s->tty_master, master);
	TXN_SET(s->tty_slave, slave);
	txn_commit(NULL, OK);
	set_window(&view->head.window);
	return OK;
}

static status_t open_tty(const struct control_launch_view *view)
{
	struct session_state *s = session();
	struct stream_state *t = &s->streams[CONTROL_STREAM_TTY];
	if (t->attached)
		return OK;
	status_t st = s->tty_master ? OK : open_pair(view);
	if (st)
		return st;
	if (!t->port) {
		s64 port = find_port(CONTROL_STREAM_TTY);
		if (port < 0)
			return (status_t)port;
		record(CONTROL_STREAM_TTY, port, 0, 0);
	}
	st = storage_attach((u32)(t->port - 1), STORAGE_TO_HOST, s->tty_master);
	if (st == OK)
		st = storage_attach((u32)(t->port - 1), STORAGE_FROM_HOST, s->tty_master);
	return st ? st : attached(CONTROL_STREAM_TTY);
}

static status_t open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	txn_begin();
	TXN_SET(session()->null_fd, fd);
	txn_commit(NULL, OK);
	return OK;
}

status_t streams_open(const struct control_launch_view *view)
{
	status_t st = OK;
	for (u32 fd = 0; fd < 3 && st == OK; fd++)
		switch (view->head.fd_kind[fd]) {
		case CONTROL_FD_TTY: st = open_tty(view); break;
		case CONTROL_FD_PIPE: st = open_pipe(fd); break;
		default: st = session()->null_fd ? OK : open_null(); break;
		}
	return st;
}

/* Only the program may hold its ends: a reader must see the end, and a writer the reader's. */
void streams_close_child_ends(void)
{
	struct session_state *s = session();
	for (u32 fd = 0; fd < 3; fd++) {
		s32 own = s->streams[fd].child_fd;
		if (!own)
			continue;
		txn_begin(); /* before close: a number is never closed twice */
		TXN_SET(s->streams[fd].child_fd, 0);
		txn_commit(NULL, OK);
		close(own);
	}
}
