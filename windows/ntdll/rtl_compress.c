// SPDX-License-Identifier: MIT
/* RtlCompressBuffer and its family: LZNT1 (lznt1.c). XPRESS and its Huffman form are not there (UNSUPPORTED_COMPRESSION). */
#include "rtl.h"

#include "lznt1.h"

#define FORMAT_MASK 0xffu
#define ENGINE_MAXIMUM 0x100u /* our search is the same for both */

NTSTATUS NTAPI RtlGetCompressionWorkSpaceSize(USHORT format, ULONG *compress, ULONG *fragment);
NTSTATUS NTAPI RtlCompressBuffer(USHORT format, UCHAR *in, ULONG in_size, UCHAR *out, ULONG out_size, ULONG chunk, ULONG *final,
	void *workspace);
NTSTATUS NTAPI RtlDecompressBuffer(USHORT format, UCHAR *out, ULONG out_size, UCHAR *in, ULONG in_size, ULONG *final);
NTSTATUS NTAPI RtlDecompressFragment(USHORT format, UCHAR *out, ULONG out_size, UCHAR *in, ULONG in_size, ULONG offset, ULONG *final,
	void *workspace);

static NTSTATUS check_format(USHORT format)
{
	if ((format & FORMAT_MASK) == COMPRESSION_FORMAT_NONE || (format & FORMAT_MASK) == COMPRESSION_FORMAT_DEFAULT)
		return STATUS_INVALID_PARAMETER;
	return (format & ~ENGINE_MAXIMUM) == COMPRESSION_FORMAT_LZNT1 ? STATUS_SUCCESS : STATUS_UNSUPPORTED_COMPRESSION;
}

static NTSTATUS finish(enum lznt1_result result, const size_t *used, ULONG *final)
{
	if (result)
		return result == LZNT1_NO_ROOM ? STATUS_BUFFER_TOO_SMALL : STATUS_BAD_COMPRESSION_BUFFER;
	*final = (ULONG)*used;
	return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetCompressionWorkSpaceSize(USHORT format, ULONG *compress, ULONG *fragment)
{
	NTSTATUS status = check_format(format);
	if (status)
		return status;
	*compress = sizeof(struct lznt1_workspace);
	*fragment = LZNT1_CHUNK;
	return STATUS_SUCCESS;
}

/* The chunk size is a hint on Windows too: LZNT1 has one. */
NTSTATUS NTAPI RtlCompressBuffer(USHORT format, UCHAR *in, ULONG in_size, UCHAR *out, ULONG out_size, ULONG chunk, ULONG *final,
	void *workspace)
{
	size_t used = 0;
	NTSTATUS status = check_format(format);
	return status ? status : finish(lznt1_compress(in, in_size, out, out_size, workspace, &used), &used, final);
}

NTSTATUS NTAPI RtlDecompressBuffer(USHORT format, UCHAR *out, ULONG out_size, UCHAR *in, ULONG in_size, ULONG *final)
{
	size_t used = 0;
	NTSTATUS status = check_format(format);
	return status ? status : finish(lznt1_expand(in, in_size, out, out_size, &used), &used, final);
}

NTSTATUS NTAPI RtlDecompressFragment(USHORT format, UCHAR *out, ULONG out_size, UCHAR *in, ULONG in_size, ULONG offset, ULONG *final,
	void *workspace)
{
	size_t used = 0;
	NTSTATUS status = check_format(format);
	return status ? status : finish(lznt1_expand_at(in, in_size, offset, out, out_size, workspace, &used), &used, final);
}
