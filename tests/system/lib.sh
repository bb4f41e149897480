# SPDX-License-Identifier: MIT
# Helpers of the system tests: each test prints "ok NAME" or "FAIL NAME" and why. Sourced, not run.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
ambos=$PWD/ambos
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# One VM run under TCG takes a second or two; a minute means that it hangs.
vm_limit=${VM_LIMIT:-60}

ok() { echo "ok $1"; }
fail() { echo "FAIL $1"; shift; printf '    %s\n' "$@" | head -n 12; }
# is NAME EXPECTED ACTUAL
is() { if [ "$2" = "$3" ]; then ok "$1"; else fail "$1" "expected: $(head -c 300 <<<"$2")" "got: $(head -c 300 <<<"$3")"; fi; }
vm() { timeout -s KILL "$vm_limit" "$ambos" run "$@"; }
