// SPDX-License-Identifier: MIT
// The first process: init=NAME from the boot archive as an ordinary Linux program (tests), else rootd.
// Nothing else runs yet, so a failure here is a panic that names the step.
#include "boot_archive.h"
#include "boot_option.h"
#include "exec.h"
#include "file.h"
#include "native.h"
#include "vfs.h"
#include "../../lib/base/string.h"
#include "service.h"

#define FIRST_ARGUMENTS_MAX 32
#define FIRST_STACK_BYTES MIB(8)
#define ROOT_WAIT_NS (10 * NSEC_PER_SEC) /* a root mount takes milliseconds; then the test goes on without */

static const char *const first_environment[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=linux",
};

const struct boot_member *boot_member_find(const char *name)
{
	for (const struct boot_member *m = boot_archive; m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

/* argv: the program's name, then the comma-separated words of args=. `line` is cut in place. */
static u32 split_arguments(const char *name, char *line, const char **argv)
{
	u32 argc = 0;
	argv[argc++] = name;
	while (line && *line && argc < FIRST_ARGUMENTS_MAX) {
		char *comma = strchr(line, ',');
		argv[argc++] = line;
		if (comma)
			*comma++ = '\0';
		line = comma;
	}
	return argc;
}

/* init=NAME with `services`: the program finds the file tree that the services serve. */
static void wait_for_root(void)
{
	struct thread *t = thread_current();
	u64 deadline = time_now_ns() + ROOT_WAIT_NS;
	while (!vfs_has_root() && time_now_ns() < deadline) {
		wait_prepare();
		if (wait_sleep(time_now_ns() + NSEC_PER_MSEC, WAIT_UNINTERRUPTIBLE) != ERR_TIMEDOUT) { /* early is fine */ }
		wait_finish();
	}
	struct fs_context *fs = vfs_has_root() ? fs_context_initial() : NULL;
	if (!fs) {
		klog(LOG_WARN, "first process: no root file system");
		return;
	}
	fs_context_put(t->fs);
	t->fs = fs;
}

static void open_console(void)
{
	if (!console_file_open)
		return;
	for (int fd = 0; fd < 3; fd++) {
		struct file *f = console_file_open();
		if (!f || fdtable_install_at(thread_current()->fds, fd, f, 0))
			panic("first process: console cannot be opened");
	}
}

status_t image_start(const struct boot_member *m, const struct exec_args *args)
{
	struct linux_runtime runtime;
	struct exec_image image = { .aspace = aspace_create(process_current()->account) };
	if (!image.aspace)
		return ERR_NOMEM;
	linux_layout_choose(image.aspace, FIRST_STACK_BYTES);
	status_t st = image_load_memory(image.aspace, m->start, (u64)(m->end - m->start), &runtime);
	if (!st)
		st = linux_stack_build(image.aspace, &runtime, args, thread_current()->cred, FIRST_STACK_BYTES,
				       &image.stack_pointer);
	if (st) {
		aspace_put(image.aspace);
		return st;
	}
	image.entry = runtime.start;
	str_copy(image.name, m->name, sizeof(image.name));
	exec_commit(&image);
	return OK;
}

static void run_init(void *arg)
{
	const struct boot_member *m = arg;
	static char line[BOOT_COMMAND_LINE_BYTES];
	const char *argv[FIRST_ARGUMENTS_MAX];
	char *words = boot_option("args", line, sizeof(line)) ? line : NULL;
	u32 argc = split_arguments(m->name, words, argv);
	struct exec_args args;
	if (exec_args_from_strings(&args, m->name, argv, argc, first_environment, ARRAY_SIZE(first_environment)))
		panic("first process: no memory");
	open_console();
	if (boot_member_find("vfsd") && service_get(SERVICE_ROOTD))
		wait_for_root();
	status_t st = image_start(m, &args);
	if (st)
		panic("first process: %s cannot be loaded: %d", m->name, st);
	exec_args_free(&args);
	user_enter();
}

static void power_off_with(s32 wait_status)
{
	u32 code = (wait_status & 0x7f) ? 128u + ((u32)wait_status & 0x7f) : ((u32)wait_status >> 8) & 0xff;
	klog(LOG_INFO, "first process ended: status %u", code);
	machine_power_off(code);
}

void start_first_process(void)
{
	char name[64], value[4];
	native_init();
	if (!boot_option("init", name, sizeof(name))) {
		start_rootd();
		return;
	}
	const struct boot_member *m = boot_member_find(name);
	if (!m)
		panic("first process: %s is not in the boot archive", name);
	if (boot_option("services", value, sizeof(value)))
		start_rootd();
	struct process *p = process_create_pid(1, NULL, m->name, run_init, (void *)m);
	if (!p)
		panic("first process: cannot be created");
	process_get(p);
	process_start(p);
	if (WAIT_EVENT(&p->exit_wait, p->zombie, DEADLINE_NEVER, WAIT_UNINTERRUPTIBLE))
		panic("first process: wait failed");
	power_off_with(p->exit_status);
}
