# SPDX-License-Identifier: MIT
# nm -n of the first link -> kernel_symbols: { u64 address; u64 name } sorted, ended by a zero address.
# Placed after all other sections (.symbols last in kernel.ld), so addresses do not move in the second link.
BEGIN { print ".section .symbols,\"a\"\n.globl kernel_symbols\nkernel_symbols:" }
$2 ~ /^[tT]$/ { n++; printf ".quad 0x%s, name_%d\n", $1, n; names[n] = $3 }
END {
	print ".quad 0, 0"
	for (i = 1; i <= n; i++) printf "name_%d: .asciz \"%s\"\n", i, names[i]
}
