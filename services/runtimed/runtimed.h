/* SPDX-License-Identifier: MIT */
/* runtimed: the launch broker. One thread drives the session of this machine: the control port, the launch, the
 * program's streams, its end. Everything lies in struct session_state, so a new instance goes on where the old one
 * was: each step is recorded by a transaction after it is done, and doing a step twice is harmless.
 * Descriptors are kept by the kernel across a restart; their numbers are in the state. 0 means none. */
#ifndef AMBOS_RUNTIMED_H
#define AMBOS_RUNTIMED_H

#include "control/control.h"
#include "core/broker.h"
#include "proto/storage.h"
#include "service/service.h"

enum phase {
	PHASE_CONNECT,  /* look for the control port */
	PHASE_WAIT,     /* for LAUNCH */
	PHASE_LAUNCH,   /* the request is stored; steps of launch.c */
	PHASE_RUN,
	PHASE_DRAIN,    /* the program has ended: outputs */
	PHASE_REPORTED, /* EXIT is sent: wait for DRAINED */
	PHASE_OFF,
};
#define OUT_BYTES 4096u         /* frames of ours in the queue: HELLO, LAUNCH_RESULT, EXIT, some LOG */
#define INLINE_PAYLOAD 2048u    /* every frame of the host but LAUNCH */
#define GROUPS_MAX 64u
#define NAME_BYTES 64u
#define PATH_BYTES 4096u

struct stream_state {
	s32 port;               /* port number + 1; 0: none */
	s32 child_fd;           /* end that the program gets */
	s32 relay_fd;           /* end that storaged relays; closed after it has its own */
	u32 attached;
};
struct session_state {
	u32 phase;
	/* control port */
	s32 control_port;       /* + 1 */
	s32 in_fd, out_fd;      /* our ends of the two pipes */
	s32 in_peer, out_peer;  /* storaged's ends, until attached */
	u32 control_attached;
	u64 header_got, payload_got; /* COUNTED_IO */
	u8 header[8];
	u8 payload[INLINE_PAYLOAD];
	u64 out_length, out_written; /* out_written: COUNTED_IO */
	u8 out[OUT_BYTES];
	/* launch */
	u64 launch;             /* offset of the LAUNCH payload */
	u32 launch_size, mounted;
	u32 clock_set, unused_launch;
	struct stream_state streams[CONTROL_STREAM_COUNT];
	s32 tty_master, tty_slave, null_fd;
	u32 pid;
	s32 pidfd;
	u64 tty_end_at;         /* end of typed input after this many bytes; 0: open */
	u32 tty_ended;
	u32 wait_status;
};
static inline struct session_state *session(void) { return state_root(); }

/* control.c */
status_t control_connect(void);                 /* PHASE_CONNECT; AGAIN: not announced yet, NOENT: no control port */
void control_queue(u32 type, const void *payload, u32 size); /* inside a transaction */
void control_write(void);
bool control_output_pending(void);
/* Reads; when a frame is complete handles it. False: nothing more to read now. */
bool control_read(void);
void frame_done_in_txn(void);

/* storage.c: requests to storaged */
s64 storage_find(const char *name);             /* port number or error; AGAIN */
status_t storage_attach(u32 port, u32 direction, s32 fd);
status_t storage_input_end(u32 port, u64 bytes);
status_t storage_output_close(u32 port);
status_t storage_progress(u32 port, u32 direction, struct storage_progress *out);

/* launch.c: all steps from the stored request to the running program; queues LAUNCH_RESULT. */
void launch_run(void);

/* streams.c */
status_t streams_open(const struct control_launch_view *view);
void streams_close_child_ends(void);
void set_window(const struct control_window *w);

/* lookup.c */
struct account {
	u32 uid, gid, group_count, groups[GROUPS_MAX];
	char name[NAME_BYTES], home[PATH_BYTES], shell[PATH_BYTES];
};
status_t find_user(const char *name, struct account *out);
/* Path of a program: as it is when it has a '/', else by PATH. NOENT, ACCES. */
status_t find_program(const char *name, const char *search, const char *cwd, char *path, u32 size);

/* session.c: the running program */
void send_signal(u32 number);
void on_input_end(const struct control_stream *s);
void on_reader_gone(const struct control_stream *s);
void session_check(void);                       /* PHASE_RUN and after: what has become possible */
int session_pidfd(void);                        /* to poll, -1: none */
int session_timeout_ms(void);                   /* for poll */

#endif
