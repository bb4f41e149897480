// SPDX-License-Identifier: MIT
// The policy file: a pure parser.
#include <string.h>

#include "policy.h"

static const char *const names[POLICY_LIMITS] = {
	"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks",
		"sigpending", "msgqueue", "nice",
	"rtprio", "rttime",
};

struct cursor { const char *at, *end; };

static size_t word(struct cursor *c, const char **start)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
		c->at++;
	*start = c->at;
	while (c->at < c->end && *c->at != ' ' && *c->at != '\t')
		c->at++;
	return (size_t)(c->at - *start);
}

static bool value(struct cursor *c, u64 *out)
{
	const char *w;
	size_t n = word(c, &w);
	u64 v = 0;
	if (n == 9 && memcmp(w, "unlimited", 9) == 0) {
		*out = UINT64_MAX;
		return true;
	}
	if (n == 0 || n > 15)
		return false;
	u64 unit = w[n - 1] == 'k' ? 1024 : w[n - 1] == 'm' ? 1024 * 1024 : 1;
	n -= unit != 1;
	for (size_t i = 0; i < n; i++) {
		if (w[i] < '0' || w[i] > '9')
			return false;
		v = v * 10 + (u64)(w[i] - '0');
	}
	*out = v * unit;
	return n != 0;
}

static bool is(const char *w, size_t n, const char *name) { return strlen(name) == n && memcmp(w, name, n) == 0; }

static bool number(const char *w, size_t n, s32 *out)
{
	bool negative = n > 1 && *w == '-';
	s32 v = 0;
	if (n - negative == 0 || n - negative > 2)
		return false;
	for (size_t i = negative; i < n; i++) {
		if (w[i] < '0' || w[i] > '9')
			return false;
		v = v * 10 + (w[i] - '0');
	}
	*out = negative ? -v : v;
	return true;
}

static bool limit_line(struct cursor *c, struct policy_limit *limit)
{
	struct policy_limit l;
	if (!value(c, &l.soft) || !value(c, &l.hard) || l.soft > l.hard)
		return false;
	*limit = l;
	return true;
}

/* After `NAME =`. */
static bool setting(const char *name, size_t n, struct cursor *c, struct policy_rules *rules)
{
	const char *w;
	for (u32 i = 0; i < POLICY_LIMITS; i++)
		if (is(name, n, names[i]))
			return limit_line(c, &rules->limits[i]);
	size_t size = word(c, &w);
	if (is(name, n, "nice_floor"))
		return number(w, size, &rules->nice_floor) && rules->nice_floor >= -20 && rules->nice_floor <= 19;
	if (is(name, n, "signals")) {
		rules->signal_scope = is(w, size, "capable") ? POLICY_SIGNAL_CAPABLE : POLICY_SIGNAL_USER;
		return is(w, size, "capable") || is(w, size, "user");
	}
	rules->realtime = is(w, size, "yes");
	return is(name, n, "realtime") && (rules->realtime || is(w, size, "no"));
}

static bool line(struct cursor c, struct policy_rules *rules)
{
	const char *w, *equals, *rest;
	size_t n = word(&c, &w);
	if (n == 0 || w[0] == '#')
		return true;
	return word(&c, &equals) == 1 && *equals == '=' && setting(w, n, &c, rules) && !word(&c, &rest);
}

status_t rules_parse(const char *text, u64 size, struct policy_rules *rules, u32 *bad_line)
{
	const char *at = text, *end = text + size;
	*bad_line = 0;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		++*bad_line;
		if (!line((struct cursor){ at, stop ? stop : end }, rules))
			return ERR_INVAL;
		at = stop ? stop + 1 : end;
	}
	return OK;
}
