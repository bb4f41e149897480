# SPDX-License-Identifier: MIT
"""In the guest, current folder on the share: PROCESSES processes make small files, rename them over others of their own and
unlink them for SECONDS, so that the host gives inode numbers away at once; each file must be what was written last."""
import multiprocessing, os, random, sys, time

def content(path):
    with open(path, "rb") as f:
        return f.read()

def write(path):
    data = os.urandom(random.randrange(3000))
    with open(path, "wb") as f:
        f.write(data)
    return data

def change(folder, files):
    name = f"{folder}/f{random.randrange(4)}"
    if name not in files:
        files[name] = write(name)
    elif random.randrange(3):
        data = write(f"{folder}/new")
        os.rename(f"{folder}/new", name)
        files[name] = data
    else:
        got = content(name)
        assert got == files[name], ("content", name, "bytes", len(got), "of", len(files[name]))
        os.unlink(name)
        del files[name]

def work(number):
    random.seed(number)
    folder, files, end = f"r{number}", {}, time.monotonic() + float(sys.argv[2])
    os.makedirs(folder)
    while time.monotonic() < end:
        change(folder, files)
    assert sorted(os.listdir(folder)) == sorted(os.path.basename(n) for n in files), ("list", folder)

if __name__ == "__main__":
    count = int(sys.argv[1])
    with multiprocessing.Pool(count) as pool:
        pool.map(work, range(count))
