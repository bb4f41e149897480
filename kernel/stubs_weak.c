// SPDX-License-Identifier: MIT
/* Parts that have not landed yet: calling one is a panic that names it. Emptied as they land. */
#include "status.h"
#define STUB(name) void name(void) WEAK; void name(void) { panic("not landed: %s", #name); }
STUB(aspace_futex_key)

 STUB(vfs_open) STUB(broker_vfs)
#define QUIET(name) long name(void) WEAK; long name(void) { return 0; }
