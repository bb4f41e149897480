#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs every *_test.c beside the code on the host under ASan and UBSan.
# A test names the sources it links in a line:  // LINK: path path ...   (its own main; exit 0 = pass; without the line: x.c beside x_test.c)
# and files that make has to make before:  // NEEDS: path ...
set -uo pipefail
cd "$(dirname "$0")/.."
out=out/unit
mkdir -p "$out"
pass=0 fail=0
while read -r test; do
	name=$(basename "$test" .c)
	link=$(sed -n 's,^// LINK: *,,p' "$test" | tr '\n' ' ')
	[ -n "$link" ] || { beside=${test%_test.c}.c; [ -f "$beside" ] && link=$beside; }
	flags=$(sed -n 's,^// CFLAGS: *,,p' "$test" | tr '\n' ' ')
	needs=$(sed -n 's,^// NEEDS: *,,p' "$test" | tr '\n' ' ')
	# shellcheck disable=SC2086
	[ -z "$needs" ] || make -s $needs
	# shellcheck disable=SC2086
	if gcc -std=gnu11 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined \
		-Iabi -Ilib $flags -o "$out/$name" "$test" $link -pthread >"$out/$name.log" 2>&1 &&
		timeout 120 "$out/$name" >>"$out/$name.log" 2>&1; then
		pass=$((pass + 1)); echo "ok unit $name"
	else
		fail=$((fail + 1)); echo "FAIL unit $name"; tail -n 15 "$out/$name.log" | sed 's/^/    /'
	fi
done < <(find kernel lib services tools windows -name '*_test.c' | sort)
echo "unit: $pass passed, $fail failed"
[ "$fail" = 0 ]
