// SPDX-License-Identifier: MIT
/* The smallest useful program: each argument in brackets, standard input copied, a word on standard error, and the exit
 * code that --exit names. usage: console.exe [--exit CODE] [--copy] ARGUMENT... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <io.h>
#include <fcntl.h>

static void copy_input(void)
{
	char buffer[4096];
	size_t count;
	_setmode(0, _O_BINARY);
	_setmode(1, _O_BINARY);
	while ((count = fread(buffer, 1, sizeof(buffer), stdin)) != 0)
		fwrite(buffer, 1, count, stdout);
}

int main(int argc, char **argv)
{
	int code = 0, i = 1;
	_setmode(1, _O_BINARY);
	for (; i < argc && argv[i][0] == '-' && argv[i][1] == '-'; i++) {
		if (!strcmp(argv[i], "--exit") && i + 1 < argc)
			code = (int)strtoul(argv[++i], NULL, 0);
		else if (!strcmp(argv[i], "--copy"))
			copy_input();
		else if (!strcmp(argv[i], "--stderr"))
			fprintf(stderr, "a word on standard error\n");
	}
	for (; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return code;
}
