// SPDX-License-Identifier: MIT
/* Default locale and user interface languages: from the blob, changeable for this process only, as nothing outlives it. */
#include "rtl.h"
#include "nt/runtime.h"

#define LCID_EN_US 0x409
#define LANGUAGE_ID_FLAG 4   /* MUI_LANGUAGE_ID: hexadecimal names */
#define LANGUAGE_NAME_FLAG 8 /* MUI_LANGUAGE_NAME */

static LCID user_locale, system_locale;
static LANGID user_ui_language;

static LCID *locale_of(BOOLEAN user)
{
	if (!user_locale) {
		user_locale = runtime_blob && runtime_blob->user_locale ? runtime_blob->user_locale : LCID_EN_US;
		system_locale = runtime_blob && runtime_blob->system_locale ? runtime_blob->system_locale : LCID_EN_US;
	}
	return user ? &user_locale : &system_locale;
}

NTSTATUS NTAPI NtQueryDefaultLocale(BOOLEAN user, LCID *locale)
{
	*locale = *locale_of(user);
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtSetDefaultLocale(BOOLEAN user, LCID locale)
{
	*locale_of(user) = locale;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtQueryDefaultUILanguage(LANGID *language)
{
	*language = user_ui_language ? user_ui_language : LANGIDFROMLCID(*locale_of(TRUE));
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtSetDefaultUILanguage(LANGID language)
{
	user_ui_language = language;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI NtQueryInstallUILanguage(LANGID *language)
{
	*language = LANGIDFROMLCID(*locale_of(FALSE));
	return STATUS_SUCCESS;
}

/* The list of one language, in the blob's name or in hexadecimal: "en-US", "" or "0409", "". */
static NTSTATUS language_list(DWORD flags, LANGID language, ULONG *count, WCHAR *buffer, ULONG *size)
{
	WCHAR name[LOCALE_NAME_MAX_LENGTH + 2] = L"en-US";
	ULONG needed;
	if (flags & ~(ULONG)(LANGUAGE_ID_FLAG | LANGUAGE_NAME_FLAG | 0x10 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200))
		return STATUS_INVALID_PARAMETER_1;
	if ((flags & (LANGUAGE_ID_FLAG | LANGUAGE_NAME_FLAG)) == (LANGUAGE_ID_FLAG | LANGUAGE_NAME_FLAG))
		return STATUS_INVALID_PARAMETER_1;
	if (*size && !buffer)
		return STATUS_INVALID_PARAMETER;
	if (flags & LANGUAGE_ID_FLAG)
		_snwprintf(name, ARRAYSIZE(name), L"%04X", language);
	else if (runtime_blob && runtime_blob->user_locale_name.offset &&
		runtime_blob->user_locale_name.bytes < sizeof(name) - 2 * sizeof(WCHAR))
		memcpy(name, runtime_at(runtime_blob->user_locale_name.offset), runtime_blob->user_locale_name.bytes + sizeof(WCHAR));
	needed = (ULONG)wcslen(name) + 2;
	if (buffer && *size < needed) {
		*size = needed;
		return STATUS_BUFFER_TOO_SMALL;
	}
	*size = needed;
	*count = 1;
	if (buffer) {
		memcpy(buffer, name, (needed - 1) * sizeof(WCHAR));
		buffer[needed - 1] = 0;
	}
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetUserPreferredUILanguages(DWORD flags, ULONG unused, ULONG *count, WCHAR *buffer, ULONG *size)
{
	return language_list(flags, LANGIDFROMLCID(*locale_of(TRUE)), count, buffer, size);
}

NTSTATUS NTAPI RtlGetSystemPreferredUILanguages(DWORD flags, ULONG unused, ULONG *count, WCHAR *buffer, ULONG *size)
{
	return language_list(flags, LANGIDFROMLCID(*locale_of(FALSE)), count, buffer, size);
}

NTSTATUS NTAPI RtlGetThreadPreferredUILanguages(DWORD flags, ULONG *count, WCHAR *buffer, ULONG *size)
{
	return language_list(flags, LANGIDFROMLCID(*locale_of(TRUE)), count, buffer, size);
}

/* No list was set for the process: an empty list. */
NTSTATUS NTAPI RtlGetProcessPreferredUILanguages(DWORD flags, ULONG *count, WCHAR *buffer, ULONG *size)
{
	if (flags & ~(ULONG)(LANGUAGE_ID_FLAG | LANGUAGE_NAME_FLAG))
		return STATUS_INVALID_PARAMETER_1;
	if (*size && !buffer)
		return STATUS_INVALID_PARAMETER;
	*count = 0;
	if (buffer && *size >= 2)
		buffer[0] = buffer[1] = 0;
	*size = 2;
	return STATUS_SUCCESS;
}

/* Messages come in one language: a wish is counted as taken when it is the empty one. */
NTSTATUS NTAPI RtlSetProcessPreferredUILanguages(DWORD flags, PCWSTR languages, ULONG *count)
{
	if (count)
		*count = 0;
	return languages && *languages ? STATUS_NOT_SUPPORTED : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetThreadPreferredUILanguages(DWORD flags, PCWSTR languages, ULONG *count)
{
	return RtlSetProcessPreferredUILanguages(flags, languages, count);
}
