#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The conformance programs of tests/nt: each line of theirs is a case. usage: nt.sh [--wine]: under Debian's wine64
# instead, where they must pass first.
. "$(dirname "$0")/lib.sh"
make -s nt-conformance || exit 1
programs=$PWD/out/tests/nt
[ "${1:-}" != --wine ] || mkdir -p .cache/corpus/prefix
vm_limit=${VM_LIMIT:-90}
for p in "$programs"/*.exe; do
	name=$(basename "$p" .exe)
	if [ "${1:-}" = --wine ]; then
		out=$(NT_PEER=wine WINEPREFIX=$PWD/.cache/corpus/prefix WINEDEBUG=-all timeout -s KILL 90 /usr/lib/wine/wine64 "$p" </dev/null 2>&1); status=$?
	else
		out=$(vm --share "$programs:/nt:ro" -- "/nt/$name.exe" </dev/null 2>&1); status=$?
	fi
	if [ $status = 0 ]; then ok "nt_$name"; else fail "nt_$name" "exit status $status" "$(tr -d '\r' <<<"$out" | grep -v '^ok ' | head -c 900)"; fi
done
# A Linux pipe at standard input has what Windows' own pipes have (Wine's Unix pipes do not, so there is no peer for this).
if [ "${1:-}" != --wine ]; then
	out=$(vm --share "$programs:/nt:ro" -- bash -c '(sleep 0.3; printf abc; sleep 0.3) | /nt/pipe.exe in' </dev/null 2>&1); status=$?
	if [ $status = 0 ]; then ok nt_pipe_of_linux; else fail nt_pipe_of_linux "exit status $status" "$(tr -d '\r' <<<"$out" | head -c 900)"; fi
fi
