// SPDX-License-Identifier: MIT
// The session: one poll over the program's streams, the control port, the kernel log, QEMU's messages, signals and
// the time limit. It ends when the guest has reported the exit status and every byte before it is written.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ambos.h"

#define TAIL_BYTES 4096u        /* last words of the kernel and of QEMU, shown when the VM fails */
#define TAIL_LINES 12
#define POWER_OFF_MS 2000       /* with --log or --trace: the guest may write its last lines */
#define PANIC_MS 300            /* from the first sign of a panic to the end of its text */
#define CHUNK_BYTES 65536u

struct tail {
	char text[2 * TAIL_BYTES];
	u32 length;
};
struct session {
	struct vm *vm;
	const struct options *o;
	struct control_io control;
	struct stream in, out[CONTROL_STREAM_COUNT];
	u32 in_stream;          /* which of enum control_stream_id `in` feeds */
	bool in_end_sent, gone_sent[CONTROL_STREAM_COUNT];
	struct tail log, errors;
	FILE *log_file, *trace_file;
	int signals;
	bool raw, launch_sent, launched, exited, drained, vm_gone;
	struct control_exit result;
	int status;             /* decided exit status, -1: not yet */
	u64 start_ms, deadline_ms, stop_ms, panic_ms, hangup_ms; /* 0: none */
	u8 fd_kind[3];          /* enum control_fd_kind */
	int tty_fd;             /* asked for the window size, -1: none */
};

static u64 now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / NSEC_PER_MSEC;
}

static void tail_add(struct tail *t, const char *text, u32 size)
{
	if (t->length + size > sizeof(t->text)) {
		u32 keep = MIN(t->length, TAIL_BYTES);
		memmove(t->text, t->text + t->length - keep, keep);
		t->length = keep;
	}
	size = MIN(size, (u32)sizeof(t->text) - t->length);
	memcpy(t->text + t->length, text, size);
	t->length += size;
}

static void tail_print(const struct tail *t, const char *who)
{
	u32 start = t->length, lines = 0;
	while (start > 0 && (lines < TAIL_LINES || t->text[start - 1] != '\n'))
		lines += t->text[--start] == '\n';
	if (start == t->length)
		return;
	fprintf(stderr, "ambos: last lines of %s:\n", who);
	for (u32 i = start; i < t->length; i++)
		if (t->text[i] != '\r')
			fputc(t->text[i], stderr);
	if (t->text[t->length - 1] != '\n')
		fputc('\n', stderr);
}

static bool read_log(struct session *s);
static bool read_errors(struct session *s);

static int fail(struct session *s, const char *why)
{
	vm_kill(s->vm);
	while (read_log(s) || read_errors(s))
		; /* what was on its way */
	terminal_restore();
	say("%s", why);
	tail_print(&s->log, "the kernel");
	tail_print(&s->errors, "QEMU");
	return EXIT_AMBOS_FAILED;
}

/* ---- what arrives ---- */
static bool read_log(struct session *s)
{
	char chunk[CHUNK_BYTES];
	ssize_t n = read(s->vm->log, chunk, sizeof(chunk));
	if (n <= 0)
		return false;
	tail_add(&s->log, chunk, (u32)MIN((size_t)n, (size_t)TAIL_BYTES));
	if ((size_t)n > TAIL_BYTES)
		tail_add(&s->log, chunk + n - TAIL_BYTES, TAIL_BYTES);
	if (s->log_file) {
		fwrite(chunk, 1, (size_t)n, s->log_file);
		fflush(s->log_file);
	}
	if (!s->panic_ms && memmem(s->log.text, s->log.length, "PANIC: ", 7))
		s->panic_ms = now_ms() + PANIC_MS;
	return true;
}

static bool read_errors(struct session *s)
{
	char chunk[4096];
	ssize_t n = read(s->vm->errors, chunk, sizeof(chunk));
	if (n <= 0)
		return false;
	tail_add(&s->errors, chunk, (u32)n);
	if (s->o->verbose)
		fwrite(chunk, 1, (size_t)n, stderr);
	return true;
}

static void read_trace(struct session *s)
{
	char chunk[CHUNK_BYTES];
	ssize_t n = read(s->vm->trace, chunk, sizeof(chunk));
	if (n > 0)
		fwrite(chunk, 1, (size_t)n, s->trace_file);
}

/* Why the loader refused the program, when its log line is here already: which step, DLL or function. */
static void say_loader_reason(struct session *s)
{
	static const char mark[] = "step failed exec=";
	char *found = NULL;
	while (read_log(s))
		; /* it was sent before the answer */
	s->log.text[MIN(s->log.length, (u32)sizeof(s->log.text) - 1)] = '\0';
	for (char *at = s->log.text; (at = strstr(at, mark)); at++)
		found = at;
	char *reason = found ? strstr(found, "step=") : NULL;
	if (reason)
		say("the loader says: %.*s", (int)strcspn(reason, "\r\n"), reason);
}

/* Where it was looked for, since a path may be translated (docs/ambos.1, PROGRAM). */
static void say_not_found(const struct options *o)
{
	char buffer[2 * PATH_BYTES];
	if (!o->argc) {
		say("the shell was not found in the guest");
		return;
	}
	const char *program = o->argv[0], *looked_up = program_translate(o, program, buffer, sizeof(buffer));
	if (!strchr(looked_up, '/') && !program_is_dos_path(looked_up))
		say("%s: not found on the guest's PATH (for a file of this folder say ./%s)", program, program);
	else if (strcmp(program, looked_up))
		say("%s: not found in the guest, where it would be %s", program, looked_up);
	else
		say("%s: not found in the guest", program);
}

static void say_not_executable(const struct options *o, const char *what, u32 error)
{
	struct stat st;
	if (error == EACCES && o->argc && strchr(what, '/') && !stat(what, &st) && S_ISREG(st.st_mode) && !(st.st_mode & 0111))
		say("%s: cannot be executed: it has no execute permission (chmod +x %s)", what, what);
	else
		say("%s: cannot be executed: %s", what, strerror((int)error));
}

static void launch_failed(struct session *s, const struct control_launch_result *r)
{
	s->status = EXIT_AMBOS_FAILED;
	if (r->step == CONTROL_STEP_LOOKUP)
		s->status = r->error == ENOENT || r->error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	if (r->step == CONTROL_STEP_EXEC)
		s->status = r->error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
	terminal_restore();
	const char *what = s->o->argc ? s->o->argv[0] : "shell";
	if (s->status == EXIT_NOT_FOUND)
		say_not_found(s->o);
	else if (s->status == EXIT_NOT_EXECUTABLE)
		say_not_executable(s->o, what, (u32)r->error);
	else if (r->step == CONTROL_STEP_USER)
		say("--user %s: no such user in the guest", s->o->user);
	else if (r->step == CONTROL_STEP_CWD)
		say("--cwd %s: %s (a path in the guest)", s->o->cwd, strerror(r->error));
	else
		say("%s: the guest could not start it: step %s: %s", what, control_step_name(r->step), strerror(r->error));
	say_loader_reason(s);
}

/* Sent when the guest is up: its clock is set by the time in it. */
static void send_launch(struct session *s)
{
	const struct options *o = s->o;
	char program[2 * PATH_BYTES] = "", term[256];
	char *envp[NAMES_MAX];
	u32 envc = 0;
	struct control_share shares[CONTROL_SHARES_MAX];
	bool named = false;
	for (u32 i = 0; i < o->env_count; i++) {
		envp[envc++] = o->env[i];
		named |= !strncmp(o->env[i], "TERM=", 5);
	}
	if (s->tty_fd >= 0 && !named && getenv("TERM")) {
		snprintf(term, sizeof(term), "TERM=%s", getenv("TERM"));
		envp[envc++] = term;
	}
	for (u32 i = 0; i < o->share_count; i++)
		shares[i] = (struct control_share){ o->shares[i].tag, o->shares[i].guest,
				o->shares[i].read_only ? "ro" : "rw" };
	struct timespec wall;
	clock_gettime(CLOCK_REALTIME, &wall);
	struct control_launch_request request = {
		.head = { .flags = (s->raw ? CONTROL_TTY_RAW : 0) | (o->login ? CONTROL_LOGIN : 0), .argc = o->argc, .envc = envc,
			  .share_count = o->share_count, .wall_ns = (u64)wall.tv_sec * NSEC_PER_SEC + (u64)wall.tv_nsec },
		.user = o->user, .cwd = o->cwd, .argv = o->argv, .envp = envp, .shares = shares,
		.program = o->argc ? program_translate(o, o->argv[0], program, sizeof(program)) : "",
	};
	memcpy(request.head.fd_kind, s->fd_kind, sizeof(request.head.fd_kind));
	if (s->tty_fd >= 0)
		terminal_size(s->tty_fd, &request.head.window);
	control_send_launch(&s->control, &request);
	s->launch_sent = true;
	if (o->verbose && o->argc)
		say("program in the guest: %s, working directory %s", request.program, o->cwd);
}

/* -v: where the time goes. */
static void say_time(const struct session *s, const char *what)
{
	if (s->o->verbose)
		say("%llu ms: %s", (unsigned long long)(now_ms() - s->start_ms), what);
}

static void on_frame(struct session *s, const struct control_header *header, const u8 *payload)
{
	switch (header->type) {
	case CONTROL_HELLO: {
		const struct control_hello *hello = (const void *)payload;
		if (hello->version != CONTROL_VERSION) {
			say("the guest speaks control protocol %u, I speak %u: rebuild the kernel",
					hello->version, CONTROL_VERSION);
			s->status = EXIT_AMBOS_FAILED;
		} else if (!s->launch_sent) {
			say_time(s, "the guest is up");
			send_launch(s);
		}
		break;
	}
	case CONTROL_LAUNCH_RESULT: {
		struct control_launch_result result;
		memcpy(&result, payload, sizeof(result));
		s->launched = true;
		say_time(s, "the program runs");
		if (result.error)
			launch_failed(s, &result);
		else if (s->raw) /* not earlier: while the VM starts, Ctrl-C ends it */
			terminal_make_raw(0);
		break;
	}
	case CONTROL_EXIT:
		memcpy(&s->result, payload, sizeof(s->result));
		s->exited = true;
		say_time(s, "the program has ended");
		break;
	case CONTROL_LOG:
		if (s->o->verbose || s->o->log)
			fprintf(stderr, "ambos: guest: %.*s\n", (int)(header->size - sizeof(u32)),
					(const char *)payload + sizeof(u32));
		break;
	case CONTROL_INPUT_CLOSED:
		s->in.from_ended = s->in_end_sent = true;
		s->in.length = 0;
		break;
	default:
		s->control.broken = true; /* a frame that only the host sends */
	}
}

static void read_control(struct session *s)
{
	struct control_header header;
	const u8 *payload;
	control_fill(&s->control);
	while (control_next(&s->control, &header, &payload))
		on_frame(s, &header, payload);
}

/* ---- signals ---- */
static void send_window(struct session *s)
{
	struct control_window window;
	if (s->tty_fd >= 0 && terminal_size(s->tty_fd, &window))
		control_send(&s->control, CONTROL_WINDOW, &window, sizeof(window));
}

static void reap(struct session *s)
{
	if (s->vm->pid > 0 && waitpid(s->vm->pid, &s->vm->wait_status, WNOHANG) == s->vm->pid) {
		s->vm->pid = 0;
		s->vm_gone = true;
	}
}

#define HANGUP_MS 3000 /* for the shell to save its history and its jobs to end; a busy guest may need longer: it is not waited for */

static void on_signal(struct session *s, u32 number)
{
	struct control_signal signal = { number, 0 };
	switch (number) {
	case SIGCHLD: reap(s); return;
	case SIGWINCH: send_window(s); return;
	case SIGCONT: terminal_resume(); send_window(s); return;
	case SIGHUP:
		if (s->o->login) /* the terminal is gone: a login session has nobody left to serve */
			s->hangup_ms = now_ms() + HANGUP_MS;
		__attribute__((fallthrough));
	default:
		if (s->launched)
			control_send(&s->control, CONTROL_SIGNAL, &signal, sizeof(signal));
		else
			s->status = EXIT_SIGNAL_BASE + (int)number; /* nothing runs yet that could handle it */
	}
}

static void read_signals(struct session *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		on_signal(s, info.ssi_signo);
}

static int open_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGCHLD };
	sigset_t set;
	sigemptyset(&set);
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- the loop ---- */
#define POLL_MAX 24
struct poll_list {
	struct pollfd fds[POLL_MAX];
	u32 count;
};
static u32 watch(struct poll_list *p, int fd, bool reads, bool writes)
{
	short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
	p->fds[p->count] = (struct pollfd){ .fd = fd, .events = events };
	return p->count++;
}

struct watched { u32 control, log, errors, trace, signals, in_from, in_to, out_from[CONTROL_STREAM_COUNT],
		out_to[CONTROL_STREAM_COUNT]; };

static void watch_all(struct session *s, struct poll_list *p, struct watched *w)
{
	p->count = 0;
	w->control = watch(p, s->control.broken ? -1 : s->control.fd, true, s->control.out_length > 0);
	w->log = watch(p, s->vm_gone ? -1 : s->vm->log, true, false);
	w->errors = watch(p, s->vm_gone ? -1 : s->vm->errors, true, false);
	w->trace = watch(p, s->vm_gone ? -1 : s->vm->trace, true, false);
	w->signals = watch(p, s->signals, true, false);
	/* Standard input is read only when the program can be running: what was not read stays for our caller. */
	w->in_from = watch(p, s->launched && stream_wants_read(&s->in) ? s->in.from : -1, true, false);
	w->in_to = watch(p, stream_wants_write(&s->in) ? s->in.to : -1, false, true);
	for (u32 i = 0; i < CONTROL_STREAM_COUNT; i++) {
		struct stream *out = &s->out[i];
		w->out_from[i] = watch(p, stream_wants_read(out) ? out->from : -1, true, false);
		/* With no event asked for, poll still tells that the reader of a pipe has gone. */
		w->out_to[i] = watch(p, out->used && !out->to_gone ? out->to : -1, false, stream_wants_write(out));
	}
}

static void relay_input(struct session *s, const struct poll_list *p, const struct watched *w)
{
	if (p->fds[w->in_from].revents)
		stream_read(&s->in);
	if (stream_wants_write(&s->in) && (p->fds[w->in_to].revents || p->fds[w->in_from].revents))
		stream_write(&s->in);
	if (s->in.used && s->in.from_ended && !s->in_end_sent) {
		struct control_stream end = { .stream = s->in_stream, .bytes = s->in.received };
		control_send(&s->control, CONTROL_INPUT_END, &end, sizeof(end));
		s->in_end_sent = true;
	}
}

static void relay_output(struct session *s, u32 i, const struct poll_list *p, const struct watched *w)
{
	struct stream *out = &s->out[i];
	short to_events = p->fds[w->out_to[i]].revents;
	if (p->fds[w->out_from[i]].revents)
		stream_read(out);
	if (to_events & (POLLERR | POLLNVAL))
		out->to_gone = true;
	if (stream_wants_write(out))
		stream_write(out);
	if (out->to_gone && !s->gone_sent[i]) {
		struct control_stream gone = { .stream = i, .bytes = out->written };
		control_send(&s->control, CONTROL_READER_GONE, &gone, sizeof(gone));
		s->gone_sent[i] = true;
	}
}

static bool all_written(const struct session *s)
{
	for (u32 i = 0; i < CONTROL_STREAM_COUNT; i++)
		if (s->out[i].used && !s->out[i].to_gone && s->out[i].written < s->result.sent[i])
			return false;
	return true;
}

static int poll_timeout(const struct session *s)
{
	u64 now = now_ms(), next = UINT64_MAX;
	const u64 times[] = { s->deadline_ms, s->stop_ms, s->panic_ms, s->hangup_ms };
	for (u32 i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i])
			next = MIN(next, times[i]);
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)MIN(next - now, (u64)60000);
}

/* Nothing is said while the program runs, as timeout(1) does; else the time went where the user did not expect it. */
static void say_timed_out(const struct session *s)
{
	if (!s->launch_sent)
		say("--timeout is over and the guest is not up yet");
	else if (!s->launched)
		say("--timeout is over and the guest has not started the program yet");
	else if (s->exited)
		say("--timeout is over; the program has ended, but its output has not all come");
}

static int exit_status_of(u32 wait_status)
{
	int status = (int)wait_status;
	return WIFSIGNALED(status) ? EXIT_SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Looks at what has been reached. True: `s->status` is the result and nothing is left to wait for. */
static bool session_over(struct session *s)
{
	u64 now = now_ms();
	if (s->status >= 0 && !s->exited)
		return true;
	if (s->exited && !s->drained && all_written(s)) {
		s->drained = true;
		s->status = exit_status_of(s->result.wait_status);
		control_send(&s->control, CONTROL_DRAINED, NULL, 0);
		if (!s->log_file && !s->trace_file)
			return true; /* everything is here: the VM has nothing more to say */
		s->stop_ms = now + POWER_OFF_MS;
	}
	if (s->drained && (s->vm_gone || now >= s->stop_ms))
		return true;
	if (s->deadline_ms && now >= s->deadline_ms) {
		say_timed_out(s);
		s->status = EXIT_TIMED_OUT;
		return true;
	}
	if (s->hangup_ms && now >= s->hangup_ms && !s->exited) {
		s->status = EXIT_SIGNAL_BASE + SIGHUP;
		return true;
	}
	if (s->panic_ms && now >= s->panic_ms) {
		s->status = fail(s, "the kernel of the VM panicked");
		return true;
	}
	if (s->vm_gone || (s->control.broken && !s->exited)) {
		s->status = fail(s, s->vm_gone ? "the VM ended before the program did" : "lost the control port of the VM");
		return true;
	}
	return false;
}

static void session_step(struct session *s)
{
	struct poll_list p;
	struct watched w;
	watch_all(s, &p, &w);
	if (poll(p.fds, p.count, poll_timeout(s)) < 0)
		return; /* EINTR: a stop and continue */
	if (p.fds[w.signals].revents)
		read_signals(s);
	if (p.fds[w.log].revents)
		read_log(s);
	if (p.fds[w.errors].revents)
		read_errors(s);
	if (p.fds[w.trace].revents)
		read_trace(s);
	for (u32 i = 0; i < CONTROL_STREAM_COUNT; i++)
		if (s->out[i].used)
			relay_output(s, i, &p, &w);
	if (p.fds[w.control].revents & (POLLIN | POLLHUP | POLLERR))
		read_control(s);
	if (s->in.used)
		relay_input(s, &p, &w);
	control_flush(&s->control);
}

static FILE *open_text(const char *path, const char *option)
{
	FILE *f = path ? fopen(path, "we") : stderr;
	if (!f)
		die(EXIT_AMBOS_FAILED, "%s=%s: %s", option, path, strerror(errno));
	return f;
}

static void open_streams(struct session *s, const u8 fd_kind[3])
{
	const int *ports = s->vm->ports;
	if (fd_kind[0] == CONTROL_FD_PIPE) {
		stream_open(&s->in, stream_private_fd(0, false), ports[PORT_FD0], false);
		s->in_stream = CONTROL_STREAM_FD0;
	} else if (fd_kind[0] == CONTROL_FD_TTY) {
		stream_open(&s->in, stream_private_fd(0, false), ports[PORT_TTY], false);
		s->in_stream = CONTROL_STREAM_TTY;
	}
	for (int fd = 1; fd <= 2; fd++)
		if (fd_kind[fd] == CONTROL_FD_PIPE)
			stream_open(&s->out[fd], ports[PORT_FD0 + fd], stream_private_fd(fd, true), true);
	int tty = -1; /* the session's tty shows where a terminal is; 1 before 2 before 0 */
	for (int fd = 2; fd >= 0; fd--)
		if (fd_kind[fd] == CONTROL_FD_TTY && (fd != 0 || tty < 0))
			tty = fd;
	if (tty >= 0)
		stream_open(&s->out[CONTROL_STREAM_TTY], ports[PORT_TTY], stream_private_fd(tty, true), true);
	s->tty_fd = tty;
}

int session_run(struct vm *vm, const struct options *o, const u8 fd_kind[3], bool raw)
{
	static struct session session;
	struct session *s = &session;
	*s = (struct session){ .vm = vm, .o = o, .status = -1, .tty_fd = -1, .raw = raw };
	memcpy(s->fd_kind, fd_kind, sizeof(s->fd_kind));
	s->start_ms = now_ms();
	s->signals = open_signals();
	signal(SIGPIPE, SIG_IGN);
	if (o->log)
		s->log_file = open_text(o->log_file, "--log");
	if (o->trace)
		s->trace_file = open_text(o->trace_file, "--trace");
	if (o->timeout_s > 0)
		s->deadline_ms = now_ms() + (u64)(o->timeout_s * 1000);
	control_open(&s->control, vm->ports[PORT_CONTROL]);
	open_streams(s, fd_kind);
	struct control_hello hello = { CONTROL_VERSION, 0 };
	control_send(&s->control, CONTROL_HELLO, &hello, sizeof(hello));
	reap(s); /* it may have ended before SIGCHLD was ours to read */
	while (!session_over(s))
		session_step(s);
	control_flush(&s->control);
	vm_kill(vm);
	terminal_restore();
	if (s->trace_file)
		fflush(s->trace_file);
	return s->status;
}
