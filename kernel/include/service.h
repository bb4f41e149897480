/* SPDX-License-Identifier: MIT */
/* Services and the calls routed to them.
 * A call is an object on its caller's kernel stack: the caller sleeps until it is DONE, so its inputs stay put and are
 * copied once, into the service, at delivery. INVARIANTS:
 *  1. state CALL_PENDING: linked in service->pending. CALL_EXECUTING: linked in service->executing. CALL_DONE: linked
 *     nowhere; storing DONE is the last touch by anybody but the caller.
 *  2. A call in `executing` has `server` set while a thread works on it, NULL when the service keeps it for later.
 *  3. When the process dies, each executing call goes back to the front of `pending` with retry set (service_died).
 * What must outlive an instance (fd table, state object, queues) belongs to the service, not to its process. */
#ifndef AMBOS_KERNEL_SERVICE_H
#define AMBOS_KERNEL_SERVICE_H

#include "../../abi/core/broker.h"
#include "call.h"

#define CALL_LENT_MAX 8              /* attached file, script interpreters, ELF interpreter */
#define CALL_DEATHS_MAX 2            /* deaths by the service's own fault without progress: then IO */
#define CALL_KILLS_MAX 64            /* deaths by a signal from outside: not the call's fault, but bounded */

enum call_state { CALL_PENDING, CALL_EXECUTING, CALL_DONE };

/* Locks: [p] service->lock, [I] immutable while queued. */
struct call {
	struct list_node link;           /* [p] */
	u64 id;                          /* [I] */
	enum call_state state;           /* [p] */
	u32 deaths, kills;               /* [p] */
	u32 lent_count;                  /* server thread */
	union {
		struct {
			bool retry;         /* [p] sent to an earlier instance */
			bool cancelled;     /* [p] the service was told */
			bool cancel_queued; /* [p] linked in service->cancels */
			bool with_request;  /* [I] */
		};
		u32 marks;
	};
	struct service *service;         /* [I] */
	struct route_request *request;   /* [I] payloads, attached file, exec; NULL: arguments only */
	struct thread *caller;           /* [I] */
	struct thread *server;           /* [p] */
	struct call *parent;             /* [I] call that the caller was serving */
	s64 status;                      /* valid when DONE */
	u32 reply_size;                  /* [I] bytes of reply arguments that the caller takes */
	s32 lent[CALL_LENT_MAX];         /* server thread: fds installed for this call */
	struct list_node cancel_link;    /* [p] linked when cancel_queued */
	struct ipc_message message;      /* [I] as the service gets it; flags and attached_fd are filled at delivery */
	struct ipc_reply reply;          /* header and arguments as the service gave them */
};

struct notice {
	struct list_node link;
	u32 op, size;
	u8 args[IPC_ARGS_BYTES];
};

#define SPAWNS_REMEMBERED 32             /* launches whose repeat is answered from memory; a service has few at once */
struct spawn_record { u64 spawn_id; u32 pid; s32 pidfd; };

struct receiver {                        /* a service thread in IPC_RECEIVE; on its kernel stack */
	struct list_node link;           /* [p] service->idle */
	struct thread *thread;
	struct call *call;               /* [p] handed over */
	bool poked;                      /* [p] look at the queues */
};

struct service {
	enum service_id id;              /* [I] */
	u32 rank;                        /* [I] */
	const char *name;                /* [I] */
	bool defined;                    /* set once, by PROC_SERVICE_DEFINE */
	struct spinlock lock;            /* RANK_PORT */
	bool received;                   /* [p] the instance has asked for work */
	bool given_up;                   /* [p] once: calls fail with IO */
	struct process *process;         /* [p] referenced; NULL between instances */
	u32 generation;                  /* [p] */
	struct list_node pending, executing, idle, cancels, notices; /* [p] */
	u32 queued;                      /* [p] in pending, cancels and notices */
	struct fdtable *fds;             /* [I] */
	struct memobj *state;            /* [I] */
	u64 state_max;                   /* [I] */
	struct proc_service_define manifest; /* [I] */
	u64 calls, retries, deaths, deaths_in_call, failed_calls; /* [p] */
	u64 died_ns, last_restart_ns;    /* [p] died_ns 0: replied since */
	struct spawn_record spawns[SPAWNS_REMEMBERED]; /* [p] ring */
	u32 spawn_next;                  /* [p] */
	u32 refused_logged;              /* Linux calls refused: the first is logged */
};

extern struct service services[SERVICE_COUNT];
static inline struct service *service_get(u32 id) /* defined, or NULL */
{
	return id < SERVICE_COUNT && __atomic_load_n(&services[id].defined, __ATOMIC_ACQUIRE) ? &services[id] : NULL;
}
/* Starts rootd from the boot archive and returns; rootd starts the rest. */
void start_rootd(void);
status_t service_define(const struct proc_service_define *d) MUST_CHECK;
status_t service_start(struct service *s, u32 *pid) MUST_CHECK;
/* rootd will not start it again: what waits for it and what will call it gets ERR_IO. */
status_t service_give_up(struct service *s) MUST_CHECK;
/* From the exit path of C, in the last thread of a service's process, before its memory goes. */
void service_process_exited(struct process *p, s32 wait_status);
bool service_call_allowed(struct service *s, u32 linux_number);
bool service_has_capability(u64 capability);              /* of the current thread's service */
void service_notify(enum service_id id, u32 op, const void *args, u32 size);

/* Queues (ipc/port.c). */
struct call *call_executing_find(struct service *s, u64 id); /* executing in s, by id; s->lock held */
/* Takes the call that the current thread serves away from whoever else might answer it; NULL when there is none. Put it
 * back into thread->serving (release) when done. */
static inline struct call *call_claim_current(void)
{
	struct thread *t = thread_current();
	return t->serving ? __atomic_exchange_n(&t->serving, NULL, __ATOMIC_ACQ_REL) : NULL;
}
status_t call_lend(struct call *c, struct file *f, s32 *fd) MUST_CHECK; /* reference taken over on success */
u64 call_id_nested(const struct call *parent, u32 step);
void hop_record(enum hop_cause cause);

#endif
