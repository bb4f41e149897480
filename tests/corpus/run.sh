#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make corpus-test`: real Windows programs (tools/corpus/packages.txt), each row a job whose result is compared with the
# Linux program for the same job or with the text that is due. One VM a row. usage: run.sh [--wine] [row name pattern]
# --wine runs the same rows under Debian's wine64: what a row expects must hold there first.
. "$(dirname "$0")/../system/lib.sh"
root=$PWD
# Under TCG the largest of them starts in some seconds; minutes mean that a row hangs.
limit=${CORPUS_LIMIT:-150}
wine=; [ "${1:-}" = --wine ] && { wine=yes; shift; }
pattern=${1:-.}
[ -s .cache/corpus/bin/biome.exe ] || tools/corpus/fetch.sh || exit 1
mkdir -p "$work/bin" "$work/job"
cp -l .cache/corpus/bin/* "$work/bin/" 2>/dev/null || cp .cache/corpus/bin/* "$work/bin/"
cp -rL .cache/corpus/share "$work/share" 2>/dev/null
# Wine 8 has no bcryptprimitives.dll, which every newer Rust program imports; Ambos has it among its system DLLs.
if [ -n "$wine" ]; then
	system32=.cache/corpus/prefix/drive_c/windows/system32
	[ -d "$system32" ] || WINEPREFIX=$root/.cache/corpus/prefix WINEDEBUG=-all /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
	cp out/windows/bcryptprimitives.dll "$system32/"
fi
cd "$work/job" || exit 99
passed=0 failed=0 table=$work/table

# in_guest SHELL-TEXT: runs it in the job folder; $bin is the folder of the programs, $w what starts one.
in_guest() {
	if [ -n "$wine" ]; then
		WINEPREFIX=$root/.cache/corpus/prefix WINEDEBUG=-all bin=$work/bin w=/usr/lib/wine/wine64 timeout -s KILL "$limit" bash -c "$1" </dev/null
	else
		timeout -s KILL "$limit" "$ambos" run --memory 2G --cpus 2 --share "$work:/corpus" --cwd /corpus/job --env bin=/corpus/bin --env w= -- bash -c "$1" </dev/null
	fi
}
# row NAME EXPECTED SHELL-TEXT [FILTER]: its standard output, without CR, must be EXPECTED.
row() {
	local name=$1 expected=$2 text=$3 filter=${4:-cat} status start=$SECONDS actual
	grep -qE "$pattern" <<<"$name" || return 0
	in_guest "$text" >"$work/out" 2>"$work/err"; status=$?
	actual=$(tr -d '\r' <"$work/out" | eval "$filter")
	if [ $status = 0 ] && [ "$actual" = "$expected" ]; then
		ok "corpus_$name"; passed=$((passed + 1)); printf '| %s | pass | %d s |\n' "$name" $((SECONDS - start)) >>"$table"
		return 0
	fi
	failed=$((failed + 1))
	fail "corpus_$name" "exit status: $status" "expected: $(head -c 200 <<<"$expected")" "got: $(head -c 300 <<<"$actual")" "errors: $(tail -n 6 "$work/err" | head -c 600)"
	printf '| %s | FAIL (status %d) | %d s |\n' "$name" $status $((SECONDS - start)) >>"$table"
	return 1
}
# same NAME COMMAND...: a check on the host of what the row before it left.
same() {
	local name=$1; shift
	grep -qE "$pattern" <<<"$name" || return 0
	if "$@" >"$work/out" 2>&1; then ok "corpus_$name"; passed=$((passed + 1)); printf '| %s | pass | |\n' "$name" >>"$table"
	else failed=$((failed + 1)); fail "corpus_$name" "$(head -c 300 "$work/out")"; printf '| %s | FAIL | |\n' "$name" >>"$table"; fi
}

mkdir -p tree/sub && cp "$root"/bench/*.c "$root"/kernel/nt/*.c tree/ && cp "$root"/abi/core/*.h tree/sub/ && seq 1 20000 > tree/sub/numbers && : > tree/empty
names() { awk '/^----------/ {on = !on; next} on {print $NF}' | tr '\\' / | sort; }

# 7-Zip, both ways.
7z a -bd -y linux.7z tree >/dev/null
row 7za_list "$(7z l linux.7z | names)" '$w $bin/7za.exe l linux.7z' names
row 7za_test 'Everything is Ok' '$w $bin/7za.exe t linux.7z' "grep -x 'Everything is Ok'"
row 7za_extract 'Everything is Ok' '$w $bin/7za.exe x -y -ounpacked linux.7z' "grep -x 'Everything is Ok'"
same 7za_extract_equal diff -r tree unpacked/tree
row 7za_archive 'Everything is Ok' '$w $bin/7za.exe a -y windows.7z tree' "grep -x 'Everything is Ok'"
same 7za_archive_linux_unpacks bash -c '7z x -y -olinux windows.7z && diff -r tree linux/tree'
row 7za_stdin_stdout "$(cat tree/*.c | sha256sum)" 'cat tree/*.c | $w $bin/7za.exe a -siall.c -y piped.7z >/dev/null && $w $bin/7za.exe x -so piped.7z | sha256sum'

# ninja; its jobs are programs of both worlds.
row ninja_version "$(grep -o '1\.1[0-9.]*' <<<1.12.1)" '$w $bin/ninja.exe --version' 'cut -d. -f1-3'
{ printf 'rule copy\n  command = ../bin/cmake.exe -E copy $in $out\n'; for i in 1 2 3 4 5 6; do echo "build copied/$i: copy tree/empty"; done; } > build.ninja
row ninja_build_pe 6 '$w $bin/ninja.exe -j2 >log && ls copied | wc -l'
row ninja_nothing_to_do 'ninja: no work to do.' '$w $bin/ninja.exe'
if [ -z "$wine" ]; then
	{ printf 'rule copy\n  command = /bin/cp $in $out\n'; for i in $(seq 40); do echo "build elf/$i: copy tree/empty"; done; } > elf.ninja
	row ninja_build_elf 40 '$w $bin/ninja.exe -f elf.ninja >log && ls elf | wc -l'
fi

# rcedit writes a resource and reads it back.
row rcedit 'of Ambos' 'cp $bin/ninja.exe edited.exe && $w $bin/rcedit.exe edited.exe --set-version-string FileDescription "of Ambos" && $w $bin/rcedit.exe edited.exe --get-version-string FileDescription' "tr -d '\0'"

# cmake
row cmake_version 'cmake version 4.0.2' '$w $bin/cmake.exe --version' 'head -n 1'
row cmake_echo 'a "b c' '$w $bin/cmake.exe -E echo "a \"b c"'
row cmake_sha256sum "$(sha256sum tree/sub/numbers)" '$w $bin/cmake.exe -E sha256sum tree/sub/numbers'
row cmake_tar "$(find tree -type f | sort)" '$w $bin/cmake.exe -E tar cf by-cmake.tar tree && tar tf by-cmake.tar' "grep -v '/\$' | sort"
row cmake_folders gone '$w $bin/cmake.exe -E make_directory d/e/f && $w $bin/cmake.exe -E copy_directory tree d/e/f && diff -r tree d/e/f && $w $bin/cmake.exe -E rm -r d && [ ! -e d ] && echo gone'
echo 'foreach(i 1 2 3)
  math(EXPR s "${i} * ${i}")
  message("${s}")
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} -E echo child OUTPUT_VARIABLE o)
message("${o}")' > script.cmake
row cmake_script $'1\n4\n9\nchild' '$w $bin/cmake.exe -P script.cmake 2>&1'

# ripgrep
row rg_lines "$("$work"/bin/rg -n --sort path main tree)" '$w $bin/rg.exe -n --sort path --path-separator / main tree'
row rg_counts "$("$work"/bin/rg -c 'static (int|void)' tree | sort)" '$w $bin/rg.exe -c --path-separator / "static (int|void)" tree' sort
row rg_stdin "$("$work"/bin/rg -n 77 tree/sub/numbers)" 'cat tree/sub/numbers | $w $bin/rg.exe -n 77'
row rg_nothing 1 '$w $bin/rg.exe nosuchtext tree; echo $?'

# esbuild
mkdir -p js && echo 'import { twice } from "./lib.js"; export function main(list) { const unused = 1; return list.map((item) => twice(item)); } console.log(main([1, 2, 3]));' > js/main.js
echo 'export const twice = (value) => value * 2; export const never = () => { throw new Error("never"); };' > js/lib.js
row esbuild_version 0.28.2 '$w $bin/esbuild.exe --version'
row esbuild_bundle "$("$work"/bin/esbuild --bundle --minify --log-level=error js/main.js)" '$w $bin/esbuild.exe --bundle --minify --log-level=error js/main.js'
row esbuild_sourcemap "$("$work"/bin/esbuild --bundle --sourcemap --log-level=error --outfile=by-linux/o.js js/main.js; cat by-linux/o.js.map)" '$w $bin/esbuild.exe --bundle --sourcemap --log-level=error --outfile=by-windows/o.js js/main.js; cat by-windows/o.js.map'

# dprint (its formatters come from the network: none here), biome
row dprint_version 'dprint 0.54.0' '$w $bin/dprint.exe --version'
row biome_version 'Version: 2.5.15' '$w $bin/biome.exe --version'
cp js/main.js js/format.js
row biome_format "$(printf 'import { twice } from "./lib.js";\nexport function main(list) {')" '$w $bin/biome.exe format --write js/format.js >log && head -n 2 js/format.js'

printf '\n| row | result | time |\n|---|---|---|\n'; cat "$table" 2>/dev/null
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
