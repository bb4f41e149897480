#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared folder: host-compiled programs, scripts, data both ways (issue 2, third line of "Must show").
. "$(dirname "$0")/lib.sh"
tests_root=$PWD
cd "$work" || exit 99
cat > copy.c <<'C'
#include <stdio.h>
int main(int argc, char **argv) { FILE *i = fopen(argv[1], "r"), *o = fopen(argv[2], "w"); int c; if (!i || !o) return 1;
	while ((c = getc(i)) != EOF) putc(c, o); return fclose(o) || argc != 3; }
C
gcc -O1 -static -o copy-static copy.c && gcc -O1 -o copy-dynamic copy.c
printf '#!/usr/bin/env python3\nimport sys\nopen(sys.argv[2],"w").write(open(sys.argv[1]).read())\n' > copy.py; chmod +x copy.py
seq 1 20000 > input
for p in copy-static copy-dynamic copy.py; do
	vm ./$p input out-$p </dev/null >err 2>&1
	if cmp -s input out-$p; then ok "share_$p"; else fail "share_$p" "$(head -c 300 err)"; fi
done
echo one > changing
out=$(vm -- sh -c 'cat changing; echo ready > flag; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.5; grep -q two changing && break; done; cat changing' </dev/null 2>/dev/null &
	for _ in $(seq 100); do [ -f flag ] && break; sleep 0.1; done; echo two > changing; wait)
is host_change_is_seen $'one\ntwo' "$out"
out=$(vm -- sh -c 'sqlite3 t.db "create table t(a); insert into t values(42); select a from t;"' </dev/null 2>&1); is sqlite_on_share 42 "$out"
is sqlite_file_on_host yes "$([ -s t.db ] && echo yes)"
out=$(vm -- sh -c 'cp copy-static made; echo > made_ready; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3; [ -f made_out ] && break; done' </dev/null >/dev/null 2>&1 &
	for _ in $(seq 100); do [ -f made_ready ] && break; sleep 0.1; done; ./made input made_out 2>&1; wait)
is host_runs_what_guest_made "" "$out$(cmp input made_out 2>&1)"
mkdir d; seq 1 1000 > d/a; ln -s a d/b; mkdir d/e; printf x > d/e/f
vm -- sh -c 'tar cf d.tar d && mkdir x && tar xf d.tar -C x && diff -r d x/d' </dev/null >err 2>&1; is tar_on_share 0 $?
is tar_result_on_host x "$(cat x/d/e/f 2>/dev/null)"
mkdir ro; echo keep > ro/file
vm --share "$PWD/ro:/mnt:ro" -- sh -c 'cat /mnt/file; echo bad > /mnt/file' </dev/null >out 2>/dev/null
is read_only_share keep "$(cat ro/file)"
vm --no-share -- sh -c 'ls /host | wc -l' </dev/null >out 2>/dev/null; is no_share 0 "$(cat out)"
# What has no name any more: the folder it was in can go, nothing stays on the host, not even of a VM that was killed.
mkdir hide && cd hide || exit 99
cat > unnamed.py <<'P'
import os, sys, time
def unlinked(path):
    f = open(path, "w+")
    f.write("kept" * 1000)
    f.flush()
    os.unlink(path)
    return f
os.mkdir("d")
files = [unlinked("d/a"), unlinked("d/b")]
os.rmdir("d")
assert not os.path.exists("d") and [n for n in os.listdir(".") if n.startswith(".")] == []
for f in files:
    os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    f.seek(0)
    assert f.read() == "kept" * 1000 and os.fstat(f.fileno()).st_nlink == 0
fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b"unnamed")
assert os.fstat(fd).st_nlink == 0
os.link(f"/proc/self/fd/{fd}", "named", src_dir_fd=os.open("/", os.O_RDONLY)) # makes it linkat(2) with AT_SYMLINK_FOLLOW
assert os.fstat(fd).st_nlink == 1 and os.pread(fd, 9, 0) == b"unnamed" and os.stat("named").st_ino == os.fstat(fd).st_ino
gone = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
if len(sys.argv) > 1:
    open("ready", "w").close()
    time.sleep(60)
P
out=$(vm -- python3 unnamed.py </dev/null 2>&1); is share_unnamed "" "$out"
is share_unnamed_result "unnamed named unnamed.py" "$(cat named) $(ls -A | xargs)"
is share_unnamed_mode 640 "$(stat -c %a named)"
rm named
"$ambos" run --timeout 50 -- python3 unnamed.py stay </dev/null >/dev/null 2>&1 & other=$!
for _ in $(seq 200); do [ -f ready ] && break; sleep 0.1; done
out=$(vm -- ls -A </dev/null 2>&1); is share_hidden_not_listed "named ready unnamed.py" "$(xargs <<<"$out")"
is share_hidden_of_others_stay 3 "$(find .ambos-hidden-* -type f | wc -l)"
kill -KILL $other; wait $other 2>/dev/null
vm -- true </dev/null 2>/dev/null; is share_hidden_of_dead_go "named ready unnamed.py" "$(ls -A | xargs)"
cd ..
# Ten processes on the share while its services die; the host then checks every file and finds no other.
share_kill() { vm --share "$tests_root:/mnt/tests:ro" -- bash /mnt/tests/tests/guest/share_kill.sh "$@" </dev/null 2>&1; }
mkdir reuse parallel && cd reuse || exit 99
out=$(share_kill 100 vfsd share_reuse.py 10 6); status=$?; is share_reuse_status 0 $status
[ $status = 0 ] || tail -n 8 <<<"$out" | sed 's/^/    /'
cd ../parallel || exit 99
out=$(share_kill 40 "storaged vfsd" share_parallel.py 10); status=$?; is share_parallel_status 0 $status
[ $status = 0 ] || tail -n 8 <<<"$out" | sed 's/^/    /'
is share_parallel_kills yes "$([ "${out##*kills }" -ge 10 ] && echo yes)" # fewer than 40 when the load was faster
sha256sum -c --quiet result >err 2>&1; is share_parallel_contents 0 $?
is share_parallel_names "$(awk '{print $2}' result | sort)" "$(find p* -type f | sort)"
