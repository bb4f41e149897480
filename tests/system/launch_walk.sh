#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# runtimed dies at its n-th store, for every n from the control port's connection to the exit report: the program's
# output, input and status are the same each time. Prints how far the walk went. Of a launch that hangs, what each thread does.
. "$(dirname "$0")/lib.sh"
hung_s=6 # a launch takes a third of a second; --timeout ends it at 10
bad=0 n=0 gdb=()
mkfifo "$work/never" && exec {never}<>"$work/never"
command -v gdb >/dev/null && gdb=(--qemu-arg -gdb --qemu-arg "unix:$work/gdb,server,nowait")
watch_launch() {
	read -rt $hung_s -u "$never"
	timeout 3 gdb -batch -ex 'set pagination off' -ex "file ${AMBOS_KERNEL:-out/release/kernel.elf}" -ex "target remote $work/gdb" \
		-ex 'source tools/gdb/ambos.py' -ex ambos-threads -ex 'thread apply all bt 6' > "$work/threads" 2>&1
}
while [ $n -lt 400 ]; do
	n=$((n + 1))
	rm -f "$work/gdb" "$work/threads"
	watch_launch & watcher=$!
	out=$(echo word | AMBOS_KERNEL_OPTIONS="kill_runtimed=$n" timeout -s KILL 20 "$ambos" run --timeout 10 --log="$work/log" "${gdb[@]}" -- \
		sh -c 'read x; echo "got $x" >&2; echo out; exit 3' 2>"$work/err")
	status=$?
	kill $watcher 2>/dev/null
	wait $watcher 2>/dev/null
	if [ "$out" != out ] || [ $status != 3 ] || ! grep -q 'got word' "$work/err"; then
		bad=$((bad + 1))
		fail "launch_with_death_at_store_$n" "status $status, output '$out'" "$(tail -n 4 "$work/err")" "$(tail -n 3 "$work/log")"
		sed 's/^/    /' "$work/threads" 2>/dev/null
		[ $bad -lt 4 ] || break
	fi
	grep -q 'runtimed: killed at its store' "$work/log" || break
done
[ $bad = 0 ] && ok "launch_walk (n = $n)"
