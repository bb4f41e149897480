// SPDX-License-Identifier: MIT
/* getsockopt and setsockopt at SOL_SOCKET. Options that mean nothing for AF_UNIX are stored and given back, as Linux
 * does; unknown ones are ENOPROTOOPT. */
#include "linux.h"
#include "socket.h"

#define BUFFER_DOUBLING 2u   /* Linux reports twice what was set: room for its own overhead */
#define MICROSECONDS 1000000

struct timeval_k { s64 seconds, microseconds; };
struct linger_k { s32 on, seconds; };

/* Stored in socket->options by number. */
static bool is_stored_only(int option)
{
	return option == SO_REUSEADDR_K || option == SO_KEEPALIVE_K || option == SO_BROADCAST_K || option == SO_DEBUG_K;
}

static status_t timeout_in(struct user_ptr p, u32 length, u64 *ns)
{
	struct timeval_k tv;
	status_t st;

	if (length < sizeof(tv))
		return ERR_INVAL;
	st = COPY_IN(&tv, p);
	if (st)
		return st;
	if (tv.microseconds < 0 || tv.microseconds >= MICROSECONDS)
		return ERR_DOM;
	if (tv.seconds < 0)
		*ns = 0;
	else if ((!tv.seconds && !tv.microseconds) || (u64)tv.seconds > UINT64_MAX / NSEC_PER_SEC / 4)
		*ns = DEADLINE_NEVER;
	else
		*ns = (u64)tv.seconds * NSEC_PER_SEC + (u64)tv.microseconds * NSEC_PER_USEC;
	return OK;
}

static u32 buffer_size(s32 value)
{
	u32 wanted = MIN((u32)MAX(value, 0), SOCKET_BUFFER_DEFAULT); /* wmem_max and rmem_max equal the default */

	return MAX(wanted * BUFFER_DOUBLING, SOCKET_BUFFER_MIN);
}

static status_t set_int(struct socket *s, int option, s32 value)
{
	switch (option) {
	case SO_SNDBUF_K: case SO_SNDBUFFORCE_K:
		s->send_buffer = buffer_size(value);
		return OK;
	case SO_RCVBUF_K: case SO_RCVBUFFORCE_K:
		s->receive_buffer = buffer_size(value);
		return OK;
	case SO_PASSCRED_K:
		s->passcred = value != 0;
		return OK;
	case SO_TYPE_K: case SO_ERROR_K: case SO_PROTOCOL_K: case SO_DOMAIN_K: case SO_ACCEPTCONN_K: case SO_PEERCRED_K:
		return ERR_NOPROTOOPT;
	default:
		break;
	}
	if (!is_stored_only(option))
		return FAIL(ERR_NOPROTOOPT, "socket option");
	if (value)
		s->options |= 1u << option;
	else
		s->options &= ~(1u << option);
	return OK;
}

static status_t set_option(struct socket *s, int option, u64 arg, u32 length)
{
	struct linger_k linger;
	s32 value;
	status_t st;

	if (option == SO_RCVTIMEO_K)
		return timeout_in(user_ptr(arg), length, &s->receive_timeout_ns);
	if (option == SO_SNDTIMEO_K)
		return timeout_in(user_ptr(arg), length, &s->send_timeout_ns);
	if (option == SO_LINGER_K) /* closing an AF_UNIX socket never waits */
		return length < sizeof(linger) ? ERR_INVAL : COPY_IN(&linger, user_ptr(arg));
	if (length < sizeof(value))
		return ERR_INVAL;
	if ((option == SO_SNDBUFFORCE_K || option == SO_RCVBUFFORCE_K) && !cred_has_cap(thread_current()->cred, 12 /* NET_ADMIN */))
		return ERR_PERM;
	st = COPY_IN(&value, user_ptr(arg));
	return st ? st : set_int(s, option, value);
}

LINUX_HANDLER(setsockopt)
{
	struct socket_fd s;
	status_t st;

	if ((s32)a4 < 0)
		return ERR_INVAL;
	st = socket_fd_get(a0, &s);
	if (st)
		return st;
	st = (int)a1 == SOL_SOCKET_K ? set_option(s.socket, (int)a2, a3, (u32)a4) : ERR_OPNOTSUPP;
	socket_fd_put(&s);
	return st;
}

union option_value { s32 number; struct timeval_k time; struct ucred_k cred; struct linger_k linger; };

static struct timeval_k timeout_out(u64 ns)
{
	if (ns == DEADLINE_NEVER)
		return (struct timeval_k){ 0, 0 };
	return (struct timeval_k){ (s64)(ns / NSEC_PER_SEC), (s64)(ns % NSEC_PER_SEC / NSEC_PER_USEC) };
}

/* Size of the value, or an error. */
static s64 get_option(struct socket *s, int option, union option_value *v)
{
	v->number = 0;
	switch (option) {
	case SO_TYPE_K:
		v->number = s->type;
		break;
	case SO_ERROR_K:
		v->number = __atomic_exchange_n(&s->error, 0, __ATOMIC_RELAXED);
		break;
	case SO_SNDBUF_K:
		v->number = (s32)s->send_buffer;
		break;
	case SO_RCVBUF_K:
		v->number = (s32)s->receive_buffer;
		break;
	case SO_PASSCRED_K:
		v->number = s->passcred;
		break;
	case SO_ACCEPTCONN_K:
		v->number = s->state == SOCKET_LISTENING;
		break;
	case SO_PROTOCOL_K:
		break;
	case SO_DOMAIN_K:
		v->number = AF_UNIX_K;
		break;
	case SO_RCVLOWAT_K: case SO_SNDLOWAT_K:
		v->number = 1;
		break;
	case SO_LINGER_K:
		v->linger = (struct linger_k){ 0, 0 };
		return sizeof(v->linger);
	case SO_PEERCRED_K:
		v->cred = s->state == SOCKET_FREE ? (struct ucred_k){ 0, UINT32_MAX, UINT32_MAX } : s->peer_cred;
		return sizeof(v->cred);
	case SO_RCVTIMEO_K:
		v->time = timeout_out(s->receive_timeout_ns);
		return sizeof(v->time);
	case SO_SNDTIMEO_K:
		v->time = timeout_out(s->send_timeout_ns);
		return sizeof(v->time);
	default:
		if (!is_stored_only(option))
			return FAIL(ERR_NOPROTOOPT, "socket option");
		v->number = (s->options >> option) & 1;
	}
	return sizeof(v->number);
}

LINUX_HANDLER(getsockopt)
{
	union option_value value;
	struct socket_fd s;
	s32 room;
	u32 length;
	s64 size = socket_fd_get(a0, &s);
	status_t st;

	if (size)
		return size;
	size = (int)a1 == SOL_SOCKET_K ? OK : ERR_OPNOTSUPP;
	if (size == OK)
		size = COPY_IN(&room, user_ptr(a4));
	if (size == OK)
		size = room < 0 ? ERR_INVAL : get_option(s.socket, (int)a2, &value);
	socket_fd_put(&s);
	if (size < 0)
		return size;
	length = (u32)MIN(size, (s64)room);
	st = copy_out(user_ptr(a3), &value, length);
	return st ? st : COPY_OUT(user_ptr(a4), &length);
}
