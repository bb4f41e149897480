// SPDX-License-Identifier: MIT
// The limits file: a pure parser.
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

static bool line(struct cursor c, struct policy_limit *limits)
{
	const char *w, *equals, *rest;
	size_t n = word(&c, &w);
	if (n == 0 || w[0] == '#')
		return true;
	for (u32 i = 0; i < POLICY_LIMITS; i++) {
		if (strlen(names[i]) != n || memcmp(names[i], w, n) != 0)
			continue;
		struct policy_limit l;
		if (word(&c, &equals) != 1 || *equals != '=' || !value(&c, &l.soft) || !value(&c, &l.hard) || word(&c, &rest))
			return false;
		limits[i] = l;
		return l.soft <= l.hard;
	}
	return false;
}

status_t limits_parse(const char *text, u64 size, struct policy_limit limits[POLICY_LIMITS], u32 *bad_line)
{
	const char *at = text, *end = text + size;
	*bad_line = 0;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		++*bad_line;
		if (!line((struct cursor){ at, stop ? stop : end }, limits))
			return ERR_INVAL;
		at = stop ? stop + 1 : end;
	}
	return OK;
}
