#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds programs of Wine's test suite as a measuring stick: from Debian's source package, below .cache/winetest, never in
# a commit. Usage: tools/winetest/build.sh [suite...] (default: ntdll kernel32). Result: .cache/winetest/<suite>_test.exe
set -euo pipefail
cd "$(dirname "$0")/../.."
work="$PWD/.cache/winetest"
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(ntdll kernel32)
die() { echo "winetest: $*" >&2; exit 1; }

for tool in flex bison autoconf x86_64-w64-mingw32-gcc xz patch; do
	command -v "$tool" >/dev/null || die "$tool is missing; install it: apt-get install flex bison autoconf gcc-mingw-w64-x86-64 patch"
done
mkdir -p "$work"

# A private apt configuration: the system's own sources with the kind deb-src, lists and cache below the work folder.
fetch_source() {
	local apt="$work/apt" file
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/sources"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -s "$file" ] || continue
		sed -E 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$file" > "$apt/sources/$(basename "$file")"
	done
	local options=(-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/sources" -o Dir::State::lists="$apt/lists"
		-o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update -qq
	(cd "$work" && apt-get "${options[@]}" source --download-only -qq wine)
}

unpack() {
	rm -rf "$work/source"
	mkdir -p "$work/source"
	tar -xf "$work"/wine_*.orig.tar.* -C "$work/source" --strip-components=1
	tar -xf "$work"/wine_*.debian.tar.* -C "$work/source"
	cd "$work/source"
	local name
	grep -v '^#' debian/patches/series | while read -r name; do
		[ -n "$name" ] || continue
		[ "$name" = disable/generated-data.patch ] && continue
		patch -sp1 < "debian/patches/$name" || die "patch $name does not apply"
	done
	sed -i '/generated\.c/d' dlls/*/tests/Makefile.in
	sh debian/scripts/generate server/trace.generated make_requests
	sh debian/scripts/generate server/request.generated make_requests
	cp /usr/share/misc/config.guess /usr/share/misc/config.sub tools/
	tools/make_requests >/dev/null && tools/make_requests >/dev/null
	tools/make_specfiles >/dev/null
	autoconf -f && autoheader
}

# Debian's source lacks pictures and generated files that none of these tests need: an empty file stands in for each.
stand_ins() {
	local file name tries missing
	grep -rHoE '@makedep: [^ ]+' ../source/dlls ../source/programs --include=*.rc | while IFS=: read -r file _ name; do
		name="$(dirname "$file")/${name# }"
		[ -e "$name" ] || { mkdir -p "$(dirname "$name")"; touch "$name"; }
	done
	grep -roEH '[A-Za-z0-9_/.-]+\.(svg|c|h|idl|nls)\b' ../source/dlls ../source/programs ../source/fonts ../source/nls --include=Makefile.in |
		while IFS=: read -r file name; do
			[ -e "$(dirname "$file")/$name" ] || echo "$(dirname "$file")/$name"
		done > absent
	grep 'svg$' absent | xargs -r touch
	for tries in $(seq 300); do
		./config.status Makefile > status.log 2>&1 && return
		missing=$(sed -nE 's/.*error: open ([^ ]+) ?: No such.*/\1/p' status.log | head -1)
		case "$missing" in
		'') tail -3 status.log >&2; die "config.status says something new" ;;
		*.nls) cp "/usr/share/wine/nls/$(basename "$missing")" ../source/nls/ ;;
		../source/*) mkdir -p "$(dirname "$missing")"; touch "$missing" ;;
		wine/*) touch "../source/include/$missing" ;;
		*) grep "/$missing$" absent | xargs -r touch ;;
		esac
	done
	die "config.status never succeeded"
}
configure_tree() {
	mkdir -p "$work/build"
	cd "$work/build"
	"$work/source/configure" --enable-win64 --with-mingw --without-x --without-freetype --without-gnutls --enable-tests > configure.log 2>&1 ||
		stand_ins
}

[ -n "$(ls "$work"/wine_*.orig.tar.* 2>/dev/null)" ] || fetch_source
[ -e "$work/source/configure.unpacked" ] || { (unpack) && touch "$work/source/configure.unpacked"; }
[ -e "$work/build/configured" ] || { (configure_tree) && touch "$work/build/configured"; }
cd "$work/build"
for suite in "${suites[@]}"; do
	make -s "dlls/$suite/tests/x86_64-windows/${suite}_test.exe" > "$suite.log" 2>&1 || { tail -5 "$suite.log" >&2; die "$suite does not build"; }
	x86_64-w64-mingw32-strip -o "$work/${suite}_test.exe" "dlls/$suite/tests/x86_64-windows/${suite}_test.exe"
	echo "winetest: .cache/winetest/${suite}_test.exe"
done
