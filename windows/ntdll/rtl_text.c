// SPDX-License-Identifier: MIT
/* GUIDs and IPv4, IPv6 addresses as text, both widths. Addresses and ports are in network order. One parser and one
 * printer work on narrow text; the wide names convert at the edge. */
#include "rtl.h"

#define GUID_CHARACTERS 38

NTSTATUS NTAPI RtlStringFromGUID(const GUID *guid, UNICODE_STRING *text)
{
	text->Length = GUID_CHARACTERS * sizeof(WCHAR);
	text->MaximumLength = text->Length + sizeof(WCHAR);
	text->Buffer = heap_allocate(text->MaximumLength);
	if (!text->Buffer) {
		text->Length = text->MaximumLength = 0;
		return STATUS_NO_MEMORY;
	}
	_snwprintf(text->Buffer, GUID_CHARACTERS + 1, L"{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", guid->Data1, guid->Data2,
		guid->Data3,
		guid->Data4[0], guid->Data4[1], guid->Data4[2], guid->Data4[3], guid->Data4[4], guid->Data4[5], guid->Data4[6], guid->Data4[7]);
	return STATUS_SUCCESS;
}

static int hexadecimal(WCHAR c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

NTSTATUS NTAPI RtlGUIDFromString(PUNICODE_STRING text, GUID *guid)
{
	/* x: a digit; the pairs of the three little-endian fields come most significant first */
	static const char shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
	static const unsigned char place[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	BYTE bytes[16] = { 0 };
	unsigned i, digits = 0;
	if (text->Length < GUID_CHARACTERS * sizeof(WCHAR))
		return STATUS_INVALID_PARAMETER;
	for (i = 0; i < GUID_CHARACTERS; i++) {
		int digit = hexadecimal(text->Buffer[i]);
		if (shape[i] != 'x' ? text->Buffer[i] != shape[i] : digit < 0)
			return STATUS_INVALID_PARAMETER;
		if (shape[i] != 'x')
			continue;
		bytes[place[digits / 2]] |= (BYTE)(digits & 1 ? digit : digit << 4);
		digits++;
	}
	memcpy(guid, bytes, sizeof(*guid));
	return STATUS_SUCCESS;
}

#define IPV4_TEXT 22 /* "255.255.255.255:65535" */
#define IPV6_ROOM 46 /* what callers without a length give; its last character is always written */
#define IPV6_TEXT 65 /* "[" 45 characters "%" scope "]:" port */

static unsigned print_ipv4(const BYTE a[4], char *out)
{
	return (unsigned)_snprintf(out, IPV4_TEXT, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

/* The longest run of zero words (two at least) becomes "::"; mapped, compatible and ISATAP addresses end in IPv4 text. */
static unsigned print_ipv6(const BYTE a[16], char *out)
{
	USHORT words[8];
	unsigned i, at = 0, start = 8, length = 1, end = 8;
	for (i = 0; i < 8; i++)
		words[i] = (USHORT)(a[2 * i] << 8 | a[2 * i + 1]);
	if ((!words[0] && !words[1] && !words[2] && !words[3] && words[6] && ((!words[4] && (!words[5] || words[5] == 0xffff)) ||
	    (words[4] == 0xffff && !words[5]))) || (!(words[4] & 0xfdff) && words[5] == 0x5efe))
		end = 6;
	for (i = 0; i < end; i++) {
		unsigned run = 0;
		while (i + run < end && !words[i + run])
			run++;
		if (run > length)
			start = i, length = run;
		if (run)
			i += run - 1;
	}
	for (i = 0; i < end; i++) {
		if (i == start) {
			out[at++] = ':';
			i += length - 1;
			if (i + 1 == end)
				out[at++] = ':';
			continue;
		}
		if (i)
			out[at++] = ':';
		at += (unsigned)_snprintf(out + at, IPV6_TEXT - at, "%x", words[i]);
	}
	if (end == 6) {
		if (at && out[at - 1] != ':')
			out[at++] = ':';
		at += print_ipv4(a + 12, out + at);
	}
	out[at] = 0;
	return at;
}

static void widen(WCHAR *out, const char *text)
{
	do
		*out++ = (unsigned char)*text;
	while (*text++);
}

#define NO_TEXT ((void *)~(ULONG_PTR)0) /* the answer to a caller without a buffer */

CHAR *NTAPI RtlIpv4AddressToStringA(const IN_ADDR *address, PCHAR out)
{
	return out ? out + print_ipv4((const BYTE *)address, out) : NO_TEXT;
}

WCHAR *NTAPI RtlIpv4AddressToStringW(const IN_ADDR *address, PWCHAR out)
{
	char text[IPV4_TEXT];
	if (!out)
		return NO_TEXT;
	unsigned length = print_ipv4((const BYTE *)address, text);
	widen(out, text);
	return out + length;
}

static NTSTATUS give_a(const char *text, unsigned length, PCHAR out, PULONG room)
{
	ULONG had = *room;
	*room = length + 1;
	if (had <= length)
		return STATUS_INVALID_PARAMETER;
	memcpy(out, text, length + 1);
	return STATUS_SUCCESS;
}

static NTSTATUS give_w(const char *text, unsigned length, PWCHAR out, PULONG room)
{
	ULONG had = *room;
	*room = length + 1;
	if (had <= length)
		return STATUS_INVALID_PARAMETER;
	widen(out, text);
	return STATUS_SUCCESS;
}

static unsigned print_ipv4_port(const IN_ADDR *address, USHORT port, char text[IPV4_TEXT])
{
	unsigned length = print_ipv4((const BYTE *)address, text);
	return port ? length + (unsigned)_snprintf(text + length, IPV4_TEXT - length, ":%u", __builtin_bswap16(port)) : length;
}

NTSTATUS NTAPI RtlIpv4AddressToStringExA(const IN_ADDR *address, USHORT port, PCHAR out, PULONG room)
{
	char text[IPV4_TEXT];
	if (!address || !out || !room)
		return STATUS_INVALID_PARAMETER;
	return give_a(text, print_ipv4_port(address, port, text), out, room);
}

NTSTATUS NTAPI RtlIpv4AddressToStringExW(const IN_ADDR *address, USHORT port, PWCHAR out, PULONG room)
{
	char text[IPV4_TEXT];
	if (!address || !out || !room)
		return STATUS_INVALID_PARAMETER;
	return give_w(text, print_ipv4_port(address, port, text), out, room);
}

CHAR *NTAPI RtlIpv6AddressToStringA(const IN6_ADDR *address, PCHAR out)
{
	char text[IPV6_TEXT];
	if (!out)
		return NO_TEXT;
	out[IPV6_ROOM - 1] = 0;
	unsigned length = print_ipv6((const BYTE *)address, text);
	memcpy(out, text, length + 1);
	return out + length;
}

WCHAR *NTAPI RtlIpv6AddressToStringW(const IN6_ADDR *address, PWCHAR out)
{
	char text[IPV6_TEXT];
	if (!out)
		return NO_TEXT;
	out[IPV6_ROOM - 1] = 0;
	unsigned length = print_ipv6((const BYTE *)address, text);
	widen(out, text);
	return out + length;
}

static unsigned print_ipv6_port(const IN6_ADDR *address, ULONG scope, USHORT port, char text[IPV6_TEXT])
{
	unsigned length = 0;
	if (port)
		text[length++] = '[';
	length += print_ipv6((const BYTE *)address, text + length);
	if (scope)
		length += (unsigned)_snprintf(text + length, IPV6_TEXT - length, "%%%u", scope);
	if (port)
		length += (unsigned)_snprintf(text + length, IPV6_TEXT - length, "]:%u", __builtin_bswap16(port));
	return length;
}

NTSTATUS NTAPI RtlIpv6AddressToStringExA(const IN6_ADDR *address, ULONG scope, USHORT port, PCHAR out, PULONG room)
{
	char text[IPV6_TEXT];
	if (!address || !out || !room)
		return STATUS_INVALID_PARAMETER;
	return give_a(text, print_ipv6_port(address, scope, port, text), out, room);
}

NTSTATUS NTAPI RtlIpv6AddressToStringExW(const IN6_ADDR *address, ULONG scope, USHORT port, PWCHAR out, PULONG room)
{
	char text[IPV6_TEXT];
	if (!address || !out || !room)
		return STATUS_INVALID_PARAMETER;
	return give_w(text, print_ipv6_port(address, scope, port, text), out, room);
}
