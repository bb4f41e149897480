#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots the peer, Debian's Linux 6.1 cloud kernel, in the same QEMU as Ambos with an initramfs that holds osbench,
# and prints osbench's rows. usage: peer.sh wall|icount [osbench filter]
# The kernel comes from Debian's package, the initramfs from the cached image tree; both stay in .cache.
set -euo pipefail
cd "$(dirname "$0")/.."
view=${1:?usage: peer.sh wall|icount [filter]} filter=${2:-}
cache=$PWD/.cache/peer
# Two minutes of TCG per view are typical; ten mean that the guest hangs.
limit=900
mkdir -p "$cache"
tools/deps.sh build run bench
if [ ! -s "$cache/vmlinuz" ]; then
	package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-6/ {print $2; exit}')
	[ -n "$package" ] || { echo "peer.sh: no linux-image-cloud-amd64 in the package lists; run apt-get update" >&2; exit 1; }
	rm -rf "$cache/deb" && mkdir -p "$cache/deb"
	(cd "$cache/deb" && apt-get download -q "$package" >&2 && dpkg-deb -x ./*.deb tree && cp tree/boot/vmlinuz-* "$cache/vmlinuz")
	rm -rf "$cache/deb"
	echo "peer kernel: $package" >&2
fi
mkdir -p out/bench
gcc -O2 -static -pthread -o out/bench/osbench bench/osbench.c
tree=$(ls -t .cache/tree-*.tar | head -n 1)
root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,proc,sys,tmp,usr/bin,usr/lib/x86_64-linux-gnu,usr/lib64}
ln -s usr/bin "$root/bin"; ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"
tar -C "$root" -xf "$tree" --wildcards './usr/bin/bash' './usr/bin/true' './usr/bin/busybox' './usr/lib/x86_64-linux-gnu/libc.so.6' \
	'./usr/lib/x86_64-linux-gnu/libtinfo.so*' './usr/lib/x86_64-linux-gnu/ld-linux*' './usr/lib64/*' './lib64/*' 2>/dev/null || true
[ -e "$root/bin/bash" ] || tar -C "$root" -xf "$tree" ./bin/bash ./bin/true ./bin/busybox
for applet in sh mount poweroff; do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
cp out/bench/osbench "$root/osbench"
cat > "$root/init" <<I
#!/bin/busybox sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t tmpfs tmp /tmp
echo PEER-READY
/osbench $filter
poweroff -f
I
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$cache/initramfs.gz"
flags="-smp 2"; [ "$view" = icount ] && flags="-smp 1 -icount shift=0,sleep=off"
# shellcheck disable=SC2086
timeout -s KILL "$limit" qemu-system-x86_64 -M q35 -cpu max,-erms,-fsrm -accel tcg -m 1G $flags -nodefaults -display none -no-reboot -serial stdio \
	-kernel "$cache/vmlinuz" -initrd "$cache/initramfs.gz" -append "console=ttyS0 quiet mitigations=off panic=-1" </dev/null |
	tr -d '\r' | awk '/^PEER-READY/ {on = 1; next} on'
