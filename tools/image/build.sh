#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the system image: an EROFS file made from Debian packages (mmdebstrap) plus files of ours.
# usage: build.sh [--packages "a b"] [--add HOST:GUEST]... [--output FILE] [--cache DIR] [--quiet]
# The package tree is cached by the hash of its inputs; the image is rebuilt only when an input changed.
# Download and build times are printed apart. Runs as root, or as a user through unshare + fakeroot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${AMBOS_CACHE:-$top/.cache}
output=$top/out/image/system.erofs
extra_packages= quiet=0
adds=()

die() { echo "ambos image: $*" >&2; exit 1; }
say() { [ "$quiet" = 1 ] || echo "ambos image: $*" >&2; }

while [ $# -gt 0 ]; do
	case $1 in
	--packages) [ $# -ge 2 ] || die "--packages needs a list"; extra_packages="$extra_packages $2"; shift 2 ;;
	--add) [ $# -ge 2 ] || die "--add needs HOST:GUEST"; adds+=("$2"); shift 2 ;;
	--output) [ $# -ge 2 ] || die "--output needs a file"; output=$2; shift 2 ;;
	--cache) [ $# -ge 2 ] || die "--cache needs a folder"; cache=$2; shift 2 ;;
	--quiet) quiet=1; shift ;;
	-h|--help) sed -n '3,7s/^# //p' "$0"; exit 0 ;;
	*) die "unknown option '$1' (see --help)" ;;
	esac
done

for tool in mmdebstrap mkfs.erofs fakeroot x86_64-w64-mingw32-strip; do
	command -v "$tool" >/dev/null || die "$tool is missing; install it: apt-get install mmdebstrap erofs-utils fakeroot binutils-mingw-w64-x86-64"
done

packages=$( { sed -e 's/#.*//' "$here/packages.txt"; tr ' ' '\n' <<<"$extra_packages"; } | grep -v '^ *$' | sort -u)
sources=()
for f in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do [ -s "$f" ] && sources+=("$f"); done
# Only the packages decide the tree; a newer Debian point release is taken with `rm -r .cache`.
tree_key=$( { echo "$packages"; sed -n '/^build_tree/,/^}/p' "$0"; } | sha256sum | cut -c1-16)
tree=$cache/tree-$tree_key.tar

build_tree() {
	local mode=root status=0 log=$cache/mmdebstrap.log
	[ "$(id -u)" = 0 ] || mode=unshare
	say "downloading and unpacking $(wc -w <<<"$packages") named packages and what they need (once; then cached)"
	local start=$SECONDS
	rm -f "$tree.part"
	SOURCE_DATE_EPOCH=1700000000 mmdebstrap --mode="$mode" --variant=essential --format=tar --skip=cleanup/apt \
		--aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-include=/usr/share/man/man[1-9]' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--include="$(tr '\n' ',' <<<"$packages" | sed 's/,$//')" \
		bookworm "$tree.part" "${sources[@]}" >"$log" 2>&1 &
	local pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 5
		[ "$quiet" = 1 ] || printf '  %3ds  %s\n' $((SECONDS - start)) "$(tr '\r' '\n' <"$log" | grep -v '^ *$' | tail -n 1 | cut -c1-90)" >&2
	done
	wait "$pid" || status=$?
	[ "$status" = 0 ] || { tail -n 15 "$log" >&2; die "mmdebstrap failed with status $status (whole log: $log)"; }
	mv "$tree.part" "$tree"
	say "package tree ready in $((SECONDS - start)) s (download and unpack)"
}

mkdir -p "$cache" "$(dirname "$output")"
[ -f "$tree" ] || build_tree

# C: of Windows programs, without our own DLLs.
windows_key=$("$here/windows.sh" key)
windows=$cache/windows-$windows_key
if [ ! -d "$windows" ]; then
	say "staging Windows DLLs from libwine (once; then cached)"
	rm -rf "$windows.part"
	"$here/windows.sh" stage "$windows.part" >"$cache/windows.log" 2>&1 || { tail -n 15 "$cache/windows.log" >&2; die "staging Windows DLLs failed"; }
	mv "$windows.part" "$windows"
fi

add_hash() { # content, mode and names of what is added
	local a
	for a in "${adds[@]:-}"; do
		[ -n "$a" ] || continue
		[ -e "${a%%:*}" ] || die "--add $a: ${a%%:*} does not exist"
		echo "$a"; tar -C / -cf - --sort=name "$(realpath --relative-to=/ "${a%%:*}")" 2>/dev/null | sha256sum
	done
}
image_key=$( { echo "$tree_key $windows_key"; cat "$here/overlay.sh" "$0" "$top"/out/windows/*.dll; add_hash; find "$top/registry" -type f -exec cat {} + 2>/dev/null || true; } | sha256sum | cut -c1-32)
if [ -f "$output" ] && [ "$(cat "$output.key" 2>/dev/null)" = "$image_key" ]; then
	say "$output is up to date"
	exit 0
fi

start=$SECONDS
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
printf '%s\n' "${adds[@]:-}" > "$work/adds"
wrap=()
[ "$(id -u)" = 0 ] || wrap=(fakeroot --)
AMBOS_TOP=$top AMBOS_WINDOWS=$windows "${wrap[@]}" bash "$here/overlay.sh" "$tree" "$work/root" "$work/adds" "$work/system.erofs" "$work/manifest" >"$cache/overlay.log" 2>&1 ||
	{ tail -n 15 "$cache/overlay.log" >&2; die "assembling the image failed (whole log: $cache/overlay.log)"; }
sha256sum < "$work/system.erofs" | cut -d" " -f1 > "$work/sum"
mv "$work/system.erofs" "$output"
mv "$work/sum" "$output.sum"
mv "$work/manifest" "$output.sha256"
echo "$image_key" > "$output.key"
say "$output: $(du -m "$output" | cut -f1) MiB, built in $((SECONDS - start)) s"
