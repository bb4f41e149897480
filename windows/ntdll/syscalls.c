// SPDX-License-Identifier: MIT
/* Call stubs, one for each row of abi/nt/syscalls.def: the number in eax, arguments as that file says.
 * NtQueryVirtualMemory looks at the unix-call classes first (unix_calls.c), NtQuerySystemInformation at the time zone
 * (rtl_time.c): their stubs have another name. */
#include <ntdll.h>

#define CODE(number, symbol) \
	".globl " symbol "\n.def " symbol "; .scl 2; .type 32; .endef\n" symbol ":\n" \
	"\tmovq %rcx, %r10\n\tmovl $" #number ", %eax\n\tsyscall\n\tret\n"
/* Names that a C function of ours answers first: their stub is Call<Name>. */
#define NT_CALL(number, name, arguments, how) \
	__asm__(".text\n.balign 16\n.ifc " #name ",QueryVirtualMemory\n" CODE(number, "Call" #name) \
		".else\n.ifc " #name ",QuerySystemInformation\n" CODE(number, "Call" #name) \
		".else\n" CODE(number, "Nt" #name) ".endif\n.endif\n");
#include <nt/syscalls.def>
#undef NT_CALL
