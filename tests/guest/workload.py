# SPDX-License-Identifier: MIT
"""Python exercises of the workload: each prints its name; an exception fails the step."""
import mmap, multiprocessing, os, select, sqlite3, subprocess, tempfile, threading

def square(x):
    return x * x

def threads(n=500):
    total, lock, barrier = [0], threading.Lock(), threading.Barrier(n)
    def work():
        barrier.wait()
        with lock:
            total[0] += 1
    ts = [threading.Thread(target=work) for _ in range(n)]
    for t in ts: t.start()
    for t in ts: t.join()
    assert total[0] == n

def children():
    for i in range(200):
        assert subprocess.run(["/bin/echo", str(i)], capture_output=True).stdout == b"%d\n" % i

def pool():
    with multiprocessing.Pool(4) as p:
        assert p.map(square, range(1000)) == [x * x for x in range(1000)]

def maps():
    with tempfile.TemporaryFile() as f:
        f.truncate(1 << 20)
        m = mmap.mmap(f.fileno(), 1 << 20)
        m[4096:4100] = b"abcd"
        m.flush()
        assert os.pread(f.fileno(), 4, 4096) == b"abcd"

def polling():
    r, w = os.pipe()
    e = select.epoll()
    e.register(r, select.EPOLLIN)
    assert e.poll(0) == []
    os.write(w, b"x")
    assert e.poll(1) == [(r, select.EPOLLIN)]
    assert select.select([r], [], [], 1)[0] == [r]
    os.close(w), os.close(r)

def database():
    path = "/tmp/workload.db"
    c = sqlite3.connect(path)
    c.execute("pragma synchronous=full")
    c.execute("create table t(a integer primary key, b text)")
    for i in range(50):
        with c:
            c.execute("insert into t(b) values(?)", ("x" * i,))
    assert c.execute("select count(*), sum(length(b)) from t").fetchone() == (50, 1225)
    c.close()
    os.unlink(path)

for f in (polling, maps, database, threads, children, pool):
    f()
    print(f.__name__, flush=True)
