#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Mutated ELF files in the guest and on the host's Linux with the same seed: no case may hang or hurt the guest; where the
# outcomes differ they are tabled as "figure" lines. ELF_CASES (default 3000 in `make test`, 100000 in soak).
. "$(dirname "$0")/lib.sh"
cases=${ELF_CASES:-3000} seed=${FUZZ_SEED:-1}
bin=out/tests/fuzz
mkdir -p $bin
gcc -std=gnu11 -O1 -Wall -D_GNU_SOURCE -static -o $bin/elf_exec tests/fuzz/elf_exec.c || fail fuzz_elf build
vm_limit=$((60 + cases / 100))
vm --share "$PWD/$bin:/host:ro" -- /host/elf_exec "$cases" "$seed" > "$work/guest" 2>&1 </dev/null; status=$?
$bin/elf_exec "$cases" "$seed" "$work" > "$work/host" 2>/dev/null
lines=$(wc -l < "$work/guest")
is fuzz_elf_every_case_ends "0 $cases" "$status $lines"
is fuzz_elf_unchanged_file_runs '0 exit=7' "$(head -n 1 "$work/guest")"
same=$(paste -d' ' "$work/host" "$work/guest" | awk '$2 == $4 { n++ } END { print n + 0 }')
echo "figure fuzz_elf: $same of $cases outcomes are the host Linux's"
paste -d' ' "$work/host" "$work/guest" | awk '$2 != $4 { n[$2 " -> " $4]++ } END { for (k in n) print n[k], k }' | sort -rn | head -20 |
	sed 's/^\([0-9]*\) \(.*\) -> \(.*\)/figure fuzz_elf: \1 cases: Linux \2, here \3/'
