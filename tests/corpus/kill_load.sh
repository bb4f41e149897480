#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: programs of the corpus whose results must be exact while loaderd or ntd dies (tests/core/service_kill.c starts
# it). Ends with status 0 soon after /tmp/stop appears. The programs and the tree lie in /corpus.
cd /tmp && cp -r /corpus/tree . || exit 99
bin=/corpus/bin
is() { [ "$2" = "$3" ] || { echo "FAIL corpus_kill $1: $2 / $3"; exit 1; }; }
version() { $bin/ninja.exe --version | tr -d '\r'; }
lines() { $bin/rg.exe -n --sort path main tree | sha256sum; }
bundle() { $bin/esbuild.exe --minify /corpus/js/lib.js | sha256sum; }
edit() { cp $bin/ninja.exe edited.exe && $bin/rcedit.exe edited.exe --set-version-string FileDescription text && $bin/rcedit.exe edited.exe --get-version-string FileDescription; }
v=$(version) l=$(lines) b=$(bundle)
touch /tmp/ready
while :; do
	is version "$v" "$(version)"
	is lines "$l" "$(lines)"
	is bundle "$b" "$(bundle)"
	is edit text "$(edit | tr -d '\r\0')"
	rm -rf out.7z unpacked
	$bin/7za.exe a -y out.7z tree >/dev/null && $bin/7za.exe x -y -ounpacked out.7z >/dev/null && diff -r tree unpacked/tree || exit 2
	is cmake child "$($bin/cmake.exe -E echo child | tr -d '\r')"
	[ -e /tmp/stop ] && exit 0
done
