#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Services die, programs do not notice: the toy counter under 1,000 kills, each service killed under small loops and under real
# programs, the n-th-store walk, broker refusals, the IPC figure. RESTART_KILLS per service (default 20; accept: 100).
. "$(dirname "$0")/lib.sh"
kills=${RESTART_KILLS:-20}
bin=out/tests/core
mkdir -p $bin
for p in tests/core/toy_kill tests/core/service_kill tests/core/store_walk tests/core/broker_abuse bench/ipcbench; do
	musl-gcc -std=gnu11 -O1 -Wall -Wextra -Wno-unused-parameter -static -Iabi -Ilib -o "$bin/$(basename $p)" $p.c || fail restart_build "$p"
done
cp tests/guest/restart_load.sh $bin/
export AMBOS_KERNEL_OPTIONS=test_ipc
# Minutes only for hangs: 100 kills under real programs take about 20 s.
guest() { vm_limit=180; vm --share "$PWD/$bin:/host:ro" "$@" </dev/null 2>&1; }
figures() { # service, log
	grep -aoE '[0-9]+ us from death to first reply' "$2" | awk -v s="$1" '{ n++; t += $1; if ($1 > m) m = $1 }
		END { if (n) printf "figure service %d: death to first reply %d us on average, %d us at most\n", s, t / n, m }'
	grep -acE 'died: .* [1-9][0-9]* calls in flight' "$2" | sed "s/^/figure service $1: deaths with a call in flight: /"
}
for cpus in 1 2 4; do guest --cpus $cpus -- /host/toy_kill 1000 || fail "toy_kill cpus=$cpus"; done
for service in 2 3 4 5 6 7; do
	log=$work/log
	guest --log="$log" -- /host/service_kill $service "$kills" || fail "restart service $service" "$(tail -n 3 "$log")"
	figures $service "$log"
	guest --log="$log" -- /host/service_kill $service "$kills" bash /host/restart_load.sh || fail "restart service $service, programs" "$(tail -n 3 "$log")"
	figures $service "$log"
done
guest -- /host/store_walk || fail store_walk
mkdir "$work/walk" && guest --share "$work/walk:/walk" -- /host/store_walk /walk/on_share | sed 's/store_walk/store_walk share,/'
is store_walk_leaves_nothing on_share "$(cd "$work/walk" && find . -mindepth 1 -printf '%P\n')"
# A service that dies in each start: without initd a launch still finds its parent; without vfsd the machine ends and says why.
for i in 1 2 3 4 5; do AMBOS_KERNEL_OPTIONS=kill_initd=start guest -- sh -c 'echo $PPID' > "$work/parent$i"; done
is launch_between_two_initd "1 1 1 1 1" "$(cat "$work"/parent? | xargs)"
AMBOS_KERNEL_OPTIONS=kill_vfsd=start guest -- true > "$work/gone"
is machine_without_vfsd_status 125 $?
grep -q 'vfsd died .* in its start' "$work/gone" && ok machine_without_vfsd || fail machine_without_vfsd "$(tail -n 3 "$work/gone")"
guest -- /host/broker_abuse || fail broker_abuse
guest --icount -- /host/ipcbench || fail ipcbench
