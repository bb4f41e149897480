#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Services die, programs do not notice: the toy counter under 1,000 kills, each service killed RESTART_KILLS times (default
# 100) under a load of programs and files, the n-th-store walk, and the IPC figure.
. "$(dirname "$0")/lib.sh"
kills=${RESTART_KILLS:-100}
bin=out/tests/core
mkdir -p $bin
for p in tests/core/toy_kill tests/core/service_kill tests/core/store_walk tests/core/broker_abuse bench/ipcbench; do
	musl-gcc -std=gnu11 -O1 -Wall -Wextra -Wno-unused-parameter -static -Iabi -Ilib -o "$bin/$(basename $p)" $p.c || fail restart_build "$p"
done
export AMBOS_KERNEL_OPTIONS=test_ipc
guest() { vm_limit=120; vm --share "$PWD/$bin:/host:ro" "$@" </dev/null 2>&1; }
for cpus in 1 2 4; do guest --cpus $cpus -- /host/toy_kill 1000 || fail "toy_kill cpus=$cpus"; done
for service in 2 3 4 5 6 7; do
	log=$work/log
	guest --log="$log" -- /host/service_kill $service "$kills" || fail "restart service $service"
	grep -aoE '[0-9]+ us from death to first reply' "$log" | awk -v s=$service '{ n++; t += $1; if ($1 > m) m = $1 } END { if (n) printf "figure service %d: death to first reply %d us on average, %d us at most\n", s, t / n, m }'
	grep -acE 'died: .* [1-9][0-9]* calls in flight' "$log" | sed "s/^/figure service $service: deaths with a call in flight: /"
done
guest -- /host/store_walk || fail store_walk
guest -- /host/broker_abuse || fail broker_abuse
guest --icount -- /host/ipcbench || fail ipcbench
