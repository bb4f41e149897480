#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The speed bounds of issue 3 on a fresh measurement: the same PE files under Wine 8.0 on Linux in the same QEMU.
. "$(dirname "$0")/../system/lib.sh"
tools/deps.sh build run bench || exit 99
PEER=again bench/run-windows.sh > "$work/bench" 2>&1 || fail bench_windows_ran "$(tail -n 5 "$work/bench")"
python3 bench/report_windows.py out/bench/windows-wine.txt out/bench/windows-ambos.txt --check
