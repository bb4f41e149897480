#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `ambos run`: output, exit statuses, exact pipes (issue 2, second line of "Must show").
. "$(dirname "$0")/lib.sh"

out=$(vm -- bash -c 'echo $((6*7)); exit 3' </dev/null); is run_prints_42 42 "$out"
vm -- bash -c 'exit 3' </dev/null >/dev/null 2>&1; is run_returns_exit_status 3 $?
vm -- sh -c 'kill -SEGV $$' </dev/null >/dev/null 2>&1; is signal_death_is_128_plus_n 139 $?
vm -- /nonexistent/program </dev/null >/dev/null 2>&1; is missing_program_is_127 127 $?
vm -- /etc/passwd </dev/null >/dev/null 2>&1; is not_executable_is_126 126 $?
vm --timeout 3 -- sleep 60 </dev/null >/dev/null 2>&1; is timeout_is_124 124 $?
is timeout_names_the_phase 'ambos: --timeout is over and the guest is not up yet' "$(vm --timeout 0.01 -- true 2>&1 </dev/null)"
vm --no-such-option </dev/null >/dev/null 2>&1; is bad_option_is_125 125 $?
err=$(vm -- sh -c 'echo out; echo err >&2' 2>&1 >/dev/null </dev/null); is stderr_is_separate err "$err"
out=$(vm ls / </dev/null | cat | grep -c '^usr$'); is ls_through_a_pipe 1 "$out"
out=$(vm yes 2>/dev/null </dev/null | head -1); is yes_head_ends y "$out"
out=$(: | vm -- sh -c 'cat; echo end'); is empty_stdin end "$out"
out=$(vm -- sh -c 'sleep 0.2; printf x' </dev/null); is byte_just_before_exit x "$out"
out=$(vm --env GREETING='a b' -- sh -c 'echo "$GREETING"' </dev/null); is env_option 'a b' "$out"
out=$(vm --cwd /usr -- pwd </dev/null); is cwd_option /usr "$out"
out=$(vm --user user -- id -u </dev/null); is user_option 1000 "$out"
out=$(vm --cpus 4 -- nproc </dev/null); is cpus_option 4 "$out"
head -c 20000000 /dev/urandom > "$work/random"
start=$(date +%s%N)
sum=$(vm cat < "$work/random" | sha256sum)
end=$(date +%s%N)
is pipe_is_exact "$(sha256sum < "$work/random")" "$sum"
[ -s "$work/random" ] && echo "figure pipe through the guest, boot included: $((20000000 / ((end - start) / 1000))) MB/s"
"$ambos" run -- sleep 50 </dev/null >/dev/null 2>&1 & runner=$!
for _ in $(seq 50); do child=$(pgrep -P $runner | head -n 1); [ -n "$child" ] && break; sleep 0.1; done
kill -KILL $runner; wait $runner 2>/dev/null
# a zombie that nobody has collected yet counts as gone
for _ in $(seq 20); do state=$(sed 's/.*) //;s/ .*//' /proc/"$child"/stat 2>/dev/null); [ -z "$state" ] || [ "$state" = Z ] && break; sleep 0.1; done
if [ -n "$child" ] && { [ -z "$state" ] || [ "$state" = Z ]; }; then ok no_qemu_after_kill_9; else fail no_qemu_after_kill_9 "qemu pid: ${child:-not found} state: $state"; fi
out=$(vm -- python3 -c 'import sys; print(sys.executable)' </dev/null); is program_finds_itself_by_path /usr/bin/python3 "$out"
is shadow_is_not_for_everybody "640 root:shadow" "$(vm -- stat -c '%a %U:%G' /etc/shadow 2>&1)"
