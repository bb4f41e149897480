/* SPDX-License-Identifier: MIT */
/* Shared by the files of lib/erofs: unaligned little-endian reads and the bounds check. */
#ifndef AMBOS_EROFS_PRIVATE_H
#define AMBOS_EROFS_PRIVATE_H

#include "../base/string.h"
#include "erofs.h"

static inline u16 read_u16(const u8 *p) { return (u16)(p[0] | p[1] << 8); }
static inline u32 read_u32(const u8 *p) { return (u32)read_u16(p) | (u32)read_u16(p + 2) << 16; }
static inline u64 read_u64(const u8 *p) { return (u64)read_u32(p) | (u64)read_u32(p + 4) << 32; }

const u8 *erofs_span(const struct erofs *fs, u64 offset, u64 size); /* NULL when not inside the image */

#endif
