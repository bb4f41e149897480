#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the conformance programs of tests/linux. usage: run-conformance.sh native | guest CPUS [LABEL [KIND...]]
# native: on the host's Linux, which is the judge. guest: all of them in one VM through the shared folder.
set -uo pipefail
cd "$(dirname "$0")/.."
where=${1:?} cpus=${2:-2} label=${3:-release} kinds=("${@:4}")
# A conformance program finishes in seconds; a hang is a failure and must not stop the others.
limit=60
report() { # label status output
	if [ "$2" = 0 ]; then echo "ok $1"; else echo "FAIL $1 (status $2)"; grep -aE -B3 '^FAIL' "$3" | sed 's/^/    /' | head -n 20; fi
}
if [ "$where" = native ]; then
	for p in out/tests/linux/*; do
		[ -x "$p" ] && [ ! -d "$p" ] && [ "${p%.d}" = "$p" ] || continue
		out=out/tests/native-$(basename "$p").log
		(cd out/tests && TMPDIR=/tmp timeout "$limit" "./linux/$(basename "$p")") >"$out" 2>&1 </dev/null
		report "native $(basename "$p")" $? "$out"
	done
	exit 0
fi
log=out/tests/guest-$label-$cpus.log
timeout 900 ./ambos run --cpus "$cpus" --share "$PWD:/host:ro" -- sh /host/tests/guest/conformance.sh "$limit" "${kinds[@]}" >"$log" 2>&1 </dev/null
status=$?
grep -aE '^(ok|FAIL|    )' "$log" | sed -E "s/^(ok|FAIL) guest/\1 guest $label cpus=$cpus/"
[ "$status" = 0 ] || { echo "FAIL guest conformance run on $cpus CPUs ended with status $status"; tail -n 5 "$log" | sed 's/^/    /'; }
