# SPDX-License-Identifier: MIT
"""gdb commands for a running kernel: `source tools/gdb/ambos.py`, then ambos-threads [name]: every thread with its
state, what it waits for (innermost kernel functions on its saved stack) and the call it is in."""
import gdb

FRAMES_SHOWN = 9
KERNEL_TEXT_BYTES = 4 << 20

def kernel_functions(thread):
    """Function names found on the stack of a switched-out thread, innermost first (a scan, so with some noise)."""
    stack, top = int(thread["kernel_rsp"]), int(thread["kernel_stack"]) + 16384
    inferior, names = gdb.selected_inferior(), []
    if not stack or stack >= top or top - stack > 16384:
        return names
    data = bytes(inferior.read_memory(stack, top - stack))
    low = int(gdb.parse_and_eval("(unsigned long)&kernel_text_start"))
    for at in range(0, len(data) - 7, 8):
        value = int.from_bytes(data[at:at + 8], "little")
        if low <= value < low + KERNEL_TEXT_BYTES:
            block = gdb.block_for_pc(value)
            while block and not block.function:
                block = block.superblock
            if block and (not names or names[-1] != block.function.name):
                names.append(block.function.name)
    return names

class Threads(gdb.Command):
    def __init__(self):
        super().__init__("ambos-threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        blocks = gdb.parse_and_eval("pid_blocks")
        for i in range(blocks.type.range()[1] + 1):
            if not int(blocks[i]):
                continue
            for k in range(128):
                slot = blocks[i][k]
                if not int(slot["thread"]):
                    continue
                thread = slot["thread"].dereference()
                name = thread["name"].string()
                if argument and argument not in name:
                    continue
                print(f"{int(thread['tid']):5} {name:16} {str(thread['state']):16} work {int(thread['work']):#x} "
                      f"nr {int(thread['syscall_nr'])} " + " < ".join(kernel_functions(thread)[1:FRAMES_SHOWN]))

Threads()

DIRECT_MAP = 0xffff800000000000

def read_user(pid, va, size):
    """Bytes of a process's memory, by walking its page table through the direct map (4 KiB pages)."""
    blocks = gdb.parse_and_eval("pid_blocks")
    root = int(blocks[pid // 128][pid % 128]["process"]["aspace"]["page_table"])
    inferior, out = gdb.selected_inferior(), b""
    while size:
        table = root & 0x000ffffffffff000
        for shift in (39, 30, 21, 12):
            raw = bytes(inferior.read_memory(DIRECT_MAP + table + ((va >> shift) & 511) * 8, 8))
            table = int.from_bytes(raw, "little")
            if not table & 1:
                raise gdb.GdbError(f"not mapped: {va:#x}")
            table &= 0x000ffffffffff000
        take = min(size, 4096 - (va & 4095))
        out += bytes(inferior.read_memory(DIRECT_MAP + table + (va & 4095), take))
        va, size = va + take, size - take
    return out

class Memory(gdb.Command):
    """ambos-memory PID ADDRESS SIZE: memory of a process in 32-bit words."""
    def __init__(self):
        super().__init__("ambos-memory", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        pid, va, size = (int(word, 0) for word in argument.split())
        data = read_user(pid, va, size)
        for at in range(0, size, 32):
            words = [int.from_bytes(data[at + k:at + k + 4], "little") for k in range(0, min(32, size - at), 4)]
            print(f"{va + at:#x}: " + " ".join(f"{w:08x}" for w in words))

Memory()
