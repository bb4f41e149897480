#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Windows programs: each demo of apps/windows with output and exit code, quoting, pipes with Linux programs, refusals.
# usage: windows.sh [--wine]: under Debian's wine64 instead, where the demos must pass first
. "$(dirname "$0")/lib.sh"
make -s windows-apps || exit 1
apps=$PWD/out/windows/apps
vm_limit=${VM_LIMIT:-90}
demos="heap tls locale files threads clock exceptions seh children"
program() { vm --share "$apps:/apps:ro" -- "$@" </dev/null; }
if [ "${1:-}" = --wine ]; then
	program() { WINEPREFIX=$PWD/.cache/corpus/prefix WINEDEBUG=-all timeout -s KILL 90 /usr/lib/wine/wine64 "$apps/${1#/apps/}" "${@:2}" </dev/null; }
fi
# demo NAME PATH: every line begins with ok, and the exit code is 0 (it counts the failures).
demo() {
	local out status
	out=$(program "$2" 2>&1); status=$?
	out=$(tr -d '\r' <<<"$out")
	if [ $status = 0 ] && grep -q '^ok ' <<<"$out"; then ok "windows_$1"; else fail "windows_$1" "exit status $status" "$(grep -v '^ok ' <<<"$out" | head -c 900)"; fi
}
out=$(program /apps/console.exe --exit 5 'a "b c' 'x\\' '' 'y\"z' '*'); is windows_exit_code 5 $?
is windows_quoting '[a "b c]|[x\\]|[]|[y\"z]|[*]|' "$(tr '\n' '|' <<<"$out" | tr -d '\r')"
for name in $demos; do demo "$name" "/apps/$name.exe"; done
demo loading /apps/loading/loading.exe
[ "${1:-}" != --wine ] || exit 0

# One pipeline of both worlds, byte by byte.
head -c 300000 /dev/urandom > "$work/random"
cp "$apps/console.exe" "$work/"
sum=$(vm --share "$work:/work" -- bash -c 'cat /work/random | /work/console.exe --copy | cat > /work/copied; sha256sum < /work/copied' </dev/null)
is windows_pipeline_exact "$(sha256sum < "$work/random")" "$sum"
err=$(program /apps/console.exe --stderr 2>&1 >/dev/null); is windows_stderr 'a word on standard error' "$(tr -d '\r' <<<"$err")"

# What is not to start says which step refused it, in one line, and what went wrong while it started says who.
refused() { # NAME PATTERN PROGRAM
	local out
	out=$(vm --share "$work:/work" --share "$apps:/apps:ro" -- "$3" </dev/null 2>&1)
	if grep -qE "$2" <<<"$out"; then ok "windows_refuses_$1"; else fail "windows_refuses_$1" "wanted: $2" "got: $(head -c 400 <<<"$out")"; fi
}
head -c 700 "$apps/heap.exe" > "$work/short.exe"
head -c 30000 "$apps/heap.exe" > "$work/truncated.exe"
cp "$apps/loading/library.dll" "$work/library.exe"
python3 - "$apps/heap.exe" "$work" <<'P'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
at = struct.unpack_from("<I", data, 0x3c)[0]
for name, offset, value in (("i386", 4, 0x14c), ("arm64", 4, 0xaa64), ("driver", 24 + 68, 1), ("pe32", 24, 0x10b)):
    copy = bytearray(data)
    struct.pack_into("<H", copy, at + offset, value)
    open(f"{sys.argv[2]}/{name}.exe", "wb").write(copy)
P
chmod +x "$work"/*.exe
while read -r name step; do
	refused $name "step=$step errno=8" /work/$name.exe
done <<'S'
short section_table
truncated section_data
i386 machine
arm64 machine
driver subsystem
pe32 optional_header
library is_a_dll
S
refused missing_dll 'library\.dll' /apps/absent/loading.exe
refused missing_function 'library\.dll!?.*library_answer' /apps/empty/loading.exe
refused failing_dllmain 'library\.dll' /apps/failing/loading.exe
err=$(program /apps/seh.exe access 2>&1); status=$?
is windows_unhandled_says_where yes "$(grep -qiE 'c0000005.*seh\.exe\+' <<<"$err" && echo yes || echo "status $status: $err")"
# cmd.exe and the tree's other half: Linux programs by bare name, patterns, its start command.
mkdir "$work/names" && touch "$work/names/"{plain,plain.txt,other.c}
out=$(vm --share "$work:/work" --cwd /work/names -- bash -c 'cmd.exe /c dir /b "*.*" | sort; cmd.exe /c dir /b "plain.*" | sort
	cmd.exe /c seq 3 | tail -n 1; cmd.exe /c start /wait cmd /c exit 5; echo $?' </dev/null 2>&1 | tr -d '\r' | tr '\n' ' ')
is windows_cmd_finds_linux_programs 'other.c plain plain.txt plain plain.txt 3 5 ' "$out"
# PROGRAM as a DOS path, in any case, ".exe" left out; a drive or file that is not there is not found.
for p in 'C:\Windows\System32\cmd.exe' 'c:\windows\SYSTEM32\CMD' '\\?\C:\Windows\System32\cmd.exe'; do
	is windows_program_by_dos_path "Microsoft Windows 10.0.19045" "$(program "$p" /c ver 2>&1 | tr -d '\r' | grep .)"
done
program 'Z:\usr\bin\..\bin\true'; is windows_program_on_drive_z 0 $?
program 'D:\x.exe' 2>/dev/null; is windows_program_on_no_drive 127 $?
# Hidden and system are the xattr that Wine and Samba use: Linux programs see and set them.
out=$(program bash -c 'cd /tmp; python3 -c "import os; open(\"x\",\"w\"); os.stat(\"x\"); os.setxattr(\"x\",\"user.DOSATTRIB\",b\"0x2\")"
	attrib.exe x; attrib.exe +s x; python3 -c "import os; print(os.getxattr(\"x\",\"user.DOSATTRIB\"))"; attrib.exe -s x; attrib.exe -h x
	python3 -c "import os; print(os.listxattr(\"x\"))"' 2>&1 | tr -d '\r' | tr -s ' ' | tr '\n' ' ')
is windows_hidden_is_an_xattr "A H Z:\\tmp\\x b'0x6' [] " "$out"
timeout -s KILL 90 expect -f tests/system/windows.exp
