// SPDX-License-Identifier: MIT
// SYS_AMBOS_PROC_SET_WINDOWS_RUNTIME_BROKER: its place in the table; Windows programs come with their own issue.
#include "native.h"

NATIVE_HANDLER(broker_proc_windows)
{
	return FAIL(ERR_NOSYS, "no Windows runtime yet");
}
