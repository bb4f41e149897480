#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest, on the share: share_parallel.py while vfsd and storaged are killed in turn, KILLS times in all.
# usage: share_kill.sh PROCESSES KILLS; ends with python's status.
python3 /mnt/tests/tests/guest/share_parallel.py "$1" & load=$!
for ((n = 0; n < $2; n++)); do
	kill -0 $load 2>/dev/null || break
	victim=storaged; ((n % 2)) && victim=vfsd
	while read -r name pid _; do [ "$name" = $victim ] && kill -9 "$pid"; done < /proc/ambos/services
	sleep 0.05
done
wait $load
status=$?
echo "kills $n"
exit $status
