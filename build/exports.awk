# SPDX-License-Identifier: MIT
# From the names that objects define (nm, first file), the call table (second) and exports*.def (the rest): the linker's
# .def on standard output and assembler stubs for what is missing in the file STUBS. LIBRARY names the DLL.
# exports*.def: one name a line, the contract of the upper DLLs and what programs ask for by name. Nt<Name> of every row of
# abi/nt/syscalls.def and Zw<Name> for every Nt<Name> come by themselves. A name that no object defines ends the program with
# a line that names it (AmbosMissing); an OPTIONAL one is then left out. DATA: a variable.
FILENAME == ARGV[1] { if ($NF != "" && NF >= 3) defined[$NF] = 1; next }
FILENAME == ARGV[2] { if (match($0, /^NT_CALL\([0-9]+, /)) { name = substr($0, RLENGTH + 1); sub(/,.*/, "", name); add("Nt" name, "") } next }
/^#/ || NF == 0 { next }
{ if ($2 == "OPTIONAL" && !($1 in defined)) next; add($1, $2 == "DATA" ? " DATA" : "") }
function add(name, kind) { if (!(name in seen)) { seen[name] = 1; order[++count] = name; kinds[name] = kind } }
END {
	printf "LIBRARY %s\nEXPORTS\n", LIBRARY
	print ".text" > STUBS
	for (i = 1; i <= count; i++) {
		name = order[i]
		print "\t" name kinds[name]
		zw = "Zw" substr(name, 3)
		if (LIBRARY == "ntdll.dll" && name ~ /^Nt[A-Z]/ && !(zw in seen)) print "\t" zw " = " name
		if (!(name in defined)) {
			missing++
			if (REFUSE != "") { # a name that fails cleanly: counted, returns 0
				printf ".globl %s\n.def %s; .scl 2; .type 32; .endef\n%s:\n\tmovl $%d, %%eax\n\tjmp %s\n", name, name, name, i, REFUSE > STUBS
				continue
			}
			printf ".globl %s\n.def %s; .scl 2; .type 32; .endef\n%s:\n\tleaq 1f(%%rip), %%rdx\n\tleaq 2f(%%rip), %%rcx\n\tjmp AmbosMissingImport\n", name, name, name > STUBS
			printf "1: .asciz \"%s\"\n2: .asciz \"%s\"\n", name, LIBRARY > STUBS
		}
	}
	printf "%s: %d exports, %d without code\n", LIBRARY, count, missing > "/dev/stderr"
}
