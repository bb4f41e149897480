// SPDX-License-Identifier: MIT
/* Parts that have not landed yet: calling one is a panic that names it. Emptied as they land. */
#include "status.h"
#define STUB(name) void name(void) WEAK; void name(void) { panic("not landed: %s", #name); }
STUB(aspace_futex_key) STUB(deadline_from_relative) STUB(fs_context_put) STUB(vfs_open_exec) STUB(timespec_in)
STUB(path_free) STUB(node_put) STUB(timespec_out) 
STUB(node_attributes) STUB(mount_put) STUB(path_walk) STUB(path_copy_in)
STUB(vfs_init_root) STUB(vfs_open) STUB(walk_result_put) STUB(timer_signal_taken_locked) STUB(deadline_from_realtime) STUB(broker_vfs)
#define QUIET(name) long name(void) WEAK; long name(void) { return 0; }
static char empty_context[4096];
void *fs_context_initial(void) WEAK; void *fs_context_initial(void) { return empty_context; }
void *fs_context_clone(void) WEAK; void *fs_context_clone(void) { return empty_context; }
QUIET(timers_process_init) QUIET(timers_process_exit) QUIET(vfs_has_root)
QUIET(tty_session_leader_exit) QUIET(epoll_file_released)
