# SPDX-License-Identifier: MIT
# Tests: host unit tests, conformance programs, system boots.
