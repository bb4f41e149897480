#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The second opinions on the whole tree (make lint).
cd "$(dirname "$0")/../.." || exit 99
tools/deps.sh build test || { echo "FAIL lint packages"; exit 1; }
tools/lint.sh
