#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `make run` shows: unmodified Debian and Windows programs in the guest, then a shell when there is a terminal.
set -euo pipefail
cd "$(dirname "$0")/.."
show() { echo "\$ ambos run -- $*"; ./ambos run -- "$@"; echo; }
show uname -srm
show bash -c 'echo "bash $BASH_VERSION: $((6 * 7))"'
show ls -l /
show python3 -c 'import sys, platform; print("python", sys.version.split()[0], "on", platform.system(), platform.machine())'
show sh -c 'seq 1 100000 | sort -rn | head -3 | paste -sd,'
show cmd.exe /c 'ver & cd'
show bash -c 'cmd.exe /c "echo from Windows through a pipe" | tr a-z A-Z'
if [ -t 0 ] && [ -t 1 ]; then
	echo 'An interactive shell (exit or Ctrl-D ends it):'
	exec ./ambos shell
fi
