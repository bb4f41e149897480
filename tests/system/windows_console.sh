#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What Windows console calls become on a terminal, byte by byte: a pty in the guest (python3) records it. One program.
. "$(dirname "$0")/lib.sh"
cat > "$work/screen.c" <<'E1'
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static HANDLE out;
static DWORD n;
static void line(const char *text) { WriteFile(out, text, (DWORD)strlen(text), &n, NULL); }
static void filled(void)
{
	COORD at = { 3, 2 };
	BOOL c = FillConsoleOutputCharacterW(out, 'x', 4, at, &n);
	DWORD chars = n;
	BOOL a = FillConsoleOutputAttribute(out, 0x1f, 4, at, &n);
	at.X = 0;
	BOOL other = FillConsoleOutputAttribute(out, 0x1f, 4, at, &n);
	printf("[%d %lu %d %d]", c, chars, a, other);
}
static void drawn(void)
{
	CHAR_INFO cells[4] = { { { 'a' }, 7 }, { { 'b' }, 7 }, { { 'c' }, 0x0c }, { { 'd' }, 0x0c } };
	COORD size = { 2, 2 }, from = { 0, 0 };
	SMALL_RECT to = { 5, 1, 6, 2 };
	BOOL w = WriteConsoleOutputW(out, cells, size, from, &to);
	printf("[%d %d %d]", w, to.Right, to.Bottom);
}
static void scrolled(void)
{
	SMALL_RECT all = { 0, 1, 79, 23 }, part = { 3, 3, 5, 5 };
	COORD up = { 0, 0 }, side = { 9, 9 };
	CHAR_INFO fill = { { ' ' }, 7 };
	BOOL s = ScrollConsoleScreenBufferW(out, &all, NULL, up, &fill);
	BOOL refused = !ScrollConsoleScreenBufferW(out, &part, NULL, side, &fill);
	printf("[%d %d]", s, refused);
}
static void modes(void)
{
	SetConsoleMode(out, 3);
	line("e\033[1m\n");
	SetConsoleMode(out, 2);
	line("g\007\n");
	SetConsoleMode(out, 15);
	line("k\n");
	SetConsoleMode(out, 5);
	SetConsoleMode(out, 7);
	printf("[%d]", SetConsoleMode(out, 0x17));
}
static void sizes(void)
{
	COORD now = { 80, 24 }, more = { 80, 300 };
	BOOL same = SetConsoleScreenBufferSize(out, now), larger = SetConsoleScreenBufferSize(out, more);
	printf("[%d %d]", same, larger);
}
/* What belongs to the console and not to one of its handles; a child has the same console, a detached one none. */
static void shared(void)
{
	char title[32] = "", command[] = "screen.exe 6";
	DWORD ids[4];
	BOOL set = SetConsoleOutputCP(437), again = GetConsoleOutputCP() == 437 && SetConsoleOutputCP(65001);
	BOOL named = SetConsoleTitleA("a title") && GetConsoleTitleA(title, sizeof(title)) && !strcmp(title, "a title");
	printf("[%u %d %d %d %d]", GetConsoleCP(), set, again, named, GetConsoleProcessList(ids, 4) >= 1);
	for (DWORD flags = 0; flags <= DETACHED_PROCESS; flags += DETACHED_PROCESS) {
		STARTUPINFOA start = { .cb = sizeof(start) };
		PROCESS_INFORMATION child;
		DWORD code = 99;
		if (CreateProcessA(NULL, command, NULL, NULL, FALSE, flags, NULL, NULL, &start, &child)) {
			WaitForSingleObject(child.hProcess, INFINITE);
			GetExitCodeProcess(child.hProcess, &code);
		}
		printf("[%lu]", code);
	}
}
static void page(void) { exit(GetConsoleOutputCP() == 65001 ? 1 : GetConsoleOutputCP() ? 2 : 0); }
int main(int c, char **v)
{
	void (*all[])(void) = { filled, drawn, scrolled, modes, sizes, shared, page };
	out = GetStdHandle(STD_OUTPUT_HANDLE);
	setvbuf(stdout, NULL, _IONBF, 0);
	all[atoi(v[1])]();
	return 0;
}
E1
x86_64-w64-mingw32-gcc -O1 -s "$work/screen.c" -o "$work/screen.exe" || exit 1
cat > "$work/record.py" <<'P'
import fcntl, os, pty, struct, termios
for which in "012345":
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.execv("./screen.exe", ["./screen.exe", which])
    text = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.waitpid(pid, 0)
    print(which, text.decode().encode("unicode_escape").decode())
P
cd "$work" || exit 1
out=$(vm -- python3 record.py </dev/null 2>&1)
want() { is "$1" "$3" "$(grep "^$2 " <<<"$out" | cut -c3-)"; }
want windows_console_fill 0 '\x1b7\x1b[3;4Hxxxx\x1b8\x1b7\x1b[3;4H\x1b[0;97;44mxxxx\x1b8[1 4 1 0]'
want windows_console_draw 1 '\x1b7\x1b[2;6H\x1b[0mab\x1b[3;6H\x1b[0;91;40mcd\x1b8[1 6 2]'
want windows_console_scroll 2 '\x1b7\x1b[0m\x1b[1;24r\x1b[1S\x1b[r\x1b8[1 1]'
want windows_console_output_modes 3 'e\u2190[1m\r\ng\u2022\u25d9k\x1bD\x1b[?7l\x1b[?7h[0]'
want windows_console_sizes 4 '[1 0]'
want windows_console_shared 5 '\x1b]2;a title\x07[65001 1 1 1 1][1][0]'
