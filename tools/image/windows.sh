#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Stages C: of the system image: Wine's DLLs of registry/compat/windows-system-dlls.txt, a few of its programs and the NLS
# tables (Debian package libwine), zlib1.dll (libz-mingw-w64) and our DLLs (out/windows); stripped, licences beside them.
# Then checks that no import of a staged file is without its DLL. usage: windows.sh stage TREE | check FOLDER
#   | registry
#   stage: TREE is made once per list and package version (the caller caches it); our DLLs are not in it
#   registry: what the staged DLLs bring along for the registry, to standard output (registry_scripts.py)
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
list=$top/registry/compat/windows-system-dlls.txt
programs="cmd.exe chcp.com find.exe reg.exe where.exe xcopy.exe tasklist.exe attrib.exe expand.exe fsutil.exe hostname.exe start.exe taskkill.exe
	whoami.exe"
libraries="stdole2.tlb" # type libraries that others are built on
ours="ntdll.dll win32u.dll bcryptprimitives.dll"
packages="libwine libz-mingw-w64"
wine=usr/lib/x86_64-linux-gnu/wine/x86_64-windows
die() { echo "windows.sh: $*" >&2; exit 1; }
names() { sed -e 's/#.*//' "$list" | awk 'NF { print $1 }'; }

# Files of the packages as a tree: the installed ones, else unpacked from the downloaded packages.
find_packages() {
	local work=$1 p
	if dpkg-query -W -f '${Status}' $packages 2>/dev/null | grep -vq 'ok installed' || ! dpkg-query -W $packages >/dev/null 2>&1; then
		(cd "$work" && apt-get download -q $packages >&2) || die "cannot download: $packages"
		for p in "$work"/*.deb; do
			dpkg-deb --fsys-tarfile "$p" | tar -C "$work" -xf - --wildcards "./$wine/*" './usr/share/wine/nls/*' './usr/share/doc/*/copyright' \
				'./usr/x86_64-w64-mingw32/lib/*.dll' 2>/dev/null || true
		done
		echo "$work"
	else
		echo ""
	fi
}

stage() {
	local tree=$1 root to name
	work=$(mktemp -d) # not local: the trap outlives this function
	trap 'rm -rf "$work"' EXIT
	root=$(find_packages "$work")
	to=$tree/Windows/System32
	mkdir -p "$to" "$tree/Windows/Licenses"
	for name in $(names) apisetschema.dll $libraries $programs; do
		case " $ours " in *" $name "*) continue ;; esac
		if [ "$name" = zlib1.dll ]; then
			x86_64-w64-mingw32-strip -o "$to/$name" "$root/usr/x86_64-w64-mingw32/lib/zlib1.dll"
		else
			[ -f "$root/$wine/$name" ] || die "libwine has no $name"
			x86_64-w64-mingw32-strip -o "$to/$name" "$root/$wine/$name"
		fi
	done
	cp "$root"/usr/share/wine/nls/*.nls "$to/"
	cp "$root/usr/share/doc/libwine/copyright" "$tree/Windows/Licenses/wine.txt"
	cp "$root/usr/share/doc/libz-mingw-w64/copyright" "$tree/Windows/Licenses/zlib.txt"
	chmod 755 "$to"/*.dll "$to"/*.drv "$to"/*.exe "$to"/*.com
	chmod 644 "$to"/*.nls "$to"/*.tlb
}

registry() {
	local root name files=
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	root=$(find_packages "$work")
	for name in $(names); do
		case " $ours zlib1.dll " in *" $name "*) continue ;; esac
		files="$files $name"
	done
	files="$files $libraries"
	python3 "$top/tools/image/registry_scripts.py" "$root/$wine" $files
}

# Each import of each staged file is staged too or a contract of apisetschema; one line per gap.
check() {
	local folder=$1 gaps=0 file dll
	for file in "$folder"/*.dll "$folder"/*.drv "$folder"/*.exe "$folder"/*.com; do
		for dll in $(x86_64-w64-mingw32-objdump -p "$file" | sed -n 's/.*DLL Name: //p' | tr 'A-Z' 'a-z'); do
			case $dll in api-ms-* | ext-ms-*) continue ;; esac
			[ -f "$folder/$dll" ] || { echo "windows.sh: $(basename "$file") imports $dll, which is not staged" >&2; gaps=$((gaps + 1)); }
		done
	done
	for dll in $(names); do
		[ -f "$folder/$dll" ] || { echo "windows.sh: $dll is on the list but not staged" >&2; gaps=$((gaps + 1)); }
	done
	[ "$gaps" = 0 ]
}

case ${1:-} in
stage) stage "$2" ;;
check) check "$2" ;;
registry) registry ;;
key) { cat "$list" "$0"; dpkg-query -W $packages 2>/dev/null || true; } | sha256sum | cut -c1-16 ;;
*) sed -n '3,8s/^# //p' "$0"; exit 2 ;;
esac
