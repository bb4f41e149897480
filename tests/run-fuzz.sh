#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds each *_fuzz.c with clang's libFuzzer (+ASan, UBSan) and runs it for the given seconds.
# Sources linked: the harness's "// LINK:" line; "// NEEDS:" names what make has to make before. Corpus: tests/fuzz/corpus/<name>/ when there.
set -uo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30} out=out/fuzz pass=0 fail=0
mkdir -p "$out"
while read -r harness; do
	name=$(basename "$harness" .c)
	link=$(sed -n 's,^// LINK: *,,p' "$harness" | tr '\n' ' ')
	[ -n "$link" ] || { beside=${harness%_fuzz.c}.c; [ -f "$beside" ] && link=$beside; }
	flags=$(sed -n 's,^// CFLAGS: *,,p' "$harness" | tr '\n' ' ')
	needs=$(sed -n 's,^// NEEDS: *,,p' "$harness" | tr '\n' ' ')
	# shellcheck disable=SC2086
	[ -z "$needs" ] || make -s $needs
	mkdir -p "$out/corpus-$name"
	corpus=; [ -d "tests/fuzz/corpus/$name" ] && corpus=tests/fuzz/corpus/$name
	# shellcheck disable=SC2086
	if clang -std=gnu11 -g -O1 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Iabi -Ilib $flags \
		-o "$out/$name" "$harness" $link >"$out/$name.log" 2>&1 &&
		timeout $((seconds + 60)) "$out/$name" -max_total_time="$seconds" -artifact_prefix="$out/$name-" "$out/corpus-$name" $corpus >>"$out/$name.log" 2>&1; then
		pass=$((pass + 1)); echo "ok fuzz $name ($(grep -aoE 'exec/s: [0-9]+' "$out/$name.log" | tail -n 1), $seconds s)"
	else
		fail=$((fail + 1)); echo "FAIL fuzz $name"; tail -n 15 "$out/$name.log" | sed 's/^/    /'
	fi
done < <(find kernel lib services tools windows -name '*_fuzz.c' | sort)
echo "fuzz: $pass passed, $fail failed"
[ "$fail" = 0 ]
