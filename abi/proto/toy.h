/* SPDX-License-Identifier: MIT */
/* toyd: a counter that must stay exact whenever its service is killed, and an echo for the IPC bench. */
#ifndef AMBOS_PROTO_TOY_H
#define AMBOS_PROTO_TOY_H

#include "../../lib/base/base.h"

enum toy_op {
	TOY_ECHO = 1,   /* args come back, any size */
	TOY_ADD = 2,    /* struct toy_value in: added; out: the counter */
	TOY_GET = 3,    /* out: the counter */
	TOY_CRASH = 4,  /* the service faults: two deaths without progress end the call with IO */
	TOY_HOLD = 5,   /* answers INTR when cancelled */
	TOY_NATIVE = 6, /* struct toy_native: toyd, which has every capability, makes a native call; out: its result */
	TOY_GROW = 7,   /* struct toy_value in: takes that many KiB and gives them back; beyond its pool it dies */
};
struct toy_native {
	u32 number;
	u32 use_payload; /* the pointer argument is the address of the payload in toyd */
	u64 a0, pointer, size, a3, a4;
};
struct toy_value { u64 value; };

#endif
