#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make bench-windows`: the same PE files under Wine 8.0 on Linux 6.1 and on Ambos, in the same QEMU (-smp 2, wall time).
# The peer's rows are kept in .cache/peer and made again when a program changed. Writes bench/results-windows.md.
set -euo pipefail
cd "$(dirname "$0")/.."
out=out/bench
mkdir -p "$out"
programs=out/windows/bench
make -s windows-bench
[ "$out/start" -nt bench/start.c ] || gcc -O2 -static -o "$out/start" bench/start.c
peer=.cache/peer/windows.txt
if [ ! -s "$peer" ] || [ bench/winmicro.c -nt "$peer" ] || [ bench/start.c -nt "$peer" ]; then
	bench/peer-windows.sh > "$peer.part"
	mv "$peer.part" "$peer"
fi
cp --remove-destination "$out/start" "$programs/"
timeout -s KILL 600 ./ambos run --cpus 2 --share "$PWD/$programs:/bench" -- bash -c \
	'cp /bench/* /tmp/; cd /tmp; ./start true_elf 20 /bin/true; ./start hello_start_to_exit 20 /tmp/winhello.exe; ./winmicro.exe' \
	</dev/null > "$out/windows-ambos.txt" || echo "the Ambos run ended with status $?" >&2
python3 bench/report_windows.py "$peer" "$out/windows-ambos.txt" > bench/results-windows.md.new && mv bench/results-windows.md.new bench/results-windows.md
cat bench/results-windows.md
