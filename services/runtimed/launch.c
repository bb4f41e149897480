// SPDX-License-Identifier: MIT
// From the stored LAUNCH request to the running program: shares, user, working directory, streams, look-up, spawn.
// The result goes to the host with the step that failed.
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtimed.h"

#define MOUNT_OPTIONS "trans=virtio,version=9p2000.L"
#define SPAWN_ID 1             /* one program per machine */
/* The Windows tools stand last: names with .exe, so that Debian's stay what a bare name means. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/system/drive_c/Windows/System32"
#define ROOT_TRIES 20000       /* 10 seconds: a mount takes milliseconds */
#define ROOT_RETRY_US 500
#define STRINGS_EXTRA (6 * PATH_BYTES)

static char strings[CONTROL_PAYLOAD_MAX + STRINGS_EXTRA];
static u32 strings_used;

static status_t make_folders(const char *path)
{
	char part[PATH_BYTES];
	size_t length = strlen(path);
	if (length >= sizeof(part) || path[0] != '/')
		return ERR_INVAL;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return OK;
}

static status_t mount_shares(const struct control_launch_view *v)
{
	struct session_state *s = session();
	for (u32 i = s->mounted; i < v->head.share_count; i++) {
		const char *tag = control_string(v, v->share_first + 3 * i);
		const char *where = control_next_string(tag), *options = control_next_string(where);
		status_t st = make_folders(where);
		if (st)
			return st;
		if (mount(tag, where, "9p", strcmp(options, "ro") ? 0 : MS_RDONLY, MOUNT_OPTIONS))
			return -errno;
		txn_begin();
		TXN_SET(s->mounted, i + 1);
		txn_commit(NULL, OK);
	}
	return OK;
}

/* The machine's clock chip gives whole seconds; a build on the share must not see files of the future. */
static void set_clock(u64 wall_ns)
{
	struct session_state *s = session();
	struct timespec t = { .tv_sec = (time_t)(wall_ns / NSEC_PER_SEC), .tv_nsec = (long)(wall_ns % NSEC_PER_SEC) };
	if (s->clock_set)
		return;
	if (clock_settime(CLOCK_REALTIME, &t))
		service_log("the clock cannot be set, errno %d", errno);
	txn_begin();
	TXN_SET(s->clock_set, 1);
	txn_commit(NULL, OK);
}

static status_t check_cwd(const char *cwd)
{
	struct stat st;
	if (stat(cwd, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? OK : ERR_NOTDIR;
}

/* ---- argv and envp as one run of strings ---- */
static void add_string(const char *text)
{
	size_t size = strlen(text) + 1;
	if (strings_used + size > sizeof(strings))
		service_panic("launch strings overflow"); /* the request's limit makes this impossible */
	memcpy(strings + strings_used, text, size);
	strings_used += (u32)size;
}

static void add_joined(const char *first, char separator, const char *second)
{
	add_string(first);
	strings[strings_used - 1] = separator;
	add_string(second);
}

static const char *env_value(const struct control_launch_view *v, const char *name)
{
	size_t length = strlen(name);
	const char *at = control_string(v, v->env_first);
	for (u32 i = 0; i < v->head.envc; i++, at = control_next_string(at))
		if (!strncmp(at, name, length) && at[length] == '=')
			return at + length + 1;
	return NULL;
}

static u32 add_login_environment(const struct control_launch_view *v, const struct account *a)
{
	const char *const pairs[][2] = {
		{ "HOME", a->home }, { "USER", a->name }, { "LOGNAME", a->name }, { "SHELL", a->shell },
				{ "PATH", DEFAULT_PATH },
	};
	u32 count = 0;
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++)
		if (!env_value(v, pairs[i][0])) {
			add_joined(pairs[i][0], '=', pairs[i][1]);
			count++;
		}
	return count;
}

static void build_strings(const struct control_launch_view *v, const struct account *a, struct proc_spawn *spawn)
{
	strings_used = 0;
	const char *at = control_string(v, v->argv_first);
	if (!v->head.argc) { /* a leading '-' makes it a login shell */
		const char *base = strrchr(a->shell, '/');
		add_joined("", '-', base ? base + 1 : a->shell);
	}
	for (u32 i = 0; i < v->head.argc; i++, at = control_next_string(at))
		add_string(at);
	spawn->argc = MAX(v->head.argc, 1u);
	spawn->envc = v->head.envc;
	spawn->envc += add_login_environment(v, a);
	for (u32 i = 0; i < v->head.envc; i++, at = control_next_string(at))
		add_string(at);
	spawn->strings = (u64)strings;
	spawn->strings_size = strings_used;
}

static void choose_fds(const struct control_launch_view *v, s32 fds[3], struct proc_spawn *spawn)
{
	struct session_state *s = session();
	spawn->tty_fd = -1;
	for (u32 fd = 0; fd < 3; fd++)
		switch (v->head.fd_kind[fd]) {
		case CONTROL_FD_TTY:
			fds[fd] = s->tty_slave;
			spawn->tty_fd = s->tty_slave;
			spawn->flags |= PROC_SPAWN_CONTROLLING_TTY;
			break;
		case CONTROL_FD_PIPE: fds[fd] = s->streams[fd].child_fd; break;
		default: fds[fd] = s->null_fd; break;
		}
	spawn->fds = (u64)fds;
	spawn->fd_count = 3;
}

static status_t spawn_program(const struct control_launch_view *v, const struct account *a,
		const char *path, struct proc_spawn *spawn)
{
	s32 fds[3];
	*spawn = (struct proc_spawn){
		.path = (u64)path, .cwd = (u64)v->cwd, .flags = PROC_SPAWN_CREDENTIALS,
				.uid = a->uid, .gid = a->gid,
		.groups = (u64)a->groups, .group_count = a->group_count, .spawn_id = SPAWN_ID,
	};
	build_strings(v, a, spawn);
	choose_fds(v, fds, spawn);
	return (status_t)ambos_call(AMBOS_CALL_PROC_PREPARE_BROKER, PROC_SPAWN, (u64)spawn, sizeof(*spawn), 0, 0);
}

/* We may be up before vfsd has the root: /dev is the last of what it mounts. */
static status_t wait_for_root(void)
{
	struct stat st;
	for (u32 i = 0; stat("/dev/null", &st); i++) {
		if (i == ROOT_TRIES)
			return ERR_NODEV;
		usleep(ROOT_RETRY_US);
	}
	return OK;
}

/* ---- the steps ---- */
static status_t run_steps(u32 *step, struct proc_spawn *spawn)
{
	static struct account account;
	static char path[PATH_BYTES];
	struct session_state *s = session();
	struct control_launch_view view;
	status_t st;
	*step = CONTROL_STEP_REQUEST;
	if ((st = control_decode_launch(state_ptr(s->launch), s->launch_size, &view)))
		return st;
	set_clock(view.head.wall_ns);
	*step = CONTROL_STEP_MOUNT;
	if ((st = wait_for_root()) || (st = mount_shares(&view)))
		return st;
	*step = CONTROL_STEP_USER;
	if ((st = find_user(view.user, &account)))
		return st;
	*step = CONTROL_STEP_CWD;
	if ((st = check_cwd(view.cwd)))
		return st;
	*step = CONTROL_STEP_STREAMS;
	if ((st = streams_open(&view)))
		return st;
	*step = CONTROL_STEP_LOOKUP;
	const char *program = view.head.argc ? view.program : account.shell;
	if ((st = find_program(program, env_value(&view, "PATH"), view.cwd, path, sizeof(path))))
		return st;
	*step = CONTROL_STEP_EXEC;
	return spawn_program(&view, &account, path, spawn);
}

void launch_run(void)
{
	struct session_state *s = session();
	struct proc_spawn spawn = { 0 };
	struct control_launch_result result = { 0 };
	status_t st = run_steps(&result.step, &spawn);
	result.error = -st;
	if (st)
		service_log("launch: step %s failed, status %d", control_step_name(result.step), st);
	txn_begin();
	if (st == OK) {
		result.step = CONTROL_STEP_NONE;
		TXN_SET(s->pid, spawn.pid);
		TXN_SET(s->pidfd, spawn.pidfd);
	}
	TXN_SET(s->phase, st ? PHASE_REPORTED : PHASE_RUN);
	control_queue(CONTROL_LAUNCH_RESULT, &result, sizeof(result));
	txn_commit(NULL, OK);
	streams_close_child_ends();
}
