/* SPDX-License-Identifier: MIT */
/* What every foundation service is made of: start-up, the receive loop, replies, transactions over the
 * state object, outgoing calls, the log. A service's main() fills a struct service_config and returns
 * service_run(&config), which never comes back.
 * Rules: a handler may block only in service_call (the loop has `threads` workers); whatever must outlive the
 * process lives in the state object and is changed only between txn_begin and txn_commit; offsets, not
 * pointers, inside it. No paths, no stdio, no locale. */
#ifndef AMBOS_SERVICE_H
#define AMBOS_SERVICE_H

#include "../../abi/core/ipc.h"
#include "../../abi/core/status.h"

/* ---- one call being served ---- */
struct service_request {
	struct ipc_message message;   /* op, caller, args, attached_fd, reply_capacity, flags */
	const u8 *payload;            /* message.payload_size bytes, NUL added after them */
	const u8 *payload2;           /* message.payload2_size bytes */
	u8 *reply_payload;            /* write at most message.reply_capacity bytes, then set reply_payload_size */
	u32 reply_payload_size;
	u32 reply_args_size;          /* set by request_reply_args */
	u8 *reply_args;               /* request_reply_args writes them, request_reply_in_place moves it */
	u32 cancelled;                /* set from another thread when the caller gave up; end with ERR_INTR soon */
	u32 next_step;                /* numbers outgoing calls */
	u32 reply_slot;               /* private to the library */
	void *worker;                 /* private to the library */
};
/* A handler answers with a status (>= 0 or ERR_*). SERVICE_REPLY_LATER: it kept message.call_id and will use
 * service_reply_later(); the request itself is gone when the handler returns. */
#define SERVICE_REPLY_LATER (-100000)
typedef s64 (*service_handler)(struct service_request *r);

struct service_op {
	u32 op;
	u32 args_size;                /* message.args_size must be at least this, else ERR_INVAL */
	service_handler handler;
	const char *name;             /* log lines */
};
#define SERVICE_OP(number, request_type, handler_fn) { (number), sizeof(request_type), (handler_fn), #number }

struct service_config {
	const char *name;
	const struct service_op *ops;
	u32 op_count;
	u32 threads;                  /* workers; 0 = the manifest's number */
	u32 state_version;            /* of the service's own layout; a different one found at start is fatal */
	u64 state_root_size;          /* bytes of the root structure at state_root(); zeroed on first start */
	/* Before any call is received. first = fresh state object (fill the root; already inside a transaction). */
	status_t (*start)(bool first);
	void (*notify)(const struct ipc_message *m, const u8 *payload); /* IPC_NOTIFY; may be NULL */
	void (*cancel)(u64 call_id);  /* besides setting request->cancelled; may be NULL */
};
int service_run(const struct service_config *config);

static inline const void *request_args(const struct service_request *r) { return r->message.args; }
void request_reply_args(struct service_request *r, const void *args, u32 size); /* fixed part of the reply */
/* The same without a copy: `args` stays as it is until the next request of this worker (the request itself does). */
static inline void request_reply_in_place(struct service_request *r, const void *args, u32 size)
{
	r->reply_args = (u8 *)args;
	r->reply_args_size = size;
}
bool request_cancelled(const struct service_request *r);
/* Copies payload (a name) into dst with a NUL. ERR_NAMETOOLONG, ERR_INVAL for an embedded NUL. Length or error. */
s64 request_string(const struct service_request *r, char *dst, u32 size);
/* Answers a call that its handler left with SERVICE_REPLY_LATER. */
status_t service_reply_later(u64 call_id, s64 status, const void *args, u32 args_size, const void *payload,
		u32 payload_size);

/* ---- log: to the kernel's log; prefixed with the service's name ---- */
void service_log(const char *fmt, ...) PRINTF_LIKE(1, 2);
void service_warn(const char *fmt, ...) PRINTF_LIKE(1, 2); /* reaches the host's launcher without --log */
void service_panic(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN; /* logs and ends this instance: it is restarted */

/* ---- the state object ----
 * One transaction at a time in the process: txn_begin takes the state lock, txn_commit and txn_abort release it.
 * Do not call out (service_call, broker with side effects that cannot be repeated) while one is open. Readers
 * that race with writers take the lock too: state_lock/state_unlock. */
void *state_root(void);                          /* the service's root structure */
extern u8 *state_base;                           /* private to these two */
static inline void *state_ptr(u64 offset) { return offset ? state_base + offset : NULL; }        /* 0 gives NULL */
static inline u64 state_offset(const void *p) { return p ? (u64)((const u8 *)p - state_base) : 0; } /* NULL gives 0 */
void state_lock(void);
void state_unlock(void);
void txn_begin(void);
void txn_write(void *dst, const void *src, size_t n); /* dst inside the state object */
#define TXN_SET(lvalue, value) \
	do { __typeof__(lvalue) txn_v_ = (value); txn_write(&(lvalue), &txn_v_, sizeof(txn_v_)); } while (0)
/* Commits; with a request also stores its reply (status, reply args and payload of at most
 * TXN_REPLY_PAYLOAD bytes) in the same commit, so that a repeat of the call id is answered from the store.
 * The handler then returns the same status. */
#define TXN_REPLY_PAYLOAD 512
void txn_commit(struct service_request *r, s64 status);
void txn_abort(void);                            /* undoes all writes since txn_begin */
/* Space inside the state object; both only within a transaction. Offset, or 0 when the object is at its bound. */
u64 state_alloc(u64 size);                       /* zeroed, 16-byte aligned */
void state_free(u64 offset, u64 size);           /* the size given to state_alloc */
u64 state_bytes_used(void);

/* ---- outgoing calls ---- */
struct service_call_result { void *args; u32 args_size; void *payload; u32 capacity; u32 length; };
/* Calls a service of lower rank on behalf of `r` (NULL: own initiative). Blocks this worker. Status or ERR_*. */
s64 service_call(struct service_request *r, enum service_id service, u32 op, const void *args, u32 args_size,
		 const void *payload, u32 payload_size, struct service_call_result *result);
/* The same with a second payload and a lent descriptor (-1 = none). */
s64 service_call_full(struct service_request *r, struct ipc_outcall *call);

/* ---- the machine ---- */
const struct ipc_service_info *service_info(void);
const void *service_system_image(u64 *size);     /* mapped read-only; NULL when there is none */
/* value of key= on the kernel command line, or NULL */
const char *service_boot_option(const char *key, char *buf, u32 size);
s64 ambos_call(u32 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4); /* any native call but the two that clear registers */
s64 ambos_call_short(u64 description, const void *args, void *reply, u64 parent, u64 step); /* IPC_SHORT_CALL() */
u64 service_time_ns(void);                       /* monotonic */
/* Starts a thread that is not a worker (device interrupt loop). */
status_t service_thread(void (*fn)(void *), void *arg);

#endif
