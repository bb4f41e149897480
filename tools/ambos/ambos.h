/* SPDX-License-Identifier: MIT */
/* The host command: options, the virtual machine it starts, and the session between the host's descriptors and the
 * guest's. One thread; every descriptor that it waits for is in one poll (session.c). */
#ifndef AMBOS_TOOL_H
#define AMBOS_TOOL_H

#include <sys/types.h>
#include <termios.h>

#include "control/control.h"

/* Exit statuses of the command itself (issue 2); 128 + n is a death by signal n. */
enum exit_status {
	EXIT_TIMED_OUT = 124, EXIT_AMBOS_FAILED = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127,
			EXIT_SIGNAL_BASE = 128,
};
#define NAMES_MAX 256        /* --env and --qemu-arg options */
#define PATH_BYTES 4096      /* PATH_MAX */

struct share {
	char host[PATH_BYTES];   /* real path */
	char guest[PATH_BYTES];
	char tag[16];
	bool read_only;
	int lock;                /* share_lock.c; -1: none */
};
enum accel { ACCEL_AUTO, ACCEL_KVM, ACCEL_TCG };
struct options {
	struct share shares[CONTROL_SHARES_MAX];
	u32 share_count;
	bool no_share;
	bool default_share;      /* shares[0] is the current folder at /host */
	char *env[NAMES_MAX];
	u32 env_count;
	const char *qemu_args[NAMES_MAX];
	u32 qemu_arg_count;
	const char *cwd, *user, *image;
	char cwd_buffer[PATH_BYTES];
	u64 memory_bytes;
	u32 cpus;
	enum accel accel;
	double timeout_s;        /* 0: none */
	bool trace, log, icount, verbose, login;
	const char *trace_file, *log_file; /* NULL with the flag set: standard error */
	char **argv;             /* PROGRAM and its arguments; NULL-terminated */
	u32 argc;
};

/* options.c: fills `o`; exits 125 with a message on a mistake. `login`: ambos shell, where no PROGRAM is allowed. */
void options_parse(struct options *o, int argc, char **argv, bool login);
/* shares.c */
void shares_add(struct options *o, const char *spec);
void shares_finish(struct options *o);   /* default share, working directory, tags */
/* share_lock.c: around the life of the VM */
void shares_lock(struct options *o);
void shares_unlock(struct options *o);
bool program_is_dos_path(const char *program);
const char *program_translate(const struct options *o, const char *program, char *buffer, size_t size);

/* paths.c: files that belong to the installation */
const char *find_kernel(void);
const char *find_image(const struct options *o);
const char *find_home(void);             /* folder of the executable, or AMBOS_HOME */
bool find_qemu(char *buffer, size_t size); /* AMBOS_QEMU, else PATH */

/* message.c */
void die(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* terminal.c: raw mode that is undone on every way out. */
void terminal_make_raw(int fd);
void terminal_resume(void);              /* after SIGCONT */
void terminal_restore(void);
bool terminal_size(int fd, struct control_window *out);

/* qemu.c */
enum vm_port { PORT_CONTROL, PORT_TTY, PORT_FD0, PORT_FD1, PORT_FD2, PORT_COUNT };
struct vm {
	pid_t pid;               /* 0: ended and reaped */
	int wait_status;
	int ports[PORT_COUNT];   /* our ends of the sockets; -1: not there */
	int log;                 /* kernel console */
	int trace;               /* trace text, -1: off */
	int errors;              /* QEMU's stderr */
	bool image_as_module;    /* the visible fallback was taken */
};
void vm_start(struct vm *vm, const struct options *o, const bool wanted[PORT_COUNT]);
void vm_kill(struct vm *vm);             /* SIGKILL and reap; harmless when it has ended */

/* session.c: relays until the program has ended. The command's exit status. */
int session_run(struct vm *vm, const struct options *o, const u8 fd_kind[3], bool raw);

/* stream.c: one byte stream between a host descriptor and a port. */
#define STREAM_BUFFER_BYTES 262144u      /* socket buffers are about 200 KiB: one wake-up empties one */
struct stream {
	int from, to;            /* -1: not connected any more */
	bool used;
	bool from_ended;         /* end of file or error on the reading side */
	bool to_gone;            /* nobody reads what we write: bytes are counted and dropped */
	bool to_is_port, from_is_port;
	u64 received, written;   /* bytes; written includes dropped ones */
	u32 start, length;       /* unwritten bytes in buffer */
	u8 *buffer;
};
void stream_open(struct stream *s, int from, int to, bool from_is_port);
bool stream_wants_read(const struct stream *s);
bool stream_wants_write(const struct stream *s);
void stream_read(struct stream *s);
void stream_write(struct stream *s);
/* A descriptor of our own for the same pipe or terminal, so that O_NONBLOCK stays ours; or `fd` itself. */
int stream_private_fd(int fd, bool writing);

/* control_io.c: frames over the control port. */
struct control_io {
	int fd;
	bool broken;             /* protocol error or end of file */
	u8 *in; u32 in_length;
	u8 *out; u32 out_start, out_length, out_capacity;
};
void control_open(struct control_io *c, int fd);
void control_send(struct control_io *c, u32 type, const void *payload, u32 size);
void control_send_launch(struct control_io *c, const struct control_launch_request *request);
void control_flush(struct control_io *c);
/* Reads what is there; then control_next gives one frame at a time (payload valid until the next call). */
void control_fill(struct control_io *c);
bool control_next(struct control_io *c, struct control_header *header, const u8 **payload);

/* image.c, help.c */
int image_command(int argc, char **argv);
int help_command(int argc, char **argv);
#endif
