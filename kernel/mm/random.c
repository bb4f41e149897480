// SPDX-License-Identifier: MIT
/* Kernel random generator. One ChaCha20 key; each request encrypts zeros with it and the first 32 bytes of
 * output become the next key (fast key erasure), so a later disclosure does not reveal earlier output.
 * RDRAND, when CPUID has it, and the TSC are mixed in at the start and every RESEED_BYTES.
 * Algorithm: RFC 8439 section 2.3. */
#include "random.h"
#include "mm.h"
#include "spinlock.h"
#include "string.h"

#define KEY_WORDS 8
#define BLOCK_BYTES 64
#define RESEED_BYTES MIB(1) /* often enough to recover from a disclosed state, rare enough to cost nothing */
#define POOL_BYTES 512      /* output made ahead for random_u64 */

static struct spinlock random_lock = SPINLOCK_INIT(RANK_SLAB);
static u32 key[KEY_WORDS];
static u64 bytes_since_seed = RESEED_BYTES;
static u8 pool[POOL_BYTES];
static u32 pool_left;

static inline u32 rotate(u32 x, int n) { return (x << n) | (x >> (32 - n)); }

static void quarter(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*a += *b; *d = rotate(*d ^ *a, 16);
	*c += *d; *b = rotate(*b ^ *c, 12);
	*a += *b; *d = rotate(*d ^ *a, 8);
	*c += *d; *b = rotate(*b ^ *c, 7);
}

static void chacha_block(u64 counter, u32 out[16])
{
	u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	memcpy(in + 4, key, sizeof(key));
	in[12] = (u32)counter;
	in[13] = (u32)(counter >> 32);
	memcpy(out, in, sizeof(in));
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++)
			quarter(&out[i], &out[4 + i], &out[8 + i], &out[12 + i]);
		for (int i = 0; i < 4; i++)
			quarter(&out[i], &out[4 + (i + 1) % 4], &out[8 + (i + 2) % 4], &out[12 + (i + 3) % 4]);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

static u64 hardware_word(void)
{
	static s8 have_rdrand = -1;
	u32 lo, hi;
	u64 word = 0;
	if (have_rdrand < 0) {
		u32 a = 1, b, c = 0, d;
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		have_rdrand = (c >> 30) & 1;
	}
	if (have_rdrand)
		__asm__ volatile("rdrand %0" : "=r"(word) : : "cc");
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return word ^ hash_u64(((u64)hi << 32 | lo) + 1);
}

/* key = keystream under (key XOR data): no input can make the state weaker. */
static void mix_locked(const void *data, size_t size)
{
	u32 block[16];
	const u8 *in = data;
	for (size_t i = 0; i < size;) {
		for (u32 k = 0; k < sizeof(key) && i < size; k++, i++)
			((u8 *)key)[k] ^= in[i];
		chacha_block(UINT64_MAX, block);
		memcpy(key, block, sizeof(key));
	}
}

static void reseed_locked(void)
{
	u64 words[KEY_WORDS];
	for (u32 i = 0; i < KEY_WORDS; i++)
		words[i] = hardware_word();
	mix_locked(words, sizeof(words));
	bytes_since_seed = 0;
}

static void generate_locked(void *out, size_t size)
{
	u32 block[16];
	if (bytes_since_seed >= RESEED_BYTES)
		reseed_locked();
	bytes_since_seed += size;
	u64 counter = 1;
	for (size_t done = 0; done < size; counter++) {
		size_t n = MIN(size - done, (size_t)BLOCK_BYTES);
		chacha_block(counter, block);
		memcpy((u8 *)out + done, block, n);
		done += n;
	}
	chacha_block(0, block);
	memcpy(key, block, sizeof(key));
	memset(block, 0, sizeof(block));
}

void random_bytes(void *out, size_t size)
{
	spin_lock(&random_lock);
	generate_locked(out, size);
	spin_unlock(&random_lock);
}

u64 random_u64(void)
{
	u64 word;
	spin_lock(&random_lock);
	if (pool_left < sizeof(word)) {
		generate_locked(pool, sizeof(pool));
		pool_left = sizeof(pool);
	}
	pool_left -= sizeof(word);
	memcpy(&word, pool + pool_left, sizeof(word));
	memset(pool + pool_left, 0, sizeof(word));
	spin_unlock(&random_lock);
	return word;
}

void random_add_entropy(const void *data, size_t size)
{
	spin_lock(&random_lock);
	mix_locked(data, size);
	spin_unlock(&random_lock);
}
