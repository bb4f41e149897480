// SPDX-License-Identifier: MIT
// Start-up and the receive loop of a service. Workers are threads with buffers of their own; a message is answered by
// the next IPC_RECEIVE of its worker, so a call costs one native call.
#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../abi/core/broker.h"
#include "../base/string.h"
#include "internal.h"

#define WORKER_STACK_BYTES KIB(128)
#define COMMAND_LINE_BYTES 2048u

struct worker {
	struct service_request request;
	struct ipc_reply reply;
	bool has_reply;
	u64 serving;             /* call id, 0 between calls; read by cancel */
	u64 stored_call;         /* its reply lies in the reply store until it is delivered */
	u8 *payload;
};

static const struct service_config *config;
static struct ipc_service_info info;
static struct worker *workers[WORKERS_MAX];
static u32 worker_count;

s64 ambos_call(u32 number, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	register u64 r10 __asm__("r10") = a3;
	register u64 r8 __asm__("r8") = a4;
	s64 result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((u64)(AMBOS_CALL_BASE | number)), "D"(a0), "S"(a1), "d"(a2), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

/* The hot native calls clear the registers of their arguments. */
s64 ambos_call_short(u64 description, const void *args, void *reply, u64 parent, u64 step)
{
	register u64 r10 __asm__("r10") = parent;
	register u64 r8 __asm__("r8") = step;
	s64 result;
	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(description), "+S"(args), "+d"(reply), "+r"(r10), "+r"(r8)
			 : "a"((u64)(AMBOS_CALL_BASE | AMBOS_CALL_IPC_CALL_SHORT))
			 : "rcx", "r11", "r9", "memory");
	return result;
}

static inline s64 answer_and_receive(struct worker *w, s64 answer, const u8 *args, u64 args_size)
{
	u64 message = (u64)&w->request.message, buffer = (u64)w->payload;
	register u64 r10 __asm__("r10") = (u64)args;
	register u64 r8 __asm__("r8") = args_size;
	register u64 r9 __asm__("r9") = w->request.message.call_id;
	s64 result;
	__asm__ volatile("syscall"
			 : "=a"(result), "+D"(message), "+S"(buffer), "+d"(answer), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"((u64)(AMBOS_CALL_BASE | AMBOS_CALL_IPC_ANSWER))
			 : "rcx", "r11", "memory");
	return result;
}

static void log_write(u64 level, const char *fmt, va_list ap)
{
	char line[SERVICE_LOG_BYTES];
	int n = fmt_vsnprintf(line, sizeof(line), fmt, ap);
	ambos_call(AMBOS_CALL_SERVICE_LOG, level, (u64)line, MIN((u64)n, sizeof(line) - 1), 0, 0);
}

void service_log(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_write(6, fmt, ap);
	va_end(ap);
}

void service_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_write(4, fmt, ap);
	va_end(ap);
}

void service_panic(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_write(3, fmt, ap);
	va_end(ap);
	for (;;)
		_exit(127);
}

const struct ipc_service_info *service_info(void) { return &info; }

u64 service_time_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * NSEC_PER_SEC + (u64)t.tv_nsec;
}

/* ---- requests ---- */
void request_reply_args(struct service_request *r, const void *args, u32 size)
{
	if (size > IPC_ARGS_BYTES)
		service_panic("reply arguments of %u bytes", size);
	memcpy(r->reply_args, args, size);
	r->reply_args_size = size;
}

bool request_cancelled(const struct service_request *r)
{
	return __atomic_load_n(&r->cancelled, __ATOMIC_RELAXED) != 0;
}

s64 request_string(const struct service_request *r, char *dst, u32 size)
{
	u32 n = r->message.payload_size;
	if (n >= size)
		return ERR_NAMETOOLONG;
	memcpy(dst, r->payload, n);
	dst[n] = '\0';
	return strlen(dst) == n ? (s64)n : ERR_INVAL;
}

static u32 op_base; /* the number of the first row: in tables without gaps a row is found at once */

static const struct service_op *op_find(u32 op)
{
	if (op - op_base < config->op_count && config->ops[op - op_base].op == op)
		return &config->ops[op - op_base];
	for (u32 i = 0; i < config->op_count; i++)
		if (config->ops[i].op == op)
			return &config->ops[i];
	return NULL;
}

static s64 test_request(struct service_request *r)
{
	const struct service_test_request *q = request_args(r);
	struct service_test_reply reply = { .store_points = state_store_points(), .pid = (u32)getpid(), .generation = info.generation };
	if (r->message.args_size < sizeof(*q))
		return ERR_INVAL;
	state_test(q->kill_at);
	request_reply_args(r, &reply, sizeof(reply));
	return OK;
}

static s64 dispatch(struct service_request *r)
{
	if (unlikely(r->message.op == SERVICE_OP_TEST))
		return test_request(r);
	const struct service_op *op = op_find(r->message.op);
	if (!op)
		return ERR_NOSYS;
	if (r->message.args_size < op->args_size)
		return ERR_INVAL;
	return op->handler(r);
}

static bool answer_from_store(struct worker *w)
{
	state_lock();
	const struct stored_reply *s = reply_find(w->request.message.call_id);
	if (s) {
		w->reply.status = s->status;
		w->reply.args_size = s->args_size;
		w->reply.payload_size = s->payload_size;
		w->reply.payload = (u64)s->payload;
		memcpy(w->reply.args, s->args, s->args_size);
		w->stored_call = w->request.message.call_id;
	}
	state_unlock();
	return s != NULL;
}

static void fill_reply(struct worker *w, s64 status)
{
	struct service_request *r = &w->request;
	w->reply.status = status;
	w->reply.args_size = r->reply_args_size;
	w->reply.payload_size = r->reply_payload_size;
	w->reply.payload = (u64)r->reply_payload;
	if (r->reply_args != w->reply.args)
		memcpy(w->reply.args, r->reply_args, r->reply_args_size);
}

static inline void request_begin(struct worker *w)
{
	struct service_request *r = &w->request;
	__atomic_store_n(&w->serving, r->message.call_id, __ATOMIC_RELAXED);
	r->reply_payload_size = r->reply_args_size = 0;
	r->cancelled = 0;
	r->next_step = 1;
	r->reply_slot = 0;
	r->reply_args = w->reply.args;
}

/* What is not plain: payload, repeat, an answer that comes later. */
static void serve(struct worker *w)
{
	struct service_request *r = &w->request;
	request_begin(w);
	w->reply.call_id = r->message.call_id;
	w->stored_call = 0;
	if (r->message.flags & IPC_LONG) {
		r->payload2 = w->payload + r->message.payload_size;
		w->payload[r->message.payload_size + r->message.payload2_size] = '\0';
	}
	if (unlikely(r->message.flags & IPC_RETRY) && answer_from_store(w)) {
		w->has_reply = true;
		return;
	}
	s64 status = dispatch(r);
	w->has_reply = status != SERVICE_REPLY_LATER;
	if (w->has_reply)
		fill_reply(w, status);
	if (r->reply_slot && w->has_reply)
		w->stored_call = r->message.call_id;
	if (!w->has_reply)
		__atomic_store_n(&w->serving, 0, __ATOMIC_RELAXED);
}

static void cancel(u64 call_id)
{
	for (u32 i = 0; i < worker_count; i++)
		if (workers[i] && __atomic_load_n(&workers[i]->serving, __ATOMIC_RELAXED) == call_id)
			__atomic_store_n(&workers[i]->request.cancelled, 1, __ATOMIC_RELAXED);
	if (config->cancel)
		config->cancel(call_id);
}

static void delivered(struct worker *w)
{
	state_lock();
	reply_delivered(w->stored_call);
	state_unlock();
	w->stored_call = 0;
}

/* What short messages leave out: see struct ipc_message. */
static void message_reset(struct worker *w)
{
	struct ipc_message *m = &w->request.message;
	m->attached_fd = -1;
	m->reply_capacity = m->payload_size = m->payload2_size = 0;
	m->flags = 0;
	w->request.payload2 = w->payload;
	w->payload[0] = '\0';
}

/* Plain calls one after the other: without payload, parent or repeat, answered with arguments. Ends with a message (or
 * a failed receive) that the general loop looks at; false: the request at hand is not answered yet and has `status`. */
static bool serve_plain(struct worker *w, s64 *status)
{
	struct service_request *r = &w->request;
	const struct service_op *ops = config->ops;
	u32 base = op_base, count = config->op_count;
	do {
		u32 index = r->message.op - base;
		request_begin(w);
		if (likely(index < count && ops[index].op == r->message.op && r->message.args_size >= ops[index].args_size))
			*status = ops[index].handler(r);
		else
			*status = dispatch(r);
		if (unlikely(*status == SERVICE_REPLY_LATER || r->reply_slot || r->reply_payload_size))
			return false;
		*status = answer_and_receive(w, *status, r->reply_args, r->reply_args_size);
	} while (likely(!*status && !r->message.flags));
	return true;
}

static void plain_rest(struct worker *w, s64 status)
{
	struct service_request *r = &w->request;
	w->reply.call_id = r->message.call_id;
	w->has_reply = status != SERVICE_REPLY_LATER;
	if (w->has_reply) {
		fill_reply(w, status);
		w->stored_call = r->reply_slot ? r->message.call_id : 0;
	} else {
		__atomic_store_n(&w->serving, 0, __ATOMIC_RELAXED);
	}
}

static void message_handle(struct worker *w)
{
	struct service_request *r = &w->request;
	if (likely(!(r->message.flags & (IPC_CANCEL | IPC_NOTIFY))))
		serve(w);
	else if (r->message.flags & IPC_CANCEL)
		cancel(r->message.call_id);
	else if (config->notify)
		config->notify(&r->message, w->payload);
}

static s64 receive(struct worker *w)
{
	struct service_request *r = &w->request;
	bool replied = w->has_reply;
	w->has_reply = false;
	if (unlikely(r->message.flags & IPC_LONG))
		message_reset(w);
	if (replied && !w->reply.payload_size)
		return answer_and_receive(w, w->reply.status, r->reply_args, w->reply.args_size);
	return ambos_call(AMBOS_CALL_IPC_RECEIVE, (u64)&r->message, (u64)w->payload, IPC_PAYLOAD_BYTES,
			  replied ? (u64)&w->reply : 0, 0);
}

static void worker_loop(struct worker *w)
{
	for (;;) {
		s64 st = receive(w);
		if (unlikely(w->stored_call))
			delivered(w);
		if (likely(!st && !w->request.message.flags) && !serve_plain(w, &st)) {
			plain_rest(w, st);
			continue;
		}
		if (unlikely(st)) {
			if (st != ERR_INTR)
				service_log("receive: %lld", (long long)st);
			continue;
		}
		message_handle(w);
	}
}

static struct worker *worker_create(void)
{
	u64 size = ALIGN_UP(sizeof(struct worker), PAGE_SIZE) + IPC_PAYLOAD_BYTES + PAGE_SIZE + IPC_PAYLOAD_BYTES;
	u8 *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		service_panic("no memory for a worker");
	struct worker *w = (struct worker *)area;
	w->payload = area + ALIGN_UP(sizeof(struct worker), PAGE_SIZE);
	w->request.reply_payload = w->payload + IPC_PAYLOAD_BYTES + PAGE_SIZE;
	w->request.reply_args = w->reply.args;
	w->request.worker = w;
	w->request.payload = w->payload;
	message_reset(w);
	workers[worker_count] = w;
	__atomic_store_n(&worker_count, worker_count + 1, __ATOMIC_RELEASE);
	return w;
}

static status_t thread_start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int error = pthread_create(&thread, &attributes, fn, arg);
	pthread_attr_destroy(&attributes);
	return -error;
}

struct thread_start { void (*fn)(void *); void *arg; };
static void *plain_thread(void *arg)
{
	struct thread_start start = *(struct thread_start *)arg;
	munmap(arg, PAGE_SIZE);
	start.fn(start.arg);
	return NULL;
}

status_t service_thread(void (*fn)(void *), void *arg)
{
	struct thread_start *start = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		return ERR_NOMEM;
	*start = (struct thread_start){ fn, arg };
	return thread_start(plain_thread, start);
}

static void start_service(bool first)
{
	if (first)
		txn_begin();
	status_t st = config->start ? config->start(first) : OK;
	if (st)
		service_panic("start failed: %d", st);
	if (first) {
		state_first_done();
		txn_commit(NULL, OK);
	}
}

/* Each worker starts the next before it serves: the first call is not kept waiting for all of them. */
static u32 workers_wanted;
static void *worker_chain(void *arg)
{
	if (worker_count < workers_wanted && thread_start(worker_chain, worker_create()))
		service_panic("cannot start worker %u", worker_count);
	worker_loop(arg);
	return NULL;
}

/* kill_NAME=N on the kernel command line: the service's first instance dies at its N-th store (launch walk of runtimed);
 * kill_NAME=start: each instance dies in its start. */
static const char *test_from_boot(char value[16])
{
	char key[32] = "kill_";
	strncat(key, config->name, sizeof(key) - sizeof("kill_"));
	const char *at = service_boot_option(key, value, 16);
	return at ? at : "";
}

int service_run(const struct service_config *c)
{
	config = c;
	op_base = c->op_count ? c->ops[0].op : 0;
	if (ambos_call(AMBOS_CALL_SERVICE_INFO, (u64)&info, sizeof(info), 0, 0, 0) != 0)
		_exit(126);
	char value[16];
	const char *kill_at = test_from_boot(value);
	bool first = state_open(c, &info);
	if (strcmp(kill_at, "start") == 0)
		service_panic("ended in its start by the test");
	start_service(first);
	if (first)
		state_test(strtoul(kill_at, NULL, 10));
	u32 threads = c->threads ? c->threads : info.threads;
	if (threads == 0 || threads > WORKERS_MAX)
		service_panic("%u workers", threads);
	workers_wanted = threads;
	worker_chain(worker_create());
	return 0;
}

status_t service_reply_later(u64 call_id, s64 status, const void *args, u32 args_size, const void *payload, u32 payload_size)
{
	struct ipc_reply r = { .call_id = call_id, .status = status, .args_size = args_size,
			       .payload_size = payload_size, .payload = (u64)payload };
	if (args_size > IPC_ARGS_BYTES)
		return ERR_INVAL;
	if (args_size)
		memcpy(r.args, args, args_size);
	s64 st = ambos_call(AMBOS_CALL_IPC_REPLY, (u64)&r, 0, 0, 0, 0);
	state_lock();
	reply_delivered(call_id);
	state_unlock();
	return (status_t)st;
}

/* ---- the machine ---- */
const void *service_system_image(u64 *size)
{
	static struct mm_region region;
	if (!region.va && ambos_call(AMBOS_CALL_MM_BROKER, MM_SYSTEM_IMAGE, (u64)&region, sizeof(region), 0, 0) != 0)
		return NULL;
	*size = region.size;
	return (const void *)region.va;
}

static const char *command_line(void)
{
	static char text[COMMAND_LINE_BYTES];
	static bool read;
	struct mm_region region = { (u64)text, sizeof(text) };
	if (!read && ambos_call(AMBOS_CALL_MM_BROKER, MM_BOOT_OPTIONS, (u64)&region, sizeof(region), 0, 0) != 0)
		text[0] = '\0';
	read = true;
	return text;
}

const char *service_boot_option(const char *key, char *buf, u32 size)
{
	size_t key_size = strlen(key);
	for (const char *p = command_line(); *p;) {
		size_t n = strcspn(p, " ");
		if (n >= key_size && memcmp(p, key, key_size) == 0 && (n == key_size || p[key_size] == '=')) {
			size_t skip = n == key_size ? key_size : key_size + 1;
			if (n - skip >= size)
				return NULL;
			memcpy(buf, p + skip, n - skip);
			buf[n - skip] = '\0';
			return buf;
		}
		p += n;
		p += strspn(p, " ");
	}
	return NULL;
}
