#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Broken system images: the boot fails with status 125 and a line that gives the reason, and `ambos image verify`
# finds what a boot need not see. Offsets: EROFS superblock at 1024, root inode at 32 bytes * root_nid.
. "$(dirname "$0")/lib.sh"
image=${AMBOS_IMAGE:-out/image/system.erofs}
bad=$work/bad.erofs

put() { printf "$2" | dd of="$bad" bs=1 seek="$1" conv=notrunc status=none; } # OFFSET BYTES
u16() { od -An -tu2 -j "$1" -N 2 "$bad" | tr -d ' '; }
u32() { od -An -tu4 -j "$1" -N 4 "$bad" | tr -d ' '; }
fresh() { rm -f "$bad"; cp --sparse=always "$image" "$bad"; }
no_checksum() { put 1032 '\002'; } # feature_compat without the superblock checksum: what follows must be found by itself
refused() { # NAME REASON-PATTERN
	timeout -s KILL 30 "$ambos" run --image "$bad" -- true </dev/null > "$work/out" 2>&1; status=$?
	if [ $status = 125 ] && grep -aqE "$2" "$work/out"; then ok "image_$1"; else fail "image_$1" "status $status" "$(tail -n 6 "$work/out")"; fi
}

fresh; put 1024 '\0\0\0\0'; refused bad_magic 'system image refused: no EROFS superblock'
fresh; put 1040 '\377'; refused bad_checksum 'system image refused: superblock checksum'
fresh; no_checksum; put 1036 '\037'; refused bad_block_size 'system image refused:'
fresh; no_checksum; put 1038 '\377\377'; refused bad_root_inode 'system image refused:|root file system'
fresh; root=$(($(u32 1064) * 4096 + $(u16 1038) * 32)); put $root '\377\377\377\377\377\377\377\377'; refused bad_root_layout 'refused:|root file system'
fresh; truncate -s 50M "$bad"; refused cut_short 'system image refused: image shorter'
fresh; truncate -s 0 "$bad"; refused empty 'not a system image'
fresh; truncate -s 1100 "$bad"; refused cut_in_superblock 'not a system image'

# One flipped bit anywhere: the middle of the file data and its last byte.
fresh
cp "$image.sum" "$bad.sum" 2>/dev/null
is image_verify_whole 0 "$("$ambos" image verify "$bad" > "$work/out" 2>&1; echo $?)"
size=$(stat -c %s "$bad")
for at in $((size / 2)) $((size - 1)); do
	fresh
	byte=$(od -An -tu1 -j "$at" -N 1 "$bad" | tr -d ' ')
	put "$at" "\\$(printf %03o $((byte ^ 16)))"
	"$ambos" image verify "$bad" > "$work/out" 2>&1; status=$?
	if [ $status != 0 ] && grep -aqi 'bytes were changed' "$work/out"; then ok "image_verify_flipped_bit_at_$((at * 100 / size))_percent"; else fail image_verify_flipped_bit "status $status" "$(tail -n 3 "$work/out")"; fi
done
