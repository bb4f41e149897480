#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots the peer, Debian's Linux 6.1 cloud kernel, in the same QEMU as Ambos with an initramfs that holds Debian's Wine 8.0,
# a prefix made here beforehand and a warm wineserver; prints the rows of winmicro and of program starts.
# The kernel is that of peer.sh; Wine's part of the initramfs is made once, in .cache/peer. Progress goes to stderr.
set -euo pipefail
shopt -s extglob
cd "$(dirname "$0")/.."
cache=$PWD/.cache/peer
# Wine's rows need three minutes on an idle host; the table as a whole is to end within ten.
limit=${PEER_LIMIT:-480}
# What programs with a window need: graphics, HTML, the help system. A Wine without more than that hangs at its second start.
without='d3d*|wined3d*|mshtml*|jscript*|vbscript*|gdiplus*|dwrite*|msxml*|*.mui|opengl*|vulkan*|glu32*|quartz*|x3daud*|xaudio*|xact*|windowscodecs*'
say() { echo "peer-windows.sh: $*" >&2; }
die() { say "$*"; exit 1; }
limited() { timeout -k 5 "$@"; }

tools/deps.sh build run bench
[ -s "$cache/vmlinuz" ] || { say "fetching the peer's kernel (once)"; bench/peer.sh wall NONE >/dev/null; }
mkdir -p out/bench
[ out/bench/start -nt bench/start.c ] || gcc -O2 -static -o out/bench/start bench/start.c

# Wine with a prefix and what the init needs: made once, as one uncompressed archive (unpacking costs time under TCG).
if [ ! -s "$cache/wine.cpio" ]; then
	wine=$cache/wine-root
	say "making Wine's prefix (once)"
	rm -rf "$wine" && mkdir -p "$wine"/usr/{bin,share,lib/wine,lib64} "$wine"/usr/lib/x86_64-linux-gnu/wine/x86_64-windows \
		"$wine"/{root,dev,proc,sys,tmp}
	ln -s usr/bin "$wine/bin"; ln -s usr/lib "$wine/lib"; ln -s usr/lib64 "$wine/lib64"
	WINEPREFIX=$wine/root/prefix WINEDEBUG=-all limited 400 /usr/lib/wine/wine64 wineboot -i >/dev/null 2>&1 ||
		die "wineboot did not make a prefix within 400 s; is wine64 installed, is the host overloaded?"
	WINEPREFIX=$wine/root/prefix limited 60 /usr/lib/wine/wineserver64 -w || die "wineserver did not end"
	say "copying Wine (once)"
	cp -a /usr/lib/wine/. "$wine/usr/lib/wine/"
	cp -aL /usr/share/wine "$wine/usr/share/"
	cp -a /usr/lib/x86_64-linux-gnu/wine/x86_64-unix "$wine/usr/lib/x86_64-linux-gnu/wine/"
	cp -a /usr/lib/x86_64-linux-gnu/libwine.so* "$wine/usr/lib/x86_64-linux-gnu/" 2>/dev/null || true
	for from in /usr/lib/x86_64-linux-gnu/wine/x86_64-windows/*; do
		module=${from##*/}
		[[ $module == @($without) ]] && continue
		x86_64-w64-mingw32-strip -o "$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/$module" "$from" 2>/dev/null ||
			cp "$from" "$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/"
	done
	cp -aL /lib/x86_64-linux-gnu/libgcc_s.so.1 "$wine/usr/lib/x86_64-linux-gnu/" # pthread_exit loads it
	ldd /usr/lib/wine/wine64 /usr/lib/wine/wineserver64 /usr/lib/x86_64-linux-gnu/wine/x86_64-unix/ntdll.so | awk '$3 ~ /^\// {print $3}' |
		sort -u | while read -r library; do cp -aL "$library" "$wine/usr/lib/x86_64-linux-gnu/"; done
	# The prefix keeps the files that were copied, in their stripped form; those left out would only be missed by name.
	find "$wine/root/prefix/drive_c/windows/system32" -type f \( -name '*.dll' -o -name '*.exe' -o -name '*.sys' -o -name '*.drv' -o -name '*.ocx' \
		-o -name '*.cpl' -o -name '*.acm' -o -name '*.ax' -o -name '*.tlb' -o -name '*.msstyles' -o -name '*.com' \) | while read -r file; do
		stripped=$wine/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/${file##*/}
		if [ -e "$stripped" ]; then cp "$stripped" "$file"; else rm -f "$file"; fi
	done
	rm -rf "$wine"/root/prefix/drive_c/windows/{syswow64,winsxs,Installer,mono,help} "$wine"/root/prefix/drive_c/"Program Files"*
	find "$wine/root/prefix/drive_c/users" -type l -delete # the host's folders are not the peer's
	tree=$(ls -t .cache/tree-*.tar 2>/dev/null | head -n 1)
	[ -n "$tree" ] || die "no Debian tree in .cache: run make first"
	tar -C "$wine" -xf "$tree" --wildcards './usr/bin/bash' './usr/bin/true' './usr/bin/busybox' './usr/lib/x86_64-linux-gnu/libc.so.6' \
		'./usr/lib/x86_64-linux-gnu/libtinfo.so*' './usr/lib/x86_64-linux-gnu/ld-linux*' './usr/lib64/*' './lib64/*' 2>/dev/null || true
	[ -x "$wine/usr/bin/busybox" ] || die "$tree holds no busybox"
	for applet in sh mount poweroff sleep cat; do [ -e "$wine/usr/bin/$applet" ] || ln -s busybox "$wine/usr/bin/$applet"; done
	[ -e "$wine/lib64/ld-linux-x86-64.so.2" ] || cp -L /lib64/ld-linux-x86-64.so.2 "$wine/usr/lib64/"
	(cd "$wine" && find . | cpio -o -H newc --quiet) > "$cache/wine.cpio.part"
	mv "$cache/wine.cpio.part" "$cache/wine.cpio"
	rm -rf "$wine"
fi

root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
cp out/bench/start out/windows/bench/winhello.exe out/windows/bench/winmicro.exe "$root/"
cat > "$root/init" <<'I'
#!/bin/busybox sh
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t tmpfs tmp /tmp
export HOME=/root WINEPREFIX=/root/prefix WINEDEBUG=-all PATH=/bin:/usr/lib/wine
echo PEER-STEP warming the server
/usr/lib/wine/wineserver64 -p
/usr/lib/wine/wine64 /winhello.exe </dev/null >/tmp/hello 2>&1 || echo "PEER-FAILED winhello.exe: $?" # a console would get escape sequences
sleep 20 # Wine's services have started by then
echo PEER-READY
/start 20 true_elf /bin/true
/start 7 hello_start_to_exit /usr/lib/wine/wine64 /winhello.exe </dev/null 2>/dev/null
/usr/lib/wine/wine64 /winmicro.exe </dev/null 2>/dev/null | cat
echo PEER-DONE
poweroff -f
I
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$cache/wine-programs.cpio"
cat "$cache/wine.cpio" "$cache/wine-programs.cpio" > "$root/initramfs"

# Linux hangs at boot on a loaded host now and then: it has `boot` seconds to reach its init, three times.
boot=150
peer() {
	# Wine returns to its programs with iretq in user mode, which QEMU 7.2 with SMAP takes for a kernel access.
	exec timeout -k 5 "$limit" qemu-system-x86_64 -M q35 -cpu max,-erms,-fsrm,-smap -accel tcg -m 3G -smp 2 -nodefaults -display none \
		-no-reboot -serial "file:$root/console" -kernel "$cache/vmlinuz" -initrd "$root/initramfs" \
		-append "console=ttyS0 quiet mitigations=off panic=-1" </dev/null
}
booted() {
	for ((second = 0; second < boot; second++)); do
		grep -aq PEER-STEP "$root/console" 2>/dev/null && return 0
		kill -0 "$1" 2>/dev/null || return 1
		sleep 1
	done
	return 1
}
for try in 1 2 3; do
	say "booting Linux with Wine (3 to 6 minutes, at most $limit s)"
	: > "$root/console"
	peer & qemu=$!
	booted $qemu && break
	kill $qemu 2>/dev/null || true
	wait $qemu || true
	[ $try = 3 ] && die "the peer did not boot; the last it said: $(tail -n 3 "$root/console")"
	say "no init after $boot s: once more"
done
tail -n +1 -s 1 --pid=$qemu -f "$root/console" | sed -u -n '/PEER\|ns\r*$/{s/\r//;s/^/  /;p}' >&2
wait $qemu || true
tr -d '\r' < "$root/console" | awk '/PEER-READY/ {on = 1; next} /PEER-DONE/ {done = 1; exit} on {print} END {exit !done}' ||
	die "the peer did not finish; the last it said:
$(tail -n 5 "$root/console")"
