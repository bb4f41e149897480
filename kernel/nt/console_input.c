// SPDX-License-Identifier: MIT
/* Input records (INPUT_RECORD, KEY_EVENT) made from what a terminal sends: characters, control keys and the usual
 * escape sequences of cursor and function keys. Each key gives a press and a release. */
#include "file.h"

#include "nt_text.h"
#include "string.h"
#include "../object/tty.h"

struct key_record { u16 type, unused; u32 down; u16 repeat, virtual_key, scan_code, character; u32 control_state; };
_Static_assert(sizeof(struct key_record) == 20, "INPUT_RECORD");
#define KEY_EVENT_TYPE 1u
#define CONTROL_PRESSED 8u
#define RECORDS_MAX 64u

struct key { u16 virtual_key, character; u32 state; };

static u32 parse_escape(const u8 *b, u32 n, struct key *k)
{
	static const struct { u8 letter; u16 key; } cursor[] = { { 'A', 0x26 }, { 'B', 0x28 }, { 'C', 0x27 }, { 'D', 0x25 }, { 'H', 0x24 },
		{ 'F', 0x23 }, { 'P', 0x70 }, { 'Q', 0x71 }, { 'R', 0x72 }, { 'S', 0x73 } };
	static const struct { u8 digit; u16 key; } edit[] = { { '1', 0x24 }, { '2', 0x2d }, { '3', 0x2e }, { '4', 0x23 }, { '5', 0x21 },
		{ '6', 0x22 } };
	if (n < 3 || (b[1] != '[' && b[1] != 'O'))
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(cursor); i++)
		if (b[2] == cursor[i].letter) {
			*k = (struct key){ .virtual_key = cursor[i].key };
			return 3;
		}
	for (u32 i = 0; i < ARRAY_SIZE(edit) && n >= 4 && b[3] == '~'; i++)
		if (b[2] == edit[i].digit) {
			*k = (struct key){ .virtual_key = edit[i].key };
			return 4;
		}
	return 0;
}

static u32 parse_key(const u8 *b, u32 n, struct key *k)
{
	u16 wide[2];
	u32 bytes = b[0] == 27 ? parse_escape(b, n, k) : 0;
	if (bytes)
		return bytes;
	bytes = b[0] < 0x80 ? 1 : b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : b[0] >= 0xc0 ? 2 : 1;
	bytes = MIN(bytes, n);
	nt_from_utf8((const char *)b, bytes, wide, ARRAY_SIZE(wide));
	u16 c = wide[0];
	*k = (struct key){ .character = c };
	if (c == '\n' || c == '\r')
		*k = (struct key){ .virtual_key = 0x0d, .character = '\r' };
	else if (c == 127)
		*k = (struct key){ .virtual_key = 8, .character = 8 };
	else if (c == 8 || c == 9 || c == 27)
		k->virtual_key = c;
	else if (c < 32)
		*k = (struct key){ .virtual_key = (u16)(c + 64), .character = c, .state = CONTROL_PRESSED };
	else if (c < 128)
		k->virtual_key = (u16)nt_upcase(c);
	return bytes;
}

static u32 records_of(const u8 *bytes, u32 n, struct key_record *out, u32 room, u32 *used)
{
	u32 count = 0;
	*used = 0;
	while (*used < n && count + 2 <= room) {
		struct key k;
		*used += parse_key(bytes + *used, n - *used, &k);
		for (u32 down = 1; down < 2; down--) {
			out[count++] = (struct key_record){ .type = KEY_EVENT_TYPE, .down = down, .repeat = 1, .virtual_key = k.virtual_key,
				.character = k.character, .control_state = k.state };
		}
	}
	return count;
}

/* READ_INPUT waits for a key; PEEK shows what is there and leaves it. */
s64 nt_console_records(struct nt_io *io, const u64 *a, bool peek)
{
	struct tty *t = io->file->object;
	struct key_record *records = kmalloc(RECORDS_MAX * sizeof(*records));
	u8 bytes[RECORDS_MAX / 2];
	u32 room = MIN((u32)a[9] / (u32)sizeof(*records), RECORDS_MAX), used, count = 0;
	s64 st = records ? 0 : ERR_NOMEM, n = 0;
	if (!st && !peek) {
		struct io_buf to;
		io_buf_init_kernel(&to, bytes, MIN(sizeof(bytes), MAX(room / 2, 1u)));
		n = io->file->ops->read(io->file, &to, NULL);
		st = n < 0 ? n : 0;
	} else if (!st) {
		mutex_lock(&t->mutex);
		struct ldisc *l = &t->ldisc;
		for (u64 at = l->tail; at < l->head && n < (s64)sizeof(bytes); at++)
			bytes[n++] = l->buffer[at % LDISC_BUFFER];
		mutex_unlock(&t->mutex);
	}
	if (!st && n)
		count = records_of(bytes, (u32)n, records, room, &used);
	io->information = count * sizeof(*records);
	if (!st)
		st = copy_out(user_ptr(a[8]), records, io->information);
	kfree(records);
	return st;
}
