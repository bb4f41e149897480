// SPDX-License-Identifier: MIT
/* Parts that have not landed yet: calling one is a panic that names it. Emptied as they land. */
#include "status.h"
#define STUB(name) void name(void) WEAK; void name(void) { panic("not landed: %s", #name); }
STUB(aspace_futex_key) STUB(deadline_from_relative) STUB(timespec_in)
 STUB(timespec_out) 

 STUB(vfs_open) STUB(timer_signal_taken_locked) STUB(deadline_from_realtime) STUB(broker_vfs)
#define QUIET(name) long name(void) WEAK; long name(void) { return 0; }
QUIET(timers_process_init) QUIET(timers_process_exit)
QUIET(vdso_map) QUIET(vdso_update_clock) QUIET(time_set_boot_wall_ns)
