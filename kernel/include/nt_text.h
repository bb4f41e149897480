/* SPDX-License-Identifier: MIT */
/* UTF-16 of NT and bytes of Linux. Bytes that are no UTF-8 become U+DC80 + byte - 0x80 and come back as that byte; other
 * unpaired surrogates are written as three bytes. So every name of either side has a name on the other; only an unpaired high
 * surrogate right before an ill-formed byte does not come back as it was. */
#ifndef AMBOS_KERNEL_NT_TEXT_H
#define AMBOS_KERNEL_NT_TEXT_H

#include "../../lib/base/base.h"

u32 nt_upcase(u32 code_point);
/* Bytes written without a NUL, or ERR_NAMETOOLONG. Room for 3 * count bytes is always enough. */
s64 nt_to_utf8(const u16 *text, u32 count, char *out, u32 size);
/* Units written; count 3 * ... never more than `bytes`. ERR_NAMETOOLONG when `room` is too small. */
s64 nt_from_utf8(const char *text, u32 bytes, u16 *out, u32 room);
/* The same of a path: / becomes \. */
s64 nt_path_from_utf8(const char *path, u32 bytes, u16 *out, u32 room);
/* Same name but for case, both UTF-8. */
bool nt_names_equal(const char *a, u32 a_bytes, const char *b, u32 b_bytes);
u32 nt_name_hash(const char *name, u32 bytes);  /* equal for names that differ in case only */
#define NT_SHORT_NAME_MAX 12u
/* The 8.3 name of a file into `out` (room for NT_SHORT_NAME_MAX); its length, or 0 when the name has that form itself. */
u32 nt_short_name(const char *name, u32 bytes, char *out);
bool nt_may_be_short_name(const char *name, u32 bytes); /* false: nt_short_name makes no such name */
bool nt_has_short_name(const char *name, u32 bytes, const char *wanted, u32 wanted_bytes);
/* Length of `prefix` (ASCII) when text begins with it whatever its case, else 0. */
u32 nt_prefix(const u16 *text, u32 count, const char *prefix);
#define NT_PATTERN_MAX 512u /* units: twice a name's length, since each unit can have a star before it */
/* Does `name` match `pattern` with the wildcards of NtQueryDirectoryFile (* ? < > ")? Case does not count.
 * A pattern above NT_PATTERN_MAX matches nothing. */
bool nt_match(const u16 *pattern, u32 pattern_count, const u16 *name, u32 name_count);

#endif
