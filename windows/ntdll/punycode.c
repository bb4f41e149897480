// SPDX-License-Identifier: MIT
/* Punycode (RFC 3492): the parameters of section 5, the adaptation of 6.1. */
#include "idn.h"

enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_CHARACTER = 0x80, LAST_CHARACTER = 0x10ffff };

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;
	delta = first ? delta / DAMP : delta / 2;
	for (delta += delta / points; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
	if (k <= bias + T_MIN)
		return T_MIN;
	return k - bias >= T_MAX ? T_MAX : k - bias;
}

struct encoder { char *out; size_t used, room; };

static void put(struct encoder *e, char c)
{
	if (e->used < e->room)
		e->out[e->used] = c;
	e->used++;
}

static void put_number(struct encoder *e, uint32_t value, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = threshold(k, bias), digit = value < t ? value : t + (value - t) % (BASE - t);
		put(e, (char)(digit < 26 ? 'a' + digit : '0' + digit - 26));
		if (value < t)
			return;
		value = (value - t) / (BASE - t);
	}
}

/* A label has few characters: no sum leaves 32 bits. */
size_t punycode_encode(const uint32_t *in, size_t length, char *out, size_t room)
{
	struct encoder e = { .out = out, .room = room };
	uint32_t basic, done, next = FIRST_CHARACTER, delta = 0, bias = FIRST_BIAS;
	if (length > IDN_LABEL_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i < length; i++)
		if (in[i] < FIRST_CHARACTER)
			put(&e, (char)in[i]);
	basic = done = (uint32_t)e.used;
	if (basic)
		put(&e, '-');
	for (; done < length; delta++, next++) {
		uint32_t least = LAST_CHARACTER;
		for (size_t i = 0; i < length; i++)
			if (in[i] >= next && in[i] < least)
				least = in[i];
		delta += (least - next) * (done + 1);
		next = least;
		for (size_t i = 0; i < length; i++) {
			delta += in[i] < next;
			if (in[i] != next)
				continue;
			put_number(&e, delta, bias);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
	return e.used <= room ? e.used : SIZE_MAX;
}

static uint32_t digit_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a');
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	return c >= '0' && c <= '9' ? (uint32_t)(c - '0') + 26 : BASE;
}

/* Adds the number at *at to *sum; false: there is none, or it leaves 32 bits. */
static bool take_number(const char *in, size_t length, size_t *at, uint32_t bias, uint32_t *sum)
{
	uint32_t weight = 1;
	for (uint32_t k = BASE; *at < length; k += BASE) {
		uint32_t digit = digit_of(in[(*at)++]), t = threshold(k, bias);
		if (digit >= BASE || digit > (UINT32_MAX - *sum) / weight)
			return false;
		*sum += digit * weight;
		if (digit < t)
			return true;
		if (weight > UINT32_MAX / (BASE - t))
			return false;
		weight *= BASE - t;
	}
	return false;
}

size_t punycode_decode(const char *in, size_t length, uint32_t *out, size_t room)
{
	uint32_t next = FIRST_CHARACTER, place = 0, bias = FIRST_BIAS;
	size_t count = 0, at = 0;
	for (size_t i = 0; i < length; i++)
		if (in[i] == '-')
			at = i;
	if (at > room)
		return SIZE_MAX;
	for (; count < at; count++)
		out[count] = (unsigned char)in[count];
	at += at > 0;
	while (at < length) {
		uint32_t from = place;
		if (count == room || !take_number(in, length, &at, bias, &place))
			return SIZE_MAX;
		bias = adapt(place - from, (uint32_t)count + 1, from == 0);
		if (place / (count + 1) > LAST_CHARACTER - next)
			return SIZE_MAX;
		next += place / ((uint32_t)count + 1);
		place %= (uint32_t)count + 1;
		for (size_t i = count++; i > place; i--)
			out[i] = out[i - 1];
		out[place++] = next;
	}
	return count;
}
