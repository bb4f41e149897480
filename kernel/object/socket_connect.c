// SPDX-License-Identifier: MIT
/* Connections of AF_UNIX sockets: listen, connect, accept, shutdown. connect(2) makes the server's end itself and puts it
 * on the listener's list, so a client may send before anybody accepts. */
#include "socket.h"

#define BACKLOG_MAX 4096u /* somaxconn, listen(2) */

status_t socket_listen(struct socket *s, s32 backlog)
{
	status_t st = OK;

	if (!socket_is_connection(s))
		return ERR_OPNOTSUPP;
	spin_lock(&s->lock);
	if (!s->name || (s->state != SOCKET_FREE && s->state != SOCKET_LISTENING))
		st = ERR_INVAL;
	else {
		s->state = SOCKET_LISTENING;
		s->backlog = MIN((u32)backlog, BACKLOG_MAX);
		s->own_cred = socket_current_cred();
	}
	spin_unlock(&s->lock);
	if (st == OK)
		socket_wake(s, POLL_OUT);
	return st;
}

/* Changes where a datagram socket sends by default. `peer` is taken over; NULL dissolves the association. */
static status_t connect_datagram(struct socket *s, struct socket *peer)
{
	struct socket *old;

	if (peer && peer->peer && peer->peer != s) {
		socket_put(peer);
		return ERR_PERM;
	}
	spin_lock(&s->lock);
	old = s->peer;
	s->peer = peer;
	s->state = peer ? SOCKET_CONNECTED : SOCKET_FREE;
	if (peer)
		s->peer_cred = peer->own_cred;
	spin_unlock(&s->lock);
	if (old)
		socket_put(old);
	return OK;
}

static bool backlog_has_room(const struct socket *l) { return l->state != SOCKET_LISTENING || l->pending_count <= l->backlog; }

/* Puts `server` on the listener's list. ERR_AGAIN: the list is full. */
static status_t enqueue(struct socket *listener, struct socket *server)
{
	status_t st = OK;

	spin_lock(&listener->lock);
	if (listener->state != SOCKET_LISTENING || listener->shut_read)
		st = ERR_CONNREFUSED;
	else if (listener->pending_count > listener->backlog)
		st = ERR_AGAIN;
	else {
		list_push_back(&listener->pending, &server->pending_link);
		listener->pending_count++;
	}
	spin_unlock(&listener->lock);
	if (st == OK && !list_empty(&listener->read_wait.waiters))
		wait_queue_wake(&listener->read_wait, UINT32_MAX, POLL_IN | POLL_RDNORM);
	return st;
}

/* Both ends know each other before the server's end can be accepted. */
static void join(struct socket *s, struct socket *server, struct socket *listener)
{
	socket_get(s);
	socket_get(server);
	server->peer = s;
	server->state = SOCKET_CONNECTED;
	server->peer_cred = socket_current_cred();
	spin_lock(&listener->lock);
	server->own_cred = listener->own_cred;
	if (!server->name) { /* a second try keeps the first's */
		server->name = listener->name;
		__atomic_add_fetch(&server->name->refs, 1, __ATOMIC_RELAXED);
	}
	server->passcred = listener->passcred;
	spin_unlock(&listener->lock);
	spin_lock(&s->lock);
	s->peer = server;
	s->state = SOCKET_CONNECTED;
	s->own_cred = server->peer_cred;
	s->peer_cred = server->own_cred;
	spin_unlock(&s->lock);
}

static void part(struct socket *s, struct socket *server)
{
	spin_lock(&s->lock);
	s->peer = NULL;
	s->state = SOCKET_FREE;
	spin_unlock(&s->lock);
	server->peer = NULL;
	socket_put(s);
	socket_put(server);
}

static status_t connect_to_listener(struct socket *s, struct socket *listener, bool nonblock)
{
	struct socket *server;
	status_t st;

	server = socket_alloc(s->type);
	if (!server)
		return ERR_NOMEM;
	for (;;) {
		join(s, server, listener);
		st = enqueue(listener, server);
		if (st == OK)
			return OK;
		part(s, server);
		if (st != ERR_AGAIN || nonblock)
			break;
		st = WAIT_EVENT(&listener->space_wait, backlog_has_room(listener),
				s->send_timeout_ns == DEADLINE_NEVER ? DEADLINE_NEVER : time_now_ns() + s->send_timeout_ns,
				WAIT_INTERRUPTIBLE);
		if (st) {
			st = st == ERR_TIMEDOUT ? ERR_AGAIN : ERR_RESTART;
			break;
		}
	}
	socket_put(server);
	return st;
}

static status_t connect_stream(struct socket *s, struct sockaddr_un_k *address, u32 length, bool nonblock)
{
	struct socket *listener;
	status_t st = socket_lookup(address, length, s->type, &listener);

	if (st)
		return st;
	mutex_lock(&s->mutex);
	if (s->state == SOCKET_CONNECTED)
		st = ERR_ISCONN;
	else if (s->state != SOCKET_FREE)
		st = ERR_INVAL;
	else
		st = connect_to_listener(s, listener, nonblock);
	mutex_unlock(&s->mutex);
	socket_put(listener);
	return st;
}

status_t socket_connect(struct socket *s, struct sockaddr_un_k *address, u32 length, bool nonblock)
{
	struct socket *peer;
	status_t st;

	if (socket_is_connection(s))
		return connect_stream(s, address, length, nonblock);
	if (address->family == AF_UNSPEC_K)
		return connect_datagram(s, NULL);
	st = socket_lookup(address, length, s->type, &peer);
	return st ? st : connect_datagram(s, peer);
}

static struct socket *take_pending(struct socket *s)
{
	struct list_node *n;

	spin_lock(&s->lock);
	n = list_pop_front(&s->pending);
	if (n)
		s->pending_count--;
	spin_unlock(&s->lock);
	return n ? list_entry(n, struct socket, pending_link) : NULL;
}

status_t socket_accept(struct socket *s, bool nonblock, struct socket **out)
{
	status_t st;
	u64 deadline = DEADLINE_NEVER;

	if (!socket_is_connection(s))
		return ERR_OPNOTSUPP;
	if (s->state != SOCKET_LISTENING)
		return ERR_INVAL;
	if (s->receive_timeout_ns != DEADLINE_NEVER)
		deadline = time_now_ns() + s->receive_timeout_ns;
	while (!(*out = take_pending(s))) {
		if (s->shut_read)
			return ERR_INVAL;
		if (nonblock)
			return ERR_AGAIN;
		st = WAIT_EVENT(&s->read_wait, !list_empty(&s->pending) || s->shut_read, deadline, WAIT_INTERRUPTIBLE);
		if (st)
			return st == ERR_TIMEDOUT ? ERR_AGAIN : ERR_RESTART;
	}
	wake_all(&s->space_wait);
	return OK;
}

static void set_shutdown(struct socket *s, bool read, bool write)
{
	spin_lock(&s->lock);
	s->shut_read |= read;
	s->shut_write |= write;
	spin_unlock(&s->lock);
	socket_wake(s, POLL_IN | POLL_OUT | POLL_RDHUP | (s->shut_read && s->shut_write ? POLL_HUP : 0));
}

status_t socket_shutdown(struct socket *s, int how)
{
	bool read = how != 1, write = how != 0;
	struct socket *peer;

	if (how < 0 || how > 2)
		return ERR_INVAL;
	set_shutdown(s, read, write);
	peer = socket_is_connection(s) ? socket_peer_get(s) : NULL;
	if (peer) {
		set_shutdown(peer, write, read);
		socket_put(peer);
	}
	return OK;
}
