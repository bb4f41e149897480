#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Table of osbench rows, Linux against Ambos. usage: report.py FOLDER [--check] (icount-*.txt and wall-*-N.txt of
run.sh). --check prints ok/FAIL lines for the bounds instead of the table."""
import glob
import math
import statistics
import sys

def rows(path):
    """name -> ns, in file order; a row that failed is None."""
    table = {}
    for line in open(path, errors="replace"):
        word = line.split()
        if len(word) >= 3 and word[2] == "ns":
            table[word[0]] = float(word[1])
        elif len(word) >= 2 and word[1] == "FAIL":
            table[word[0]] = None
    return table

def mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else float("nan")

ROW_BOUND, INSTRUCTIONS_BOUND, WALL_BOUND = 1.0, 0.7, 1.2 # issue 2: each row; geometric means

def say(good, name, text):
    print(f"ok {name} ({text})" if good else f"FAIL {name}\n    {text}")

def check(folder):
    linux, ambos = rows(f"{folder}/icount-linux.txt"), rows(f"{folder}/icount-ambos.txt")
    ratios = []
    for name, base in linux.items():
        ours = ambos.get(name)
        if not base: # the peer has no such row here
            continue
        if ours:
            ratios.append(ours / base)
        say(ours and ours / base <= ROW_BOUND, f"bench_row_{name}", f"{base} on Linux, {ours} here")
    say(mean(ratios) <= INSTRUCTIONS_BOUND, "bench_instructions_mean", f"{mean(ratios):.2f}, bound {INSTRUCTIONS_BOUND}")
    wall = [[rows(p) for p in sorted(glob.glob(f"{folder}/wall-{who}-*.txt"))] for who in ("linux", "ambos")]
    middle = [{n: statistics.median(v) for n in linux if (v := [r[n] for r in runs if r.get(n)])} for runs in wall]
    walls = [middle[1][n] / middle[0][n] for n in linux if n in middle[0] and n in middle[1]]
    say(mean(walls) <= WALL_BOUND, "bench_wall_mean", f"{mean(walls):.2f} over {len(walls)} rows, bound {WALL_BOUND}")

def main():
    folder = sys.argv[1]
    if sys.argv[2:] == ["--check"]:
        return check(folder)
    linux, ambos = rows(f"{folder}/icount-linux.txt"), rows(f"{folder}/icount-ambos.txt")
    print("# Results\n\nMade by `make bench` (bench/run.sh). Peer: Debian's Linux 6.1 cloud kernel, mitigations=off, same QEMU 7.2 TCG,")
    print("same flags, same static binary. Ratio = Ambos / Linux; below 1 is better than Linux.\n")
    print("## Instructions (-smp 1 -icount shift=0,sleep=off)\n\n| row | Linux | Ambos | ratio |\n|---|---|---|---|")
    ratios = []
    for name, base in linux.items():
        ours = ambos.get(name)
        if base and ours:
            ratios.append(ours / base)
        print(f"| {name} | {base or 'failed'} | {ours or 'failed or missing'} | {f'{ours / base:.2f}' if base and ours else ''} |")
    print(f"\nRows at or below 1.0: {sum(r <= 1 for r in ratios)} of {len(linux)}; geometric mean of {len(ratios)}: {mean(ratios):.2f}.")
    series = {who: [rows(p) for p in sorted(glob.glob(f"{folder}/wall-{who}-*.txt"))] for who in ("linux", "ambos")}
    if not series["linux"]:
        return
    count = len(series["linux"])
    print(f"\n## Wall time (-smp 2), ns, median of {count} interleaved runs, spread = (max - min) / median\n")
    print("| row | Linux | spread | Ambos | spread | ratio |\n|---|---|---|---|---|---|")
    ratios = []
    for name in linux:
        cells = []
        for who in ("linux", "ambos"):
            values = [r[name] for r in series[who] if r.get(name)]
            cells.append((statistics.median(values), (max(values) - min(values)) / statistics.median(values)) if values else None)
        a, b = cells
        if a and b:
            ratios.append(b[0] / a[0])
        show = lambda c: f"{c[0]:.0f} | {c[1]:.0%}" if c else "failed | "
        print(f"| {name} | {show(a)} | {show(b)} | {f'{b[0] / a[0]:.2f}' if a and b else ''} |")
    print(f"\nGeometric mean of {len(ratios)}: {mean(ratios):.2f}; worst {max(ratios, default=float('nan')):.2f}.")

main()
