// SPDX-License-Identifier: MIT
/* NtNotifyChangeDirectoryFile is not made yet: the call is absent from the table and
 * answers NOT_IMPLEMENTED. What other files call of them: */
#include "file.h"

u32 nt_notify_cancel(struct file *f UNUSED, u64 iosb UNUSED, struct thread *t UNUSED) { return 0; }
void nt_notify_release(struct file *f UNUSED) {}
