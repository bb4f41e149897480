#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots the peer, Debian's Linux 6.1 cloud kernel, in the same QEMU as Ambos with an initramfs that holds Debian's Wine 8.0,
# a prefix made here beforehand and a warm wineserver; prints the rows of winmicro and of program starts.
# The kernel is that of peer.sh; Wine's part of the initramfs is made once, in .cache/peer.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$PWD/.cache/peer
# Wine's rows need two minutes on an idle host and several on a loaded one.
limit=1500
tools/deps.sh build run bench
[ -s "$cache/vmlinuz" ] || bench/peer.sh wall NONE >/dev/null
mkdir -p out/bench
[ -x out/bench/start ] || gcc -O2 -static -o out/bench/start bench/start.c
wine=$cache/wine-root
if [ ! -e "$wine/complete" ]; then
	echo "peer-windows.sh: copying Wine and making its prefix (once)" >&2
	rm -rf "$wine" && mkdir -p "$wine"/usr/lib/x86_64-linux-gnu/wine/x86_64-windows "$wine"/usr/lib/wine "$wine"/usr/share "$wine"/root
	cp -a /usr/lib/wine/. "$wine/usr/lib/wine/"
	cp -a /usr/lib/x86_64-linux-gnu/wine/x86_64-unix "$wine/usr/lib/x86_64-linux-gnu/wine/"
	cp -a /usr/lib/x86_64-linux-gnu/libwine.so* "$wine/usr/lib/x86_64-linux-gnu/" 2>/dev/null || true
	cp -aL /usr/share/wine "$wine/usr/share/"
	# What programs with a window need is left out: graphics, HTML, the help system; the rest loses its debug sections.
	for file in /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/*; do
		case ${file##*/} in d3d* | wined3d* | mshtml* | jscript* | vbscript* | gdiplus* | dwrite* | msxml* | *.mui | opengl* | vulkan* | glu32* | quartz* | x3daud* | xaudio* | xact* | windowscodecs*) continue ;; esac
		x86_64-w64-mingw32-strip -o "$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/${file##*/}" "$file" 2>/dev/null || true
	done
	cp -aL /lib/x86_64-linux-gnu/libgcc_s.so.1 "$wine/usr/lib/x86_64-linux-gnu/" # pthread_exit loads it
	ldd /usr/lib/wine/wine64 /usr/lib/wine/wineserver64 /usr/lib/x86_64-linux-gnu/wine/x86_64-unix/ntdll.so | awk '$3 ~ /^\// {print $3}' |
		sort -u | while read -r library; do mkdir -p "$wine$(dirname "$(readlink -f "$library")")" && cp -aL "$library" "$wine/usr/lib/x86_64-linux-gnu/"; done
	WINEPREFIX=$wine/root/prefix WINEDEBUG=-all timeout 300 /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1
	WINEPREFIX=$wine/root/prefix /usr/lib/wine/wineserver64 -w
	for file in "$wine"/root/prefix/drive_c/windows/system32/*.{dll,exe,drv,sys}; do
		if [ -e "$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/${file##*/}" ]; then x86_64-w64-mingw32-strip "$file" 2>/dev/null || true; else rm -f "$file"; fi
	done
	rm -rf "$wine"/root/prefix/drive_c/windows/{syswow64,winsxs,Installer,mono,help}
	# The host's folders are not the peer's.
	find "$wine/root/prefix/drive_c/users" -type l -delete
	touch "$wine/complete"
fi
tree=$(ls -t .cache/tree-*.tar | head -n 1)
root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{dev,proc,sys,tmp,usr/bin,usr/lib/x86_64-linux-gnu,usr/lib64}
ln -s usr/bin "$root/bin"; ln -s usr/lib "$root/lib"; ln -s usr/lib64 "$root/lib64"
tar -C "$root" -xf "$tree" --wildcards './usr/bin/bash' './usr/bin/true' './usr/bin/busybox' './usr/lib/x86_64-linux-gnu/libc.so.6' \
	'./usr/lib/x86_64-linux-gnu/libtinfo.so*' './usr/lib/x86_64-linux-gnu/ld-linux*' './usr/lib64/*' './lib64/*' 2>/dev/null || true
for applet in sh mount poweroff sleep; do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
cp out/bench/start out/windows/bench/winhello.exe out/windows/bench/winmicro.exe "$root/"
cp -a "$wine"/usr "$wine"/root "$root/"
[ -e "$root/lib64/ld-linux-x86-64.so.2" ] || cp -L /lib64/ld-linux-x86-64.so.2 "$root/usr/lib64/"
cat > "$root/init" <<'I'
#!/bin/busybox sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t tmpfs tmp /tmp
export HOME=/root WINEPREFIX=/root/prefix WINEDEBUG=-all PATH=/bin:/usr/lib/wine
/usr/lib/wine/wineserver64 -p
/usr/lib/wine/wine64 /winhello.exe </dev/null >/dev/null 2>&1 # a console would get escape sequences
sleep 20 # Wine's services have started by then
echo PEER-READY
/start true_elf 20 /bin/true
/start hello_start_to_exit 7 /usr/lib/wine/wine64 /winhello.exe </dev/null 2>/dev/null
/usr/lib/wine/wine64 /winmicro.exe </dev/null 2>/dev/null | cat
echo PEER-DONE
poweroff -f
I
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$cache/wine-initramfs.gz"
# Wine returns to its programs with iretq in user mode, which QEMU 7.2 with SMAP takes for a kernel access.
timeout -s KILL "$limit" qemu-system-x86_64 -M q35 -cpu max,-erms,-fsrm,-smap -accel tcg -m 3G -smp 2 -nodefaults -display none -no-reboot -serial stdio \
	-kernel "$cache/vmlinuz" -initrd "$cache/wine-initramfs.gz" -append "console=ttyS0 quiet mitigations=off panic=-1" </dev/null |
	tr -d '\r' | awk '/PEER-READY/ {on = 1; next} /PEER-DONE/ {exit} on {print; fflush()}'
