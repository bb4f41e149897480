// SPDX-License-Identifier: MIT
/* The exported names of the printf family (rtl_printf.c formats). The _s ones always end with NUL; what does not fit
 * is cut with -1 when the caller said so (count or _TRUNCATE), otherwise the result is empty. */
#include "rtl.h"

#define UNLIMITED ((size_t)MAXLONG)
#define TRUNCATE ((size_t)-1)

int _vsnprintf(char *out, size_t limit, const char *format, va_list arguments) { return format_narrow(out, limit, format, arguments); }
int _vsnwprintf(WCHAR *out, size_t limit, const WCHAR *format, va_list arguments) { return format_wide(out, limit, format, arguments); }
int vsprintf(char *out, const char *format, va_list arguments) { return format_narrow(out, UNLIMITED, format, arguments); }
int _vswprintf(WCHAR *out, const WCHAR *format, va_list arguments) { return format_wide(out, UNLIMITED, format, arguments); }
int _vscprintf(const char *format, va_list arguments) { return format_narrow(NULL, 0, format, arguments); }
int _vscwprintf(const WCHAR *format, va_list arguments) { return format_wide(NULL, 0, format, arguments); }

/* What a counted _s function returns for a text of this length, and where its NUL goes. */
static int counted_end(int length, size_t room, size_t count, size_t *end)
{
	if (length >= 0 && (size_t)length < room) {
		*end = (size_t)length;
		return length;
	}
	*end = count < room ? count : count == TRUNCATE ? room - 1 : 0;
	return -1;
}

int _vsnprintf_s(char *out, size_t room, size_t count, const char *format, va_list arguments)
{
	size_t end;
	int length;
	if (!out || !room)
		return -1;
	length = counted_end(format_narrow(out, count < room ? count : room, format, arguments), room, count, &end);
	out[end] = 0;
	return length;
}

int _vsnwprintf_s(WCHAR *out, size_t room, size_t count, const WCHAR *format, va_list arguments)
{
	size_t end;
	int length;
	if (!out || !room)
		return -1;
	length = counted_end(format_wide(out, count < room ? count : room, format, arguments), room, count, &end);
	out[end] = 0;
	return length;
}
int vsprintf_s(char *out, size_t room, const char *format, va_list arguments) { return _vsnprintf_s(out, room, room, format, arguments); }
int vswprintf_s(WCHAR *out, size_t room, const WCHAR *format, va_list arguments)
{
	return _vsnwprintf_s(out, room, room, format, arguments);
}

#define FORWARD(call) \
	va_list arguments; \
	int length; \
	va_start(arguments, format); \
	length = call; \
	va_end(arguments); \
	return length

int sprintf(char *out, const char *format, ...) { FORWARD(vsprintf(out, format, arguments)); }
int sprintf_s(char *out, size_t room, const char *format, ...) { FORWARD(vsprintf_s(out, room, format, arguments)); }
int _snprintf(char *out, size_t limit, const char *format, ...) { FORWARD(_vsnprintf(out, limit, format, arguments)); }
int _snprintf_s(char *out, size_t room, size_t count, const char *format, ...)
{
	FORWARD(_vsnprintf_s(out, room, count, format, arguments));
}
int swprintf(WCHAR *out, const WCHAR *format, ...) { FORWARD(_vswprintf(out, format, arguments)); }
int _swprintf(WCHAR *out, const WCHAR *format, ...) { FORWARD(_vswprintf(out, format, arguments)); }
int swprintf_s(WCHAR *out, size_t room, const WCHAR *format, ...) { FORWARD(vswprintf_s(out, room, format, arguments)); }
int _snwprintf(WCHAR *out, size_t limit, const WCHAR *format, ...) { FORWARD(_vsnwprintf(out, limit, format, arguments)); }
int _snwprintf_s(WCHAR *out, size_t room, size_t count, const WCHAR *format, ...)
{
	FORWARD(_vsnwprintf_s(out, room, count, format, arguments));
}
