#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Exhaustion: memory, processes, descriptors, file systems. Beside each a shell must go on answering (limits.exp).
# The bound is 2 s on a machine of one's own (`make accept`), and 5 s where others use the CPUs.
. "$(dirname "$0")/lib.sh"
gcc -std=gnu11 -O1 -Wall -Wextra -static -o "$work/limits" tests/guest/limits.c || exit 99
script=$PWD/tests/system/limits.exp
export AMBOS=$ambos BOUND_MS=5000
[ "${STRICT:-0}" = 1 ] && BOUND_MS=2000
chmod 755 "$work"
cd "$work" || exit 99
case_limit=40
# small-: so little memory that a bomb has all of it before the shell is asked, however fast the machine is.
for what in ${LIMITS_CASES:-memory bomb user-bomb sessions small-sessions typed plain small-plain user-plain script user-script descriptors full}; do
	options=(--memory 512M)
	case $what in
	user-*) options=(--memory 1G --user user) ;;
	small-*) options=(--memory 128M) ;;
	esac
	timeout -s KILL "$case_limit" expect -f "$script" "$what" "--log=$work/log" "${options[@]}" > "$work/out" || fail "limits $what ended" "status $?" >> "$work/out"
	cat "$work/out"
	! grep -q '^FAIL' "$work/out" || tail -n 12 "$work/log" | sed 's/^/    log: /'
done
