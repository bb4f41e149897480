#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: real programs at work (issue 2, fifth line of "Must show"). usage: workload.sh MANIFEST
# Each step prints "ok NAME" or "FAIL NAME".
manifest=$1
cd /tmp || exit 99
step() { local name=$1; shift; local s=$SECONDS; if "$@" >/tmp/step.out 2>&1; then echo "ok workload $name ($((SECONDS - s)) s)"; else echo "FAIL workload $name (status $?)"; tail -n 4 /tmp/step.out | sed 's/^/    /'; fi; }
checksums() { (cd / && find . -xdev -type f -not -path './dev/*' -not -path './tmp/*' -not -path './run/*' -not -path './proc/*' -not -path './sys/*' -exec sha256sum {} +) | sort > /tmp/sums; sort "$manifest" | diff - /tmp/sums; }
tar_round() { tar cf - -C /usr lib | gzip -1 | gzip -d | tar xf - -C /tmp && diff -r /usr/lib /tmp/lib && rm -rf /tmp/lib; }
sorting() { seq 1 2000000 | awk '{print ($1 * 7919) % 2000003}' | sort -n > sorted && [ "$(wc -l < sorted)" = 2000000 ] && sort -nc sorted; rm -f sorted; }
forks() { local i; for ((i = 0; i < 2000; i++)); do /bin/true || return 1; done; }
pythons() { python3 /host/tests/guest/workload.py; }
compileall() { cp -r /usr/lib/python3.11 /tmp/py && python3 -m compileall -q /tmp/py; local s=$?; rm -rf /tmp/py; return $s; }
[ -r "$manifest" ] && step checksums checksums
step python pythons
step fork_exec_2000 forks
step sort_2000000 sorting
step tar_gzip_round tar_round
step compileall compileall
# Last: it damages files of the Python library on purpose.
step image_tails python3 /host/tests/guest/image_tails.py
