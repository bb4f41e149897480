/* SPDX-License-Identifier: MIT */
/* Internationalised domain names as Windows has them: RFC 3490 with nameprep (3491) over Unicode 3.2 and Punycode (3492). A
 * name is labels of at most 63 characters with dots between them, 255 units in all; one dot may end it, one NUL follow. */
#ifndef AMBOS_NTDLL_IDN_H
#define AMBOS_NTDLL_IDN_H

#include "unicode.h"

#define IDN_LABEL_MAX 63
#define IDN_NAME_MAX 255

#define IDN_FLAG_UNASSIGNED 1u /* what Unicode 3.2 does not have is let through (a query) */
#define IDN_FLAG_STD3 2u       /* of ASCII only letters, digits and a hyphen that neither begins nor ends a label */

enum idn_operation { IDN_TO_ASCII, IDN_TO_UNICODE, IDN_PREPARE };

/* False: not a name. Otherwise *used is what the result needs; only `room` units are stored. */
bool idn_convert(enum idn_operation, unsigned flags, const uint16_t *in, size_t length, uint16_t *out, size_t room, size_t *used);

/* punycode.c; the count of characters, SIZE_MAX when `room` does not hold them or the input is not Punycode. */
size_t punycode_encode(const uint32_t *in, size_t length, char *out, size_t room);
size_t punycode_decode(const char *in, size_t length, uint32_t *out, size_t room);

#endif
