// SPDX-License-Identifier: MIT
// Help texts. The man page docs/ambos.1 says the same at length.
#include <stdio.h>
#include <string.h>

#include "ambos.h"

static const char overview[] =
	"usage: ambos COMMAND\n"
	"  run [OPTIONS] [--] PROGRAM [ARG...]  run a Linux or Windows program in a fresh virtual machine\n"
	"  shell [OPTIONS]                      an interactive session on this terminal\n"
	"  image build|list|verify              system images\n"
	"  help [COMMAND]                       this text, or a command's\n";

static const char options_text[] =
	"The current folder is shared read-write at /host and is the working directory.\n"
	"PROGRAM: with a '/' and relative it lies under the shared folder; absolute inside a shared folder it is\n"
	"translated; another absolute path is the guest's; a bare name is found by PATH in the guest.\n"
	"  --share HOST[:GUEST][:ro]  share a host folder (repeatable; GUEST defaults to /mnt/NAME)\n"
	"  --no-share                 do not share the current folder\n"
	"  --env NAME=VALUE           environment of the program (repeatable; on top of the account's PATH, HOME, ...)\n"
	"  --cwd DIR                  working directory in the guest\n"
	"  --user NAME                user in the guest (default root)\n"
	"  --memory SIZE              guest memory (default 1G)\n"
	"  --cpus N                   processors (default 2)\n"
	"  --image FILE               system image (default out/image/system.erofs; AMBOS_IMAGE)\n"
	"  --accel auto|kvm|tcg       how the processor runs (default auto)\n"
	"  --timeout SECONDS          end the run after this time, with status 124\n"
	"  --trace[=FILE]             every system call of the program, decoded (default: standard error)\n"
	"  --log[=FILE]               log of the kernel and its services (default: standard error)\n"
	"  --icount                   one processor, instruction-counted time (repeatable measurements)\n"
	"  --qemu-arg ARG             one more argument for QEMU (repeatable)\n"
	"  -v                         show QEMU's command line and the guest's messages\n"
	"Exit status: the program's; 128+n killed by signal n, 124 timeout, 125 ambos or the VM failed,\n"
	"126 found but not executable, 127 not found.\n";

static const char image_text[] =
	"usage: ambos image build [--packages \"NAME...\"] [--add HOST:GUEST]... [--output FILE]\n"
	"       ambos image list\n"
	"       ambos image verify [FILE]\n"
	"build makes the image from Debian packages (cached; rebuilt when its inputs change), list shows the images\n"
	"of this installation, verify checks an image's structure and every byte against its checksum.\n";

int help_command(int argc, char **argv)
{
	const char *topic = argc > 0 ? argv[0] : "";
	if (!strcmp(topic, "run"))
		printf("usage: ambos run [OPTIONS] [--] PROGRAM [ARG...]\n%s", options_text);
	else if (!strcmp(topic, "shell"))
		printf("usage: ambos shell [OPTIONS] [--] [PROGRAM [ARG...]]\n"
		       "The login shell of the user on this terminal, with job control.\n%s",
		       options_text);
	else if (!strcmp(topic, "image"))
		fputs(image_text, stdout);
	else if (!*topic || !strcmp(topic, "help"))
		fputs(overview, stdout);
	else
		die(EXIT_AMBOS_FAILED, "no help on %s; see `ambos help`", topic);
	return 0;
}
