/* SPDX-License-Identifier: MIT */
/* LZNT1, the compression of RtlCompressBuffer and of NTFS ([MS-XCA] 2.5): chunks of at most 4096 bytes, each a 16-bit head
 * (bit 15 compressed, bits 14-12 the signature 3, bits 11-0 its bytes less one) and its data. Sizes are in bytes. */
#ifndef AMBOS_NTDLL_LZNT1_H
#define AMBOS_NTDLL_LZNT1_H

#include <stddef.h>
#include <stdint.h>

#define LZNT1_CHUNK 4096u
struct lznt1_workspace { uint16_t head[4096], previous[LZNT1_CHUNK]; }; /* positions + 1 of equal hashes */

enum lznt1_result { LZNT1_OK, LZNT1_BAD, LZNT1_NO_ROOM };

/* Result and *used bytes of `out`; NO_ROOM when they do not fit. */
enum lznt1_result lznt1_compress(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, struct lznt1_workspace *w, size_t *used);
/* At most out_size bytes, what is behind them is not looked at. A chunk that is not the last and gives less than 4096
 * bytes is filled up with zeros. */
enum lznt1_result lznt1_expand(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, size_t *used);
/* The same from byte `offset` of the result on; chunk: 4096 bytes of room. */
enum lznt1_result lznt1_expand_at(const uint8_t *in, size_t in_size, size_t offset, uint8_t *out, size_t out_size, uint8_t *chunk,
	size_t *used);

#endif
