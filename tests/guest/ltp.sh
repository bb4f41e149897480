#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs in the guest, with LTP at /ltp: lines FROM to FROM+COUNT-1 of a runtest file, one line of result each and why it failed.
# usage: ltp.sh RUNTEST FROM COUNT LIMIT_S
export LTPROOT=/ltp PATH=/ltp/testcases/bin:$PATH TMPDIR=/tmp LTP_COLORIZE_OUTPUT=0 KCONFIG_SKIP_CHECK=1
mkdir -p /tmp/ltp && cd /tmp/ltp || exit 1
grep -v '^#' "/ltp/runtest/$1" | grep . | tail -n "+$2" | head -n "$3" | while read -r name command; do
	out=$(timeout -k 2 "$4" sh -c "$command" 2>&1 </dev/null)
	status=$?
	case $status in
	0) echo "ok $name" ;;
	32) echo "skip $name $(grep -m 1 -oE 'TCONF.*' <<<"$out")" ;;
	*) echo "FAIL $name status $status: $(grep -m 1 -oE '(TFAIL|TBROK).*' <<<"$out")" ;;
	esac
	rm -rf /tmp/ltp/* /tmp/LTP_*
done
echo END
