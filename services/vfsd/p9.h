/* SPDX-License-Identifier: MIT */
/* 9P2000.L messages: writing requests, bounds-checked reading of replies. Pure.
 * Source: the protocol page of the diod project and 9p.h facts (numbers only). All integers little-endian. */
#ifndef AMBOS_VFSD_P9_H
#define AMBOS_VFSD_P9_H

#include "../../abi/core/status.h"
#include "../../lib/base/string.h"

#define P9_HEADER 7u               /* size[4] type[1] tag[2] */
#define P9_IO_HEADER 24u           /* Twrite: header fid[4] offset[8] count[4], rounded; Rread needs less */
#define P9_NO_TAG 0xffffu
#define P9_NO_FID 0xffffffffu
#define P9_NO_ID 0xffffffffu       /* uid or gid: leave as the server makes it */
#define P9_WALK_MAX 16u
#define P9_QID_DIRECTORY 0x80u

enum p9_type {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TATTACH = 104,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
};
enum p9_set {
	P9_SET_MODE = 1,
	P9_SET_SIZE = 8,
	P9_SET_ATIME = 0x10,
	P9_SET_MTIME = 0x20,
	P9_SET_ATIME_TO = 0x80,
	P9_SET_MTIME_TO = 0x100
};
#define P9_GETATTR_BASIC 0x7ffu

/* A message being written (overflow makes `bad`) or read (a short one makes `bad`, and reads give 0). */
struct p9 { u8 *data; u32 size, at; bool bad; };
struct p9_qid { u8 type; u32 version; u64 path; };
struct p9_attributes {
	struct p9_qid qid;
	u32 mode, uid, gid;
	u64 nlink, rdev, size, block_size, blocks;
	s64 atime_ns, mtime_ns, ctime_ns;
};
struct p9_entry { struct p9_qid qid; u64 offset; u8 type; u16 name_size; const char *name; };

void p9_begin(struct p9 *m, u8 *buf, u32 size, u8 type, u16 tag);
void p9_put8(struct p9 *m, u8 v);
void p9_put16(struct p9 *m, u16 v);
void p9_put32(struct p9 *m, u32 v);
void p9_put64(struct p9 *m, u64 v);
void p9_put_string(struct p9 *m, const char *s, u32 size);
void p9_put_bytes(struct p9 *m, const void *data, u32 size);
u32 p9_end(struct p9 *m);          /* stores and returns the message's size; 0 when it did not fit */

/* Checks header, size and type (request type + 1). An Rlerror is its errno; anything odd is ERR_PROTO. */
status_t p9_reply(struct p9 *m, u8 *buf, u32 length, u8 request_type) MUST_CHECK;
u8 p9_get8(struct p9 *m);
u16 p9_get16(struct p9 *m);
u32 p9_get32(struct p9 *m);
u64 p9_get64(struct p9 *m);
const char *p9_get_string(struct p9 *m, u16 *size); /* into the message; NULL when bad */
struct p9_qid p9_get_qid(struct p9 *m);
status_t p9_get_attributes(struct p9 *m, struct p9_attributes *a) MUST_CHECK;
bool p9_get_entry(struct p9 *m, struct p9_entry *e); /* false at the end or when damaged */

#endif
