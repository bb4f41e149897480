#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Drives tests/system/shell.exp.
. "$(dirname "$0")/lib.sh"
timeout -s KILL 300 expect -f tests/system/shell.exp
for service in runtimed storaged vfsd; do timeout -s KILL 60 expect -f tests/system/typed.exp "$service"; done
timeout -s KILL 60 expect -f tests/system/hangup.exp
