// SPDX-License-Identifier: MIT
// Command line of `ambos run` and `ambos shell`. A mistake ends with status 125 and the name of what is wrong.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ambos.h"

#define MEMORY_DEFAULT GIB(1)
#define MEMORY_MIN MIB(64)      /* kernel, services and one program */
#define MEMORY_MAX GIB(1024)
#define CPUS_MAX 64             /* MAX_CPUS of the kernel */

struct cursor {
	int argc, next;
	char **argv;
	const char *inline_value; /* of --name=value */
	const char *name;
};

static bool option_is(struct cursor *c, const char *arg, const char *name)
{
	size_t length = strlen(name);
	if (strncmp(arg, name, length) || (arg[length] && arg[length] != '='))
		return false;
	c->name = name;
	c->inline_value = arg[length] ? arg + length + 1 : NULL;
	return true;
}

static const char *value(struct cursor *c)
{
	if (c->inline_value)
		return c->inline_value;
	if (c->next >= c->argc)
		die(EXIT_AMBOS_FAILED, "%s needs a value; see `ambos help run`", c->name);
	return c->argv[c->next++];
}

static void no_value(const struct cursor *c)
{
	if (c->inline_value)
		die(EXIT_AMBOS_FAILED, "%s takes no value", c->name);
}

static u64 parse_size(const char *text)
{
	char *end;
	double number = strtod(text, &end);
	u64 unit = *end == 'G' || *end == 'g' ? GIB(1) : *end == 'K' || *end == 'k' ? KIB(1) : MIB(1);
	if (*end && strchr("GgMmKk", *end))
		end++;
	if (*end == 'i')
		end++;
	if (*end == 'B')
		end++;
	double bytes = number * (double)unit;
	if (end == text || *end || !(bytes >= (double)MEMORY_MIN) || bytes > (double)MEMORY_MAX)
		die(EXIT_AMBOS_FAILED, "--memory %s: give a size such as 512M or 2G, at least 64M", text);
	return ALIGN_DOWN((u64)bytes, MIB(1));
}

static enum accel parse_accel(const char *text)
{
	static const char *const names[] = { "auto", "kvm", "tcg" };
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i]))
			return (enum accel)i;
	die(EXIT_AMBOS_FAILED, "--accel %s: give auto, kvm or tcg", text);
}

static u32 parse_cpus(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (end == text || *end || n < 1 || n > CPUS_MAX)
		die(EXIT_AMBOS_FAILED, "--cpus %s: give a number from 1 to %d", text, CPUS_MAX);
	return (u32)n;
}

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end || !(seconds > 0) || seconds > 1e9)
		die(EXIT_AMBOS_FAILED, "--timeout %s: give a number of seconds", text);
	return seconds;
}

static void add_env(struct options *o, const char *text)
{
	if (!strchr(text, '=') || text[0] == '=')
		die(EXIT_AMBOS_FAILED, "--env %s: give NAME=VALUE", text);
	if (o->env_count + 2 > NAMES_MAX)
		die(EXIT_AMBOS_FAILED, "more than %d --env options", NAMES_MAX - 2);
	o->env[o->env_count++] = (char *)text;
}

static void add_qemu_arg(struct options *o, const char *text)
{
	if (o->qemu_arg_count == NAMES_MAX)
		die(EXIT_AMBOS_FAILED, "more than %d --qemu-arg options", NAMES_MAX);
	o->qemu_args[o->qemu_arg_count++] = text;
}

static bool parse_machine_option(struct options *o, struct cursor *c, const char *arg)
{
	if (option_is(c, arg, "--memory"))
		o->memory_bytes = parse_size(value(c));
	else if (option_is(c, arg, "--cpus"))
		o->cpus = parse_cpus(value(c));
	else if (option_is(c, arg, "--image"))
		o->image = value(c);
	else if (option_is(c, arg, "--accel"))
		o->accel = parse_accel(value(c));
	else if (option_is(c, arg, "--qemu-arg"))
		add_qemu_arg(o, value(c));
	else if (option_is(c, arg, "--icount"))
		no_value(c), o->icount = true;
	else if (option_is(c, arg, "--trace"))
		o->trace = true, o->trace_file = c->inline_value;
	else if (option_is(c, arg, "--log"))
		o->log = true, o->log_file = c->inline_value;
	else
		return false;
	return true;
}

static bool parse_program_option(struct options *o, struct cursor *c, const char *arg)
{
	if (option_is(c, arg, "--share"))
		shares_add(o, value(c));
	else if (option_is(c, arg, "--no-share"))
		no_value(c), o->no_share = true;
	else if (option_is(c, arg, "--env"))
		add_env(o, value(c));
	else if (option_is(c, arg, "--cwd"))
		o->cwd = value(c);
	else if (option_is(c, arg, "--user"))
		o->user = value(c);
	else if (option_is(c, arg, "--timeout"))
		o->timeout_s = parse_seconds(value(c));
	else if (!strcmp(arg, "-v"))
		o->verbose = true;
	else
		return false;
	return true;
}

void options_parse(struct options *o, int argc, char **argv, bool login)
{
	*o = (struct options){ .memory_bytes = MEMORY_DEFAULT, .cpus = 2, .user = "root", .login = login };
	struct cursor c = { .argc = argc, .argv = argv };
	while (c.next < argc) {
		const char *arg = argv[c.next];
		if (arg[0] != '-' || !arg[1])
			break;
		c.next++;
		if (!strcmp(arg, "--"))
			break;
		if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
			char *topic[] = { login ? "shell" : "run" };
			exit(help_command(1, topic));
		}
		if (!parse_machine_option(o, &c, arg) && !parse_program_option(o, &c, arg))
			die(EXIT_AMBOS_FAILED, "unknown option %s; see `ambos help %s`", arg, login ? "shell" : "run");
	}
	o->argv = argv + c.next;
	o->argc = (u32)(argc - c.next);
	if (!o->argc && !login)
		die(EXIT_AMBOS_FAILED, "no program given; see `ambos help run`");
	if (o->icount)
		o->cpus = 1;
	shares_finish(o);
}
