/* SPDX-License-Identifier: MIT */
/* ioctl(2) commands that the kernel's own files answer. Sources: ioctl_tty(2), ioctl_list(2). */
#ifndef AMBOS_LINUX_IOCTL_H
#define AMBOS_LINUX_IOCTL_H

#define TCGETS_K 0x5401
#define TCSETS_K 0x5402
#define TCSETSW_K 0x5403
#define TCSETSF_K 0x5404
#define TCGETA_K 0x5405
#define TCSETA_K 0x5406
#define TCSETAW_K 0x5407
#define TCSETAF_K 0x5408
#define TCSBRK_K 0x5409
#define TCXONC_K 0x540a
#define TCFLSH_K 0x540b
#define TIOCEXCL_K 0x540c
#define TIOCNXCL_K 0x540d
#define TIOCSCTTY_K 0x540e
#define TIOCGPGRP_K 0x540f
#define TIOCSPGRP_K 0x5410
#define TIOCOUTQ_K 0x5411
#define TIOCSTI_K 0x5412
#define TIOCGWINSZ_K 0x5413
#define TIOCSWINSZ_K 0x5414
#define FIONREAD_K 0x541b
#define TIOCPKT_K 0x5420
#define FIONBIO_K 0x5421
#define FIGETBSZ_K 2
#define TIOCNOTTY_K 0x5422
#define TIOCSETD_K 0x5423
#define TIOCGETD_K 0x5424
#define TCSBRKP_K 0x5425
#define TIOCSBRK_K 0x5427
#define TIOCCBRK_K 0x5428
#define TIOCGSID_K 0x5429
#define TCGETS2_K 0x802c542a
#define TCSETS2_K 0x402c542b
#define TCSETSW2_K 0x402c542c
#define TCSETSF2_K 0x402c542d
#define TIOCGPTN_K 0x80045430
#define TIOCSPTLCK_K 0x40045431
#define TIOCGDEV_K 0x80045432
#define TIOCVHANGUP_K 0x5437
#define TIOCGPKT_K 0x80045438
#define TIOCGPTLCK_K 0x80045439
#define TIOCGEXCL_K 0x80045440
#define TIOCGPTPEER_K 0x5441
#define FIONCLEX_K 0x5450
#define FIOCLEX_K 0x5451
#define FIOASYNC_K 0x5452
#define FIOQSIZE_K 0x5460
#define RNDGETENTCNT_K 0x80045200

#endif
