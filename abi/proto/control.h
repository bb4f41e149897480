/* SPDX-License-Identifier: MIT */
/* The control protocol between the host command and runtimed, over the virtio-serial port "ambos.control".
 * A frame is struct control_header and `size` payload bytes; all numbers are little-endian, both ends are x86-64.
 * Program bytes travel on ports of their own ("ambos.fd0" .. "ambos.fd2", "ambos.tty"); each stream's end is told
 * here as a byte count, so nothing depends on the order in which ports are served.
 * Sequence: host HELLO, guest HELLO, host LAUNCH (its time sets the guest's clock), guest LAUNCH_RESULT, any of the
 * middle frames, guest EXIT with the bytes it sent per stream, host DRAINED when it has written that many, guest powers off. */
#ifndef AMBOS_PROTO_CONTROL_H
#define AMBOS_PROTO_CONTROL_H

#include "../../lib/base/base.h"

#define CONTROL_VERSION 1
#define CONTROL_PORT "ambos.control"
#define CONTROL_PORT_TTY "ambos.tty"
#define CONTROL_PORT_FD "ambos.fd" /* followed by 0, 1 or 2 */

/* Linux takes 2 MiB of arguments by default; the rest is names and the environment of one command line. */
#define CONTROL_PAYLOAD_MAX (2u << 20)
#define CONTROL_STRINGS_MAX (1u << 19) /* argv, envp: fewer fit into the payload anyway */
#define CONTROL_SHARES_MAX 16u     /* one virtio-9p device each */
#define CONTROL_LOG_MAX 1024u      /* text bytes of one LOG frame */

enum control_type {
	CONTROL_HELLO = 1,         /* both: struct control_hello */
	CONTROL_LAUNCH = 2,        /* host: struct control_launch, then strings (lib/control) */
	CONTROL_LAUNCH_RESULT = 3, /* guest: struct control_launch_result */
	CONTROL_INPUT_END = 4,     /* host: struct control_stream: end of input after `bytes` */
	CONTROL_READER_GONE = 5,   /* host: struct control_stream: nobody reads this output any more */
	CONTROL_SIGNAL = 6,        /* host: struct control_signal, to the foreground group */
	CONTROL_WINDOW = 7,        /* host: struct control_window */
	CONTROL_EXIT = 8,          /* guest: struct control_exit */
	CONTROL_DRAINED = 9,       /* host: no payload; all bytes of the EXIT counts are written */
	CONTROL_LOG = 10,          /* guest: u32 level, text */
	CONTROL_SHUTDOWN = 11,     /* host: no payload; end the session now */
	CONTROL_INPUT_CLOSED = 12, /* guest: struct control_stream: nobody reads this input any more */
	CONTROL_TYPE_COUNT,
};

struct control_header { u32 type, size; };
struct control_hello { u32 version, flags; };

enum control_fd_kind { CONTROL_FD_NULL = 0, CONTROL_FD_TTY = 1, CONTROL_FD_PIPE = 2, CONTROL_FD_KIND_COUNT };
enum control_launch_flag {
	CONTROL_TTY_RAW = 1,   /* the host terminal is raw: the guest tty edits and echoes */
	CONTROL_LOGIN = 2,     /* `ambos shell`: the user's login environment and shell; argv may be empty */
};
struct control_window { u16 columns, rows, x_pixels, y_pixels; };
struct control_launch {
	u32 flags;             /* enum control_launch_flag */
	u8 fd_kind[3];         /* enum control_fd_kind */
	u8 unused;
	struct control_window window;
	u32 argc, envc, share_count, strings_size;
	u64 wall_ns;           /* the host's CLOCK_REALTIME */
	/* strings, each ending with NUL: user, cwd, program, argv.., envp.., and per share: tag, guest path, options */
};
enum control_step {        /* where a launch failed */
	CONTROL_STEP_NONE, CONTROL_STEP_REQUEST, CONTROL_STEP_MOUNT, CONTROL_STEP_USER, CONTROL_STEP_CWD,
	CONTROL_STEP_STREAMS, CONTROL_STEP_LOOKUP, CONTROL_STEP_EXEC, CONTROL_STEP_COUNT,
};
struct control_launch_result {
	s32 error;             /* errno, 0 when the program runs */
	u32 step;              /* enum control_step */
};
enum control_stream_id { CONTROL_STREAM_FD0, CONTROL_STREAM_FD1, CONTROL_STREAM_FD2, CONTROL_STREAM_TTY,
		CONTROL_STREAM_COUNT };
struct control_stream { u32 stream, unused; u64 bytes; };
struct control_signal { u32 number, unused; };
struct control_exit {
	u32 wait_status;       /* as wait4(2) reports it */
	u32 unused;
	u64 sent[CONTROL_STREAM_COUNT]; /* bytes of guest output per stream; 0 for inputs */
};
_Static_assert(sizeof(struct control_header) == 8 && sizeof(struct control_launch) == 40, "layout");
_Static_assert(sizeof(struct control_exit) == 40 && sizeof(struct control_stream) == 16, "layout");

#endif
