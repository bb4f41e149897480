/* SPDX-License-Identifier: MIT */
/* Kernel <-> ntd: the registry. A key is named by its cookie; 0 is \Registry. A cookie of a deleted key answers STALE.
 * Names are UTF-16; where they are compared, payload2 is the same name in upper case (the kernel's table), so that ntd
 * needs none. Errors: NOENT no such key or value, or the index is past the end; NOTEMPTY the key has children. */
#ifndef AMBOS_PROTO_NT_H
#define AMBOS_PROTO_NT_H

#include "../../lib/base/base.h"

enum ntd_op {
	NTD_KEY_OPEN = 1,        /* struct ntd_key_open; payload: path with backslashes; out: struct ntd_key_opened */
	NTD_KEY_QUERY = 2,       /* struct ntd_key; out: struct ntd_key_info, payload: the key's name */
	NTD_KEY_PATH = 3,        /* struct ntd_key; payload out: \REGISTRY\... */
	NTD_KEY_ENUMERATE = 4,   /* struct ntd_index; out as QUERY, of the child */
	NTD_KEY_DELETE = 5,      /* struct ntd_key */
	NTD_KEY_RENAME = 6,      /* struct ntd_key; payload: the new name */
	NTD_VALUE_QUERY = 7,     /* struct ntd_key; payload: name; out: struct ntd_value_info, payload: name then data */
	NTD_VALUE_ENUMERATE = 8, /* struct ntd_index; out as VALUE_QUERY */
	NTD_VALUE_SET = 9,       /* struct ntd_value_set; payload: name then data, payload2: upper-case name */
	NTD_VALUE_DELETE = 10,   /* struct ntd_key; payload: name */
};
enum ntd_open_flag { NTD_OPEN_CREATE = 1 /* the last name may be missing */ };
struct ntd_key { u64 key; };
struct ntd_key_open { u64 root; u32 flags; u32 unused; };
struct ntd_key_opened { u64 key; u32 created; u32 unused; };
struct ntd_key_info { u64 last_write_ns; u32 subkeys, subkey_name_max, values, value_name_max, value_data_max, name_bytes; };
struct ntd_index { u64 key; u32 index; u32 unused; };
struct ntd_value_info { u32 type, name_bytes, data_bytes, unused; };
struct ntd_value_set { u64 key; u32 type, name_bytes, data_bytes, unused; };
#define NTD_KEY_NAME_MAX 512u     /* bytes of one key's name: 256 units as documented */
#define NTD_VALUE_NAME_MAX 32766u
#define NTD_VALUE_DATA_MAX (64u << 10)

#endif
