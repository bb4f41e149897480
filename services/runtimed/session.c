// SPDX-License-Identifier: MIT
// The running program: signals to the foreground, ends of streams, its exit and the draining of its outputs.
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "runtimed.h"

#define RETRY_MS 2           /* while waiting for storaged's counters */
#define END_OF_INPUT "\004"  /* VEOF */

void send_signal(u32 number)
{
	struct session_state *s = session();
	pid_t group = (pid_t)s->pid;
	if (s->phase != PHASE_RUN || number == 0 || number > 64)
		return;
	if (s->tty_master) {
		pid_t foreground = 0;
		if (ioctl(s->tty_master, TIOCGPGRP, &foreground) == 0 && foreground > 0)
			group = foreground;
	}
	if (group > 1 && kill(-group, (int)number) && errno == ESRCH)
		kill((pid_t)s->pid, (int)number);
}

void on_input_end(const struct control_stream *c)
{
	struct session_state *s = session();
	if (c->stream == CONTROL_STREAM_FD0 && s->streams[0].port)
		storage_input_end((u32)(s->streams[0].port - 1), c->bytes);
	if (c->stream == CONTROL_STREAM_TTY && s->tty_master) {
		txn_begin();
		TXN_SET(s->tty_end_at, c->bytes + 1); /* + 1: 0 means open */
		txn_commit(NULL, OK);
	}
}

void on_reader_gone(const struct control_stream *c)
{
	struct session_state *s = session();
	if (c->stream >= CONTROL_STREAM_COUNT || !s->streams[c->stream].port)
		return;
	if (c->stream == CONTROL_STREAM_TTY)
		send_signal(SIGHUP);
	else
		storage_output_close((u32)(s->streams[c->stream].port - 1));
}

/* Typed input has ended on the host: the line discipline gets its end-of-file character behind the last byte. */
static void finish_tty_input(void)
{
	struct session_state *s = session();
	struct storage_progress p;
	if (!s->tty_end_at || s->tty_ended)
		return;
	if (storage_progress((u32)(s->streams[CONTROL_STREAM_TTY].port - 1), STORAGE_FROM_HOST, &p) ||
			p.bytes + 1 < s->tty_end_at)
		return;
	if (write(s->tty_master, END_OF_INPUT, 1) == 1) {
		txn_begin();
		TXN_SET(s->tty_ended, 1);
		txn_commit(NULL, OK);
	}
}

static void check_exit(void)
{
	struct session_state *s = session();
	struct proc_status status = { .pidfd = s->pidfd };
	if (ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_STATUS, (u64)&status, sizeof(status), 0, 0))
		return;
	txn_begin();
	TXN_SET(s->wait_status, (u32)status.wait_status);
	TXN_SET(s->phase, PHASE_DRAIN);
	txn_commit(NULL, OK);
	sync(); /* everything is on the host before the exit status is */
}

/* What the program wrote before it ended is in the pipes: wait until storaged has taken all of it. */
static void drain(void)
{
	struct session_state *s = session();
	struct control_exit result = { .wait_status = s->wait_status };
	for (u32 i = 1; i < CONTROL_STREAM_COUNT; i++) {
		struct storage_progress p;
		if (!s->streams[i].attached)
			continue;
		if (storage_progress((u32)(s->streams[i].port - 1), STORAGE_TO_HOST, &p) || !p.idle)
			return;
		result.sent[i] = p.bytes;
	}
	txn_begin();
	control_queue(CONTROL_EXIT, &result, sizeof(result));
	TXN_SET(s->phase, PHASE_REPORTED);
	txn_commit(NULL, OK);
}

void session_check(void)
{
	if (session()->phase == PHASE_RUN) {
		finish_tty_input();
		check_exit();
	}
	if (session()->phase == PHASE_DRAIN)
		drain();
}

int session_pidfd(void)
{
	return session()->phase == PHASE_RUN ? session()->pidfd : -1;
}

int session_timeout_ms(void)
{
	struct session_state *s = session();
	if (s->phase == PHASE_DRAIN || (s->phase == PHASE_RUN && s->tty_end_at && !s->tty_ended))
		return RETRY_MS;
	return -1;
}
