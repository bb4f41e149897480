/* SPDX-License-Identifier: MIT */
/* Strings that end with zero, over the type of a character: included once per type, without a guard.
 * The includer defines CHAR, UNIT (CHAR without a sign), WANTED (what the searches take) and STR(stem) for the names. */

size_t STR(len)(const CHAR *s)
{
	const CHAR *end = s;
	while (*end)
		end++;
	return (size_t)(end - s);
}

size_t STR(nlen)(const CHAR *s, size_t limit)
{
	size_t n = 0;
	while (n < limit && s[n])
		n++;
	return n;
}

int STR(cmp)(const CHAR *a, const CHAR *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b ? 0 : (UNIT)*a < (UNIT)*b ? -1 : 1;
}

CHAR *STR(chr)(const CHAR *s, WANTED c)
{
	for (;; s++) {
		if (*s == (CHAR)c)
			return (CHAR *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

CHAR *STR(rchr)(const CHAR *s, WANTED c)
{
	const CHAR *last = NULL;
	do
		if (*s == (CHAR)c)
			last = s;
	while (*s++);
	return (CHAR *)(uintptr_t)last;
}
