#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: runs every conformance program of the shared folder, static glibc, static musl and dynamic.
# usage: conformance.sh [LIMIT [KIND...]]
limit=${1:-60}
[ $# = 0 ] || shift
[ $# = 0 ] && set -- linux linux-musl linux-dynamic
export TMPDIR=/tmp
cd /tmp || exit 99
for kind; do
	for p in /host/out/tests/$kind/*; do
		[ -x "$p" ] || continue
		timeout -s KILL "$limit" "$p" >/tmp/conformance.out 2>&1 </dev/null
		status=$?
		if [ $status = 0 ]; then
			echo "ok guest $kind/$(basename "$p")"
		else
			echo "FAIL guest $kind/$(basename "$p") (status $status)"
			grep -E -B3 '^FAIL' /tmp/conformance.out | head -n 20 | sed 's/^/    /'
			[ $status -gt 99 ] && tail -n 3 /tmp/conformance.out | sed 's/^/    /'
		fi
	done
done
exit 0
