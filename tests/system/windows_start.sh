#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Starts of Windows programs: arguments, exit codes, pipelines, what is refused and what the launcher says about it, DLLs
# beside the program, loaderd killed in between. Programs are built here with mingw.
. "$(dirname "$0")/lib.sh"
cc="x86_64-w64-mingw32-gcc -O1 -s"
bin=$work/bin
mkdir -p "$bin/own"
write() { cat > "$work/$1"; }

write args.c <<'E1'
#include <stdio.h>
#include <stdlib.h>
int main(int c, char **v) { for (int i = 1; i < c; i++) printf("[%s]", v[i]); return c > 1 ? atoi(v[1]) : 0; }
E1
write zlib.c <<'E1'
__declspec(dllexport) const char *zlibVersion(void) { return "our own"; }
E1
write usezlib.c <<'E1'
#include <stdio.h>
__declspec(dllimport) const char *zlibVersion(void);
int main(void) { puts(zlibVersion()); return 0; }
E1
write absent.c <<'E1'
#include <stdlib.h>
__declspec(dllimport) int absent(void);
int main(int c, char **v) { return c > 1 ? absent() : 3; }
E1
write badmain.c <<'E1'
#include <windows.h>
__declspec(dllexport) int absent(void) { return 1; }
BOOL WINAPI DllMain(HINSTANCE h, DWORD reason, LPVOID r) { return FALSE; }
E1
write waits.c <<'E1'
#include <windows.h>
#include <stdio.h>
static HANDLE client, file, other;
static OVERLAPPED range;
static DWORD WINAPI later(void *unused)
{
	DWORD n;
	Sleep(2500);
	WriteFile(client, "x", 1, &n, NULL);
	Sleep(2500);
	UnlockFileEx(other, 0, 1, 0, &range);
	return 0;
}
int main(void)
{
	DWORD n = 0;
	char c = 0;
	OVERLAPPED here = { 0 };
	HANDLE pipe = CreateNamedPipeA("\\\\.\\pipe\\waits", PIPE_ACCESS_DUPLEX, 0, 1, 100, 100, 0, NULL);
	client = CreateFileA("\\\\.\\pipe\\waits", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
	file = CreateFileA("waits.txt", GENERIC_READ | GENERIC_WRITE, 7, NULL, CREATE_ALWAYS, 0, NULL);
	other = CreateFileA("waits.txt", GENERIC_READ | GENERIC_WRITE, 7, NULL, OPEN_EXISTING, 0, NULL);
	LockFileEx(other, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &range);
	CreateThread(NULL, 0, later, NULL, 0, NULL);
	BOOL read = ReadFile(pipe, &c, 1, &n, NULL);
	printf("pipe %d %lu %c\n", read, n, c);
	printf("lock %d\n", LockFileEx(file, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &here));
	read = ReadFile(GetStdHandle(STD_INPUT_HANDLE), &c, 1, &n, NULL);
	printf("input %d %lu %c\n", read, n, c);
	return 0;
}
E1
build() { (cd "$work" && "$@") || fail windows_build "$*"; }
build $cc args.c -o bin/args.exe
build $cc waits.c -o bin/waits.exe
build $cc -shared zlib.c -o bin/own/zlib1.dll -Wl,--out-implib,libzlib1.a
build $cc usezlib.c -L. -lzlib1 -o bin/usezlib.exe
cp "$bin/usezlib.exe" "$bin/own/"
printf 'LIBRARY gone.dll\nEXPORTS\nabsent\n' > "$work/gone.def"
printf 'LIBRARY kernel32.dll\nEXPORTS\nabsent\n' > "$work/kernel32.def"
build x86_64-w64-mingw32-dlltool -d gone.def -l libgone.a
build x86_64-w64-mingw32-dlltool -d kernel32.def -l libabsent.a
build $cc absent.c -L. -lgone -o bin/nodll.exe
build $cc absent.c -L. -labsent -o bin/nofunction.exe
build $cc -shared badmain.c -o bin/gone.dll
mkdir -p "$bin/bad" && mv "$bin/gone.dll" "$bin/bad/" && cp "$bin/nodll.exe" "$bin/bad/"
head -c 9000 "$bin/args.exe" > "$bin/truncated.exe"
printf 'MZ' > "$bin/tiny.exe"
cp out/windows/bcryptprimitives.dll "$bin/library.exe"
# the machine field of a good program made ARM64's
cp "$bin/args.exe" "$bin/arm64.exe"
at=$((16#$(od -An -tx4 -j60 -N4 "$bin/arm64.exe" | tr -d ' ') + 4))
printf '\x64\xaa' | dd of="$bin/arm64.exe" bs=1 seek=$at conv=notrunc 2>/dev/null
chmod +x "$bin"/*.exe

cd "$bin" || exit 1
out=$(vm ./args.exe 7 'a "b c' '' 'x\' 'y\"' '\\s p\' 2>&1 </dev/null); status=$?
is windows_arguments '[7][a "b c][][x\][y\"][\\s p\]' "$out"
is windows_exit_code 7 "$status"
vm ./args.exe 256 >/dev/null 2>&1 </dev/null; is windows_exit_code_with_low_byte_0 1 "$?"

out=$(vm -- bash -c './args.exe 0 one two | tr a-z A-Z; for i in 1 2 3; do ./args.exe $i; echo " $?"; done' 2>&1 </dev/null)
is windows_in_a_pipeline "$(printf '[0][ONE][TWO][1] 1\n[2] 2\n[3] 3')" "$out"

out=$(vm -- bash -c './usezlib.exe; own/usezlib.exe' 2>&1 </dev/null | tr -d '\r' | tail -n 1)
is windows_own_dll_wins 'our own' "$out"

refused() { # NAME FILE TEXT
	local text status
	text=$(vm "./$2" 2>&1 </dev/null); status=$?
	if [ $status = 126 ] && grep -q "$3" <<<"$text"; then ok "$1"; else fail "$1" "status $status" "$text"; fi
}
refused windows_missing_dll_named nodll.exe 'step=missing_dll .*gone.dll'
refused windows_truncated truncated.exe 'step=section_data'
refused windows_tiny tiny.exe 'step=dos_header'
refused windows_arm64 arm64.exe 'step=machine'
refused windows_dll_as_program library.exe 'step=is_a_dll'
out=$(vm ./nofunction.exe 2>&1 </dev/null); is windows_missing_function_not_called 3 "$?"
out=$(vm ./nofunction.exe call 2>&1 </dev/null); status=$?
grep -qi 'kernel32.dll!absent' <<<"$out" && [ $status != 0 ] && ok windows_missing_function_named || fail windows_missing_function_named "$status" "$out"
out=$(vm bad/nodll.exe 2>&1 </dev/null); status=$?
grep -qi 'gone.dll' <<<"$out" && [ $status != 0 ] && ok windows_failing_dllmain_named || fail windows_failing_dllmain_named "$status" "$out"

# A wait at a pipe, a lock or an input goes on after a stop; so does what the input brings.
out=$(vm -- bash -c 'cp waits.exe /tmp; cd /tmp; mkfifo in; ./waits.exe <in & p=$!; exec 5>in; sleep 1
	for i in 1 2 3 4; do kill -STOP $p; sleep 0.3; kill -CONT $p; sleep 1.2; done; kill -STOP $p; sleep 0.2; kill -CONT $p; sleep 0.2; echo y >&5; wait' \
	2>&1 </dev/null | tr -d '\r' | tr '\n' ' ')
is windows_waits_outlive_stops 'pipe 1 1 x lock 1 input 1 1 y ' "$out"

# Many starts at once, of programs that share and do not share their DLLs, with loaderd killed in the middle; then many refused
# ones: the log has a burst of them and the number of the others.
out=$(vm --cpus 4 -- bash -c 'cp -r . /tmp/bin; cd /tmp/bin; start() { for i in {1..12}; do ./args.exe 0 $i >>/tmp/args & own/usezlib.exe >>/tmp/own & ./usezlib.exe >>/tmp/sys & done; }
	start; for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = loaderd ] && kill -9 ${p#/proc/}; done; start; wait
	tr "[]" "\n\n" </tmp/args | grep -c "^[1-9]"; grep -c "our own" /tmp/own; grep -c "^[0-9.]*.$" /tmp/sys' 2>&1 </dev/null | tr -d '\r' | tr '\n' ' ')
is windows_starts_side_by_side '24 24 24 ' "$out"
vm --log -- bash -c 'for i in {1..80}; do ./tiny.exe; done; sleep 11; ./tiny.exe' >"$work/log" 2>&1 </dev/null
is windows_refusals_are_limited 1 "$(grep -c '48 more refused files were not logged' "$work/log")"

# loaderd killed between starts: the images are made again at the same places, nothing is noticed
out=$(vm -- bash -c 'n=0; for i in 1 2 3 4 5; do
	for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = loaderd ] && kill -9 ${p#/proc/} && n=$((n + 1)); done
	./args.exe $i | tr -d "[]"; done; echo " $n"' 2>&1 </dev/null)
is windows_loaderd_killed '12345 5' "$out"

# ntd dies in each start: rootd gives it up, registry calls fail, the rest goes on
out=$(AMBOS_KERNEL_OPTIONS=kill_ntd=start vm --log="$work/log" -- sh -c 'reg.exe query "HKLM\\Software" >/dev/null; echo $?; ./args.exe 3; echo " $?"' 2>/dev/null </dev/null)
is windows_without_ntd "$(printf '1\n[3] 3')" "$out"
is windows_without_ntd_said 1 "$(grep -c 'ntd died 75 times in its start: given up' "$work/log")"
