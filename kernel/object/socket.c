// SPDX-License-Identifier: MIT
/* AF_UNIX sockets: life, closing, readiness and the file interface. Names are in socket_name.c, connections in
 * socket_connect.c, data in socket_transfer.c.
 * Closing can free messages that carry sockets whose closing frees messages: the graveyard turns that recursion into a
 * loop run by whoever came first. */
#include "socket.h"

#include "base/string.h"
#include "linux/ioctl.h"
#include "linux/stat.h"

#define SOCKET_DEV 0x08       /* st_dev of sockets; any constant */
#define DATAGRAM_BACKLOG 10u  /* messages from senders other than the peer: max_dgram_qlen, unix(7) */

static struct slab_cache *socket_cache;
static struct spinlock graveyard_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node graveyard = LIST_INIT(graveyard);
static struct spinlock all_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct list_node all_sockets = LIST_INIT(all_sockets);
static bool burying;

struct ucred_k socket_current_cred(void)
{
	struct thread *t = thread_current();

	return (struct ucred_k){ (s32)t->process->pid, t->cred->euid, t->cred->egid };
}

struct socket *socket_alloc(int type)
{
	struct socket *s;

	if (!socket_cache)
		socket_cache = slab_create("socket", sizeof(struct socket), 64);
	s = socket_cache ? slab_alloc(socket_cache) : NULL;
	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->refs = 1;
	s->type = type;
	spin_init(&s->lock, RANK_OBJECT);
	mutex_init(&s->mutex, RANK_SOCKET_MUTEX);
	list_init(&s->queue);
	list_init(&s->pending);
	list_init(&s->pending_link);
	list_init(&s->name_link);
	wait_queue_init(&s->read_wait);
	wait_queue_init(&s->write_wait);
	wait_queue_init(&s->space_wait);
	s->send_buffer = s->receive_buffer = SOCKET_BUFFER_DEFAULT;
	s->send_timeout_ns = s->receive_timeout_ns = DEADLINE_NEVER;
	s->account = process_current()->account;
	account_get(s->account);
	s->ino = file_new_ino();
	s->attributes = own_attributes_new(S_IFSOCK_K | 0777);
	spin_lock(&all_lock);
	list_push_back(&all_sockets, &s->all_link);
	spin_unlock(&all_lock);
	return s;
}

/* The socket after `s` (NULL: the first), referenced; drops the reference on `s`. */
static struct socket *next_socket(struct socket *s)
{
	struct socket *next = NULL;
	spin_lock(&all_lock);
	for (struct list_node *n = s ? s->all_link.next : all_sockets.next; n != &all_sockets && !next; n = n->next) {
		struct socket *candidate = list_entry(n, struct socket, all_link);
		u32 refs = __atomic_load_n(&candidate->refs, __ATOMIC_RELAXED);
		while (refs && !__atomic_compare_exchange_n(&candidate->refs, &refs, refs + 1, false, __ATOMIC_ACQ_REL,
							    __ATOMIC_RELAXED))
			;
		next = refs ? candidate : NULL; /* with 0 it is about to leave the list */
	}
	spin_unlock(&all_lock);
	if (s)
		socket_put(s);
	return next;
}

/* Lines of /proc/net/unix, each given to `add`, which says whether it wants more. */
void sockets_text(bool (*add)(void *arg, const char *line, u64 length), void *arg)
{
	enum { FLAG_LISTENS = 0x10000, STATE_UNCONNECTED = 1, STATE_CONNECTED = 3 };
	char line[UNIX_PATH_MAX_K + 80];
	struct socket *s = NULL;
	bool more = true;
	while ((s = next_socket(s)) && more) {
		spin_lock(&s->lock);
		u32 state = s->state == SOCKET_CONNECTED ? STATE_CONNECTED : STATE_UNCONNECTED;
		int n = fmt_snprintf(line, sizeof(line), "%016x: %08x 00000000 %08x %04x %02x %5llu", 0, s->refs - 1,
				     s->state == SOCKET_LISTENING ? FLAG_LISTENS : 0, (u32)s->type, state, (unsigned long long)s->ino);
		u32 length = s->name ? MIN(s->name->length, (u32)UNIX_PATH_MAX_K) : 0;
		if (length)
			line[n++] = ' ';
		for (u32 i = 0; i < length && (s->name->path[i] || !s->name->path[0]); i++)
			line[n++] = s->name->path[i] ? s->name->path[i] : '@'; /* an abstract name starts with NUL */
		spin_unlock(&s->lock);
		line[n++] = '\n';
		more = add(arg, line, (u64)n);
		preempt_point();
	}
	if (s)
		socket_put(s);
}

struct file *socket_file(struct socket *s, u32 flags) { return file_create(&socket_ops, s, flags | 2); }

void socket_put(struct socket *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	spin_lock(&all_lock);
	list_remove(&s->all_link);
	spin_unlock(&all_lock);
	if (s->name)
		socket_name_put(s->name);
	account_put(s->account);
	slab_free(socket_cache, s);
}

struct socket *socket_peer_get(struct socket *s)
{
	struct socket *peer;

	spin_lock(&s->lock);
	peer = s->peer;
	if (peer)
		socket_get(peer);
	spin_unlock(&s->lock);
	return peer;
}

void socket_pair_up(struct socket *a, struct socket *b)
{
	struct ucred_k cred = socket_current_cred();

	socket_get(a);
	socket_get(b);
	a->peer = b;
	b->peer = a;
	a->own_cred = a->peer_cred = b->own_cred = b->peer_cred = cred;
	a->state = b->state = SOCKET_CONNECTED;
}

static void wake_key(struct wait_queue *q, u32 key)
{
	if (!list_empty(&q->waiters))
		wait_queue_wake(q, UINT32_MAX, key);
}

void socket_wake(struct socket *s, u32 key)
{
	wake_key(&s->read_wait, key);
	wake_key(&s->write_wait, key);
	wake_key(&s->space_wait, key);
}

/* ---- room ---- */
status_t socket_charge_locked(struct socket *s, s64 bytes)
{
	u32 charge = (u32)(s->charge + bytes), pages = (u32)((charge + PAGE_MASK) >> PAGE_SHIFT);

	if (s->account && pages > s->charged_pages && account_charge(s->account, pages - s->charged_pages))
		return FAIL(ERR_NOBUFS, "memory charge of a socket");
	if (s->account && pages < s->charged_pages)
		account_uncharge(s->account, s->charged_pages - pages);
	s->charge = charge;
	s->charged_pages = pages;
	return OK;
}

static bool room_now(const struct socket *from, const struct socket *to)
{
	if (to->type == SOCK_DGRAM_K && to->peer != from)
		return to->queue_length < DATAGRAM_BACKLOG;
	return to->charge < from->send_buffer;
}

bool socket_has_room(struct socket *from, struct socket *to)
{
	if (room_now(from, to))
		return true;
	__atomic_store_n(&to->want_space, true, __ATOMIC_SEQ_CST);
	return room_now(from, to);
}

/* Writable when three quarters are free; a full datagram queue of a foreign receiver is not waited for by poll. */
bool socket_is_writable(struct socket *s)
{
	struct socket *peer = s->peer;

	if (!peer || s->shut_write || peer->state == SOCKET_CLOSED || peer->charge * 4 <= s->send_buffer)
		return true;
	if (peer->peer != s)
		return true;
	__atomic_store_n(&peer->want_space, true, __ATOMIC_SEQ_CST);
	return peer->charge * 4 <= s->send_buffer;
}

/* ---- closing ---- */
static void bury(struct list_node *messages)
{
	spin_lock(&graveyard_lock);
	list_splice_back(&graveyard, messages);
	if (burying) {
		spin_unlock(&graveyard_lock);
		return;
	}
	burying = true;
	for (;;) {
		struct list_node *n = list_pop_front(&graveyard);

		if (!n)
			break;
		spin_unlock(&graveyard_lock);
		message_free(list_entry(n, struct message, link));
		spin_lock(&graveyard_lock);
	}
	burying = false;
	spin_unlock(&graveyard_lock);
}

/* The other end of a connection: end of file, or a reset when what it sent was never read. */
static void tell_peer(struct socket *peer, bool unread)
{
	spin_lock(&peer->lock);
	peer->shut_read = peer->shut_write = true;
	if (unread)
		peer->error = -ERR_CONNRESET;
	spin_unlock(&peer->lock);
	socket_wake(peer, POLL_IN | POLL_OUT | POLL_HUP | POLL_RDHUP | POLL_ERR);
}

/* `unaccepted`: a connection that nobody took, which its client sees as a reset. */
static void close_socket(struct socket *s, bool unaccepted)
{
	struct list_node *n;
	struct list_node messages = LIST_INIT(messages), pending = LIST_INIT(pending);
	struct socket *peer;
	bool unread;

	socket_unbind(s);
	spin_lock(&s->lock);
	s->state = SOCKET_CLOSED;
	peer = s->peer;
	s->peer = NULL;
	unread = !list_empty(&s->queue);
	list_splice_back(&messages, &s->queue);
	list_splice_back(&pending, &s->pending);
	s->queue_length = s->pending_count = 0;
	if (socket_charge_locked(s, -(s64)s->charge)) { /* giving back never fails */ }
	spin_unlock(&s->lock);
	wake_key(&s->space_wait, POLL_OUT);
	if (peer && socket_is_connection(s))
		tell_peer(peer, unread || unaccepted);
	else if (peer)
		socket_wake(peer, POLL_OUT);
	while ((n = list_pop_front(&pending))) /* these have no pending list of their own */
		close_socket(list_entry(n, struct socket, pending_link), true);
	if (unread)
		bury(&messages);
	if (peer)
		socket_put(peer);
	socket_put(s);
}

void socket_close(struct socket *s) { close_socket(s, false); }

/* ---- file interface ---- */
static s64 socket_read(struct file *f, struct io_buf *to, u64 *pos UNUSED)
{
	struct socket_receive m = { .to = to };
	s64 result = socket_receive(f->object, &m, f->flags & O_NONBLOCK_K);

	for (u32 i = 0; i < m.file_count; i++) /* read(2) has no place for descriptors: they are dropped */
		file_put(m.files[i]);
	kfree(m.files);
	return result;
}

static s64 socket_write(struct file *f, struct io_buf *from, u64 *pos UNUSED)
{
	struct socket_send m = { .from = from, .cred = socket_current_cred() };

	return socket_send(f->object, &m, f->flags & O_NONBLOCK_K);
}

static u32 socket_poll(struct file *f, struct poll_table *table)
{
	struct socket *s = f->object;
	u32 events = 0;

	poll_wait(table, &s->read_wait);
	poll_wait(table, &s->write_wait);
	if (s->error)
		events |= POLL_ERR;
	if (s->shut_read && s->shut_write)
		events |= POLL_HUP;
	if (s->shut_read)
		events |= POLL_RDHUP | POLL_IN | POLL_RDNORM;
	if (!list_empty(&s->queue) || !list_empty(&s->pending))
		events |= POLL_IN | POLL_RDNORM;
	if (socket_is_connection(s) && s->state == SOCKET_FREE)
		events |= POLL_HUP;
	spin_lock(&s->lock);
	if (s->state != SOCKET_LISTENING && socket_is_writable(s))
		events |= POLL_OUT | POLL_WRNORM;
	spin_unlock(&s->lock);
	return events;
}

/* FIONREAD: all bytes of a connection, the next datagram otherwise. */
static int readable_bytes(struct socket *s)
{
	u64 n = 0;

	spin_lock(&s->lock);
	list_for_each(m, &s->queue, struct message, link) {
		n += m->size - m->offset;
		if (s->type == SOCK_DGRAM_K)
			break;
	}
	spin_unlock(&s->lock);
	return (int)MIN(n, (u64)INT32_MAX);
}

static s64 socket_ioctl(struct file *f, u32 command, u64 arg)
{
	struct socket *s = f->object, *peer;
	int n = 0;

	switch (command) {
	case FIONREAD_K:
		if (s->state == SOCKET_LISTENING)
			return ERR_INVAL;
		n = readable_bytes(s);
		break;
	case TIOCOUTQ_K:
		peer = socket_peer_get(s);
		n = peer ? (int)peer->charge : 0;
		if (peer)
			socket_put(peer);
		break;
	default:
		return FAIL(ERR_NOTTY, "socket ioctl");
	}
	return COPY_OUT(user_ptr(arg), &n);
}

static status_t socket_stat(struct file *f, struct attributes *out)
{
	struct socket *s = f->object;

	*out = (struct attributes){ .dev = SOCKET_DEV, .ino = s->ino, .nlink = 1, .block_size = PAGE_SIZE };
	own_attributes_stat(&s->attributes, out);
	return OK;
}

static struct own_attributes *socket_attributes(struct file *f) { return &((struct socket *)f->object)->attributes; }

static void socket_release(struct file *f) { socket_close(f->object); }

const struct file_ops socket_ops = {
	.name = "socket", .read = socket_read, .write = socket_write, .poll = socket_poll, .ioctl = socket_ioctl,
	.stat = socket_stat, .attributes = socket_attributes, .release = socket_release, .signals_io = true,
};
