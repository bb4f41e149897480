#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Wine's own tests, built from Debian's source package: at least 14 of the 21 suites of issue 3 count (docs/winetest.md).
. "$(dirname "$0")/../system/lib.sh"
required=14
tools/winetest/build.sh || { fail winetest_build "make winetest"; exit 1; }
tools/winetest/run.sh | tee "$work/table" | sed 's/^/figure winetest /'
counted=$(sed -nE 's/^winetest: ([0-9]+) of 21 count$/\1/p' "$work/table")
if [ "${counted:-0}" -ge $required ]; then ok "winetest $counted of 21 suites count"; else fail "winetest suites" "${counted:-0} of 21 count, $required are required"; fi
