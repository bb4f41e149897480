#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lines that an issue must show and that are too long or too dependent on an idle machine for `make test`:
# `make run` twice, 100 MB through a pipe, a crash by signal. Run by `make accept`.
. "$(dirname "$0")/../system/lib.sh"
vm_limit=120
start=$SECONDS
make --no-print-directory run </dev/null > "$work/run" 2>&1; status=$?
took=$((SECONDS - start))
is make_run_exits_0 0 "$status"
for text in bash 100000,99999,99998 python; do # the second: seq, sort, head and paste of coreutils
	if grep -aqi "$text" "$work/run"; then ok "make_run_shows_$text"; else fail "make_run_shows_$text" "$(tail -n 5 "$work/run")"; fi
done
if [ $took -le 20 ]; then ok make_run_again_within_20_s; else fail make_run_again_within_20_s "$took s"; fi

head -c 100000000 /dev/urandom > "$work/random"
start=$(date +%s%N)
sum=$(vm -- cat < "$work/random" | sha256sum)
rate=$((100000000 / (($(date +%s%N) - start) / 1000)))
is pipe_of_100_MB_is_exact "$(sha256sum < "$work/random")" "$sum"
echo "figure 100 MB through the guest, boot included: $rate MB/s (bound 20)"
if [ $rate -ge 20 ]; then ok pipe_at_20_MB_per_s; else fail pipe_at_20_MB_per_s "$rate MB/s"; fi
out=$(vm -- bash -c 'echo $((6*7)); exit 3' </dev/null); status=$?
is shell_prints_42_exits_3 '42 3' "$out $status"
vm -- sh -c 'kill -SEGV $$' </dev/null >/dev/null 2>&1; is segv_exits_139 139 $?
