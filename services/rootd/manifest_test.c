// SPDX-License-Identifier: MIT
// Unit test of the manifest parser: one line per case, exit status 0 when all hold.
// LINK: services/rootd/manifest.c
#include <stdio.h>
#include <string.h>

#include "../../abi/core/ipc.h"
#include "manifest.h"
#include "../../tests/unit.h"

static status_t parse(const char *text, struct proc_service_define *d, u32 *line)
{
	const char *why;
	return manifest_parse(text, strlen(text), d, line, &why);
}

int main(void)
{
	struct proc_service_define d;
	u32 line;
	check("full manifest is accepted",
	      parse("# c\ncapabilities = vfs mm\nlinux = base pread64\nthreads = 4\nstate_kib = 64\n"
		    "state_max_kib = 128\n", &d, &line) == OK);
	check("capabilities are bits", d.capabilities == (AMBOS_CAP_VFS | AMBOS_CAP_MM));
	check("pread64 is allowed", d.linux_calls[0] & BIT(17));
	check("open is not allowed", !(d.linux_calls[0] & BIT(2)));
	check("sizes are bytes", d.state_bytes == 64 << 10 && d.state_max_bytes == 128 << 10);
	check("unknown capability names its line", parse("threads = 1\ncapabilities = all\n", &d,
		&line) == ERR_INVAL && line == 2);
	check("unknown call is refused", parse("linux = frobnicate\n", &d, &line) == ERR_INVAL);
	check("unknown key is refused", parse("colour = 1\n", &d, &line) == ERR_INVAL);
	check("huge number is refused", parse("threads = 99999999999999999999999\n", &d, &line) == ERR_INVAL);
	check("missing equals is refused", parse("threads 1\n", &d, &line) == ERR_INVAL);
	check("no threads is refused", parse("state_kib = 4\nstate_max_kib = 4\n", &d, &line) == ERR_INVAL);
	return failures != 0;
}
