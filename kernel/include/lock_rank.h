/* SPDX-License-Identifier: MIT */
/* The global lock order. A thread may acquire a lock only of a HIGHER rank than every lock it holds
 * (equal ranks only through the *_nested forms, ordered by address). Debug builds assert it.
 * Sleeping locks (mutex) come first: no mutex is acquired while a spinlock is held. */
#ifndef AMBOS_KERNEL_LOCK_RANK_H
#define AMBOS_KERNEL_LOCK_RANK_H

enum lock_rank {
	/* sleeping */
	RANK_NAMESPACE_MUTEX = 10,  /* rename, mount */
	RANK_FILE_POS_MUTEX = 11,   /* before the directory: getdents moves its cursor while it lists */
	RANK_DIR_MUTEX = 12,        /* one directory's names */
	RANK_EXEC_MUTEX = 16,
	RANK_PIPE_MUTEX = 18,
	RANK_TTY_MUTEX = 20,
	RANK_SOCKET_MUTEX = 22,
	RANK_NODE_MUTEX = 24,       /* data and attributes of one node */
	RANK_ASPACE_MUTEX = 26,     /* after node: read() into a mapped buffer faults while the node is locked */
	RANK_MEMOBJ_MUTEX = 28,
	/* spinning */
	RANK_PROCESS_TREE = 40,     /* parents, children, groups, sessions, pid table */
	RANK_WALL_TIMERS = 42,      /* timerfds on the wall clock */
	RANK_SIGNAL = 44,           /* one process's signal state */
	RANK_SIGNAL_ACTIONS = 45,   /* its handlers */
	RANK_FDTABLE = 46,
	RANK_NT_DISPATCHER = 47,    /* states of all NT objects; polls files under it */
	RANK_EPOLL = 48,
	RANK_EPOLL_LINKS = 49,      /* which epolls watch which files */
	RANK_OBJECT = 50,           /* pipes, events, sockets: small state */
	RANK_NAME_HASH = 52,
	RANK_NODE = 54,
	RANK_FUTEX = 56,
	RANK_PORT = 58,             /* service call queues */
	RANK_WAIT_QUEUE = 60,
	RANK_EPOLL_READY = 61,      /* taken in wake-up callbacks, under a wait queue */
	RANK_TIMER = 62,
	RANK_RUNQUEUE = 64,
	RANK_PAGE_INDEX = 66,
	RANK_PAGE_TABLE = 68,
	RANK_SLAB = 70,
	RANK_FRAME = 72,
	RANK_LOG = 80,
};

#endif
