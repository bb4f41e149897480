#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# What python knows of normalisation and IDN, for windows/ntdll/normalize_test.c: records of 16-bit words on standard output:
# kind, length and units of the input, length and units of the result (length ffff: refused). Kinds: 0 to 3 the forms C, D, KC,
# KD; 4 nameprep, 5 ToASCII, 6 ToUnicode, each of one label with unassigned characters allowed.
# Of single characters only those are told that a form changes.
import encodings.idna as idna
import random
import stringprep
import struct
import sys
import unicodedata

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
NAMEPREP, TO_ASCII, TO_UNICODE = 4, 5, 6
LABEL_MAX = 63
NOT_TOLD = ""
DOTS = (0x2e, 0x3002, 0xff0e, 0xff61)
RANDOM_TEXTS, RANDOM_LABELS = 8000, 4000


def words(text):
    raw = text.encode("utf-16-le")
    return struct.pack("<H", len(raw) // 2) + raw


def too_new(text):
    """Python folds and orders some characters that Unicode 3.2 does not have."""
    return any(stringprep.in_table_a1(c) and (stringprep.map_table_b2(c) != c or unicodedata.combining(c)) for c in text)


def record(kind, text, result):
    if (kind == TO_UNICODE and result == NOT_TOLD) or (kind >= NAMEPREP and too_new(text)):
        return
    told = struct.pack("<H", 0xffff) if result is None else words(result)
    sys.stdout.buffer.write(struct.pack("<H", kind) + words(text) + told)


def controls(text):
    return any(c < " " or c in "\x7f." for c in text)


def nameprep(label):
    """As Windows: an ASCII label keeps its case; no controls, no dots out of mappings."""
    if not label.isascii():
        try:
            label = idna.nameprep(label)
        except UnicodeError:
            return None
    return None if not label or controls(label) or len(label) > LABEL_MAX else label


def to_ascii(label):
    prepared = nameprep(label)
    if prepared is None:
        return None
    try:
        return idna.ToASCII(prepared).decode()
    except UnicodeError:
        return None


def to_unicode(label):
    if not label.lower().startswith("xn--"):
        return label if nameprep(label) else None
    try:
        meant = label[4:].encode().decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return None
    if any(0xd800 <= ord(c) < 0xe000 for c in meant) or len(meant) > LABEL_MAX:
        return None
    if too_new(meant):
        return NOT_TOLD
    back = to_ascii(meant)
    return meant if back and back.lower() == label.lower() else None


def interesting():
    """Characters that act on others: mapped ones, their parts, marks, jamo."""
    found = set(range(0x1100, 0x1200)) | set(range(0xac00, 0xac00 + 100))
    for c in range(0x110000):
        char = chr(c)
        if 0xd800 <= c < 0xe000:
            continue
        if unicodedata.combining(char) or unicodedata.decomposition(char):
            found.add(c)
            found.update(map(ord, unicodedata.normalize("NFKD", char)))
    return sorted(found)


def main():
    chars = [chr(c) for c in range(0x110000) if not 0xd800 <= c < 0xe000]
    for char in chars:
        for kind, form in enumerate(FORMS):
            result = unicodedata.normalize(form, char)
            if result != char:
                record(kind, char, result)
    source = interesting()
    marks = [chr(c) for c in source if unicodedata.combining(chr(c))]
    random.seed(3490)
    for _ in range(RANDOM_TEXTS):
        text = "".join(random.choice(marks) if random.random() < 0.5 else chr(random.choice(source)) for _ in range(random.randint(1, 20)))
        if random.random() < 0.02:
            text = "a" + "".join(random.choice(marks) for _ in range(random.randint(60, 600)))
        for kind, form in enumerate(FORMS):
            record(kind, text, unicodedata.normalize(form, text))
    for c in range(0x1100, 0x30000):
        if c not in DOTS and not 0xd800 <= c < 0xe000 and not 0xac10 <= c < 0xd7a0 and not 0x3500 <= c < 0x9f00 and not 0x20010 <= c < 0x2f7f0:
            record(NAMEPREP, chr(c), nameprep(chr(c)))
    for c in range(1, 0x1100):
        text = chr(c) + "\u0327\u0301A"
        if c not in DOTS:
            record(NAMEPREP, text, nameprep(text))
    for _ in range(RANDOM_LABELS):
        top = random.choice((0x80, 0x500, 0x500, 0x3000, 0x10000, 0x30000))
        label = "".join(chr(random.choice((random.randrange(0x30, 0x7f), random.randrange(0x20, top)))) for _ in range(random.randint(1, 16)))
        if any(0xd800 <= ord(c) < 0xe000 or ord(c) in DOTS for c in label):
            continue
        record(NAMEPREP, label, nameprep(label))
        packed = to_ascii(label)
        record(TO_ASCII, label, packed)
        if packed:
            record(TO_UNICODE, packed, to_unicode(packed))
            record(TO_UNICODE, packed.upper(), to_unicode(packed.upper()))
        noise = "xn--" + "".join(random.choice("abcdefghijklmnopqrstuvwxyz0123456789-") for _ in range(random.randint(1, 12)))
        record(TO_UNICODE, noise, to_unicode(noise))


if __name__ == "__main__":
    main()
