#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The test driver behind `make check`, `make test` and `make accept`. usage: run.sh check|test|accept
# Runs the stages of that tier in order, each line "ok NAME" or "FAIL NAME"; ends with "N passed, N failed"
# and fails when anything failed or nothing ran.
set -uo pipefail
cd "$(dirname "$0")/.."
tier=${1:?usage: run.sh check|test|accept}
log=out/tests/$tier.log
mkdir -p out/tests
: > "$log"

stage() { # name, command...: its "ok"/"FAIL" lines count
	local name=$1 start=$SECONDS; shift
	echo "== $name"
	"$@" 2>&1 | tee -a "$log" | grep -aE '^(ok|FAIL|skip|figure|    )' || true
	echo "   ($((SECONDS - start)) s)"
}

[ "$tier" = accept ] && export RESTART_KILLS=${RESTART_KILLS:-100} ELF_CASES=${ELF_CASES:-20000}

stage unit tests/run-unit.sh
stage launcher tests/host/launcher.sh
stage native-conformance tests/run-conformance.sh native
stage tidy tools/tidy.sh
stage flows python3 tools/flows.py
[ "$tier" = accept ] && export STRICT=1
case $tier in
check)
	stage guest-conformance tests/run-conformance.sh guest 2
	stage smoke tests/system/run.sh
	;;
test | accept)
	for cpus in 1 2 4; do stage "guest-conformance --cpus $cpus" tests/run-conformance.sh guest "$cpus"; done
	AMBOS_KERNEL=$PWD/out/debug/kernel.elf stage "guest-conformance on the debug kernel --cpus 2" tests/run-conformance.sh guest 2 debug
	for script in tests/system/*.sh; do
		[ "$(basename "$script")" = lib.sh ] || stage "$(basename "$script" .sh)" "$script"
	done
	stage fuzz tests/run-fuzz.sh 10
	;;
*) echo "run.sh: unknown tier '$tier'" >&2; exit 2 ;;
esac

passed=$(grep -acE '^ok ' "$log") failed=$(grep -acE '^FAIL' "$log")
grep -aE '^FAIL' "$log" | sed 's/^/  /'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
