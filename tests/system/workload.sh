#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real programs in the guest on 1, 2 and 4 CPUs. usage: workload.sh [CPUS...]
. "$(dirname "$0")/lib.sh"
[ $# = 0 ] && set -- 1 2 4
for cpus; do
	timeout -s KILL 900 "$ambos" run --cpus "$cpus" --memory 2G --share "$PWD:/host:ro" -- bash /host/tests/guest/workload.sh /host/out/image/system.erofs.sha256 </dev/null 2>&1 |
		grep -aE '^(ok|FAIL|    )' | sed -E "s/^(ok|FAIL) /\1 cpus=$cpus /"
	[ "${PIPESTATUS[0]}" = 0 ] || fail "cpus=$cpus workload VM" "status ${PIPESTATUS[0]}"
done
