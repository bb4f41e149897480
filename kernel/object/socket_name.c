// SPDX-License-Identifier: MIT
/* Names of AF_UNIX sockets, unix(7): a path is a node whose `object` is the socket; an abstract name is an entry of a
 * kernel table. A name goes when the socket is closed; the node of a path stays until it is unlinked. */
#include "socket.h"

#include "base/string.h"

#define NAME_BUCKETS 64
#define FAMILY_BYTES 2u
#define AT_FDCWD (-100)
#define AUTOBIND_MAX 0x100000u /* five hex digits */

static struct spinlock names_lock = SPINLOCK_INIT(RANK_NAME_HASH);
static struct list_node names[NAME_BUCKETS];
static u32 autobind_next;

void socket_name_put(struct socket_name *n)
{
	if (__atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(n);
}

static struct socket_name *name_create(const char *path, u32 length)
{
	struct socket_name *n = kzalloc(sizeof(*n));

	if (n) {
		n->refs = 1;
		n->length = length;
		memcpy(n->path, path, length);
	}
	return n;
}

u32 socket_name_copy(const struct socket_name *n, struct sockaddr_un_k *out)
{
	out->family = AF_UNIX_K;
	if (!n)
		return FAMILY_BYTES;
	memcpy(out->path, n->path, n->length);
	return FAMILY_BYTES + n->length;
}

/* Checks and copies an address; *out_length is the bytes of path that count (a path without its NUL). */
status_t socket_address_in(struct user_ptr p, u32 length, struct sockaddr_un_k *out, u32 *out_length)
{
	status_t st;

	if (length < FAMILY_BYTES || length > sizeof(*out))
		return ERR_INVAL;
	memset(out, 0, sizeof(*out));
	st = copy_in(out, p, length);
	if (st)
		return st;
	*out_length = length - FAMILY_BYTES;
	if (*out_length && out->path[0])
		*out_length = (u32)strnlen(out->path, *out_length);
	return OK;
}

static struct list_node *bucket_of(const char *path, u32 length)
{
	struct list_node *head = &names[hash_bytes(path, length, 0) % NAME_BUCKETS];

	if (!head->next)
		list_init(head);
	return head;
}

static struct socket *find_abstract_locked(const char *path, u32 length)
{
	list_for_each(s, bucket_of(path, length), struct socket, name_link)
		if (s->name->length == length && !memcmp(s->name->path, path, length))
			return s;
	return NULL;
}

static status_t bind_abstract(struct socket *s, const char *path, u32 length)
{
	struct socket_name *n = name_create(path, length);
	status_t st = OK;

	if (!n)
		return ERR_NOMEM;
	spin_lock(&names_lock);
	if (find_abstract_locked(path, length))
		st = ERR_ADDRINUSE;
	else {
		s->name = n;
		list_push_back(bucket_of(path, length), &s->name_link);
	}
	spin_unlock(&names_lock);
	if (st)
		socket_name_put(n);
	return st;
}

/* A fresh abstract name of five hex digits. */
static status_t bind_automatic(struct socket *s)
{
	char path[8];
	status_t st = ERR_NOSPC;

	for (u32 i = 0; i < AUTOBIND_MAX; i++) {
		u32 number = __atomic_add_fetch(&autobind_next, 1, __ATOMIC_RELAXED) % AUTOBIND_MAX;

		fmt_snprintf(path, sizeof(path), "%c%05x", 0, number);
		path[0] = 0;
		fmt_snprintf(path + 1, sizeof(path) - 1, "%05x", number);
		st = bind_abstract(s, path, 6);
		if (st != ERR_ADDRINUSE)
			break;
	}
	return st;
}

static status_t bind_path(struct socket *s, struct node *node, const char *path, u32 length)
{
	struct socket_name *n = name_create(path, length + 1); /* the NUL counts in getsockname */

	if (!n)
		return ERR_NOMEM;
	mutex_lock(&node->lock);
	node->object = s;
	mutex_unlock(&node->lock);
	s->node = node;
	s->name = n;
	return OK;
}

status_t socket_bind(struct socket *s, struct sockaddr_un_k *address, u32 length)
{
	struct node *node = NULL;
	char path[UNIX_PATH_MAX_K + 1];
	status_t st = OK;

	if (address->family != AF_UNIX_K)
		return ERR_INVAL;
	if (s->name)
		return ERR_INVAL;
	if (length && address->path[0]) { /* outside the mutex: directory locks rank lower */
		memcpy(path, address->path, length);
		path[length] = 0;
		st = vfs_mknod_socket(AT_FDCWD, path, &node);
		if (st)
			return st == ERR_EXIST ? ERR_ADDRINUSE : st;
	}
	mutex_lock(&s->mutex);
	if (s->name)
		st = ERR_INVAL;
	else if (node)
		st = bind_path(s, node, path, MIN(length, UNIX_PATH_MAX_K - 1u));
	else
		st = length ? bind_abstract(s, address->path, length) : bind_automatic(s);
	mutex_unlock(&s->mutex);
	if (st && node)
		node_put(node);
	return st;
}

void socket_unbind(struct socket *s)
{
	struct node *node = s->node;

	if (node) {
		mutex_lock(&node->lock);
		if (node->object == s)
			node->object = NULL;
		mutex_unlock(&node->lock);
		s->node = NULL;
		node_put(node);
	}
	if (list_linked(&s->name_link)) {
		spin_lock(&names_lock);
		list_remove(&s->name_link);
		spin_unlock(&names_lock);
	}
}

static status_t lookup_path(const char *path, struct socket **out)
{
	struct node *node;
	status_t st = vfs_lookup_socket(path, &node);

	if (st)
		return st;
	mutex_lock(&node->lock);
	*out = node->object;
	if (*out)
		socket_get(*out);
	mutex_unlock(&node->lock);
	node_put(node);
	return *out ? OK : ERR_CONNREFUSED;
}

status_t socket_lookup(struct sockaddr_un_k *address, u32 length, int type, struct socket **out)
{
	char path[UNIX_PATH_MAX_K + 1];
	status_t st = ERR_CONNREFUSED;

	*out = NULL;
	if (address->family != AF_UNIX_K || !length)
		return ERR_INVAL;
	if (address->path[0]) {
		memcpy(path, address->path, length);
		path[length] = 0;
		st = lookup_path(path, out);
	} else {
		spin_lock(&names_lock);
		*out = find_abstract_locked(address->path, length);
		if (*out) {
			socket_get(*out);
			st = OK;
		}
		spin_unlock(&names_lock);
	}
	if (st == OK && (*out)->type != type) {
		socket_put(*out);
		*out = NULL;
		return ERR_PROTOTYPE;
	}
	return st;
}
