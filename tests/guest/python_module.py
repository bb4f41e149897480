# SPDX-License-Identifier: MIT
"""Runs one module of CPython's own test suite and prints one line: RESULT module ran N failed N network N skipped N
seconds names. "network" are failures that end in EAFNOSUPPORT (there is no AF_INET). usage: python_module.py test_os
The package `test` must be in its usual place, because some tests start isolated interpreters (tests/python-suite.sh)."""
import os
import sys
import tempfile
import time
import unittest


def name_of(case):
    words = str(case).split()
    return words[0] + "@" + words[-1].rstrip(")").lstrip("(").split(".")[-2 if words[-1].count(".") > 1 else -1]


def main():
    module = sys.argv[1]
    os.chdir(tempfile.mkdtemp())
    from test import support
    from test.support import os_helper
    support.verbose = 0
    support.use_resources = []
    os_helper.SAVEDCWD = os.getcwd()
    start = time.time()
    suite = unittest.TestLoader().loadTestsFromName("test." + module)
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stderr).run(suite)
    bad = result.failures + result.errors
    network = [case for case, text in bad if "Address family not supported" in text]
    names = sorted(name_of(case) for case, _ in bad if case not in network)
    print("RESULT", module, "ran", result.testsRun, "failed", len(names), "network", len(network), "skipped",
          len(result.skipped), "%.0fs" % (time.time() - start), *names, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
