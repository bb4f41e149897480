#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What issue 3 must show of Windows programs and no other test does: the corpus with services killed beside it, one
# pipeline of both worlds, ninja.exe with the guest's gcc, cmd.exe with a folder and a batch file, on 1, 2 and 4 CPUs.
. "$(dirname "$0")/../system/lib.sh"
top=$PWD vm_limit=240
tools/corpus/fetch.sh || exit 1
tests/corpus/run.sh
tests/corpus/kill.sh 10
mkdir -p "$work/bin" "$work/src" "$work/c"
cp .cache/corpus/bin/{rg,7za,ninja}.exe .cache/corpus/bin/rg "$work/bin/"
cp bench/*.c kernel/nt/*.c "$work/src/"
guest() { vm --share "$work:/w" --cwd /w "$@" </dev/null; }
for cpus in 1 2 4; do
	out=$(guest --cpus $cpus -- bash -c 'bin/rg.exe -n main src | sort | bin/7za.exe a -siall -y out.7z >/dev/null && bin/7za.exe t out.7z && bin/7za.exe x -so out.7z > listed' | tr -d '\r')
	is "windows_pipeline_cpus_$cpus" 'Everything is Ok' "$(grep -x 'Everything is Ok' <<<"$out")"
	is "windows_pipeline_result_cpus_$cpus" "$(cd "$work" && bin/rg -n main src | sort)" "$(tr -d '\r' < "$work/listed" | tr '\\' / | sort)"
done

out=$(guest -- bash -c '/system/drive_c/Windows/System32/cmd.exe /c dir "C:\Windows\System32" | grep -i kernel32' | tr -d '\r')
is cmd_dir yes "$(grep -qE '[0-9,]+ +kernel32\.dll$' <<<"$out" && echo yes || echo "$out")"
printf '%s\r\n' '@echo off' 'set A=value' 'for %%i in (1 2 3) do echo %A% %%i' 'echo text> out.txt' 'type out.txt' 'cmd /c exit 3' \
	'echo level %errorlevel%' 'if exist out.txt echo there' 'if errorlevel 3 exit /b 4' > "$work/job.bat"
out=$(guest -- bash -c '/system/drive_c/Windows/System32/cmd.exe /c job.bat' | tr -d '\r'; echo "${PIPESTATUS[0]}")
is cmd_batch 'value 1|value 2|value 3|text|level 3|there|4|' "$(tr '\n' '|' <<<"$out")"

# 200 C files by the guest's gcc, which the default image does not have.
if ./ambos image build --packages "gcc libc6-dev" --output "$work/gcc.erofs" >"$work/log" 2>&1; then
	for i in $(seq 200); do echo "int f$i(int a) { return a * $i; }" > "$work/c/$i.c"; done
	{ printf 'rule cc\n  command = /usr/bin/gcc -O1 -c $in -o $out\n'; for i in $(seq 200); do echo "build o/$i.o: cc c/$i.c"; done; } > "$work/build.ninja"
	vm_limit=600
	out=$(AMBOS_IMAGE=$work/gcc.erofs guest --memory 2G -- bash -c 'bin/ninja.exe -j2 | tail -n 1; bin/ninja.exe' 2>&1 | tr -d '\r')
	is ninja_gcc_200 "200 ninja: no work to do." "$(ls "$work/o" | wc -l) $(tail -n 1 <<<"$out")"
else
	fail ninja_gcc_200 "image: $(tail -n 3 "$work/log")"
fi
