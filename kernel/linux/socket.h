/* SPDX-License-Identifier: MIT */
/* Shared by the rows of sockets: linux/socket.c, socket_message.c, socket_option.c. */
#ifndef AMBOS_KERNEL_LINUX_SOCKET_H
#define AMBOS_KERNEL_LINUX_SOCKET_H

#include "../object/socket.h"

struct socket_fd { struct file *file; struct socket *socket; bool held, nonblock; };
status_t socket_fd_get(u64 fd, struct socket_fd *out) MUST_CHECK; /* BADF, NOTSOCK */
static inline void socket_fd_put(struct socket_fd *s) { fd_return(s->file, s->held); }
/* The two-way (address, length) pair of accept, getsockname, recvfrom. */
status_t socket_address_out(u64 user_address, u64 user_length, const struct sockaddr_un_k *a, u32 length) MUST_CHECK;

#endif
