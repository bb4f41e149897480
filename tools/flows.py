#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every `file:function` that docs/flows names must exist: one line per offence, then "ok flows" or "FAIL flows"."""
import glob
import re
import sys

def main():
    bad = total = 0
    for page in sorted(glob.glob("docs/flows/*.md")):
        for path, name in re.findall(r"`([\w./-]+\.[chS]):(\w+)`", open(page).read()):
            total += 1
            try:
                found = re.search(rf"\b(?:LINUX_HANDLER|NATIVE_HANDLER)\({re.sub('^linux_', '', name)}\)|\b{name}\b", open(path).read())
            except OSError:
                found = None
            if not found:
                print(f"    {page}: {path}:{name} does not exist")
                bad += 1
    print(f"{'FAIL' if bad or not total else 'ok'} flows ({total} references)")
    return bad

if __name__ == "__main__":
    sys.exit(1 if main() else 0)
