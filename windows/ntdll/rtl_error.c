// SPDX-License-Identifier: MIT
/* NTSTATUS to Win32 error codes, and the last error of the thread. */
#include "rtl.h"

struct error_run { ULONG first; ULONG count; const ULONG *errors; };
#define ERRORS(first, ...) static const ULONG errors_##first[] = { __VA_ARGS__ };
#include "rtl_error.def"
#undef ERRORS
#define ERRORS(first, ...) { first, ARRAYSIZE(errors_##first), errors_##first },
static const struct error_run runs[] = {
#include "rtl_error.def"
};
#undef ERRORS

#define CUSTOMER_BIT 0x20000000u
#define NT_BIT 0x10000000u      /* FACILITY_NT_BIT: an NTSTATUS seen as HRESULT */
#define WIN32_FACILITY 0x8007u
#define FACILITY_OF(status) ((status) >> 16)

ULONG NTAPI RtlNtStatusToDosErrorNoTeb(NTSTATUS code)
{
	ULONG status = (ULONG)code, low = 0, high = ARRAYSIZE(runs);
	if (!status || (status & CUSTOMER_BIT))
		return status;
	if ((status & 0xf0000000u) == 0xd0000000u)
		status &= ~NT_BIT;
	if (FACILITY_OF(status) == WIN32_FACILITY || FACILITY_OF(status) == 0xc001 || FACILITY_OF(status) == 0xc007)
		return status & 0xffff;
	while (low < high) {
		ULONG middle = (low + high) / 2;
		if (status < runs[middle].first)
			high = middle;
		else if (status - runs[middle].first >= runs[middle].count)
			low = middle + 1;
		else
			return runs[middle].errors[status - runs[middle].first];
	}
	return ERROR_MR_MID_NOT_FOUND;
}

ULONG NTAPI RtlNtStatusToDosError(NTSTATUS status)
{
	current_teb()->LastStatusValue = status;
	return RtlNtStatusToDosErrorNoTeb(status);
}

NTSTATUS NTAPI RtlGetLastNtStatus(void) { return current_teb()->LastStatusValue; }
DWORD NTAPI RtlGetLastWin32Error(void) { return current_teb()->LastErrorValue; }
void NTAPI RtlSetLastWin32Error(ULONG error) { current_teb()->LastErrorValue = error; }
void NTAPI RtlRestoreLastWin32Error(ULONG error) { current_teb()->LastErrorValue = error; }
void NTAPI RtlSetLastWin32ErrorAndNtStatusFromNtStatus(NTSTATUS status) { current_teb()->LastErrorValue = RtlNtStatusToDosError(status); }
