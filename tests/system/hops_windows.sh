#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hops of NT calls (design 1.2): none in the second pass of the named rows. Counted per call in the whole VM, so nothing
# else runs Windows programs beside it; from the guest's own folder, because on the share page faults would be hops.
. "$(dirname "$0")/lib.sh"
x86_64-w64-mingw32-gcc -std=gnu11 -O1 -Wall -Wextra -o "$work/hops.exe" tests/guest/hops_windows.c || exit 99
cd "$work" || exit 99
vm -- sh -c 'cp hops.exe /tmp/ && cd / && cat /proc/ambos/hops >/dev/null && /tmp/hops.exe' </dev/null 2>err | tr -d '\r' >out
status=${PIPESTATUS[0]}
grep -E '^(ok|FAIL) ' out
if [ "$status" -eq 0 ]; then ok hops_windows_program_succeeds; else fail hops_windows_program_succeeds "status $status" "$(cat err)" "$(cat out)"; fi
