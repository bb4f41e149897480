#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# runtimed dies at its n-th store, for every n from the control port's connection to the exit report: the program's
# output, input and status are the same each time. Prints how far the walk went.
. "$(dirname "$0")/lib.sh"
bad=0 n=0
while [ $n -lt 400 ]; do
	n=$((n + 1))
	out=$(echo word | AMBOS_KERNEL_OPTIONS="kill_runtimed=$n" timeout -s KILL 20 "$ambos" run --timeout 10 --log="$work/log" -- \
		sh -c 'read x; echo "got $x" >&2; echo out; exit 3' 2>"$work/err")
	status=$?
	if [ "$out" != out ] || [ $status != 3 ] || ! grep -q 'got word' "$work/err"; then
		bad=$((bad + 1))
		fail "launch_with_death_at_store_$n" "status $status, output '$out'" "$(tail -n 4 "$work/err")" "$(tail -n 3 "$work/log")"
		[ $bad -lt 4 ] || break
	fi
	grep -q 'runtimed: killed at its store' "$work/log" || break
done
[ $bad = 0 ] && ok "launch_walk (n = $n)"
