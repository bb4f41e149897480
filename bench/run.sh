#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make bench`: each row of osbench on the peer (Linux 6.1) and on Ambos, in the same QEMU with the same binary.
# Instructions: -smp 1 -icount, one run (it repeats to the digit). Wall: -smp 2, interleaved, median of RUNS.
# Writes bench/results.md. usage: run.sh [RUNS]   (default 7; 0 = instructions only)
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-7}
out=out/bench
mkdir -p "$out"
rm -f "$out"/wall-*.txt
[ -s .cache/peer/icount.txt ] && [ .cache/peer/icount.txt -nt bench/osbench.c ] || bench/peer.sh icount > .cache/peer-icount.part
[ -s .cache/peer-icount.part ] && mv .cache/peer-icount.part .cache/peer/icount.txt
cp .cache/peer/icount.txt "$out/icount-linux.txt"
[ -x "$out/osbench" ] || gcc -O2 -static -pthread -o "$out/osbench" bench/osbench.c
echo "instructions: Ambos" >&2
timeout -s KILL 900 ./ambos run --icount --share "$PWD/$out:/host:ro" -- /host/osbench </dev/null > "$out/icount-ambos.txt" || echo "the Ambos icount run ended with status $?" >&2
for ((i = 1; i <= runs; i++)); do
	echo "wall run $i of $runs" >&2
	bench/peer.sh wall > "$out/wall-linux-$i.txt"
	timeout -s KILL 300 ./ambos run --cpus 2 --share "$PWD/$out:/host:ro" -- /host/osbench </dev/null > "$out/wall-ambos-$i.txt" || echo "the Ambos wall run ended with status $?" >&2
done
{ python3 bench/report.py "$out" && echo && sed -n '/^# Windows programs/,$p' bench/results.md; } > bench/results.md.new && mv bench/results.md.new bench/results.md
cat bench/results.md
