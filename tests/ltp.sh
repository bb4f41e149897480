#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# LTP (Linux Test Project) as a measuring stick: a whole runtest file in the guest. LTP is built and installed outside the
# repository (docs/ltp.md). usage: ltp.sh PREFIX [RUNTEST], the default is syscalls. Prints what failed, then the counts.
set -u
prefix=${1:?usage: ltp.sh PREFIX [RUNTEST]} runtest=${2:-syscalls}
cd "$(dirname "$0")/.."
part=300     # tests per machine: one that hangs or ends the machine takes no more with it
limit_s=40   # per test; most take a second
[ -s "$prefix/runtest/$runtest" ] || { echo "ltp.sh: $prefix/runtest/$runtest is missing (docs/ltp.md)" >&2; exit 2; }
log=out/ltp-$runtest.log
mkdir -p out && : > "$log"
total=$(grep -v '^#' "$prefix/runtest/$runtest" | grep -c .)
for ((from = 1; from <= total; from += part)); do
	echo "ltp.sh: $from of $total" >&2
	timeout -s KILL $((part * limit_s)) ./ambos run --cpus 2 --memory 1G --share "$PWD/tests/guest:/guest:ro" --share "$prefix:/ltp:ro" -- \
		bash /guest/ltp.sh "$runtest" $from $part $limit_s >>"$log" 2>&1 </dev/null
	[ "$(tail -n 1 "$log")" = END ] || echo "FAIL machine from test $from on: it ended early" >>"$log"
done
grep -a '^FAIL' "$log"
awk '/^ok / {ok++} /^skip / {skip++} /^FAIL / {fail++} END {printf "%d passed, %d skipped, %d failed\n", ok, skip, fail}' "$log"
