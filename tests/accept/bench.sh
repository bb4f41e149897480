#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The osbench bounds of issue 2 on a fresh measurement: instructions per row, both geometric means.
. "$(dirname "$0")/../system/lib.sh"
tools/deps.sh build run bench || exit 99
bench/run.sh "${BENCH_RUNS:-7}" > "$work/bench" 2>&1 || fail bench_ran "$(tail -n 3 "$work/bench")"
python3 bench/report.py out/bench --check
