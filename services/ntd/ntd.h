/* SPDX-License-Identifier: MIT */
/* The registry's tree in the state object. Offsets instead of pointers; a freed key changes the generation. */
#ifndef AMBOS_NTD_H
#define AMBOS_NTD_H

#include "../../abi/proto/nt.h"
#include "../../lib/service/service.h"

struct registry_key {
	u64 parent, first_child, next, first_value;
	u64 generation;              /* upper bits of its cookie */
	u64 last_write_ns;
	u32 name_bytes;
	u32 unused;
	u16 name[];                  /* as given, then in upper case */
};
struct registry_value {
	u64 next;
	u32 type, name_bytes, data_bytes, unused;
	u8 bytes[];                  /* name, name in upper case, data */
};
struct ntd_root { u64 root_key; u64 last_generation; };

#define COOKIE_OFFSET_BITS 40    /* the state object is far smaller than 1 TiB */

struct registry_key *key_of(u64 cookie);               /* NULL: stale */
u64 cookie_of(const struct registry_key *k);
static inline const u16 *key_folded(const struct registry_key *k) { return k->name + k->name_bytes / 2; }
/* Within a transaction. NULL: the state object is full. */
struct registry_key *key_create(struct registry_key *parent, const u16 *name, const u16 *folded, u32 bytes);
void key_free(struct registry_key *k);                 /* without children; its values go too */
struct registry_key *key_child(const struct registry_key *k, const u16 *folded, u32 bytes);
struct registry_value *value_find(const struct registry_key *k, const u16 *folded, u32 bytes);
status_t value_set(struct registry_key *k, u32 type, const u16 *name, const u16 *folded, u32 name_bytes, const void *data, u32 data_bytes);
void value_remove(struct registry_key *k, struct registry_value *v);
void key_touch(struct registry_key *k);
/* Text of registry/windows: within a transaction. False: line `*line` is wrong. */
bool registry_load(const char *text, u64 size, u32 *line);

#endif
