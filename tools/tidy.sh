#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Style as a test: one "ok"/"FAIL" line, offences below it.
cd "$(dirname "$0")/.."
out=$(python3 tools/tidy.py) && echo "ok tidy" || { echo "FAIL tidy: $(wc -l <<<"$out") offences"; head -n 20 <<<"$out" | sed 's/^/    /'; exit 1; }
