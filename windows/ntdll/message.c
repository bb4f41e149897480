// SPDX-License-Identifier: MIT
/* RtlFormatMessage: inserts %1..%99 with their printf forms, %n %t %r %b %0 and line folding at a width. */
#include <ntdll.h>

int __cdecl _snwprintf(WCHAR *, size_t, const WCHAR *, ...);
int __cdecl _snprintf(char *, size_t, const char *, ...);
#define INSERT_LIMIT 99u
#define FORMAT_LIMIT 40u
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
	if (out->used + 1 >= out->size) {
		out->overflow = true;
		return;
	}
	out->text[out->used++] = c;
}
static void new_line(struct output *out)
{
	emit(out, '\r');
	emit(out, '\n');
	out->line = out->used;
	out->space = 0;
}
/* Text of the message, folded at width: the last space of a full line becomes a line end. */
static void emit_text(struct output *out, WCHAR c)
{
	emit(out, c);
	if (c == ' ')
		out->space = out->used;
	if (out->width == NO_WIDTH || out->used - out->line <= out->width || !out->space)
		return;
	SIZE_T rest = out->used - out->space;
	if (out->used + 2 >= out->size) {
		out->overflow = true;
		return;
	}
	memmove(out->text + out->space + 1, out->text + out->space, rest * sizeof(WCHAR));
	out->text[out->space - 1] = '\r';
	out->text[out->space] = '\n';
	out->used++;
	out->line = out->space + 1;
	out->space = 0;
}
static ULONG_PTR insert_value(struct inserts *inserts, ULONG index)
{
	if (inserts->is_array)
		return inserts->array[index - 1];
	while (inserts->read < index)
		inserts->values[inserts->read++] = va_arg(*inserts->list, ULONG_PTR);
	return inserts->values[index - 1];
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
	return *source && used > 1 ? source + 1 : NULL;
}
#define CONVERTED_LIMIT 1024
static NTSTATUS insert_string(struct output *out, const WCHAR *text)
{
	for (; *text; text++)
		emit_text(out, *text);
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
	ULONG_PTR first = insert_value(inserts, index), second = stars ? insert_value(inserts, index + 1) : 0;
	ULONG_PTR third = stars > 1 ? insert_value(inserts, index + 2) : 0;
	bool wide = format[1] == 's' ? !inserts->ansi : format[1] == 'S' ? inserts->ansi : false;
	bool narrow = format[1] == 's' ? inserts->ansi : format[1] == 'S' ? !inserts->ansi : false;
	if (!format[2] && wide)
		return insert_string(out, first ? (const WCHAR *)first : L"(null)");
	if (!format[2] && narrow)
		return insert_ansi(out, first ? (const char *)first : "(null)");
	if (inserts->ansi) {
		char *text = heap_allocate(CONVERTED_LIMIT), narrow_format[FORMAT_LIMIT];
		if (!text)
			return STATUS_NO_MEMORY;
		for (ULONG i = 0; i < FORMAT_LIMIT && (narrow_format[i] = (char)format[i]); i++)
			;
		_snprintf(text, CONVERTED_LIMIT - 1, narrow_format, first, second, third);
		text[CONVERTED_LIMIT - 1] = 0;
		NTSTATUS status = insert_ansi(out, text);
		heap_free(text);
		return status;
	}
	WCHAR *text = heap_allocate(CONVERTED_LIMIT * sizeof(WCHAR));
	if (!text)
		return STATUS_NO_MEMORY;
	_snwprintf(text, CONVERTED_LIMIT - 1, format, first, second, third);
	text[CONVERTED_LIMIT - 1] = 0;
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
	if (*source < '1' || *source > '9') {
		if (ignore && *source != 'r' && *source != 't' && *source != 'b')
			emit_text(out, '%');
		emit_text(out, escaped(*source));
		return source + 1;
	}
	if (ignore) {
		emit_text(out, '%');
		emit_text(out, *source);
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
NTSTATUS NTAPI RtlFormatMessage(PCWSTR source, ULONG width, BOOLEAN ignore, BOOLEAN ansi, BOOLEAN is_array, va_list *arguments, PWSTR buffer,
	ULONG size, ULONG *used);
NTSTATUS NTAPI RtlFormatMessage(PCWSTR source, ULONG width, BOOLEAN ignore, BOOLEAN ansi, BOOLEAN is_array, va_list *arguments, PWSTR buffer,
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
				emit_text(&out, ' ');
		} else {
			emit_text(&out, c);
		}
	}
	if (out.overflow)
		return STATUS_BUFFER_OVERFLOW;
	if (status)
		return status;
	if (!out.size)
		return STATUS_BUFFER_OVERFLOW;
	out.text[out.used] = 0;
	*used = (ULONG)((out.used + 1) * sizeof(WCHAR));
	return STATUS_SUCCESS;
}
