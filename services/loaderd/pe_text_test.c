// SPDX-License-Identifier: MIT
// Unit test of command line quoting (against the documented splitting rules), DOS paths, UTF-16 and the environment.
// LINK: services/loaderd/pe_text.c lib/base/fmt.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pe.h"
#include "../../tests/unit.h"

/* Splits as CommandLineToArgvW documents; arguments of ASCII only. */
static u32 split(const u16 *line, u32 count, char out[16][64])
{
	u32 argc = 0, i = 0;
	while (i < count) {
		u32 n = 0;
		bool quoted = false;
		for (; i < count && (quoted || (line[i] != ' ' && line[i] != '\t')); i++) {
			u32 slashes = 0;
			while (argc && i < count && line[i] == '\\')
				slashes++, i++;
			bool quote = i < count && line[i] == '"';
			for (u32 k = 0; k < (quote ? slashes / 2 : slashes); k++)
				out[argc][n++] = '\\';
			if (quote && argc && slashes % 2)
				out[argc][n++] = '"';
			else if (quote)
				quoted = !quoted;
			else if (i < count && (quoted || (line[i] != ' ' && line[i] != '\t')))
				out[argc][n++] = (char)line[i];
			else
				break;
		}
		out[argc++][n] = '\0';
		while (i < count && (line[i] == ' ' || line[i] == '\t'))
			i++;
	}
	return argc;
}

static struct pe_program p;
static char text[4096];

static void start(const char *const *argv, const char *const *envp)
{
	size_t at = 0;
	p.arguments = (struct proc_arguments){ .processors = 2 };
	p.text = text;
	for (; *argv; argv++, p.arguments.argc++, at += strlen(text + at) + 1)
		strcpy(text + at, *argv);
	for (; *envp; envp++, p.arguments.envc++, at += strlen(text + at) + 1)
		strcpy(text + at, *envp);
	p.unix_path = "/host/dir one/prog.exe";
}

static bool round_trip(const char *const *argv)
{
	static const char *const none[] = { NULL };
	static char out[16][64];
	struct pe_text16 t = { 0 };
	start(argv, none);
	pe_put_command_line(&t, &p);
	bool same = split(t.at, t.count, out) == p.arguments.argc;
	for (u32 i = 1; i < p.arguments.argc && same; i++)
		same = strcmp(out[i], argv[i]) == 0;
	free(t.at);
	return same && strcmp(out[0], "Z:\\host\\dir one\\prog.exe") == 0;
}

static void test_command_line(void)
{
	const char *plain[] = { "./prog.exe", "a", "bc", NULL }, *spaces[] = { "prog.exe", "a b", "", "\t", NULL };
	const char *quotes[] = { "prog.exe", "\"", "b \"c", "a\\\"b", NULL };
	const char *slashes[] = { "prog.exe", "c:\\dir\\", "c:\\a b\\", "\\\\", "x\\\\\" y", NULL };
	check("plain_arguments", round_trip(plain));
	check("blank_and_empty_arguments", round_trip(spaces));
	check("quotes", round_trip(quotes));
	check("backslashes", round_trip(slashes));
}

static bool text_is(struct pe_text16 *t, const char *ascii)
{
	bool same = t->count == strlen(ascii);
	for (u32 i = 0; i < t->count && same; i++)
		same = t->at[i] == (u8)ascii[i];
	t->count = 0;
	return same;
}

static void test_paths(void)
{
	struct pe_text16 t = { 0 };
	pe_put_dos_path(&t, "/");
	check("root", text_is(&t, "Z:\\"));
	pe_put_dos_path(&t, "/usr/bin/a");
	check("z_drive", text_is(&t, "Z:\\usr\\bin\\a"));
	pe_put_dos_path(&t, WINDOWS_DRIVE_C);
	check("c_root", text_is(&t, "C:\\"));
	pe_put_dos_path(&t, WINDOWS_DRIVE_C "/Windows");
	check("c_drive", text_is(&t, "C:\\Windows"));
	pe_put_dos_path(&t, WINDOWS_DRIVE_C "x/y");
	check("a_longer_name_is_not_c", text_is(&t, "Z:\\system\\drive_cx\\y"));
	free(t.at);
}

static void test_utf16(void)
{
	struct pe_text16 t = { 0 };
	pe_put(&t, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9);
	check("utf16", t.count == 4 && t.at[0] == 0xe9 && t.at[1] == 0x20ac && t.at[2] == 0xd83d && t.at[3] == 0xde00);
	t.count = 0;
	pe_put(&t, "a\xff\xc3", 3);
	check("bytes_that_are_not_utf8", t.count == 3 && t.at[0] == 'a' && t.at[1] == 0xfffd && t.at[2] == 0xfffd);
	t.count = 0;
	pe_put(&t, "\xed\xa0\x80\xc0\x80", 5);
	check("surrogates_and_overlong", t.count == 5 && t.at[0] == 0xfffd && t.at[4] == 0xfffd);
	free(t.at);
}

static const char *variable(const struct pe_text16 *t, const char *name, char out[256])
{
	for (u32 i = 0; i < t->count && t->at[i];) {
		u32 n = 0;
		while (t->at[i])
			out[n++] = (char)t->at[i++];
		out[n] = '\0';
		i++;
		if (strncmp(out, name, strlen(name)) == 0 && out[strlen(name)] == '=')
			return out + strlen(name) + 1;
	}
	return "";
}

static void test_environment(void)
{
	const char *argv[] = { "prog.exe", NULL };
	const char *envp[] = { "PATH=/bin:/system/drive_c/x:rel", "HOME=/root", "A=1", "a=2", "=C:=bad", NULL };
	struct pe_text16 t = { 0 };
	char out[256];
	start(argv, envp);
	pe_put_environment(&t, &p);
	check("path", !strcmp(variable(&t, "PATH", out), "C:\\Windows\\System32;C:\\Windows;Z:\\bin;C:\\x"));
	check("home", !strcmp(variable(&t, "HOME", out), "Z:\\root"));
	check("first_of_two_cases", !strcmp(variable(&t, "A", out), "1") && !*variable(&t, "a", out));
	check("system_root", !strcmp(variable(&t, "SystemRoot", out), "C:\\windows"));
	check("processors", !strcmp(variable(&t, "NUMBER_OF_PROCESSORS", out), "2"));
	check("block_ends_with_two_zeros", t.count > 1 && !t.at[t.count - 1] && !t.at[t.count - 2]);
	free(t.at);
}

int main(void)
{
	test_command_line();
	test_paths();
	test_utf16();
	test_environment();
	return failures != 0;
}
