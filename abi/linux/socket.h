/* SPDX-License-Identifier: MIT */
/* Sockets: numbers and structs of x86-64. socket(7), unix(7), cmsg(3), recvmsg(2). */
#ifndef AMBOS_LINUX_SOCKET_H
#define AMBOS_LINUX_SOCKET_H

#include "../../lib/base/base.h"

enum { AF_UNSPEC_K = 0, AF_UNIX_K = 1, AF_MAX_K = 46 };
enum { SOCK_STREAM_K = 1, SOCK_DGRAM_K = 2, SOCK_RAW_K = 3, SOCK_SEQPACKET_K = 5, SOCK_TYPE_MASK_K = 0xf };
enum {
	MSG_OOB_K = 1, MSG_PEEK_K = 2, MSG_DONTROUTE_K = 4, MSG_CTRUNC_K = 8, MSG_TRUNC_K = 0x20, MSG_DONTWAIT_K = 0x40,
	MSG_EOR_K = 0x80, MSG_WAITALL_K = 0x100, MSG_CONFIRM_K = 0x800, MSG_ERRQUEUE_K = 0x2000, MSG_NOSIGNAL_K = 0x4000,
	MSG_MORE_K = 0x8000, MSG_WAITFORONE_K = 0x10000, MSG_CMSG_CLOEXEC_K = 0x40000000,
};
enum { SOL_SOCKET_K = 1, SCM_RIGHTS_K = 1, SCM_CREDENTIALS_K = 2, SCM_MAX_FDS = 253 };
enum {
	SO_DEBUG_K = 1, SO_REUSEADDR_K = 2, SO_TYPE_K = 3, SO_ERROR_K = 4, SO_BROADCAST_K = 6, SO_SNDBUF_K = 7,
	SO_RCVBUF_K = 8, SO_KEEPALIVE_K = 9, SO_LINGER_K = 13, SO_PASSCRED_K = 16, SO_PEERCRED_K = 17, SO_RCVLOWAT_K = 18,
	SO_SNDLOWAT_K = 19, SO_RCVTIMEO_K = 20, SO_SNDTIMEO_K = 21, SO_ACCEPTCONN_K = 30, SO_SNDBUFFORCE_K = 32,
	SO_RCVBUFFORCE_K = 33, SO_PROTOCOL_K = 38, SO_DOMAIN_K = 39,
};
#define UNIX_PATH_MAX_K 108
struct sockaddr_un_k { u16 family; char path[UNIX_PATH_MAX_K]; };
struct ucred_k { s32 pid; u32 uid, gid; };
struct msghdr_k {
	u64 name; u32 name_length, pad; u64 iov, iov_count, control, control_length; u32 flags, pad_end;
};
struct mmsghdr_k { struct msghdr_k header; u32 length, pad; };
struct cmsghdr_k { u64 length; s32 level, type; };
_Static_assert(sizeof(struct msghdr_k) == 56 && sizeof(struct mmsghdr_k) == 64, "struct msghdr, mmsghdr");
_Static_assert(sizeof(struct cmsghdr_k) == 16, "struct cmsghdr");

#endif
