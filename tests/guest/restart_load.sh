#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: real programs whose results must be exact while services die (tests/core/service_kill.c starts it). Each
# round: tar through a pipe, find on / and on the share, python3 with children, a fork and exec loop. Ends after /tmp/stop.
cd /tmp || exit 99
lib=/usr/lib/python3.11/json
names() { find "$1" -xdev -not -path '/proc/*' -not -path '/tmp/*' -not -path '/run/*' -not -path '/dev/*' 2>&1 | sort | sha256sum; }
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort | sha256sum); }
python() { python3 -c 'import subprocess, hashlib
print(hashlib.sha256(b"".join(subprocess.run(["echo", str(i)], capture_output=True, check=True).stdout for i in range(10))).hexdigest())'; }
etc=$(names /etc) share=$(names /host) all=$(names /usr) tree=$(sums $lib) py=$(python) || exit 98
is() { [ "$2" = "$3" ] || { echo "FAIL restart_load $1: $2 / $3"; exit 1; }; }
touch /tmp/ready
while :; do
	rm -rf copy; mkdir copy || exit 2
	tar cf - -C $lib . | gzip -1 | gzip -d | tar xf - -C copy || exit 3
	is tar "$tree" "$(sums copy)"
	is find_etc "$etc" "$(names /etc)"
	is find_share "$share" "$(names /host)"
	is python "$py" "$(python)"
	for ((i = 0; i < 20; i++)); do /bin/true || exit 4; done
	seq 1 3000 > numbers && is sort "$(sort -rn numbers | sort -n | sha256sum)" "$(sha256sum < numbers)"
	[ -e /tmp/stop ] && { is find_usr "$all" "$(names /usr)"; exit 0; }
done
