#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# loaderd and ntd die while the corpus runs, and no program notices. usage: kill.sh [KILLS] (default 10)
. "$(dirname "$0")/../system/lib.sh"
kills=${1:-10}
[ -s .cache/corpus/bin/biome.exe ] || tools/corpus/fetch.sh || exit 1
vm_limit=300
mkdir -p "$work/bin" "$work/tree" "$work/js"
cp .cache/corpus/bin/{ninja,rg,esbuild,rcedit,7za,cmake}.exe "$work/bin/"
cp bench/*.c kernel/nt/*.c "$work/tree/"
echo 'export const twice = (value) => value * 2;' > "$work/js/lib.js"
cp tests/corpus/kill_load.sh "$work/"
musl-gcc -std=gnu11 -O1 -static -Iabi -Ilib -o "$work/service_kill" tests/core/service_kill.c || exit 1
export AMBOS_KERNEL_OPTIONS=test_ipc
for service in LOADERD NTD; do
	number=$(sed -n "s/^SERVICE(\([0-9]*\), $service,.*/\1/p" abi/core/services.def)
	out=$(vm --memory 2G --cpus 2 --share "$work:/corpus" -- /corpus/service_kill "$number" "$kills" bash /corpus/kill_load.sh </dev/null 2>&1); status=$?
	if [ $status = 0 ]; then ok "corpus_${service,,}_killed_$kills"; else fail "corpus_${service,,}_killed_$kills" "status $status" "$(tail -n 8 <<<"$out")"; fi
done
