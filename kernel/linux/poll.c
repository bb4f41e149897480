// SPDX-License-Identifier: MIT
/* Linux rows poll, ppoll, select and pselect6 over poll_files. select builds the same list of descriptors from its
 * bit maps, so there is one wait. Time left is written back as Linux does: select and ppoll, not poll. */
#include "linux.h"
#include "poll.h"

#include "base/string.h"

#define SELECT_IN (POLL_IN | POLL_RDNORM | POLL_HUP | POLL_ERR)
#define SELECT_OUT (POLL_OUT | POLL_WRNORM | POLL_ERR)
#define WORD_BITS 64
#define STICKY_TIMEOUTS 0x4000000u /* personality(2): a time is not updated */

struct timeval_k { s64 seconds, microseconds; };

/* The list of a poll call: on the stack when small. */
struct pollfd_list {
	struct pollfd_k *fds;
	struct pollfd_k inline_fds[POLL_INLINE];
};

static status_t list_alloc(struct pollfd_list *list, u32 count)
{
	list->fds = count <= POLL_INLINE ? list->inline_fds : kmalloc(count * sizeof(struct pollfd_k));
	return list->fds ? OK : ERR_NOMEM;
}

static void list_free(struct pollfd_list *list)
{
	if (list->fds != list->inline_fds)
		kfree(list->fds);
}

static s64 poll_call(u64 user_fds, u64 count, u64 deadline_ns)
{
	struct pollfd_list list;
	s64 result;

	if (count > process_current()->rlimits[RLIMIT_NOFILE].soft || count > FDTABLE_MAX)
		return ERR_INVAL;
	result = list_alloc(&list, (u32)count);
	if (result)
		return result;
	result = count ? copy_in(list.fds, user_ptr(user_fds), count * sizeof(struct pollfd_k)) : OK;
	if (result == OK)
		result = poll_files(list.fds, (u32)count, deadline_ns);
	if (result >= 0 && count && copy_out(user_ptr(user_fds), list.fds, count * sizeof(struct pollfd_k)))
		result = ERR_FAULT;
	list_free(&list);
	return result == ERR_INTR ? ERR_RESTART_NOHAND : result;
}

static s64 poll_again(struct thread *t);

/* poll(2) and its restart after a stop signal; the deadline stays what it was. */
static s64 poll_until(struct thread *t, u64 user_fds, u64 count, u64 deadline_ns)
{
	s64 result = poll_call(user_fds, count, deadline_ns);

	if (result != ERR_RESTART_NOHAND)
		return result;
	t->restart_args[0] = user_fds;
	t->restart_args[1] = count;
	t->restart_deadline = deadline_ns;
	t->restart_fn = poll_again;
	return ERR_RESTART_BLOCK;
}

static s64 poll_again(struct thread *t) { return poll_until(t, t->restart_args[0], t->restart_args[1], t->restart_deadline); }

LINUX_HANDLER(poll)
{
	s32 timeout_ms = (s32)a2;
	u64 deadline = timeout_ms < 0 ? DEADLINE_NEVER : 0;

	if (timeout_ms > 0)
		deadline = deadline_from_relative((u64)timeout_ms * NSEC_PER_MSEC);
	return poll_until(thread_current(), a0, (u32)a1, deadline);
}

static u64 time_left(u64 deadline_ns)
{
	u64 now = time_now_ns();

	return deadline_ns > now ? deadline_ns - now : 0;
}

/* NULL means for ever; a zero time only looks. */
static status_t deadline_from_timespec(u64 user_time, u64 *deadline_ns)
{
	u64 ns;
	status_t st;

	*deadline_ns = DEADLINE_NEVER;
	if (!user_time)
		return OK;
	st = timespec_in(user_ptr(user_time), &ns);
	if (st)
		return st;
	*deadline_ns = ns ? deadline_from_relative(ns) : 0;
	return OK;
}

/* Does a time that the call got go back as what is left of it? */
static bool time_goes_back(u64 user_time)
{
	return user_time && !(process_current()->personality & STICKY_TIMEOUTS);
}

LINUX_HANDLER(ppoll)
{
	u64 deadline;
	s64 result = deadline_from_timespec(a2, &deadline);

	if (result == OK)
		result = signal_mask_temporary(user_ptr(a3), a4);
	if (result)
		return result;
	result = poll_call(a0, (u32)a1, deadline);
	signal_mask_finish(result == ERR_RESTART_NOHAND);
	bool stays = !time_goes_back(a2) || timespec_out(user_ptr(a2), time_left(deadline));
	if (a2 && stays && result == ERR_RESTART_NOHAND)
		result = ERR_INTR; /* a restart would use the old time */
	return result;
}

/* ---- select ---- */
enum { SET_IN, SET_OUT, SET_EXCEPT, SET_COUNT };
static const u32 set_events[SET_COUNT] = { SELECT_IN, SELECT_OUT, POLL_PRI };

struct select_sets {
	u64 *maps;          /* SET_COUNT maps of `words` each */
	u32 words, bits;
	u64 user[SET_COUNT];
	u64 inline_maps[SET_COUNT * (1024 / WORD_BITS)]; /* FD_SETSIZE */
};

static u64 *map_of(struct select_sets *s, u32 set) { return s->maps + set * s->words; }

static status_t sets_in(struct select_sets *s)
{
	size_t bytes = SET_COUNT * s->words * sizeof(u64);
	status_t st = OK;

	s->maps = bytes <= sizeof(s->inline_maps) ? s->inline_maps : kmalloc(bytes);
	if (!s->maps)
		return ERR_NOMEM;
	memset(s->maps, 0, bytes);
	for (u32 set = 0; set < SET_COUNT && st == OK; set++)
		if (s->user[set])
			st = copy_in(map_of(s, set), user_ptr(s->user[set]), s->words * sizeof(u64));
	return st;
}

static u32 events_of(struct select_sets *s, u32 fd)
{
	u32 events = 0;

	for (u32 set = 0; set < SET_COUNT; set++)
		if (map_of(s, set)[fd / WORD_BITS] & BIT(fd % WORD_BITS))
			events |= set_events[set];
	return events;
}

/* Descriptors with a bit in any map; with `out` also lists them. Bits at and beyond `bits` do not count. */
static u32 sets_to_list(struct select_sets *s, struct pollfd_k *out)
{
	u32 count = 0;

	for (u32 w = 0; w < s->words; w++) {
		u64 any = map_of(s, SET_IN)[w] | map_of(s, SET_OUT)[w] | map_of(s, SET_EXCEPT)[w];

		if (w == s->bits / WORD_BITS)
			any &= BIT(s->bits % WORD_BITS) - 1;
		for (; any; any &= any - 1, count++) {
			u32 fd = w * WORD_BITS + (u32)__builtin_ctzll(any);

			if (out)
				out[count] = (struct pollfd_k){ .fd = (s32)fd, .events = (s16)events_of(s, fd) };
		}
	}
	return count;
}

static s64 list_to_sets(struct select_sets *s, const struct pollfd_k *fds, u32 count)
{
	s64 bits = 0;
	u32 asked;

	for (u32 i = 0; i < count; i++)
		if (fds[i].revents & POLL_NVAL)
			return ERR_BADF;
	for (u32 i = 0; i < count; i++) {
		u32 fd = (u32)fds[i].fd;

		asked = events_of(s, fd);
		for (u32 set = 0; set < SET_COUNT; set++) {
			u64 *word = &map_of(s, set)[fd / WORD_BITS];

			if (!(*word & BIT(fd % WORD_BITS)))
				continue;
			if ((u32)fds[i].revents & asked & set_events[set])
				bits++;
			else
				*word &= ~BIT(fd % WORD_BITS);
		}
	}
	for (u32 set = 0; set < SET_COUNT; set++)
		if (s->user[set] && copy_out(user_ptr(s->user[set]), map_of(s, set), s->words * sizeof(u64)))
			return ERR_FAULT;
	return bits;
}

static s64 select_call(u64 nfds, u64 in, u64 out, u64 except, u64 deadline_ns)
{
	struct select_sets s = { .user = { in, out, except } };
	struct pollfd_list list = { 0 };
	s64 result;
	u32 count;

	if ((s32)nfds < 0)
		return ERR_INVAL;
	s.bits = MIN((u32)nfds, thread_current()->fds->capacity);
	s.words = (s.bits + WORD_BITS - 1) / WORD_BITS;
	result = sets_in(&s);
	if (result == OK) {
		count = sets_to_list(&s, NULL);
		result = list_alloc(&list, count);
	}
	if (result == OK) {
		sets_to_list(&s, list.fds);
		result = poll_files(list.fds, count, deadline_ns);
		if (result >= 0)
			result = list_to_sets(&s, list.fds, count);
		list_free(&list);
	}
	if (s.maps != s.inline_maps)
		kfree(s.maps);
	return result == ERR_INTR ? ERR_RESTART_NOHAND : result;
}

LINUX_HANDLER(select)
{
	struct timeval_k tv;
	u64 deadline = DEADLINE_NEVER, left;
	s64 result;

	if (a4) {
		result = COPY_IN(&tv, user_ptr(a4));
		if (result)
			return result;
		if (tv.seconds < 0 || tv.microseconds < 0 || (u64)tv.seconds > UINT64_MAX / NSEC_PER_SEC / 4)
			return ERR_INVAL;
		left = (u64)tv.seconds * NSEC_PER_SEC + (u64)tv.microseconds * NSEC_PER_USEC;
		deadline = left ? deadline_from_relative(left) : 0;
	}
	result = select_call(a0, a1, a2, a3, deadline);
	if (!a4)
		return result;
	left = time_left(deadline);
	tv = (struct timeval_k){ (s64)(left / NSEC_PER_SEC), (s64)(left % NSEC_PER_SEC / NSEC_PER_USEC) };
	if ((!time_goes_back(a4) || COPY_OUT(user_ptr(a4), &tv)) && result == ERR_RESTART_NOHAND)
		result = ERR_INTR;
	return result;
}

LINUX_HANDLER(pselect6)
{
	struct { u64 mask, size; } signal_arg = { 0, 0 };
	u64 deadline;
	s64 result = deadline_from_timespec(a4, &deadline);

	if (result == OK && a5)
		result = COPY_IN(&signal_arg, user_ptr(a5));
	if (result == OK)
		result = signal_mask_temporary(user_ptr(signal_arg.mask), signal_arg.size);
	if (result)
		return result;
	result = select_call(a0, a1, a2, a3, deadline);
	signal_mask_finish(result == ERR_RESTART_NOHAND);
	bool stays = !time_goes_back(a4) || timespec_out(user_ptr(a4), time_left(deadline));
	if (a4 && stays && result == ERR_RESTART_NOHAND)
		result = ERR_INTR;
	return result;
}
