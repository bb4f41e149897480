#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make bench-windows`: the same PE files under Wine 8.0 on Linux 6.1 and on Ambos, in the same QEMU (-smp 2, wall time).
# The peer's rows are kept in .cache/peer/windows.txt and made again when a program changed or PEER=again.
# Writes the Windows section of bench/results.md.
set -euo pipefail
cd "$(dirname "$0")/.."
out=out/bench
peer=.cache/peer/windows.txt
limit=180 # seconds for our part, which needs 30 on an idle host
mkdir -p "$out" .cache/peer
programs=out/windows/bench
make -s windows-bench
[ "$out/start" -nt bench/start.c ] || gcc -O2 -static -o "$out/start" bench/start.c
if [ ! -s "$peer" ] || [ "${PEER:-}" = again ] || [ bench/winmicro.c -nt "$peer" ] || [ bench/winhello.c -nt "$peer" ] || [ bench/start.c -nt "$peer" ]; then
	bench/peer-windows.sh > "$peer.part"
	mv "$peer.part" "$peer"
fi
cp --remove-destination "$out/start" "$programs/"
echo "run-windows.sh: the same programs on Ambos (at most $limit s)" >&2
timeout -k 5 "$limit" ./ambos run --cpus 2 --share "$PWD/$programs:/bench" -- bash -c \
	'cp /bench/* /tmp/; cd /tmp; ./start 200 true_elf /bin/true -- hello_start_to_exit /tmp/winhello.exe; ./winmicro.exe' \
	</dev/null 2>"$out/windows-ambos.err" | tr -d '\r' | tee "$out/windows-ambos.txt" | sed 's/^/  /' >&2 ||
	{ echo "run-windows.sh: the Ambos run ended with status ${PIPESTATUS[0]}" >&2; tail -n 5 "$out/windows-ambos.err" >&2; }
cp "$peer" "$out/windows-wine.txt"
section=$(python3 bench/report_windows.py "$out/windows-wine.txt" "$out/windows-ambos.txt")
{ sed '/^# Windows programs/,$d' bench/results.md | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'; printf '\n%s\n' "$section"; } > bench/results.md.new
mv bench/results.md.new bench/results.md
echo "$section"
