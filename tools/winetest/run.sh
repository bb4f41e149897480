#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs suites of Wine's tests in Ambos, in the mode of the baseline (they believe to run on Wine), beside docs/winetest.md's table.
# Usage: tools/winetest/run.sh [suite:test...]  (default: all of the table). Logs: .cache/winetest/log/<suite>-<test>.txt
set -uo pipefail
cd "$(dirname "$0")/../.."
work="$PWD/.cache/winetest"
limit=${WINETEST_SECONDS:-300} # a suite runs 1 to 45 s in Wine on a host; emulated far slower
mkdir -p "$work/log"
tests=("$@")
[ ${#tests[@]} -gt 0 ] || mapfile -t tests < <(sed -nE 's/^\| (ntdll|kernel32)(:\w+) .*/\1\2/p' docs/winetest.md)
counted=0
printf '%-22s %10s %10s %6s %9s %8s  %s\n' suite checks baseline todo failures skipped counts
for name in "${tests[@]}"; do
	suite=${name%%:*} test=${name##*:} log="$work/log/${name/:/-}.txt"
	read -r base_checks base_failures base_skipped < <(awk -F'[| ]+' -v n="$name" '$2 == n { print $3, $5, $6 }' docs/winetest.md)
	(cd "$work" && timeout "$limit" ../../ambos run -- bash -c "WINETEST_PLATFORM=wine exec ./${suite}_test.exe $test") > "$log" 2>&1
	status=$?
	line=$(grep -aE '[0-9]+ tests executed' "$log" | tail -1)
	read -r checks todo failures skipped < <(sed -nE \
		's/.* ([0-9]+) tests executed \(([0-9]+) marked as todo, [0-9]+ as flaky, ([0-9]+) failures?\), ([0-9]+) skipped.*/\1 \2 \3 \4/p' <<< "$line")
	inside=$(grep -acE 'Test succeeded inside todo block' "$log")
	verdict=no
	if [ -n "${checks:-}" ] && [ "$status" -lt 124 ] && [ $((checks * 100)) -ge $((${base_checks:-0} * 98)) ] &&
		[ "$skipped" -le "${base_skipped:-0}" ] && [ $((failures - inside)) -le "${base_failures:-0}" ]; then
		verdict=yes counted=$((counted + 1))
	fi
	printf '%-22s %10s %10s %6s %9s %8s  %s\n' "$name" "${checks:--}" "${base_checks:--}" "${todo:--}" "${failures:-exit $status}" "${skipped:--}" "$verdict"
	unset checks todo failures skipped
done
echo "winetest: $counted of ${#tests[@]} count"
