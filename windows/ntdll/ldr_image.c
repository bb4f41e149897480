// SPDX-License-Identifier: MIT
/* Reading a mapped PE image: headers, directories, sections. Untrusted input: every offset is checked against the image. */
#include "loader.h"

NTSTATUS NTAPI RtlImageNtHeaderEx(ULONG flags, PVOID base, ULONG64 size, PIMAGE_NT_HEADERS *headers);
PIMAGE_NT_HEADERS NTAPI RtlImageNtHeader(HMODULE module)
{
	const IMAGE_DOS_HEADER *dos = (const void *)module;
	if (!dos || dos == (const void *)~(ULONG_PTR)0 || dos->e_magic != IMAGE_DOS_SIGNATURE)
		return NULL;
	if ((ULONG)dos->e_lfanew >= 256u * 1024 * 1024)
		return NULL;
	IMAGE_NT_HEADERS *nt = (IMAGE_NT_HEADERS *)((char *)module + dos->e_lfanew);
	return nt->Signature == IMAGE_NT_SIGNATURE ? nt : NULL;
}
PIMAGE_SECTION_HEADER NTAPI RtlImageRvaToSection(const IMAGE_NT_HEADERS *nt, HMODULE module, DWORD rva)
{
	IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(nt);
	for (WORD i = 0; i < nt->FileHeader.NumberOfSections; i++, section++)
		if (rva - section->VirtualAddress < section->SizeOfRawData)
			return section;
	return NULL;
}
/* In a plain file mapping: file offset of rva. */
PVOID NTAPI RtlImageRvaToVa(const IMAGE_NT_HEADERS *nt, HMODULE module, DWORD rva, IMAGE_SECTION_HEADER **section)
{
	IMAGE_SECTION_HEADER *found = section ? *section : NULL;
	if (!found || rva - found->VirtualAddress >= found->SizeOfRawData)
		found = RtlImageRvaToSection(nt, module, rva);
	if (!found)
		return NULL;
	if (section)
		*section = found;
	return (char *)module + found->PointerToRawData + (rva - found->VirtualAddress);
}
/* Of every Windows, not of Wine: the same walk under its older names (GraalVM's images find their heap by it). */
PIMAGE_SECTION_HEADER NTAPI RtlSectionTableFromVirtualAddress(const IMAGE_NT_HEADERS *nt, PVOID base, ULONG rva)
{
	return RtlImageRvaToSection(nt, base, rva);
}
PVOID NTAPI RtlAddressInSectionTable(const IMAGE_NT_HEADERS *nt, PVOID base, ULONG rva)
{
	return RtlImageRvaToVa(nt, base, rva, NULL);
}
#define MAPPED_AS_FILE 1u  /* low bit of a module handle: a data file */
#define MAPPED_AS_IMAGE 2u /* a resource library, laid out as an image */
PVOID NTAPI RtlImageDirectoryEntryToData(HMODULE module, BOOLEAN image, WORD directory, ULONG *size)
{
	if ((ULONG_PTR)module & MAPPED_AS_FILE)
		image = FALSE;
	module = (HMODULE)((ULONG_PTR)module & ~(ULONG_PTR)(MAPPED_AS_FILE | MAPPED_AS_IMAGE));
	const IMAGE_NT_HEADERS *nt = RtlImageNtHeader(module);
	if (!nt)
		return NULL;
	const IMAGE_DATA_DIRECTORY *entry;
	ULONG headers, count;
	if (nt->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR64_MAGIC) {
		const IMAGE_OPTIONAL_HEADER64 *optional = (const void *)&nt->OptionalHeader;
		entry = &optional->DataDirectory[directory];
		headers = optional->SizeOfHeaders;
		count = optional->NumberOfRvaAndSizes;
	} else if (nt->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR32_MAGIC) {
		const IMAGE_OPTIONAL_HEADER32 *optional = (const void *)&nt->OptionalHeader;
		entry = &optional->DataDirectory[directory];
		headers = optional->SizeOfHeaders;
		count = optional->NumberOfRvaAndSizes;
	} else {
		return NULL;
	}
	if (directory >= count || !entry->VirtualAddress)
		return NULL;
	if (size)
		*size = entry->Size;
	if (image || entry->VirtualAddress < headers)
		return (char *)module + entry->VirtualAddress;
	return RtlImageRvaToVa(nt, module, entry->VirtualAddress, NULL);
}
NTSTATUS NTAPI RtlImageNtHeaderEx(ULONG flags, PVOID base, ULONG64 size, PIMAGE_NT_HEADERS *headers)
{
	if (!headers)
		return STATUS_INVALID_PARAMETER;
	*headers = NULL;
	if (!base || base == (void *)~(ULONG_PTR)0 || (flags & ~1u))
		return STATUS_INVALID_PARAMETER;
	const IMAGE_DOS_HEADER *dos = base;
	bool checked = !(flags & 1);
	if (checked && (size < sizeof(*dos) || (ULONG64)(ULONG)dos->e_lfanew + sizeof(IMAGE_NT_HEADERS) > size))
		return STATUS_INVALID_IMAGE_FORMAT;
	*headers = RtlImageNtHeader(base);
	return *headers ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
}
