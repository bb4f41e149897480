/* SPDX-License-Identifier: MIT */
/* epoll(7), eventfd(2), timerfd_create(2), signalfd(2): numbers and structs of x86-64. */
#ifndef AMBOS_LINUX_EPOLL_H
#define AMBOS_LINUX_EPOLL_H

#include "../../lib/base/base.h"

struct epoll_event_k { u32 events; u64 data; } PACKED;
_Static_assert(sizeof(struct epoll_event_k) == 12, "struct epoll_event");
enum { EPOLL_CTL_ADD_K = 1, EPOLL_CTL_DEL_K = 2, EPOLL_CTL_MOD_K = 3 };
#define EPOLLEXCLUSIVE_K (1u << 28)
#define EPOLLWAKEUP_K (1u << 29)
#define EPOLLONESHOT_K (1u << 30)
#define EPOLLET_K (1u << 31)

#define EFD_SEMAPHORE_K 1
#define TFD_TIMER_ABSTIME_K 1
#define TFD_TIMER_CANCEL_ON_SET_K 2

struct signalfd_siginfo_k {
	u32 signo; s32 err, code; u32 pid, uid; s32 fd; u32 timer_id, band, overrun, trap_number; s32 status;
	s32 int_value;
	u64 pointer_value, utime, stime, address; u16 address_lsb, pad; s32 syscall; u64 call_address;
	u32 arch; u8 unused[28];
};
_Static_assert(sizeof(struct signalfd_siginfo_k) == 128, "struct signalfd_siginfo");

#endif
