#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The registry content that Wine's DLLs bring along (COM classes, interfaces, type libraries, time zones): each has it as
resources of type WINE_REGISTRY, scripts in the language of ATL's registrar, which Windows would run at set-up. Written in
the form of registry/windows/windows.reg (services/ntd/text.c).
usage: registry_scripts.py FOLDER NAME...  (DLLs in FOLDER; text to standard output)"""
import os
import re
import struct
import sys

SYSTEM = "C:\\windows\\system32\\"
CLASSES = "Machine\\Software\\Classes"
ROOTS = {"HKCR": CLASSES, "HKEY_CLASSES_ROOT": CLASSES, "HKLM": "Machine", "HKEY_LOCAL_MACHINE": "Machine"}
LINE_MAX = 1024  # LINE_MAX_BYTES of services/ntd/text.c
RESOURCES = 2    # data directory of a PE file
TOKEN = re.compile(r"'(?:[^']|'')*'|[{}=]|[^\s{}=']+")
MODIFIERS = ("noremove", "forceremove")


class Image:
    """The resources of a PE32+ file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        pe = self.word("<I", 0x3C)
        count, optional = self.word("<H", pe + 6), self.word("<H", pe + 20)
        self.sections = [struct.unpack_from("<4I", self.data, pe + 24 + optional + 40 * i + 8) for i in range(count)]
        address = self.word("<I", pe + 24 + 112 + 8 * RESOURCES)
        self.base = self.offset(address) if address else None

    def word(self, form, at):
        return struct.unpack_from(form, self.data, at)[0]

    def offset(self, address):
        for size, start, raw_size, raw in self.sections:
            if start <= address < start + max(size, raw_size):
                return raw + address - start
        raise ValueError("address outside of the sections")

    def entries(self, directory):
        at = self.base + (directory & 0x7FFFFFFF)
        for i in range(self.word("<H", at + 12) + self.word("<H", at + 14)):
            yield struct.unpack_from("<2I", self.data, at + 16 + 8 * i)

    def name(self, value):
        if not value >> 31:
            return None
        at = self.base + (value & 0x7FFFFFFF)
        return self.data[at + 2:at + 2 + 2 * self.word("<H", at)].decode("utf-16le")

    def scripts(self):
        for kind, names in self.entries(0) if self.base is not None else ():
            if self.name(kind) != "WINE_REGISTRY":
                continue
            for _, languages in self.entries(names):
                for _, leaf in self.entries(languages):
                    address, size = struct.unpack_from("<2I", self.data, self.base + leaf)
                    at = self.offset(address)
                    yield self.data[at:at + size].decode("ascii", "replace")


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def value_text(kind, text):
    if kind == "d":
        return "dword:%x" % (int(text, 0) & 0xFFFFFFFF)
    if kind == "b":
        return "hex:" + ",".join(text[i:i + 2] for i in range(0, len(text), 2)).lower()
    if kind == "m":
        return "multi:" + quoted(text.replace("\\0", "|").rstrip("|"))
    return ("expand:" if kind == "e" else "") + quoted(text)


class Script:
    """One script; self.keys: path -> {value name: text}, in order."""

    def __init__(self, text, module, keys):
        text = re.sub(r"%MODULE%", lambda _: SYSTEM + module, text, flags=re.I)
        self.tokens = [t[1:-1].replace("''", "'") if t[0] == "'" else t for t in TOKEN.findall(text)]
        self.marks = [t[0] in "{}=" for t in TOKEN.findall(text)]
        self.at, self.keys = 0, keys
        while self.at < len(self.tokens):
            root = ROOTS.get(self.take().upper())
            self.body(root)

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def next_is(self, mark):
        return self.at < len(self.tokens) and self.marks[self.at] and self.tokens[self.at] == mark

    def body(self, path):
        if self.take() != "{":
            raise ValueError("{ expected")
        while not self.next_is("}"):
            self.entry(path)
        self.take()

    def value(self):
        self.take()
        kind = self.take().lower()
        return value_text(kind, self.take())

    def entry(self, path):
        name = self.take()
        while name.lower() in MODIFIERS:
            name = self.take()
        if name.lower() == "val":
            name = self.take()
            self.put(path, name, self.value() if self.next_is("=") else '""')
            return
        if name.lower() == "delete":
            self.take()
            return
        path = path and path + "\\" + name
        self.put(path)
        if self.next_is("="):
            self.put(path, "", self.value())
        if self.next_is("{"):
            self.body(path)

    def put(self, path, name=None, text=None):
        if not path or not path.isascii():
            return
        values = self.keys.setdefault(path, {})
        if name is not None and text.isascii():
            values[name] = text


def main(folder, names):
    keys = {}
    for name in names:
        for text in Image(os.path.join(folder, name)).scripts():
            Script(text, name, keys)
    parents = {path.rpartition("\\")[0] for path in keys}
    for path, values in keys.items():
        if not values and path in parents:
            continue
        print("[%s]" % path)
        for name, text in values.items():
            line = (quoted(name) if name else "@") + "=" + text
            if len(line) > LINE_MAX:
                raise ValueError("a value of %s is too long" % path)
            print(line)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
