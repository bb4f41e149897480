# SPDX-License-Identifier: MIT
"""Writes around the end of image files, whose last page is used in place: what lies behind the end must read as zeros."""
import mmap, os

def content(path):
    with open(path, "rb") as f:
        return f.read()

def resize_and_write(path):
    old = content(path)
    n = len(old)
    f = os.open(path, os.O_RDWR)
    os.ftruncate(f, n + 5000)
    assert os.pread(f, n + 6000, 0) == old + bytes(5000), path
    os.ftruncate(f, n)
    os.pwrite(f, b"X", n + 10)
    assert os.pread(f, n + 100, 0) == old + bytes(10) + b"X"
    os.ftruncate(f, n // 2)
    os.ftruncate(f, n)
    assert os.pread(f, n + 1, 0) == old[:n // 2] + bytes(n - n // 2)
    os.pwrite(f, old, 0)
    assert content(path) == old
    os.close(f)

def append(path):
    old = content(path)
    with open(path, "ab") as f:
        f.write(b"#tail")
    assert content(path) == old + b"#tail"

def cut_and_grow(path):
    old = content(path)
    os.truncate(path, len(old) - 100)
    assert content(path) == old[:-100]
    os.truncate(path, len(old) + 100)
    assert content(path) == old[:-100] + bytes(200)

def map_last_byte(path):
    old = content(path)
    n = len(old)
    f = os.open(path, os.O_RDWR)
    m = mmap.mmap(f, n)
    m[n - 1:n] = b"!"
    m.flush()
    os.ftruncate(f, n + 20)
    assert os.pread(f, n + 30, 0) == old[:-1] + b"!" + bytes(20)
    os.close(f)

library = "/usr/lib/python3.11/"
for name in ["/etc/passwd", "/etc/hostname", library + "os.py"]:
    resize_and_write(name)
append(library + "re/__init__.py")
cut_and_grow(library + "shutil.py")
map_last_byte(library + "copy.py")
