#!/bin/bash
# SPDX-License-Identifier: MIT
# In the guest: a changed policy file takes effect in programs that run already, by a new lease (docs/design/policy.md).
file=/proc/sys/ambos/policy
failures=0
check() { if "${@:2}"; then echo "ok policy $1"; else echo "FAIL policy $1"; failures=1; fi; }
is() { [ "$1" = "$2" ] || { echo "  $1 / $2"; return 1; }; }
refused() { ! "$@" 2>/dev/null; }
# One write replaces the whole file; bash's printf makes one for each line.
write() { printf '%s\n' "$@" > /tmp/policy && cat /tmp/policy > $file; }
limit_of() { awk -v name="$2" '$0 ~ "^" name { print $(NF - 2) }' /proc/$1/limits; }
old=$(cat $file)
check "the file is shown" grep -q '^nofile = 1024 1048576' $file
sleep 1000 & sleeper=$!
(ulimit -Sn 100; exec sleep 1000) & own=$!
setpriv --reuid 1000 --clear-groups sleep 1000 & other=$!
sleep 0.5
check "before: the file's limit" is "$(limit_of $sleeper 'Max open files')" 1024
check "before: root signals another user's program" kill -0 $other
check "before: a real-time class" chrt -f 5 true
check "before: a negative nice value" is "$(nice -n -10 nice)" -10

write "$old" 'nofile = 512 700' 'signals = user' 'nice_floor = -5' 'realtime = no'
check "a running program follows" is "$(limit_of $sleeper 'Max open files')" 512
check "what a program has set stays" is "$(limit_of $own 'Max open files')" 100
check "but below the new hard limit" is "$(awk '/^Max open files/ { print $5 }' /proc/$own/limits)" 700
check "a new program has it" is "$(bash -c 'ulimit -n')" 512
check "the signal lease is revoked" refused kill -0 $other
check "own programs are signalled still" kill -0 $sleeper
check "the real-time classes are gone" refused chrt -f 5 true
check "the floor of nice values" is "$(nice -n -10 nice 2>/dev/null)" 0
check "above the floor" is "$(nice -n -4 nice)" -4

kill -9 "$(pgrep -x syscalld)"
check "syscalld's death changes nothing: signal" refused kill -0 $other
check "syscalld's death changes nothing: class" refused chrt -f 5 true
check "syscalld's death changes nothing: limit" is "$(bash -c 'ulimit -n')" 512

check "a wrong line is refused" refused write 'nofile = 2 1'
check "an unknown name is refused" refused write 'speed = 1 1'
check "the file in force stays" grep -q '^signals = user' $file
check "not everybody may write" refused setpriv --reuid 1000 --clear-groups bash -c "echo > $file"

write "$old"
check "back: limit" is "$(limit_of $sleeper 'Max open files')" 1024
check "back: signal" kill $other
check "back: class" chrt -f 5 true
kill $sleeper $own
exit $failures
