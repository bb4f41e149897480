#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A changed policy file replaces the lease of all programs, on 1 and 2 CPUs, and outlives syscalld.
. "$(dirname "$0")/lib.sh"
for cpus in 1 2; do
	timeout -s KILL 120 "$ambos" run --cpus $cpus --share "$PWD/tests/guest:/host:ro" -- bash /host/policy.sh </dev/null 2>&1 |
		grep -aE '^(ok|FAIL|  )' | sed -E "s/^(ok|FAIL) /\1 cpus=$cpus /"
	[ "${PIPESTATUS[0]}" = 0 ] || fail "cpus=$cpus policy VM" "status ${PIPESTATUS[0]}"
done
