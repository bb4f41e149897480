#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Second opinions on the whole tree: clang's warnings on everything, gcc -fanalyzer and clang-tidy on lib and services,
# and tidy. Prints "ok"/"FAIL" per part. Suppressions stand in the code with their reason, never here.
set -uo pipefail
shopt -s lastpipe # part remembers what failed
cd "$(dirname "$0")/.."
warnings="-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wimplicit-fallthrough -Wno-unused-parameter -Wno-initializer-overrides -Wno-address-of-packed-member"
kernel="-std=gnu11 -ffreestanding -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-pic -DAMBOS_KERNEL -Ikernel/include -Iabi -Ilib -Ilib/base"
service="-std=gnu11 -DAMBOS_SERVICE -D_GNU_SOURCE -Iabi -Ilib"
bad=0
part() { # name, then "file command..." lines on stdin run two at a time
	local name=$1 out
	if out=$(xargs -P 2 -I{} sh -c '{}' 2>&1); then echo "ok lint $name"; else echo "FAIL lint $name"; grep -E 'error|warning' <<<"$out" | sort -u | head -n 30 | sed 's/^/    /'; bad=1; fi
}
sources() { find "$@" -name '*.c' ! -name '*_test.c' ! -name '*_fuzz.c' | sort; }
sources kernel lib/base lib/elf | grep -v vdso | sed "s,.*,clang $warnings $kernel -fsyntax-only &," | part clang-kernel
for f in $(sources services lib/service lib/erofs lib/control tools/ambos 2>/dev/null); do echo "clang $warnings $service -I$(dirname "$f") -fsyntax-only $f"; done | part clang-user
for f in $(sources services lib); do echo "gcc $warnings $service -I$(dirname "$f") -O1 -fanalyzer -Wno-analyzer-use-of-uninitialized-value -c -o /dev/null $f"; done | sed 's/-Wno-initializer-overrides//' | part gcc-analyzer
# Left out of clang-tidy: strcmp() and memcmp() as conditions are this code's idiom; struct fields are in reading order, not
# in packing order; gcc -fanalyzer and the sanitized unit tests judge bounds better than a ban on names.
for f in $(sources services lib); do echo "clang-tidy --quiet --warnings-as-errors=* -checks=-*,bugprone-*,clang-analyzer-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-bugprone-assignment-in-if-condition,-bugprone-macro-parentheses,-bugprone-implicit-widening-of-multiplication-result,-bugprone-suspicious-string-compare,-clang-analyzer-optin.performance.Padding,-clang-analyzer-security.insecureAPI.strcpy $f -- $service -I$(dirname "$f") 2>/dev/null"; done | part clang-tidy
tools/tidy.sh || bad=1
exit $bad
