#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Second half of build.sh, run as (fake) root: unpack the tree, add our files, make the EROFS file and the
# manifest of checksums that tests compare with. usage: overlay.sh TREE.tar ROOT ADDS OUT.erofs OUT.manifest
set -euo pipefail
tree=$1 root=$2 adds=$3 image=$4 manifest=$5

mkdir -p "$root"
tar -C "$root" --numeric-owner --exclude='./dev/*' -xf "$tree"
cd "$root"
rm -rf var/cache/apt var/lib/apt/lists run/* tmp/* var/log/apt var/log/dpkg.log
mkdir -p dev proc sys tmp run host root home/user system
chmod 1777 tmp
echo ambos > etc/hostname
printf '127.0.0.1 localhost ambos\n' > etc/hosts
grep -q '^user:' etc/passwd || echo 'user:x:1000:1000:user:/home/user:/bin/bash' >> etc/passwd
grep -q '^user:' etc/group || echo 'user:x:1000:' >> etc/group
grep -q '^user:' etc/shadow || echo 'user:*:19000:0:99999:7:::' >> etc/shadow
chmod 0640 etc/shadow
chgrp 42 etc/shadow # Debian's group shadow
chown 1000:1000 home/user
[ -d "$AMBOS_TOP/registry" ] && cp -r "$AMBOS_TOP/registry" system/registry
# C: of Windows programs (docs/design/windows.md).
mkdir -p system/drive_c
cp -r "$AMBOS_WINDOWS/." system/drive_c/
for dll in "$AMBOS_TOP"/out/windows/*.dll; do
	[ -f "$dll" ] || { echo "out/windows is empty: run make windows first" >&2; exit 1; }
	x86_64-w64-mingw32-strip -o "system/drive_c/Windows/System32/$(basename "$dll")" "$dll"
done
# The folders that SHGetFolderPath names: it fails for one that is missing.
mkdir -p system/drive_c/{Temp,Windows/{Fonts,Resources,Temp},"Program Files"{,\ \(x86\)}/"Common Files",Users/Public/{Desktop,Documents,Downloads,Music,Pictures,Videos}}
for profile in system/drive_c/Users/{root,user}; do
	mkdir -p "$profile"/{Desktop,Documents,Downloads,Favorites,Links,Music,Pictures,"Saved Games",Videos} "$profile"/AppData/{LocalLow,Local/Temp} \
		"$profile"/AppData/Local/Microsoft/Windows/{Burn/Burn,History,INetCache,INetCookies}
done
for shell in system/drive_c/{ProgramData,Users/{root,user}/AppData/Roaming}/Microsoft/Windows; do
	mkdir -p "$shell"/{"Start Menu/Programs"/{"Administrative Tools",StartUp},Templates}
done
mkdir -p system/drive_c/Users/{root,user}/AppData/Roaming/Microsoft/Windows/{"Network Shortcuts","Printer Shortcuts",Recent,SendTo}
chmod 1777 system/drive_c/Temp
chown -R 1000:1000 system/drive_c/Users/user
"$AMBOS_TOP/tools/image/windows.sh" check system/drive_c/Windows/System32
while IFS=: read -r from to; do
	[ -n "$from" ] || continue
	[ -n "$to" ] || { echo "--add $from: no guest path" >&2; exit 1; }
	mkdir -p "./$(dirname "$to")"
	cp -a "$from" "./$to"
done < "$adds"
find . -xdev -type f -print0 | sort -z | xargs -0 sha256sum > "$manifest"
# noinline_data: every regular file is flat-plain, so its pages can be used in place.
mkfs.erofs -E noinline_data -x-1 "$image" .
