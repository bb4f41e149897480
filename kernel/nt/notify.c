// SPDX-License-Identifier: MIT
/* NtNotifyChangeDirectoryFile and byte-range locks of NT are not made yet: the calls are absent from the table and
 * answer NOT_IMPLEMENTED. What other files call of them: */
#include "file.h"

u32 nt_notify_cancel(struct file *f UNUSED, u64 iosb UNUSED, struct thread *t UNUSED) { return 0; }
void nt_notify_release(struct file *f UNUSED) {}
