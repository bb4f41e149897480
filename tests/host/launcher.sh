#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The launcher against tests/host/fake_guest.c instead of QEMU: streams, statuses, signals, clean-up.
cd "$(dirname "$0")/../.." || exit 99
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
gcc -std=gnu11 -g -O1 -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Ilib -pthread \
	tests/host/fake_guest.c lib/control/control.c -o "$work/fake" -lutil || exit 99
echo kernel > "$work/kernel.elf"; head -c 8192 /dev/zero > "$work/image"
export AMBOS_QEMU=$work/fake AMBOS_KERNEL=$work/kernel.elf AMBOS_IMAGE=$work/image
ambos=$PWD/ambos
is() { if [ "$2" = "$3" ]; then echo "ok $1"; else echo "FAIL $1: expected '$2', got '$3'"; failures=$((failures + 1)); fi; }
vm() { timeout -s KILL 30 "$ambos" run "$@"; }

is prints_42 42 "$(vm -- bash -c 'echo $((6*7)); exit 3' </dev/null)"
vm -- bash -c 'exit 3' </dev/null; is exit_status 3 $?
vm -- sh -c 'kill -SEGV $$' </dev/null; is signal_status 139 $?
is stderr_apart err "$(vm -- sh -c 'echo out; echo err >&2' 2>&1 >/dev/null </dev/null)"
head -c 100000000 /dev/urandom > "$work/random"
is pipe_exact "$(sha256sum < "$work/random")" "$(vm cat < "$work/random" | sha256sum)"
is slow_reader "$(sha256sum < "$work/random")" "$(vm cat < "$work/random" | { sleep 0.5; sha256sum; })"
is yes_head y "$(vm yes </dev/null 2>/dev/null | head -1)"
is empty_stdin 0 "$(: | vm cat | wc -c)"
is last_byte x "$(vm -- sh -c 'printf x' </dev/null)"
vm --timeout 0.3 -- sleep 60 </dev/null; is timeout 124 $?
vm --no-such </dev/null 2>/dev/null; is bad_option 125 $?
is env_option 'a b' "$(vm --env G='a b' -- sh -c 'echo "$G"' </dev/null)"
FAKE_GUEST=die vm true </dev/null 2>"$work/err"; is dead_vm 125 $?
is dead_vm_says 1 "$(grep -c 'no machine today' "$work/err")"
AMBOS_QEMU=/nonexistent vm true </dev/null 2>"$work/err"; is no_qemu 125 $?
is no_qemu_names_package 1 "$(grep -c qemu-system-x86 "$work/err")"
"$ambos" run -- sleep 50 </dev/null & pid=$!
sleep 0.5; kill -TERM $pid; wait $pid; is term_is_forwarded 143 $?
"$ambos" run -- sleep 51 </dev/null 2>/dev/null & pid=$!
sleep 0.5; child=$(pgrep -P $pid); kill -KILL $pid; wait $pid 2>/dev/null; sleep 0.3
alive=$(sed -n 's/^State:[[:space:]]*\([A-Z]\).*/\1/p' "/proc/$child/status" 2>/dev/null | grep -v Z)
is vm_dies_with_us "" "$alive"
pgrep -f 'sleep 51' | xargs -r kill
is terminal_runs "on a tty" "$(script -qec "$ambos run -- sh -c 'test -t 0 && test -t 1 && echo on a tty'" /dev/null </dev/null | grep -o 'on a tty')"
[ $failures = 0 ]
