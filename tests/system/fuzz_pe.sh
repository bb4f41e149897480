#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Mutated Windows programs in the guest: every case ends, the good file still runs afterwards, nothing panics, and loaderd
# is the one that began. PE_CASES (default 1500 in `make test`, 100000 in soak).
. "$(dirname "$0")/lib.sh"
cases=${PE_CASES:-1500} seed=${FUZZ_SEED:-1}
bin=out/tests/fuzz
mkdir -p $bin
gcc -std=gnu11 -O1 -Wall -D_GNU_SOURCE -static -o $bin/pe_exec tests/fuzz/pe_exec.c || fail fuzz_pe build
cat > "$work/base.c" <<'E1'
#include <windows.h>
static void (*table[2])(UINT) = { (void (*)(UINT))ExitProcess, 0 };
void start(void) { table[GetTickCount() & 0](7); }
E1
x86_64-w64-mingw32-gcc -O1 -s -nostdlib -e start -o $bin/pe_base.exe "$work/base.c" -lkernel32 || fail fuzz_pe build
vm_limit=$((120 + cases / 20))
vm --log="$work/log" --share "$PWD/$bin:/host:ro" -- bash -c "/host/pe_exec /host/pe_base.exe $cases $seed; /host/pe_base.exe; echo last=\$?" > "$work/guest" 2>"$work/errors" </dev/null
is fuzz_pe_every_case_ends "$cases" "$(grep -c '^[0-9]' "$work/guest")"
is fuzz_pe_unchanged_file_runs '0 exit=7' "$(head -n 1 "$work/guest")"
is fuzz_pe_runs_afterwards 'last=7' "$(tail -n 1 "$work/guest")"
grep -qE 'PANIC|loaderd.*died' "$work/log" && fail fuzz_pe_nothing_dies "$(grep -E 'PANIC|died' "$work/log" | head -3)" || ok fuzz_pe_nothing_dies
awk '{ split($2, a, "="); n[a[1] == "exit" && a[2] == 7 ? "exit=7" : $2]++ } END { for (k in n) print n[k], k }' "$work/guest" | sort -rn | head -12 | sed 's/^/figure fuzz_pe: /'
