#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The style as a test: line width, function and file length, licence line, layering, leftovers.

usage: tidy.py [FILE...]   (default: every tracked source file); prints one line per offence, exit 1 when any.
"""
import re
import subprocess
import sys

LINE_COLUMNS = 140 # with tabs of four; tables of constants use the width, prose and code stay well below
FUNCTION_LINES = 70
FILE_LINES = 600
# The yardstick is kept byte for byte as it was given, so that figures stay comparable.
EXEMPT = {"bench/osbench.c", "bench/winmicro.c"} # the two programs that define the rows, kept as they are
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# component -> include prefixes it must not use
FORBIDDEN = {
    "apps/": re.compile(r'#include "(abi|kernel|\.\./\.\./(abi|kernel))/'),
    "lib/base/": re.compile(r'#include "(kernel|service)/'),
    "services/": re.compile(r'#include "[./]*kernel/'),
    "abi/": re.compile(r'#include "[./]*(kernel|services|tools)/'),
}

def tracked():
    out = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.S", "*.sh", "*.py", "*.def", "*.mk", "Makefile"],
                         capture_output=True, text=True, check=True).stdout.split()
    return out

def function_lengths(lines):
    """(name, first line, length) of each C function: a line that starts a body with '{' in column one."""
    start = name = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and number > 1 and start is None:
            before = " ".join(lines[max(0, number - 4):number - 1])
            found = re.findall(r"(\w+)\s*\(", before)
            if ")" in lines[number - 2] and found:
                start, name = number, found[-1] if found[-1] != "__attribute__" else found[0]
        elif line.startswith("}") and start is not None:
            yield name, start, number - start + 1
            start = None

def check(path):
    text = open(path, encoding="utf-8").read()
    lines = text.split("\n")
    head = "\n".join(lines[:3])
    if "SPDX-License-Identifier: MIT" not in head:
        yield 1, "no SPDX line"
    if len(lines) > FILE_LINES + 1 and not path.endswith(".def"):
        yield len(lines), f"file has {len(lines)} lines, at most {FILE_LINES}"
    for number, line in enumerate(lines, 1):
        width = len(line.expandtabs(8 if path.endswith((".mk", "Makefile")) else 4))
        if width > LINE_COLUMNS and not path.endswith((".def", ".sh", ".mk", "Makefile", ".py")):
            yield number, f"{width} columns, at most {LINE_COLUMNS}"
        if LEFTOVER.search(line) and not path.endswith("tidy.py"):
            yield number, "leftover: " + line.strip()[:60]
        if line.rstrip() != line:
            yield number, "trailing white space"
        for prefix, bad in FORBIDDEN.items():
            if path.startswith(prefix) and bad.search(line):
                yield number, "include across layers: " + line.strip()
    if path.endswith(".c") and not path.startswith("tests/"):
        for name, number, length in function_lengths(lines):
            if length > FUNCTION_LINES:
                yield number, f"function {name} has {length} lines, at most {FUNCTION_LINES}"

def main():
    offences = 0
    for path in sys.argv[1:] or tracked():
        if path in EXEMPT:
            continue
        for number, what in check(path):
            print(f"{path}:{number}: {what}")
            offences += 1
    return offences

if __name__ == "__main__":
    sys.exit(1 if main() else 0)
