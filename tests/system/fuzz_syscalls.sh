#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random system calls in the guest: the kernel must survive. FUZZ_SECONDS (default 60 in `make test`, 1800 in soak).
# usage: fuzz_syscalls.sh [CPUS...]
. "$(dirname "$0")/lib.sh"
seconds=${FUZZ_SECONDS:-60}
mkdir -p out/tests/fuzz
gcc -std=gnu11 -O1 -D_GNU_SOURCE -static -o out/tests/fuzz/syscalls tests/fuzz/syscalls.c || fail fuzz_syscalls build
[ $# = 0 ] && set -- 1 4
for cpus; do
	timeout -s KILL $((seconds + 60)) "$ambos" run --cpus "$cpus" --share "$PWD/out/tests/fuzz:/host:ro" -- \
		/host/syscalls "$seconds" "${FUZZ_SEED:-$RANDOM}" </dev/null > "$work/out" 2>&1
	status=$?
	out=$(tr -d '\0' < "$work/out")
	if [ $status = 0 ] && grep -aq 'calls [0-9]* workers' <<<"$out"; then ok "fuzz_syscalls cpus=$cpus ($(grep -aoE "calls [0-9]+ workers [0-9]+" <<<"$out" | tail -n 1))"; else fail "fuzz_syscalls cpus=$cpus" "status $status" "$(tail -n 8 <<<"$out")"; fi
done
