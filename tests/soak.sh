#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make soak`: the long tests, round after round with new seeds, until SOAK_MINUTES (default 60) are over.
# A minute of each is in `make test`. Ends with "N passed, N failed"; logs of failures stay in out/tests/soak-*.
set -uo pipefail
cd "$(dirname "$0")/.."
minutes=${SOAK_MINUTES:-60}
end=$((SECONDS + minutes * 60)) passed=0 failed=0 round=0
mkdir -p out/tests
while [ $SECONDS -lt $end ]; do
	round=$((round + 1))
	export FUZZ_SEED=$((round * 7919 + $(date +%s) % 1000))
	for script in fuzz_syscalls fuzz_elf fuzz_pe restart workload; do
		log=out/tests/soak-$round-$script.log
		FUZZ_SECONDS=600 ELF_CASES=100000 PE_CASES=100000 RESTART_KILLS=100 "tests/system/$script.sh" > "$log" 2>&1
		ok=$(grep -acE '^ok ' "$log") bad=$(grep -acE '^FAIL' "$log")
		passed=$((passed + ok)) failed=$((failed + bad))
		echo "round $round seed $FUZZ_SEED $script: $ok ok, $bad failed"
		[ "$bad" = 0 ] || grep -aE '^FAIL' "$log" | sed 's/^/  /'
	done
	tests/run-fuzz.sh 120 | tail -n 1
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
