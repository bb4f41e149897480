// SPDX-License-Identifier: MIT
/* AmbosMissing: ntdll reports what a program needed and we do not have; one line in the kernel's log. */
#include "nt.h"
#include "mm.h"
#include "user_ptr.h"

#define MISSING_LINE_MAX 400u /* module and function of the longest C++ name that says anything */

NT_HANDLER(AmbosMissing)
{
	char line[MISSING_LINE_MAX + 1];
	u64 size = a[1];
	if (!size || size > MISSING_LINE_MAX)
		return NT(INVALID_PARAMETER);
	status_t st = copy_in(line, user_ptr(a[0]), size);
	if (st)
		return st;
	for (u64 i = 0; i < size; i++)
		line[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : ' ';
	line[size] = '\0';
	klog(LOG_INFO, "%s[%u]: %s", thread_current()->name, process_current()->pid, line);
	return 0;
}
