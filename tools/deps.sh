#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that building, running and testing need, when one is missing (docs/dependencies.md).
# As root or through passwordless sudo; otherwise prints the one line to type and fails. usage: deps.sh [build|run|test]...
set -euo pipefail
build="gcc gcc-mingw-w64-x86-64 make musl-tools libc6-dev binutils python3"
run="qemu-system-x86 mmdebstrap erofs-utils fakeroot uidmap"
test="g++-mingw-w64-x86-64 clang clang-tidy libclang-rt-14-dev expect"
bench="cpio wine64"
corpus="p7zip-full"
wanted=
for group in "${@:-build}"; do
	case $group in build | run | test | bench | corpus) wanted="$wanted ${!group}" ;; *) echo "deps.sh: unknown group '$group'" >&2; exit 2 ;; esac
done
missing=
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
line="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then sudo=; elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo=sudo; else
	echo "missing packages; as root type:  $line" >&2
	exit 1
fi
echo "installing:$missing" >&2
start=$SECONDS
# The package lists may be older than the mirror: refresh them once when the first try fails.
$sudo env DEBIAN_FRONTEND=noninteractive $line >/dev/null 2>&1 ||
	{ $sudo apt-get update -qq >/dev/null && $sudo env DEBIAN_FRONTEND=noninteractive $line >/dev/null; } ||
	{ echo "could not install$missing; try:  $line" >&2; exit 1; }
echo "installed in $((SECONDS - start)) s" >&2
