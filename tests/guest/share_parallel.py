# SPDX-License-Identifier: MIT
"""In the guest, current folder on the share: PROCESSES processes create, read, patch, rename and unlink files of their
own folders at random and compare with what they remember; the digests go to ./result for the host to check."""
import hashlib, multiprocessing, os, random, sys

def content(path):
    with open(path, "rb") as f:
        return f.read()

def change(folder, files):
    name = f"{folder}/f{random.randrange(12)}"
    operation = random.randrange(7)
    if operation <= 2:
        files[name] = os.urandom(random.randrange(200000))
        with open(name, "wb") as f:
            f.write(files[name])
    elif name not in files:
        return
    elif operation == 3:
        assert content(name) == files[name], ("read", name)
    elif operation == 4:
        other = f"{folder}/f{random.randrange(12)}"
        os.rename(name, other)
        files[other] = files.pop(name) if other != name else files[name]
    elif operation == 5:
        with open(name, "rb") as f:
            os.unlink(name)
            got, wanted = f.read(), files.pop(name)
            same = os.path.commonprefix([got, wanted])
            assert got == wanted, ("unlinked while open", name, "bytes", len(got), "of", len(wanted), "equal up to", len(same))
    else:
        half, old = len(files[name]) // 2, files[name]
        with open(name, "r+b") as f:
            f.seek(half)
            f.write(b"patched")
        files[name] = old[:half] + b"patched" + old[half + 7:]

def work(number):
    random.seed(number)
    folder, files = f"p{number}", {}
    os.makedirs(folder)
    for i in range(150):
        change(folder, files)
        if i % 30 == 0:
            assert sorted(os.listdir(folder)) == sorted(os.path.basename(n) for n in files), ("list", folder)
    return {n: hashlib.sha256(content(n)).hexdigest() for n in files}

if __name__ == "__main__":
    count = int(sys.argv[1])
    with multiprocessing.Pool(count) as pool:
        results = pool.map(work, range(count))
    with open("result", "w") as f:
        for digests in results:
            for name, digest in digests.items():
                f.write(f"{digest}  {name}\n")
