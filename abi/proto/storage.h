/* SPDX-License-Identifier: MIT */
/* Requests to storaged: virtio-serial ports relayed to files of the kernel, and 9p exchanges for vfsd.
 * A relay is byte-exact and survives storaged: its counters lie in the state object, its rings in kept DMA pages. */
#ifndef AMBOS_PROTO_STORAGE_H
#define AMBOS_PROTO_STORAGE_H

#include "../../lib/base/base.h"

enum storage_op {
	/* payload: port name. reply struct storage_port_reply. NOENT when the host made no such port, AGAIN while the
	 * console device is still announcing its ports. */
	STORAGE_PORT_FIND = 1,
	/* struct storage_attach; attached_fd: a pipe end or pty master. storaged keeps its own duplicate and closes it at
	 * the end of the stream. BUSY when that direction is attached already. */
	STORAGE_PORT_ATTACH = 2,
	/* struct storage_end: the input ends after `bytes`; the file is closed once they are written. */
	STORAGE_PORT_INPUT_END = 3,
	/* struct storage_end: stop reading the output's file and close it (bytes ignored): its writers see EPIPE. */
	STORAGE_PORT_OUTPUT_CLOSE = 4,
	/* struct storage_end. reply struct storage_progress. */
	STORAGE_PORT_PROGRESS = 5,
	/* payload: mount tag. reply struct storage_9p_reply: the device number to use in exchanges. NOENT: no such tag. */
	STORAGE_9P_FIND = 6,
	/* struct storage_9p_exchange; payload: one T-message; reply payload: its R-message. storaged replaces the tag by
	 * its own and puts the caller's back; errors of the server are in the R-message (Rlerror), not in the status. */
	STORAGE_9P_EXCHANGE = 7,
};
#define STORAGE_NAME_MAX 64u                /* bytes of a port name or mount tag */
#define STORAGE_9P_MSIZE_MAX (128u << 10)   /* IPC_PAYLOAD_BYTES: one message is one payload */

enum storage_direction { STORAGE_TO_HOST = 0, STORAGE_FROM_HOST = 1 };
struct storage_port_reply { u32 port, unused; };
struct storage_attach { u32 port, direction; };
struct storage_end { u32 port, direction; u64 bytes; };
struct storage_progress {
	u64 bytes;             /* TO_HOST: read from the file; FROM_HOST: written to it */
	u32 attached, ended;   /* ended: end of file seen, or the peer is gone */
	u32 idle, unused;      /* TO_HOST: everything that was written to the file before the request is counted in bytes */
};
struct storage_9p_reply { u32 device, msize_max; };
struct storage_9p_exchange { u32 device, repeat; }; /* repeat: the call it is nested in is one, so look for its reply */

#endif
