#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The test driver behind `make check`, `make test` and `make accept`. usage: [STAGES=PATTERN] run.sh check|test|accept
# STAGES takes the stages whose names match a bash pattern: STAGES='fuzz_*', STAGES='!(fuzz_*)', STAGES='restart|limits'.
# Runs the stages of that tier in order, each line "ok NAME" or "FAIL NAME"; ends with "N passed, N failed" and fails when anything failed or nothing ran.
set -uo pipefail
shopt -s extglob
cd "$(dirname "$0")/.."
tier=${1:?usage: run.sh check|test|accept}
# A stage of the test tier that fails is run again, twice at most: its limits are wall-clock times under an emulator on a machine
# that others use. What fails and then passes is listed as "unsteady" and is a defect to look into; what fails three times fails the run.
# The accept tier does not repeat.
attempts=1
[ "$tier" = test ] && attempts=3
# accept: bounds on times count, and the counts are the issues' own (100 kills a service, 100,000 files of each kind, half an hour of calls).
[ "$tier" = accept ] && export STRICT=1 RESTART_KILLS=100 ELF_CASES=100000 PE_CASES=100000 FUZZ_SECONDS=900
log=out/tests/$tier.log
mkdir -p out/tests
: > "$log"

stage() { # name, command...: its "ok"/"FAIL" lines count
	local name=$1 start=$SECONDS attempt one=out/tests/stage-$BASHPID.log; shift
	# shellcheck disable=SC2053 # the right side is a pattern
	[[ $name == @(${STAGES:-*}) ]] || return 0
	echo "== $name"
	for ((attempt = 1; attempt <= attempts; attempt++)); do
		"$@" 2>&1 | tee "$one" | grep -aE '^(ok|FAIL|skip|figure|    )' | grep -avE '^figure.*-nan' || true
		grep -qaE '^FAIL' "$one" || break
		cp "$one" "out/tests/failed-$attempt-${name//[^a-z0-9]/_}.log"
		[ $attempt = $attempts ] && break
		grep -aE '^FAIL' "$one" | sed 's/^FAIL/unsteady (failed once, run again):/'
		echo "unsteady stage: $name" >> "$log"
	done
	cat "$one" >> "$log"
	rm -f "$one"
	echo "   ($((SECONDS - start)) s)"
}
# Two stages that keep one CPU busy each and judge no times, one beside the other: beside NAME COMMAND... -- NAME COMMAND...
beside() {
	local first=() second=out/tests/beside.log
	while [ "$1" != -- ]; do first+=("$1"); shift; done
	shift
	stage "$@" > "$second" &
	stage "${first[@]}"
	wait $!
	cat "$second"
}
# In the test tier each conformance program runs on each number of CPUs, but in all three ways of linking on two only, and what
# keeps one CPU busy runs beside another such stage.
declare -A kinds=([1]=linux-dynamic [2]="linux linux-musl linux-dynamic" [4]=linux [debug]=linux-musl) rest=([workload]="2 4" [fuzz_syscalls]=4)
[ "$tier" = test ] || { rest=() kinds=(); }

stage unit tests/run-unit.sh
stage launcher tests/host/launcher.sh
stage native-conformance tests/run-conformance.sh native
stage tidy tools/tidy.sh
stage flows python3 tools/flows.py
case $tier in
check)
	stage guest-conformance tests/run-conformance.sh guest 2
	stage smoke tests/system/run.sh
	;;
test | accept)
	conformance() { tests/run-conformance.sh guest "$1" "$2" ${kinds[$3]-}; }
	if [ "$tier" = test ]; then
		beside "guest-conformance --cpus 1" conformance 1 release 1 -- fuzz_syscalls tests/system/fuzz_syscalls.sh 1
	else
		stage "guest-conformance --cpus 1" conformance 1 release 1
	fi
	for cpus in 2 4; do stage "guest-conformance --cpus $cpus" conformance $cpus release $cpus; done
	AMBOS_KERNEL=$PWD/out/debug/kernel.elf stage "guest-conformance on the debug kernel --cpus 2" conformance 2 debug debug
	for script in tests/system/*.sh; do
		name=$(basename "$script" .sh)
		# shellcheck disable=SC2086 # words
		[ "$name" = lib ] || stage "$name" "$script" ${rest[$name]-}
	done
	if [ "$tier" = test ]; then
		beside fuzz tests/run-fuzz.sh 10 -- workload tests/system/workload.sh 1
	else
		stage fuzz tests/run-fuzz.sh 10
		for script in tests/accept/*.sh; do stage "$(basename "$script" .sh)" "$script"; done
	fi
	;;
*) echo "run.sh: unknown tier '$tier'" >&2; exit 2 ;;
esac

passed=$(grep -acE '^ok ' "$log") failed=$(grep -acE '^FAIL' "$log")
grep -aE '^FAIL' "$log" | sed 's/^/  /'
unsteady=$(grep -ac '^unsteady stage:' "$log")
[ "$unsteady" = 0 ] || echo "$unsteady stages were unsteady: see out/tests/failed-1-*.log"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
