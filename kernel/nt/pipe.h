/* SPDX-License-Identifier: MIT */
/* Named pipes inside kernel/nt: pipe.c moves data, pipe_name.c has names, opening, FSCTLs and queries. */
#ifndef AMBOS_NT_PIPE_H
#define AMBOS_NT_PIPE_H

#include "file.h"

enum nt_pipe_state { PIPE_IS_DISCONNECTED = 1, PIPE_IS_LISTENING = 2, PIPE_IS_CONNECTED = 3, PIPE_IS_CLOSING = 4 };

struct nt_packet { struct list_node link; u32 size, taken; struct nt_io *io; u8 data[]; };
struct nt_pipe_end {
	struct nt_pipe *pipe;        /* [I] */
	bool client, reads, writes;  /* [I once opened] */
	bool open;                   /* [m] */
	bool read_message, nonblocking; /* [m] */
	u32 quota;                   /* [I] bytes that wait here before writers do */
	u64 queued;                  /* [m] */
	struct list_node packets;    /* [m] to be read at this end */
	struct list_node readers, listeners; /* [m] struct nt_io */
	struct wait_queue changed;
};
struct nt_pipe {
	u32 refs;                    /* [a] open ends */
	struct mutex mutex;          /* RANK_PIPE_MUTEX */
	u32 state;                   /* [m] */
	bool message;                /* [I] written as messages */
	struct nt_pipe_end ends[2];  /* server, client */
	struct nt_pipe_name *name;   /* [l] NULL when the server is gone */
	struct list_node name_link;  /* [l] */
	u64 ino;
	u32 pid[2];                  /* [m] processes that made the server's and opened the client's end */
};
extern const struct file_ops nt_pipe_ops;
void nt_pipe_tell(struct nt_pipe *p, struct list_node *done);
void nt_pipe_disconnect_locked(struct nt_pipe *p, struct list_node *done);
void nt_pipe_put(struct nt_pipe *p);
void nt_pipe_name_leave(struct nt_pipe *p);
s64 nt_pipe_read_io(struct file *f, struct nt_io *io, bool wait, struct nt_io **pended) MUST_CHECK;
s64 nt_pipe_write_io(struct file *f, struct nt_io *io, bool wait) MUST_CHECK;

/* pipe_linux.c: the answers of a Linux pipe, which is an anonymous pipe of bytes. */
enum { FSCTL_PIPE_PEEK = 0x11400c };
enum { CLASS_PIPE = 23, CLASS_PIPE_LOCAL = 24, CLASS_PIPE_REMOTE = 25 };
struct nt_peek_head { u32 state, available, messages, message_length; };
void nt_linux_pipe_information(struct file *f, u32 class, u32 *v);
s64 nt_linux_pipe_peek(struct file *f, const u64 *a, u64 *information) MUST_CHECK;

#endif
