// SPDX-License-Identifier: MIT
/* IPv4 and IPv6 addresses from text. Parsers work on 16-bit characters; narrow text is widened byte by byte first. */
#include "rtl.h"

#define ADDRESS_TEXT_MAX 80 /* longer text is no address; what is behind an address is left to the caller */
#define END_UNTOUCHED 0xffffffffu /* a refusal that leaves the caller's end pointer as it was */

struct number { ULONG value; unsigned next; bool any, overflow; };

static int digit_of(WCHAR c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Stops at the digit that makes the value smaller: Windows takes only that for an overflow. */
static struct number read_digits(const WCHAR *text, unsigned at, int base)
{
	struct number n = { .next = at };
	for (; digit_of(text[n.next]) < base; n.next++) {
		ULONG value = n.value * (ULONG)base + (ULONG)digit_of(text[n.next]);
		n.any = true;
		n.overflow = value < n.value;
		if (n.overflow)
			break;
		n.value = value;
	}
	return n;
}

/* "0x1f", "017", "10"; decimal: only the last is allowed, and no leading zero. A dot in place of a number is passed over. */
static struct number read_part(const WCHAR *text, unsigned at, bool decimal)
{
	bool hexadecimal = text[at] == '0' && (text[at + 1] | 0x20) == 'x';
	bool octal = text[at] == '0' && digit_of(text[at + 1]) < 10;
	unsigned start = at + (hexadecimal ? 2 : octal || text[at] == '.');
	if (start != at && (decimal || text[at] == '.'))
		return (struct number){ .next = start };
	return read_digits(text, start, hexadecimal ? 16 : octal ? 8 : 10);
}

/* a.b.c.d, or with fewer parts (not strict) whose last fills the rest. */
static NTSTATUS parse_ipv4(const WCHAR *text, bool strict, unsigned *end, BYTE out[4])
{
	ULONG parts[4], value = 0, i;
	unsigned at = 0, count = 0;
	for (;;) {
		struct number n = read_part(text, at, strict);
		*end = n.next;
		if (!n.any || n.overflow)
			return STATUS_INVALID_PARAMETER;
		parts[count++] = n.value;
		at = n.next;
		if (count == 4 || text[at] != '.')
			break;
		at++;
	}
	if ((strict && count < 4) || text[at] == '.')
		return STATUS_INVALID_PARAMETER;
	for (i = 0; i + 1 < count; i++) {
		if (parts[i] > 255)
			return STATUS_INVALID_PARAMETER;
		value |= parts[i] << (24 - 8 * i);
	}
	if (count > 1 && parts[count - 1] >= 1ull << (8 * (5 - count)))
		return STATUS_INVALID_PARAMETER;
	value = __builtin_bswap32(value | parts[count - 1]);
	memcpy(out, &value, sizeof(value));
	return STATUS_SUCCESS;
}

/* IPv6 text is read as Windows does, which shows on refusals: each group is stored as soon as a colon or dot ends it, and
 * a bad group before one leaves the end pointer alone. */
enum { SLOTS = 8, IPV4_PARTS = 4, HEX_DIGITS_MAX = 4, DECIMAL_DIGITS_MAX = 3, NO_GAP = 99 };
struct ipv6 {
	const WCHAR *text;
	BYTE *out;
	unsigned at, used; /* bytes of out */
	unsigned gap;      /* where "::" stood, or NO_GAP */
};

static unsigned slots(const struct ipv6 *p) { return p->used / 2 + (p->gap != NO_GAP); }

static unsigned run_of(const struct ipv6 *p, int base)
{
	unsigned length = 0;
	while (digit_of(p->text[p->at + length]) < base)
		length++;
	return length;
}

/* Of the last group: Windows reads it anew, "0x" before it and all that follows included; the end stays at the x. */
static USHORT last_group(const WCHAR *text)
{
	ULONGLONG value = 0;
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	for (; digit_of(*text) < 16; text++)
		if ((value = value * 16 + (unsigned)digit_of(*text)) > MAXLONG)
			return (USHORT)MAXLONG;
	return (USHORT)value;
}

static void put_group(struct ipv6 *p, USHORT value)
{
	p->out[p->used++] = (BYTE)(value >> 8);
	p->out[p->used++] = (BYTE)value;
}

static NTSTATUS finish(struct ipv6 *p)
{
	unsigned behind = p->used - p->gap;
	if (p->gap == NO_GAP)
		return STATUS_SUCCESS;
	memmove(p->out + 16 - behind, p->out + p->gap, behind);
	memset(p->out + p->gap, 0, 16 - p->used);
	return STATUS_SUCCESS;
}

/* The last two groups as a.b.c.d. */
static NTSTATUS dotted(struct ipv6 *p, unsigned *end)
{
	unsigned part, length, i, value;
	bool fits = slots(p) + 2 == SLOTS || p->gap != NO_GAP;
	for (part = 0; part < IPV4_PARTS; part++) {
		length = run_of(p, 10);
		for (i = value = 0; i < length && value <= 255; i++)
			value = value * 10 + (unsigned)digit_of(p->text[p->at + i]);
		bool good = length && length <= DECIMAL_DIGITS_MAX && value <= 255, last = part == IPV4_PARTS - 1;
		*end = p->at += length;
		if (last ? !good || !fits : !length || p->text[p->at] != '.')
			return STATUS_INVALID_PARAMETER;
		if (!good) {
			*end = END_UNTOUCHED;
			return STATUS_INVALID_PARAMETER;
		}
		p->out[p->used++] = (BYTE)value;
		p->at += !last;
	}
	return finish(p);
}

/* Up to eight groups, one "::", IPv4 text as the last two. */
static NTSTATUS parse_ipv6(const WCHAR *text, unsigned *end, BYTE out[16])
{
	struct ipv6 p = { text, out, 0, 0, NO_GAP };
	if (text[0] == ':' && text[1] == ':') {
		p.gap = 0, p.at = 2;
		out[0] = out[1] = 0;
	}
	for (;;) {
		unsigned length = run_of(&p, 16), next = p.at + length;
		const WCHAR *group = text + p.at;
		bool behind_gap = p.gap == p.used, twice = length && text[next] == ':' && text[next + 1] == ':';
		*end = p.at;
		if (!length)
			return behind_gap ? finish(&p) : STATUS_INVALID_PARAMETER;
		if (text[next] == '.' && run_of(&p, 10) == length && slots(&p) + 2 <= SLOTS)
			return dotted(&p, end);
		*end = next;
		if (text[next] != ':' || slots(&p) + 1 == SLOTS || (twice && p.gap != NO_GAP)) {
			if (length > HEX_DIGITS_MAX || (slots(&p) + 1 < SLOTS && p.gap == NO_GAP))
				return STATUS_INVALID_PARAMETER;
			put_group(&p, last_group(group));
			return finish(&p);
		}
		if (length > HEX_DIGITS_MAX) {
			*end = END_UNTOUCHED;
			return STATUS_INVALID_PARAMETER;
		}
		put_group(&p, last_group(group));
		p.at = next + 1 + twice;
		if (!twice)
			continue;
		p.gap = p.used;
		*end = p.at;
		if (slots(&p) == SLOTS)
			return finish(&p);
	}
}

static const WCHAR *widened(const char *text, WCHAR buffer[ADDRESS_TEXT_MAX + 1])
{
	unsigned i;
	for (i = 0; i < ADDRESS_TEXT_MAX && text[i]; i++)
		buffer[i] = (unsigned char)text[i];
	buffer[i] = 0;
	return buffer;
}

NTSTATUS NTAPI RtlIpv4StringToAddressW(PCWSTR text, BOOLEAN strict, PCWSTR *end, IN_ADDR *address)
{
	unsigned at;
	NTSTATUS status = parse_ipv4(text, strict, &at, (BYTE *)address);
	*end = text + at;
	return status;
}

NTSTATUS NTAPI RtlIpv4StringToAddressA(PCSTR text, BOOLEAN strict, PCSTR *end, IN_ADDR *address)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	unsigned at;
	NTSTATUS status = parse_ipv4(widened(text, buffer), strict, &at, (BYTE *)address);
	*end = text + at;
	return status;
}

NTSTATUS NTAPI RtlIpv6StringToAddressW(PCWSTR text, PCWSTR *end, IN6_ADDR *address)
{
	unsigned at;
	NTSTATUS status = parse_ipv6(text, &at, (BYTE *)address);
	if (at != END_UNTOUCHED)
		*end = text + at;
	return status;
}

NTSTATUS NTAPI RtlIpv6StringToAddressA(PCSTR text, PCSTR *end, IN6_ADDR *address)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	unsigned at;
	NTSTATUS status = parse_ipv6(widened(text, buffer), &at, (BYTE *)address);
	if (at != END_UNTOUCHED)
		*end = text + at;
	return status;
}

/* ":port" up to the end of the text. */
static NTSTATUS parse_port(const WCHAR *text, unsigned at, USHORT *port)
{
	struct number n = read_part(text, at, false);
	if (!n.any || n.overflow || n.value > 65535 || !n.value || text[n.next])
		return STATUS_INVALID_PARAMETER;
	*port = __builtin_bswap16((USHORT)n.value);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIpv4StringToAddressExW(PCWSTR text, BOOLEAN strict, IN_ADDR *address, PUSHORT port)
{
	unsigned at;
	USHORT found = 0;
	if (!text || !address || !port || parse_ipv4(text, strict, &at, (BYTE *)address))
		return STATUS_INVALID_PARAMETER;
	if (text[at] && (text[at] != ':' || parse_port(text, at + 1, &found)))
		return STATUS_INVALID_PARAMETER;
	*port = found;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIpv4StringToAddressExA(PCSTR text, BOOLEAN strict, IN_ADDR *address, PUSHORT port)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	return text ? RtlIpv4StringToAddressExW(widened(text, buffer), strict, address, port) : STATUS_INVALID_PARAMETER;
}

NTSTATUS NTAPI RtlIpv6StringToAddressExW(PCWSTR text, IN6_ADDR *address, PULONG scope, PUSHORT port)
{
	unsigned at;
	USHORT found_port = 0;
	ULONG found_scope = 0;
	bool bracket;
	if (!text || !address || !scope || !port)
		return STATUS_INVALID_PARAMETER;
	bracket = *text == '[';
	text += bracket;
	if (parse_ipv6(text, &at, (BYTE *)address))
		return STATUS_INVALID_PARAMETER;
	if (text[at] == '%') {
		struct number n = read_digits(text, at + 1, 10);
		if (!n.any || n.overflow)
			return STATUS_INVALID_PARAMETER;
		found_scope = n.value;
		at = n.next;
	}
	if (bracket) {
		if (text[at++] != ']')
			return STATUS_INVALID_PARAMETER;
		if (text[at] == ':') {
			if (parse_port(text, at + 1, &found_port))
				return STATUS_INVALID_PARAMETER;
			at = 0, text = L"";
		}
	}
	if (text[at])
		return STATUS_INVALID_PARAMETER;
	*scope = found_scope;
	*port = found_port;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIpv6StringToAddressExA(PCSTR text, IN6_ADDR *address, PULONG scope, PUSHORT port)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	return text ? RtlIpv6StringToAddressExW(widened(text, buffer), address, scope, port) : STATUS_INVALID_PARAMETER;
}
