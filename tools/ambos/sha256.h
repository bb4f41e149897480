/* SPDX-License-Identifier: MIT */
/* SHA-256 of a byte stream: start, add any number of times, finish. */
#ifndef AMBOS_TOOL_SHA256_H
#define AMBOS_TOOL_SHA256_H

#include "base/base.h"

struct sha256 { u32 state[8]; u64 total; u8 block[64]; };
void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t size);
void sha256_finish(struct sha256 *s, u8 digest[32]);
#endif
