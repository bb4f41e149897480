// SPDX-License-Identifier: MIT
/* LZNT1 both ways. Pure functions of their arguments; see lznt1.h. A reference in a chunk is 16 bits: the distance less
 * one above, the length less three below; how many bits each has depends on how much of the chunk there is already. */
#include "lznt1.h"

#define HEAD_COMPRESSED 0x8000u
#define HEAD_SIGNATURE 0x3000u
#define HEAD_SIZE 0x0fffu
#define LENGTH_MIN 3u
#define TRIES_MAX 32u /* candidates looked at for one reference: the rest gains little */
#define HASH_MASK 4095u

/* Bits of the length in a reference at position `at` of a chunk: 12 for the first 16 bytes, one less at each doubling. */
static unsigned length_bits(size_t at)
{
	unsigned bits = 12;
	for (size_t i = at - 1; i >= 16 && at; i >>= 1)
		bits--;
	return bits;
}

static unsigned read16(const uint8_t *p) { return p[0] | (unsigned)p[1] << 8; }

static void copy(uint8_t *to, const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++) /* forwards: a reference may overlap what it makes */
		to[i] = from[i];
}

static enum lznt1_result expand_chunk(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, size_t *used)
{
	size_t at = 0, done = 0;
	while (at < in_size) {
		unsigned flags = in[at++];
		for (unsigned i = 0; i < 8 && at < in_size; i++, flags >>= 1) {
			if (done == out_size) {
				*used = done;
				return LZNT1_OK;
			}
			if (!(flags & 1)) {
				out[done++] = in[at++];
				continue;
			}
			if (in_size - at < 2)
				return LZNT1_BAD;
			unsigned bits = length_bits(done), value = read16(in + at);
			size_t length = (value & ((1u << bits) - 1)) + LENGTH_MIN, distance = (value >> bits) + 1;
			if (distance > done || length > out_size - done)
				return LZNT1_BAD;
			copy(out + done, out + done - distance, length);
			done += length;
			at += 2;
		}
	}
	*used = done;
	return LZNT1_OK;
}

/* The chunk at *at: its data, their size, whether it is compressed. BAD: cut off. False in *more: the end. */
static enum lznt1_result next_chunk(const uint8_t *in, size_t in_size, size_t *at, size_t *size, int *compressed, int *more)
{
	unsigned head = in_size - *at >= 2 ? read16(in + *at) : 0;
	*more = head != 0;
	if (!head)
		return LZNT1_OK;
	*at += 2;
	*size = (head & HEAD_SIZE) + 1;
	*compressed = (head & HEAD_COMPRESSED) != 0;
	return *size > in_size - *at ? LZNT1_BAD : LZNT1_OK;
}

static enum lznt1_result expand_one(const uint8_t *in, size_t size, int compressed, uint8_t *out, size_t room, size_t *used)
{
	if (compressed)
		return expand_chunk(in, size, out, room < LZNT1_CHUNK ? room : LZNT1_CHUNK, used);
	*used = size < room ? size : room;
	copy(out, in, *used);
	return LZNT1_OK;
}

enum lznt1_result lznt1_expand(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, size_t *used)
{
	size_t at = 0, done = 0, size, got = 0;
	int compressed, more;
	if (in_size < 2)
		return LZNT1_BAD;
	for (;;) {
		enum lznt1_result result = next_chunk(in, in_size, &at, &size, &compressed, &more);
		if (result || !more) {
			*used = done;
			return result;
		}
		for (; done % LZNT1_CHUNK && done < out_size; done++)
			out[done] = 0;
		if (done == out_size) {
			*used = done;
			return LZNT1_OK;
		}
		result = expand_one(in + at, size, compressed, out + done, out_size - done, &got);
		if (result)
			return result;
		done += got;
		at += size;
	}
}

enum lznt1_result lznt1_expand_at(const uint8_t *in, size_t in_size, size_t offset, uint8_t *out, size_t out_size, uint8_t *chunk,
	size_t *used)
{
	size_t at = 0, size, got = 0;
	int compressed, more;
	*used = 0;
	if (in_size < 2)
		return LZNT1_BAD;
	for (; offset >= LZNT1_CHUNK; offset -= LZNT1_CHUNK) {
		enum lznt1_result result = next_chunk(in, in_size, &at, &size, &compressed, &more);
		if (result || !more)
			return result;
		at += size;
	}
	if (!offset)
		return in_size - at < 2 ? LZNT1_OK : lznt1_expand(in + at, in_size - at, out, out_size, used);
	enum lznt1_result result = next_chunk(in, in_size, &at, &size, &compressed, &more);
	if (result || !more)
		return result;
	result = expand_one(in + at, size, compressed, chunk, LZNT1_CHUNK, &got);
	if (result)
		return result;
	at += size;
	if (got < offset || (in_size - at >= 2 && read16(in + at)))
		for (; got < LZNT1_CHUNK; got++)
			chunk[got] = 0;
	*used = got - offset < out_size ? got - offset : out_size;
	copy(out, chunk + offset, *used);
	if (got < LZNT1_CHUNK || *used == out_size || in_size - at < 2)
		return LZNT1_OK;
	size_t rest = 0;
	result = lznt1_expand(in + at, in_size - at, out + *used, out_size - *used, &rest);
	*used += rest;
	return result;
}

static unsigned hash(const uint8_t *p) { return (p[0] ^ (unsigned)p[1] << 4 ^ (unsigned)p[2] << 7) & HASH_MASK; }

static void remember(struct lznt1_workspace *w, const uint8_t *in, size_t size, size_t at)
{
	if (size - at < LENGTH_MIN)
		return;
	unsigned h = hash(in + at);
	w->previous[at] = w->head[h];
	w->head[h] = (uint16_t)(at + 1);
}

/* The longest earlier text that goes on as in[at] does; its distance. */
static size_t longest(const struct lznt1_workspace *w, const uint8_t *in, size_t size, size_t at, size_t *distance)
{
	size_t best = 0, limit = size - at, most = ((size_t)1 << length_bits(at)) - 1 + LENGTH_MIN;
	if (limit > most)
		limit = most;
	if (limit < LENGTH_MIN)
		return 0;
	unsigned candidate = w->head[hash(in + at)];
	for (unsigned tries = 0; candidate && tries < TRIES_MAX; candidate = w->previous[candidate - 1], tries++) {
		const uint8_t *from = in + candidate - 1;
		size_t length = 0;
		while (length < limit && from[length] == in[at + length])
			length++;
		if (length > best) {
			best = length;
			*distance = at - (candidate - 1);
		}
	}
	return best >= LENGTH_MIN ? best : 0;
}

/* One chunk without its head; 0: would not be smaller than it is. */
static size_t compress_chunk(const uint8_t *in, size_t size, uint8_t *out, size_t room, struct lznt1_workspace *w)
{
	size_t at = 0, done = 0, flags_at = 0, distance = 0;
	for (size_t i = 0; i < sizeof(w->head) / sizeof(w->head[0]); i++)
		w->head[i] = 0;
	for (unsigned item = 0; at < size; item = (item + 1) % 8) {
		if (room - done < 3 || done + 3 > size)
			return 0;
		if (!item) {
			flags_at = done++;
			out[flags_at] = 0;
		}
		size_t length = at ? longest(w, in, size, at, &distance) : 0;
		if (length) {
			unsigned value = (unsigned)((distance - 1) << length_bits(at) | (length - LENGTH_MIN));
			out[flags_at] |= (uint8_t)(1u << item);
			out[done++] = (uint8_t)value;
			out[done++] = (uint8_t)(value >> 8);
		} else {
			out[done++] = in[at];
			length = 1;
		}
		for (; length; length--, at++)
			remember(w, in, size, at);
	}
	return done < size ? done : 0;
}

enum lznt1_result lznt1_compress(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size, struct lznt1_workspace *w, size_t *used)
{
	size_t done = 0;
	for (size_t at = 0; at < in_size; at += LZNT1_CHUNK) {
		size_t size = in_size - at < LZNT1_CHUNK ? in_size - at : LZNT1_CHUNK;
		if (out_size - done < 3)
			return LZNT1_NO_ROOM;
		size_t packed = compress_chunk(in + at, size, out + done + 2, out_size - done - 2, w);
		unsigned head = HEAD_SIGNATURE | (packed ? HEAD_COMPRESSED | (unsigned)(packed - 1) : (unsigned)(size - 1));
		if (!packed) {
			if (out_size - done - 2 < size)
				return LZNT1_NO_ROOM;
			copy(out + done + 2, in + at, size);
			packed = size;
		}
		out[done] = (uint8_t)head;
		out[done + 1] = (uint8_t)(head >> 8);
		done += 2 + packed;
	}
	*used = done;
	return LZNT1_OK;
}
