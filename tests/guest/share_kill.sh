#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest, on the share: a python load of this folder while services are killed in turn, KILLS times in all.
# usage: share_kill.sh KILLS "SERVICE ..." LOAD.py ARGUMENTS; ends with python's status.
kills=$1 services=($2)
shift 2
python3 "/mnt/tests/tests/guest/$@" & load=$!
for ((n = 0; n < kills; n++)); do
	kill -0 $load 2>/dev/null || break
	victim=${services[n % ${#services[@]}]}
	while read -r name pid _; do [ "$name" = "$victim" ] && kill -9 "$pid"; done < /proc/ambos/services
	sleep 0.05
done
wait $load
status=$?
echo "kills $n"
exit $status
