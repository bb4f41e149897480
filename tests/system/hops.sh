#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hops (design 1.2): none in the second pass of the named calls, none without a cause. The program runs from the
# guest's own /tmp, because on the share its page faults would be hops of that mount.
. "$(dirname "$0")/lib.sh"
gcc -std=gnu11 -O1 -Wall -Wextra -Wno-unused-result -static -pthread -o "$work/hops" tests/guest/hops.c -lutil || exit 99
cd "$work" || exit 99
vm -- sh -c 'cp hops /tmp/ && cd / && /tmp/hops' </dev/null >out 2>err
status=$?
grep -E '^(ok|FAIL) ' out
if [ $status -eq 0 ]; then ok hops_program_succeeds; else fail hops_program_succeeds "status $status" "$(cat err)" "$(cat out)"; fi
grep '^  ' out | sed 's/^  /figure hops /'

# Design 7: a refused call is counted by name.
count=$(vm -- python3 -c 'import ctypes
call = ctypes.CDLL(None).syscall
[call(29, 0, 0, 0) for i in range(3)] # shmget
print(dict(line.split() for line in open("/proc/ambos/refused")).get("shmget"))' </dev/null)
is refused_calls_are_counted 3 "$count"
