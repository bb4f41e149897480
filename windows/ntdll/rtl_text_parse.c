// SPDX-License-Identifier: MIT
/* IPv4 and IPv6 addresses from text. Parsers work on 16-bit characters; narrow text is widened byte by byte first. */
#include "rtl.h"

#define ADDRESS_TEXT_MAX 80 /* longer text is no address; what is behind an address is left to the caller */

struct number { ULONG value; unsigned next; bool any, overflow; };

static int digit_of(WCHAR c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

static struct number read_digits(const WCHAR *text, unsigned at, int base)
{
	struct number n = { .next = at };
	for (; digit_of(text[n.next]) < base; n.next++) {
		ULONGLONG value = (ULONGLONG)n.value * (unsigned)base + (unsigned)digit_of(text[n.next]);
		n.any = true;
		n.overflow |= value > 0xffffffffu;
		n.value = (ULONG)value;
	}
	return n;
}

/* "0x1f", "017", "10"; decimal: only the last is allowed, and no leading zero. */
static struct number read_part(const WCHAR *text, unsigned at, bool decimal)
{
	struct number n;
	if (text[at] == '0' && (text[at + 1] | 0x20) == 'x') {
		n = read_digits(text, at + 2, 16);
		if (decimal)
			n.any = false, n.next = at + 1;
		return n;
	}
	if (text[at] == '0' && digit_of(text[at + 1]) < 10) {
		n = read_digits(text, at, 8);
		n.any = !decimal;
		return n;
	}
	return read_digits(text, at, 10);
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
	*end = at;
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

/* Up to eight groups, one "::", IPv4 text as the last two. */
static NTSTATUS parse_ipv6(const WCHAR *text, unsigned *end, BYTE out[16])
{
	BYTE bytes[16] = { 0 };
	unsigned at = 0, used = 0, gap = 16;
	*end = 0;
	if (text[0] == ':') {
		if (text[1] != ':')
			return STATUS_INVALID_PARAMETER;
		gap = 0, at = 2;
	}
	while (used < 16) {
		struct number n = read_digits(text, at, 16);
		unsigned length = n.next - at, after;
		if (!n.any)
			break;
		if (text[n.next] == '.' && used <= 12 && !parse_ipv4(text + at, true, &after, bytes + used)) {
			at += after, used += 4;
			break;
		}
		*end = n.next;
		if (length > 4)
			return STATUS_INVALID_PARAMETER;
		bytes[used++] = (BYTE)(n.value >> 8);
		bytes[used++] = (BYTE)n.value;
		at = n.next;
		if (used == 16 || text[at] != ':')
			break;
		if (text[at + 1] == ':') {
			if (gap < 16)
				break;
			gap = used;
			at += 2;
		} else if (digit_of(text[at + 1]) < 16) {
			at++;
		} else {
			*end = at + 1;
			return STATUS_INVALID_PARAMETER;
		}
	}
	*end = at;
	if (used < 16 && gap == 16)
		return STATUS_INVALID_PARAMETER;
	if (gap < 16 && used < 16) {
		memmove(bytes + 16 - (used - gap), bytes + gap, used - gap);
		memset(bytes + gap, 0, 16 - used);
	}
	memcpy(out, bytes, 16);
	return STATUS_SUCCESS;
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
	*end = text + at;
	return status;
}

NTSTATUS NTAPI RtlIpv6StringToAddressA(PCSTR text, PCSTR *end, IN6_ADDR *address)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	unsigned at;
	NTSTATUS status = parse_ipv6(widened(text, buffer), &at, (BYTE *)address);
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
	BYTE result[4];
	USHORT found = 0;
	if (!text || !address || !port || parse_ipv4(text, strict, &at, result))
		return STATUS_INVALID_PARAMETER;
	if (text[at] && (text[at] != ':' || parse_port(text, at + 1, &found)))
		return STATUS_INVALID_PARAMETER;
	memcpy(address, result, sizeof(result));
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
	BYTE result[16];
	USHORT found_port = 0;
	ULONG found_scope = 0;
	bool bracket;
	if (!text || !address || !scope || !port)
		return STATUS_INVALID_PARAMETER;
	bracket = *text == '[';
	text += bracket;
	if (parse_ipv6(text, &at, result))
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
	memcpy(address, result, sizeof(result));
	*scope = found_scope;
	*port = found_port;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIpv6StringToAddressExA(PCSTR text, IN6_ADDR *address, PULONG scope, PUSHORT port)
{
	WCHAR buffer[ADDRESS_TEXT_MAX + 1];
	return text ? RtlIpv6StringToAddressExW(widened(text, buffer), address, scope, port) : STATUS_INVALID_PARAMETER;
}
