/* SPDX-License-Identifier: MIT */
/* Signal numbers that kernel objects raise, signal(7), x86-64. */
#ifndef AMBOS_LINUX_SIGNAL_NUMBERS_H
#define AMBOS_LINUX_SIGNAL_NUMBERS_H

#define SIGHUP_K 1
#define SIGINT_K 2
#define SIGQUIT_K 3
#define SIGKILL_K 9
#define SIGPIPE_K 13
#define SIGCONT_K 18
#define SIGSTOP_K 19
#define SIGTSTP_K 20
#define SIGTTIN_K 21
#define SIGTTOU_K 22
#define SIGXFSZ_K 25
#define SIGWINCH_K 28

#endif
