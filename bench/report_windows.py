#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Table of Windows rows, Wine on Linux against Ambos, with the bounds of issue 3. usage: report_windows.py WINE AMBOS [--check]"""
import re
import sys

# row -> at most this part of Wine's time
BOUNDS = {"hello_start_to_exit": 1 / 10, "SetEvent": 1 / 50, "WaitForSingleObject(signaled)": 1 / 50, "CreateFile+Close existing": 1 / 20,
          "CreateThread+join": 1 / 10, "CreateProcess(self)+wait": 1 / 20}
START_BOUND = 3 # hello's start to exit against that of a dynamic ELF here

def rows(path):
    found = (re.match(r"(\S.*?)\s+(\d+) ns\s*$", line) for line in open(path, errors="replace"))
    return {m[1]: int(m[2]) for m in found if m}

def main():
    wine, ambos = rows(sys.argv[1]), rows(sys.argv[2])
    check = sys.argv[3:] == ["--check"]
    lines, verdicts = [], []
    for name in list(dict.fromkeys([*wine, *BOUNDS])) + [n for n in ambos if n not in wine and n not in BOUNDS]:
        a, b = wine.get(name), ambos.get(name)
        ratio = b / a if a and b is not None else None
        bound = BOUNDS.get(name)
        mark = "" if bound is None else ("yes" if ratio is not None and ratio <= bound else "**no**")
        lines.append(f"| {name} | {a or 'failed'} | {'failed or missing' if b is None else b} | {'' if ratio is None else f'{ratio:.4f}'} | "
                     f"{f'1/{1 / bound:.0f}' if bound else ''} | {mark} |")
        if bound:
            verdicts.append((mark == "yes", f"bench_windows_{name}", f"{a} ns under Wine, {b} ns here, bound 1/{1 / bound:.0f}"))
    start, elf = ambos.get("hello_start_to_exit"), ambos.get("true_elf")
    good = bool(start and elf and start <= START_BOUND * elf)
    text = f"hello.exe {start} ns, a dynamic ELF {elf} ns, bound {START_BOUND}x"
    verdicts.append((good, "bench_windows_start_to_elf", text))
    if check:
        for good, name, text in verdicts:
            name = re.sub(r"\W+", "_", name)
            print(f"ok {name} ({text})" if good else f"FAIL {name}\n    {text}")
        sys.exit(not all(good for good, _, _ in verdicts))
    print("# Windows programs: Wine 8.0 on Linux 6.1 against Ambos\n\nMade by `make bench-windows` (bench/run-windows.sh): the same PE files, "
          "same QEMU 7.2 TCG,\n-smp 2, wall time in ns, Wine's server warm and its prefix made beforehand. Ratio = Ambos / Wine.\n")
    print("| row | Wine | Ambos | ratio | bound | met |\n|---|---|---|---|---|---|")
    print("\n".join(lines))
    print(f"\nStart to exit, Windows against Linux program here: {text}: {'met' if good else '**not met**'}.")

main()
