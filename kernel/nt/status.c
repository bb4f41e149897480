// SPDX-License-Identifier: MIT
// The NT edge of statuses: status_t or NTSTATUS of a handler becomes an NTSTATUS. One table: abi/core/status.def.
#include "nt.h"

#define STATUS_ROWS 517 /* the last restart code is 516 */
static const u32 nt_of_status[STATUS_ROWS] = {
#define STATUS(name, number, ntstatus, text) [number] = (ntstatus),
#include "../../abi/core/status.def"
#undef STATUS
};

u32 nt_status(s64 result)
{
	if (result >= 0)
		return (u32)result;
	u32 found = -result < STATUS_ROWS ? nt_of_status[-result] : 0;
	return found ? found : (u32)NT_UNSUCCESSFUL;
}
