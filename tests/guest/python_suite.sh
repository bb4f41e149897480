#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest or on the host: each module of CPython's test suite in its own process, with a limit.
# usage: python_suite.sh LIMIT MODULE...
limit=$1 here=$(cd "$(dirname "$0")" && pwd) logs=$(mktemp -d)
shift
export PYTHONDONTWRITEBYTECODE=1
for module; do
	timeout -s KILL "$limit" /usr/bin/python3 -X faulthandler "$here/python_module.py" "$module" >"$logs/log" 2>&1 </dev/null
	status=$?
	grep -a '^RESULT' "$logs/log" || echo "RESULT $module ended with status $status: $(tail -n 1 "$logs/log" | cut -c1-120)"
done
rm -r "$logs"
