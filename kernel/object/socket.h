/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets. A socket lives while its file, its peer, a queued message or a queue of connections refers to it.
 * Two sockets are never locked at once: a reference is taken under one lock, then the other is locked.
 * Descriptors in flight: a message owns its files. Sockets that are reachable only through each other's queues are not
 * collected; SOCKETS_IN_FLIGHT bounds how many socket files may be in flight in the whole system, so such garbage is
 * bounded too and the sender gets ERR_TOOMANYREFS. */
#ifndef AMBOS_KERNEL_SOCKET_H
#define AMBOS_KERNEL_SOCKET_H

#include "linux/socket.h"
#include "vfs.h"

#define SOCKET_BUFFER_DEFAULT 212992u /* wmem_default, rmem_default: socket(7) */
#define SOCKET_BUFFER_MIN 4608u
#define SOCKETS_IN_FLIGHT 4096u

enum socket_state { SOCKET_FREE, SOCKET_LISTENING, SOCKET_CONNECTED, SOCKET_CLOSED };

struct socket_name { u32 refs; u32 length; char path[UNIX_PATH_MAX_K]; }; /* length: bytes of path that count; immutable */

struct message {
	struct list_node link;
	struct socket_name *from;        /* referenced or NULL: sender's name when it was sent */
	struct ucred_k cred;
	u32 size, offset;                /* offset: bytes a stream reader has taken */
	u32 file_count;
	struct file **files;
	u8 data[];
};

/* Locks: [l] lock, [m] mutex, [h] name-table lock, [a] atomic, [I] immutable. */
struct socket {
	u32 refs;                        /* [a] */
	int type;                        /* [I] SOCK_* */
	struct own_attributes attributes;
	struct spinlock lock;            /* RANK_OBJECT */
	struct mutex mutex;              /* one reader at a time; connect and bind */
	enum socket_state state;         /* [l] */
	struct socket *peer;             /* [l] referenced; stays after the peer has closed */
	struct list_node queue;          /* [l] messages to read */
	u32 charge;                      /* [l] bytes of the queue with overhead */
	u32 charged_pages;               /* [l] the same in pages, charged to `account` */
	struct account *account;         /* [I] of the process that made the socket; may be NULL */
	u32 queue_length;                /* [l] */
	bool want_space;                 /* [a] somebody waits until the queue drains */
	bool shut_read, shut_write;      /* [l] */
	s32 error;                       /* [l] pending errno, positive */
	bool passcred;
	u32 options;                     /* bit per stored option without effect */
	u32 send_buffer, receive_buffer;
	u64 send_timeout_ns, receive_timeout_ns; /* DEADLINE_NEVER = none */
	struct wait_queue read_wait, write_wait;
	struct wait_queue space_wait;    /* datagram senders that are not our peer, connecting clients */
	struct list_node pending;        /* [l] listening: connections to accept, by pending_link */
	struct list_node pending_link;
	u32 pending_count, backlog;      /* [l] */
	struct socket_name *name;        /* [l] referenced */
	struct node *node;               /* [m] bound path */
	struct list_node name_link;      /* [h] abstract name table */
	struct ucred_k own_cred, peer_cred;
	u64 ino;                         /* [I] */
	struct list_node all_link;       /* list of all sockets, for /proc/net/unix */
};

extern const struct file_ops socket_ops;
struct socket *socket_alloc(int type);                         /* refs 1; NULL = no memory */
struct file *socket_file(struct socket *s, u32 flags);         /* takes the reference over; NULL = no memory, reference kept */
static inline struct socket *socket_of(struct file *f) { return f->ops == &socket_ops ? f->object : NULL; }
static inline void socket_get(struct socket *s) { __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED); }
void socket_put(struct socket *s);
struct socket *socket_peer_get(struct socket *s);              /* referenced or NULL */
struct ucred_k socket_current_cred(void);
void socket_close(struct socket *s);                           /* the end of its file or of an unaccepted connection */
void socket_wake(struct socket *s, u32 key);                   /* both queues */
void socket_pair_up(struct socket *a, struct socket *b);       /* two fresh sockets */
static inline bool socket_is_connection(const struct socket *s) { return s->type != SOCK_DGRAM_K; }
/* Room in `to` for a message from `from`; when not, the reader of `to` will wake the sender. */
bool socket_has_room(struct socket *from, struct socket *to);
bool socket_is_writable(struct socket *s);                     /* poll's stricter view */
/* Queue grows or shrinks by `bytes`; ERR_NOBUFS when the account is full. Under s->lock. */
status_t socket_charge_locked(struct socket *s, s64 bytes) MUST_CHECK;

/* socket_name.c */
status_t socket_address_in(struct user_ptr p, u32 length, struct sockaddr_un_k *out, u32 *out_length) MUST_CHECK;
status_t socket_bind(struct socket *s, struct sockaddr_un_k *address, u32 length) MUST_CHECK;
/* The socket of that name and type; ERR_CONNREFUSED, ERR_PROTOTYPE. */
status_t socket_lookup(struct sockaddr_un_k *address, u32 length, int type, struct socket **out) MUST_CHECK;
void socket_unbind(struct socket *s);
void socket_name_put(struct socket_name *n);
u32 socket_name_copy(const struct socket_name *n, struct sockaddr_un_k *out); /* address length; n may be NULL */

/* socket_connect.c */
status_t socket_listen(struct socket *s, s32 backlog) MUST_CHECK;
status_t socket_connect(struct socket *s, struct sockaddr_un_k *address, u32 length, bool nonblock) MUST_CHECK;
status_t socket_accept(struct socket *s, bool nonblock, struct socket **out) MUST_CHECK;
status_t socket_shutdown(struct socket *s, int how) MUST_CHECK;

/* socket_transfer.c */
struct socket_send {
	struct io_buf *from;
	u32 flags;
	struct sockaddr_un_k *to;        /* NULL: the peer */
	u32 to_length;
	struct ucred_k cred;
	struct file **files;             /* kmalloc'd; taken over when anything was sent (then NULL) */
	u32 file_count;
};
struct socket_receive {
	struct io_buf *to;
	u32 flags, out_flags;            /* MSG_TRUNC */
	struct ucred_k cred;             /* of the sender; pid 0 = nothing received */
	struct file **files;             /* kmalloc'd, the caller's */
	u32 file_count;
	struct sockaddr_un_k from;
	u32 from_length;
};
s64 socket_send(struct socket *s, struct socket_send *m, bool nonblock) MUST_CHECK;
s64 socket_receive(struct socket *s, struct socket_receive *m, bool nonblock) MUST_CHECK;
void message_free(struct message *m);
status_t socket_files_in_flight(struct file **files, u32 count, bool enter) MUST_CHECK;

#endif
