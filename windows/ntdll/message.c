// SPDX-License-Identifier: MIT
/* RtlFormatMessage: inserts %1..%99 with their printf forms, %n %t %r %b %0 and line folding at a width. */
#include <ntdll.h>

int __cdecl _snwprintf(WCHAR *, size_t, const WCHAR *, ...);
int __cdecl _snprintf(char *, size_t, const char *, ...);
#define INSERT_LIMIT 99u
#define FORMAT_LIMIT 32u
#define STARS_LIMIT 2u
#define NO_WIDTH 0u

struct output {
	WCHAR *text;
	SIZE_T used, size, line, space; /* characters; start of the line; last space of it + 1, 0: none */
	ULONG width;
	bool overflow;
};
struct inserts {
	va_list *list;    /* !array: read in order */
	ULONG_PTR *array; /* array */
	ULONG read;
	ULONG_PTR values[INSERT_LIMIT + 2];
	bool is_array, ansi;
};
static void emit(struct output *out, WCHAR c)
{
	if (out->used == out->size)
		out->overflow = true;
	else
		out->text[out->used++] = c;
}
static void new_line(struct output *out)
{
	if (out->size - out->used < 2) {
		out->overflow = true;
		return;
	}
	emit(out, '\r');
	emit(out, '\n');
	out->line = out->used;
	out->space = 0;
}
static bool is_blank(WCHAR c) { return c == ' ' || c == '\t'; }
static bool line_full(const struct output *out) { return out->width != NO_WIDTH && out->used - out->line >= out->width; }
/* The blanks around the last space of the line become its end; what is behind them moves to the next line. */
static void fold(struct output *out)
{
	SIZE_T start = out->space - 1, end = out->space, rest;
	while (start > out->line && is_blank(out->text[start - 1]))
		start--;
	while (end < out->used && is_blank(out->text[end]))
		end++;
	rest = out->used - end;
	if (start + 2 + rest > out->size) {
		out->overflow = true;
		return;
	}
	memmove(out->text + start + 2, out->text + end, rest * sizeof(WCHAR));
	out->text[start] = '\r';
	out->text[start + 1] = '\n';
	out->line = start + 2;
	out->used = out->line + rest;
	out->space = 0;
}
/* Text of the message. A line that it fills ends at once; one that an insert filled ends before the next character. */
static void emit_text(struct output *out, WCHAR c, bool can_break)
{
	if (line_full(out)) {
		new_line(out);
		if (c == ' ')
			return;
	}
	emit(out, c);
	if (c == ' ' && can_break)
		out->space = out->used;
	if (!line_full(out))
		return;
	if (out->space)
		fold(out);
	else
		new_line(out);
}
static ULONG_PTR insert_value(struct inserts *inserts, ULONG index)
{
	if (inserts->is_array) {
		if (inserts->read < index)
			inserts->read = index;
		return inserts->array[index - 1];
	}
	while (inserts->read < index && inserts->read < ARRAYSIZE(inserts->values))
		inserts->values[inserts->read++] = va_arg(*inserts->list, ULONG_PTR);
	return inserts->values[index - 1];
}
/* What follows a '*': the next value not yet numbered; the last one of a list gets no number. */
static ULONG_PTR next_value(struct inserts *inserts, bool last)
{
	if (last && !inserts->is_array)
		return va_arg(*inserts->list, ULONG_PTR);
	return insert_value(inserts, inserts->read < ARRAYSIZE(inserts->values) ? inserts->read + 1 : inserts->read);
}
/* Format between '!' and '!', "s" when there is none. Returns the source behind it, NULL when malformed. */
static const WCHAR *read_format(const WCHAR *source, WCHAR *format, ULONG *stars)
{
	SIZE_T used = 1;
	format[0] = '%';
	*stars = 0;
	if (*source != '!') {
		format[1] = 's';
		format[2] = 0;
		return source;
	}
	for (source++; *source && *source != '!'; source++) {
		if (used + 2 > FORMAT_LIMIT)
			return NULL;
		*stars += *source == '*';
		format[used++] = *source;
	}
	format[used] = 0;
	return *source && *stars <= STARS_LIMIT ? source + 1 : NULL;
}
/* An insert is never broken inside, only at the last space of the message before it. */
static NTSTATUS insert_string(struct output *out, const WCHAR *text)
{
	SIZE_T length = wcslen(text), room;
	if (line_full(out))
		new_line(out);
	room = out->size - out->used;
	if (length >= room) {
		out->overflow = true;
		if (!room)
			return STATUS_SUCCESS;
		length = room - 1;
		out->text[out->used + length] = 0;
	}
	memcpy(out->text + out->used, text, length * sizeof(WCHAR));
	out->used += length;
	if (line_full(out) && out->space && !out->overflow)
		fold(out);
	return STATUS_SUCCESS;
}
static NTSTATUS insert_ansi(struct output *out, const char *text)
{
	DWORD length = (DWORD)strlen(text), bytes = 0;
	WCHAR *wide = heap_allocate((length + 1) * sizeof(WCHAR));
	if (!wide)
		return STATUS_NO_MEMORY;
	RtlMultiByteToUnicodeN(wide, length * sizeof(WCHAR), &bytes, text, length);
	wide[bytes / sizeof(WCHAR)] = 0;
	insert_string(out, wide);
	heap_free(wide);
	return STATUS_SUCCESS;
}
static NTSTATUS insert(struct output *out, struct inserts *inserts, ULONG index, const WCHAR *format, ULONG stars)
{
	ULONG_PTR first = insert_value(inserts, index), second = stars ? next_value(inserts, stars == 1) : 0;
	ULONG_PTR third = stars > 1 ? next_value(inserts, true) : 0;
	bool wide = format[1] == 's' ? !inserts->ansi : format[1] == 'S' ? inserts->ansi : false;
	bool narrow = format[1] == 's' ? inserts->ansi : format[1] == 'S' ? !inserts->ansi : false;
	if (!format[2] && wide)
		return insert_string(out, first ? (const WCHAR *)first : L"(null)");
	if (!format[2] && narrow)
		return insert_ansi(out, first ? (const char *)first : "(null)");
	if (inserts->ansi) {
		char narrow_format[FORMAT_LIMIT];
		for (ULONG i = 0; i < FORMAT_LIMIT && (narrow_format[i] = (char)format[i]); i++)
			;
		int length = _snprintf(NULL, 0, narrow_format, first, second, third);
		char *text = heap_allocate((SIZE_T)length + 1);
		if (!text)
			return STATUS_NO_MEMORY;
		_snprintf(text, (SIZE_T)length + 1, narrow_format, first, second, third);
		NTSTATUS status = insert_ansi(out, text);
		heap_free(text);
		return status;
	}
	int length = _snwprintf(NULL, 0, format, first, second, third);
	WCHAR *text = heap_allocate(((SIZE_T)length + 1) * sizeof(WCHAR));
	if (!text)
		return STATUS_NO_MEMORY;
	_snwprintf(text, (SIZE_T)length + 1, format, first, second, third);
	insert_string(out, text);
	heap_free(text);
	return STATUS_SUCCESS;
}
static WCHAR escaped(WCHAR c)
{
	switch (c) {
	case 'r': return '\r';
	case 't': return '\t';
	case 'b': return ' ';
	default: return c;
	}
}
/* One escape; source stands behind '%'. Returns what follows, NULL at %0, with *status set on errors. */
static const WCHAR *escape(struct output *out, struct inserts *inserts, const WCHAR *source, bool ignore, NTSTATUS *status)
{
	if (*source == 0) {
		*status = STATUS_INVALID_PARAMETER;
		return NULL;
	}
	if (*source == '0')
		return NULL;
	if (*source == 'n') {
		new_line(out);
		return source + 1;
	}
	if (out->width != NO_WIDTH && (*source == 't' || *source == 'r')) { /* a tab ends a folded line, %r starts it anew */
		if (*source == 't')
			new_line(out);
		else
			emit(out, '\r');
		out->line = out->used;
		return source + 1;
	}
	if (*source < '1' || *source > '9') {
		if (ignore && *source != 'r' && *source != 't' && *source != 'b')
			emit_text(out, '%', false);
		emit_text(out, escaped(*source), false);
		return source + 1;
	}
	if (ignore) {
		emit_text(out, '%', false);
		emit_text(out, *source, false);
		return source + 1;
	}
	WCHAR format[FORMAT_LIMIT];
	ULONG index = (ULONG)(*source++ - '0'), stars;
	if (*source >= '0' && *source <= '9')
		index = index * 10 + (ULONG)(*source++ - '0');
	source = read_format(source, format, &stars);
	if (!source || (!inserts->list && !inserts->array))
		*status = STATUS_INVALID_PARAMETER;
	else
		*status = insert(out, inserts, index, format, stars);
	return *status ? NULL : source;
}
NTSTATUS NTAPI RtlFormatMessage(PCWSTR source, ULONG width, BOOLEAN ignore, BOOLEAN ansi, BOOLEAN is_array, va_list *arguments,
	PWSTR buffer,
	ULONG size, ULONG *used);
NTSTATUS NTAPI RtlFormatMessage(PCWSTR source, ULONG width, BOOLEAN ignore, BOOLEAN ansi, BOOLEAN is_array, va_list *arguments,
	PWSTR buffer,
	ULONG size, ULONG *used)
{
	struct output out = { .text = buffer, .size = size / sizeof(WCHAR), .width = width == 0xff ? NO_WIDTH : width };
	struct inserts inserts = { .list = is_array ? NULL : arguments, .array = is_array ? (ULONG_PTR *)arguments : NULL,
		.is_array = is_array, .ansi = ansi };
	bool keep_lines = width == NO_WIDTH;
	NTSTATUS status = STATUS_SUCCESS;
	while (source && *source && !status && !out.overflow) {
		WCHAR c = *source++;
		if (c == '%') {
			source = escape(&out, &inserts, source, ignore, &status);
		} else if (c == '\r' || c == '\n') {
			source += c == '\r' && *source == '\n';
			if (keep_lines)
				new_line(&out);
			else
				emit_text(&out, ' ', true);
		} else {
			emit_text(&out, c, true);
		}
	}
	if (out.overflow)
		return STATUS_BUFFER_OVERFLOW;
	if (status)
		return status;
	if (line_full(&out))
		new_line(&out);
	if (out.overflow || out.used == out.size)
		return STATUS_BUFFER_OVERFLOW;
	out.text[out.used] = 0;
	*used = (ULONG)((out.used + 1) * sizeof(WCHAR));
	return STATUS_SUCCESS;
}
