// SPDX-License-Identifier: MIT
/* What version of Windows this says to be (the blob's numbers), version conditions, product type. */
#include "rtl.h"
#include "nt/runtime.h"

#define VERSION_CONDITION_BITS 3
#define PRODUCT_PROFESSIONAL_CODE 0x30

static ULONG version_major(void) { return runtime_blob ? runtime_blob->os_major : 10; }
static ULONG version_minor(void) { return runtime_blob ? runtime_blob->os_minor : 0; }
static ULONG version_build(void) { return runtime_blob ? runtime_blob->os_build : 19045; }

NTSTATUS NTAPI RtlGetVersion(RTL_OSVERSIONINFOEXW *info)
{
	info->dwMajorVersion = version_major();
	info->dwMinorVersion = version_minor();
	info->dwBuildNumber = version_build();
	info->dwPlatformId = VER_PLATFORM_WIN32_NT;
	info->szCSDVersion[0] = 0;
	if (info->dwOSVersionInfoSize == sizeof(RTL_OSVERSIONINFOEXW)) {
		info->wServicePackMajor = info->wServicePackMinor = 0;
		info->wSuiteMask = VER_SUITE_SINGLEUSERTS;
		info->wProductType = VER_NT_WORKSTATION;
		info->wReserved = 0;
	}
	return STATUS_SUCCESS;
}

void NTAPI RtlGetNtVersionNumbers(DWORD *major, DWORD *minor, DWORD *build)
{
	if (major)
		*major = version_major();
	if (minor)
		*minor = version_minor();
	if (build)
		*build = 0xf0000000u | version_build(); /* free build */
}

BOOLEAN NTAPI RtlGetNtProductType(DWORD *type)
{
	*type = VER_NT_WORKSTATION;
	return TRUE;
}

BOOLEAN NTAPI RtlGetProductInfo(DWORD major, DWORD minor, DWORD service_pack_major, DWORD service_pack_minor, DWORD *type)
{
	if (!type)
		return FALSE;
	*type = major < 6 ? 0 : PRODUCT_PROFESSIONAL_CODE;
	return major >= 6;
}

ULONG NTAPI RtlGetNtGlobalFlags(void) { return current_peb()->NtGlobalFlag; }

ULONGLONG NTAPI VerSetConditionMask(ULONGLONG mask, DWORD types, BYTE condition)
{
	static const struct { DWORD type; unsigned position; } fields[] = { { VER_PRODUCT_TYPE, 7 }, { VER_SUITENAME, 6 },
		{ VER_PLATFORMID, 3 },
		{ VER_BUILDNUMBER, 2 }, { VER_MAJORVERSION, 1 }, { VER_MINORVERSION, 0 }, { VER_SERVICEPACKMAJOR, 5 },
			{ VER_SERVICEPACKMINOR, 4 } };
	unsigned i;
	condition &= (1 << VERSION_CONDITION_BITS) - 1;
	if (!types || !condition)
		return mask;
	for (i = 0; i < ARRAYSIZE(fields); i++)
		if (types & fields[i].type)
			return mask | (ULONGLONG)condition << fields[i].position * VERSION_CONDITION_BITS;
	return mask;
}

static ULONG condition_of(ULONGLONG mask, unsigned position)
{
	return (ULONG)(mask >> position * VERSION_CONDITION_BITS) & ((1 << VERSION_CONDITION_BITS) - 1);
}

/* have against wanted; decided: what follows in a lower field does not matter. */
static bool holds(ULONG have, ULONG wanted, ULONG condition, bool *decided)
{
	*decided = have != wanted;
	switch (condition) {
	case VER_EQUAL: return have == wanted;
	case VER_GREATER: return have > wanted;
	case VER_GREATER_EQUAL: return have >= wanted;
	case VER_LESS: return have < wanted;
	case VER_LESS_EQUAL: return have <= wanted;
	}
	return false;
}

/* Major, minor and service pack are one number: the first that differs decides, by the condition of the first asked. */
static bool version_holds(const RTL_OSVERSIONINFOEXW *info, DWORD types, ULONGLONG mask)
{
	const struct { DWORD type; ULONG have, wanted; unsigned position; } fields[] = {
		{ VER_MAJORVERSION, version_major(), info->dwMajorVersion, 1 }, { VER_MINORVERSION, version_minor(), info->dwMinorVersion, 0 },
		{ VER_SERVICEPACKMAJOR, 0, info->wServicePackMajor, 5 }, { VER_SERVICEPACKMINOR, 0, info->wServicePackMinor, 4 },
	};
	unsigned i;
	ULONG condition = 0;
	bool result = true, decided = false;
	for (i = 0; i < ARRAYSIZE(fields) && !decided; i++) {
		if (!(types & fields[i].type))
			continue;
		if (!condition || condition_of(mask, fields[i].position) < VER_AND)
			condition = condition ? condition : condition_of(mask, fields[i].position);
		result = holds(fields[i].have, fields[i].wanted, condition, &decided);
	}
	return result;
}

NTSTATUS NTAPI RtlVerifyVersionInfo(const RTL_OSVERSIONINFOEXW *info, DWORD types, DWORDLONG mask)
{
	bool decided;
	if (!types || !mask)
		return STATUS_INVALID_PARAMETER;
	if (types & VER_PRODUCT_TYPE && !holds(VER_NT_WORKSTATION, info->wProductType, condition_of(mask, 7), &decided))
		return STATUS_REVISION_MISMATCH;
	if (types & VER_SUITENAME) {
		ULONG own = VER_SUITE_SINGLEUSERTS, wanted = info->wSuiteMask, condition = condition_of(mask, 6);
		if (condition == VER_AND ? (own & wanted) != wanted : condition == VER_OR ? wanted && !(own & wanted) : true)
			return condition == VER_AND || condition == VER_OR ? STATUS_REVISION_MISMATCH : STATUS_INVALID_PARAMETER;
	}
	if (types & VER_PLATFORMID && !holds(VER_PLATFORM_WIN32_NT, info->dwPlatformId, condition_of(mask, 3), &decided))
		return STATUS_REVISION_MISMATCH;
	if (types & VER_BUILDNUMBER && !holds(version_build(), info->dwBuildNumber, condition_of(mask, 2), &decided))
		return STATUS_REVISION_MISMATCH;
	return version_holds(info, types, mask) ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH;
}
