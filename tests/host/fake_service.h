/* SPDX-License-Identifier: MIT */
/* lib/service for host unit tests: the state object is plain memory, transactions have an undo journal, and a test can
 * "kill" at the n-th store. */
#ifndef AMBOS_FAKE_SERVICE_H
#define AMBOS_FAKE_SERVICE_H

#include "../../lib/service/service.h"
#include <setjmp.h>

void fake_state_reset(u64 root_size, u64 bound);
extern jmp_buf fake_kill;
extern u64 fake_kill_at;   /* 0: never; n: longjmp(fake_kill, 1) in place of the n-th store after txn_begin */
extern u64 fake_stores;    /* stores since txn_begin */
void fake_rollback(void);  /* what a restart does */
u64 fake_state_live(void); /* bytes allocated */

#endif
