// SPDX-License-Identifier: MIT
// The virtual machine: QEMU's command line, and a child that cannot outlive us. Ports are socket pairs whose other
// ends QEMU inherits; nothing of the VM is reachable from outside of this process.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ambos.h"

#define ARGS_MAX (128 + NAMES_MAX)
#define ARG_TEXT_BYTES (64u << 10)  /* formatted arguments: paths of 16 shares fit */
#define IMAGE_ALIGN MIB(2)          /* the NVDIMM slot is reserved in these units */
#define CHILD_EXEC_FAILED 122       /* exit status of a child whose exec failed */
#define PORT_BUFFER_BYTES (1 << 20) /* fewer wake-ups per megabyte; the kernel may grant less */

static const char *const port_names[PORT_COUNT] = {
	CONTROL_PORT, CONTROL_PORT_TTY, CONTROL_PORT_FD "0", CONTROL_PORT_FD "1", CONTROL_PORT_FD "2",
};

struct command {
	const char *argv[ARGS_MAX];
	u32 argc;
	char text[ARG_TEXT_BYTES];
	u32 used;
};

static void add(struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct command *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(c->text + c->used, sizeof(c->text) - c->used, fmt, ap);
	va_end(ap);
	if (c->argc + 2 > ARGS_MAX || (u32)n + 1 > sizeof(c->text) - c->used)
		die(EXIT_AMBOS_FAILED, "too many options for QEMU");
	c->argv[c->argc++] = c->text + c->used;
	c->used += (u32)n + 1;
}

static void add_pair(struct command *c, const char *option, const char *value)
{
	add(c, "%s", option);
	add(c, "%s", value);
}

/* QEMU reads a comma in a value as the next option unless it is doubled. */
static const char *escape_commas(const char *path, char *buffer, size_t size)
{
	size_t n = 0;
	for (; *path && n + 3 < size; path++) {
		if (*path == ',')
			buffer[n++] = ',';
		buffer[n++] = *path;
	}
	buffer[n] = 0;
	return buffer;
}

static bool kvm_works(void)
{
	char line[4096];
	bool flag = false;
	FILE *f = fopen("/proc/cpuinfo", "re");
	while (f && !flag && fgets(line, sizeof(line), f))
		flag = !strncmp(line, "flags", 5) && (strstr(line, " vmx") || strstr(line, " svm"));
	if (f)
		fclose(f);
	int fd = flag ? open("/dev/kvm", O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* qboot starts a kernel 45 ms sooner than SeaBIOS; it comes with QEMU. "": QEMU's default. */
static const char *choose_bios(const char *qemu)
{
	static char path[PATH_BYTES + 64];
	const char *named = getenv("AMBOS_BIOS");
	if (named)
		return named;
	const char *slash = strrchr(qemu, '/');
	snprintf(path, sizeof(path), "%.*s/../share/qemu/qboot.rom", slash ? (int)(slash - qemu) : 0, qemu);
	return access(path, R_OK) == 0 ? path : "";
}

static void add_processor(struct command *c, const struct options *o)
{
	bool kvm = o->accel == ACCEL_KVM || (o->accel == ACCEL_AUTO && !o->icount && kvm_works());
	if (o->accel == ACCEL_KVM && !kvm_works())
		die(EXIT_AMBOS_FAILED, "--accel kvm: this machine has no usable /dev/kvm; use --accel tcg");
	add_pair(c, "-accel", kvm ? "kvm" : "tcg");
	/* Under TCG rep movs and rep stos are slow; the kernel chooses by these two CPUID bits. */
	add_pair(c, "-cpu", kvm ? "host" : "max,-erms,-fsrm");
	add(c, "-smp");
	add(c, "%u", o->cpus);
	if (o->icount)
		add_pair(c, "-icount", "shift=0,sleep=off");
}

#define IMAGE_SUPERBLOCK_END (1024 + 128) /* EROFS: at 1024, 128 bytes */

/* The image as a read-only NVDIMM: mapped, not copied, and not part of the guest's RAM. */
static void add_image(struct command *c, const struct options *o, struct vm *vm)
{
	char escaped[2 * PATH_BYTES];
	const char *image = find_image(o);
	struct stat st;
	if (stat(image, &st))
		die(EXIT_AMBOS_FAILED, "image %s: %s", image, strerror(errno));
	if ((u64)st.st_size < IMAGE_SUPERBLOCK_END)
		die(EXIT_AMBOS_FAILED, "image %s: not a system image (%llu bytes, no room for a superblock)", image,
		    (unsigned long long)st.st_size);
	u64 size = ALIGN_DOWN((u64)st.st_size, PAGE_SIZE);
	vm->image_as_module = getenv("AMBOS_NO_NVDIMM") != NULL || size != (u64)st.st_size;
	add(c, "-m");
	if (vm->image_as_module) {
		say("image %s is passed as a boot module (slower start, uses guest memory)", image);
		add(c, "%llu", (unsigned long long)(o->memory_bytes >> 20));
		add_pair(c, "-initrd", image);
		return;
	}
	u64 room = (ALIGN_UP(size, IMAGE_ALIGN) >> 20) + 1024;
	add(c, "%lluM,slots=2,maxmem=%lluM", (unsigned long long)(o->memory_bytes >> 20),
	    (unsigned long long)((o->memory_bytes >> 20) + room));
	add(c, "-object");
	add(c, "memory-backend-file,id=image,share=on,readonly=on,size=%llu,mem-path=%s", (unsigned long long)size,
	    escape_commas(image, escaped, sizeof(escaped)));
	add_pair(c, "-device", "nvdimm,id=nvdimm0,memdev=image,unarmed=on");
}

static void add_shares(struct command *c, const struct options *o)
{
	char escaped[2 * PATH_BYTES];
	for (u32 i = 0; i < o->share_count; i++) {
		const struct share *s = &o->shares[i];
		add(c, "-fsdev");
		add(c, "local,id=fs%u,security_model=none,multidevs=remap%s,path=%s", i, s->read_only ? ",readonly=on" : "",
		    escape_commas(s->host, escaped, sizeof(escaped)));
		add(c, "-device");
		add(c, "virtio-9p-pci,disable-legacy=on,fsdev=fs%u,mount_tag=%s", i, s->tag);
	}
}

/* A socket pair: ours comes back, QEMU's is inherited under its number. */
static int add_chardev(struct command *c, const char *id)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die(EXIT_AMBOS_FAILED, "socketpair: %s", strerror(errno));
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFD, 0);
	const int size = PORT_BUFFER_BYTES;
	for (int i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	add(c, "-chardev");
	add(c, "socket,id=%s,fd=%d", id, pair[1]);
	return pair[0];
}

static void add_ports(struct command *c, struct vm *vm, const bool wanted[PORT_COUNT], bool trace)
{
	add_pair(c, "-device", "virtio-serial-pci,id=serial,max_ports=8,disable-legacy=on");
	for (int i = 0; i < PORT_COUNT; i++) {
		char id[16];
		vm->ports[i] = -1;
		if (!wanted[i])
			continue;
		snprintf(id, sizeof(id), "port%d", i);
		vm->ports[i] = add_chardev(c, id);
		add(c, "-device");
		add(c, "virtserialport,bus=serial.0,nr=%d,chardev=%s,name=%s", i + 1, id, port_names[i]);
	}
	vm->log = add_chardev(c, "log");
	add_pair(c, "-serial", "chardev:log");
	vm->trace = -1;
	if (trace) {
		vm->trace = add_chardev(c, "trace");
		add_pair(c, "-serial", "chardev:trace");
	}
}

static void build_command(struct command *c, struct vm *vm, const struct options *o, const char *qemu,
			  const bool wanted[PORT_COUNT])
{
	add(c, "%s", qemu);
	add_pair(c, "-name", "ambos");
	add(c, "-nodefaults");
	add(c, "-no-user-config");
	add_pair(c, "-display", "none");
	add(c, "-no-reboot");
	add_pair(c, "-M", "q35,nvdimm=on,smbus=off,sata=off,usb=off");
	const char *bios = choose_bios(qemu);
	if (*bios)
		add_pair(c, "-bios", bios);
	add_processor(c, o);
	add_image(c, o, vm);
	add_pair(c, "-kernel", find_kernel());
	add(c, "-append");
	const char *extra = getenv("AMBOS_KERNEL_OPTIONS"); /* words for tests: test_ipc */
	add(c, "console=com1%s%s%s%s", o->trace ? " trace=com2" : "",
	    o->verbose || o->log ? " log=debug" : "", extra ? " " : "",
	    extra ? extra : "");
	add_ports(c, vm, wanted, o->trace);
	add_shares(c, o);
	for (u32 i = 0; i < o->qemu_arg_count; i++)
		add(c, "%s", o->qemu_args[i]);
	c->argv[c->argc] = NULL;
}

/* Runs in the child. Our death kills it, also between fork and prctl (the second test). */
static void child_exec(const struct command *c, pid_t parent, int errors)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CHILD_EXEC_FAILED);
	setsid(); /* Ctrl-C of the terminal is for the program, not for QEMU */
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(errors, 1);
	dup2(errors, 2);
	if (null > 2)
		close(null);
	execv(c->argv[0], (char *const *)c->argv);
	dprintf(2, "cannot run %s: %s\n", c->argv[0], strerror(errno));
	_exit(CHILD_EXEC_FAILED);
}

static void close_inherited(const struct command *c)
{
	for (u32 i = 0; i < c->argc; i++) {
		const char *fd = strncmp(c->argv[i], "socket,id=", 10) ? NULL : strstr(c->argv[i], ",fd=");
		if (fd)
			close(atoi(fd + 4));
	}
}

void vm_start(struct vm *vm, const struct options *o, const bool wanted[PORT_COUNT])
{
	static struct command command;
	char qemu[PATH_BYTES];
	if (!find_qemu(qemu, sizeof(qemu)))
		die(EXIT_AMBOS_FAILED, "qemu-system-x86_64 is missing: install it (Debian: apt-get install qemu-system-x86)");
	build_command(&command, vm, o, qemu, wanted);
	if (o->verbose) {
		fputs("ambos:", stderr);
		for (u32 i = 0; i < command.argc; i++)
			fprintf(stderr, strpbrk(command.argv[i], " $'\"") ? " '%s'" : " %s", command.argv[i]);
		fputc('\n', stderr);
	}
	int errors[2];
	if (pipe2(errors, O_CLOEXEC))
		die(EXIT_AMBOS_FAILED, "pipe: %s", strerror(errno));
	fcntl(errors[0], F_SETFL, O_NONBLOCK);
	pid_t parent = getpid();
	vm->pid = fork();
	if (vm->pid < 0)
		die(EXIT_AMBOS_FAILED, "fork: %s", strerror(errno));
	if (vm->pid == 0)
		child_exec(&command, parent, errors[1]);
	close(errors[1]);
	vm->errors = errors[0];
	close_inherited(&command);
}

void vm_kill(struct vm *vm)
{
	if (vm->pid <= 0)
		return;
	kill(vm->pid, SIGKILL);
	while (waitpid(vm->pid, &vm->wait_status, 0) < 0 && errno == EINTR)
		;
	vm->pid = 0;
}
