// SPDX-License-Identifier: MIT
// Unit test of the PE parser: a good image, then one mutation per rule; relocations, imports, exports, API sets.
// LINK: lib/pe/pe.c lib/pe/pe_tables.c lib/pe/api_set.c
#include <stdio.h>
#include <string.h>

#include "pe.h"
#include "../../tests/unit.h"

#define PE_AT 0x80u
#define OPTIONAL_AT (PE_AT + 24)
#define SECTIONS_AT (OPTIONAL_AT + 240)
#define FILE_BYTES 0x1000u
#define IMAGE_BYTES 0x4000u

static u8 file[FILE_BYTES], view_bytes[IMAGE_BYTES];

static void put(u8 *base, u64 at, u64 value, u32 bytes) { memcpy(base + at, &value, bytes); }

static void section(u32 index, const char *name, u32 rva, u32 virtual_size, u32 raw, u32 raw_size, u32 flags)
{
	u64 at = SECTIONS_AT + index * 40;
	memcpy(file + at, name, strlen(name));
	put(file, at + 8, virtual_size, 4);
	put(file, at + 12, rva, 4);
	put(file, at + 16, raw_size, 4);
	put(file, at + 20, raw, 4);
	put(file, at + 36, flags, 4);
}

static void make_good(void)
{
	memset(file, 0, sizeof(file));
	put(file, 0, 0x5a4d, 2);
	put(file, 60, PE_AT, 4);
	put(file, PE_AT, 0x4550, 4);
	put(file, PE_AT + 4, 0x8664, 2);
	put(file, PE_AT + 6, 2, 2);
	put(file, PE_AT + 20, 240, 2);
	put(file, PE_AT + 22, PE_EXECUTABLE, 2);
	put(file, OPTIONAL_AT, 0x20b, 2);
	put(file, OPTIONAL_AT + 16, 0x1000, 4);
	put(file, OPTIONAL_AT + 24, 0x140000000, 8);
	put(file, OPTIONAL_AT + 32, 0x1000, 4);
	put(file, OPTIONAL_AT + 36, 0x200, 4);
	put(file, OPTIONAL_AT + 56, IMAGE_BYTES, 4);
	put(file, OPTIONAL_AT + 60, 0x400, 4);
	put(file, OPTIONAL_AT + 68, PE_CONSOLE, 2);
	put(file, OPTIONAL_AT + 108, 16, 4);
	section(0, ".text", 0x1000, 0x1000, 0x400, 0x400, PE_SCN_EXECUTE | PE_SCN_READ);
	section(1, ".data", 0x2000, 0x2000, 0x800, 0x200, PE_SCN_READ | PE_SCN_WRITE);
}

static const char *parse(struct pe_image *p)
{
	const char *step = "good";
	return pe_parse(file, sizeof(file), sizeof(file), p, &step) ? step : "good";
}

static void expect(const char *test, const char *step)
{
	struct pe_image p;
	const char *got = parse(&p);
	if (strcmp(got, step) != 0)
		printf("%s: step %s, wanted %s\n", test, got, step);
	check(test, strcmp(got, step) == 0);
	make_good();
}

static void test_headers(void)
{
	struct pe_image p;
	make_good();
	check("good_image", !strcmp(parse(&p), "good") && p.section_count == 2 && p.size == IMAGE_BYTES && p.entry == 0x1000);
	put(file, 0, 0x457f, 2); expect("elf_is_refused", "dos_header");
	put(file, 60, FILE_BYTES - 4, 4); expect("headers_behind_the_end", "pe_header");
	put(file, PE_AT + 4, 0x14c, 2); expect("i386_is_refused", "machine");
	put(file, PE_AT + 4, 0xaa64, 2); expect("arm64_is_refused", "machine");
	put(file, PE_AT + 22, 0, 2); expect("object_file_is_refused", "characteristics");
	put(file, OPTIONAL_AT, 0x10b, 2); expect("pe32_is_refused", "optional_header");
	put(file, PE_AT + 20, 100, 2); expect("short_optional_header", "optional_header");
	put(file, OPTIONAL_AT + 32, 0x20, 4); expect("driver_alignment_is_refused", "alignment");
	put(file, OPTIONAL_AT + 24, 0x140000001, 8); expect("odd_base", "image_base");
	put(file, OPTIONAL_AT + 16, IMAGE_BYTES, 4); expect("entry_behind_the_image", "entry");
	put(file, OPTIONAL_AT + 56, 0x3000, 4); expect("section_behind_the_image", "section_place");
	put(file, SECTIONS_AT + 40 + 12, 0x1000, 4); expect("sections_overlap", "section_place");
	put(file, SECTIONS_AT + 20, FILE_BYTES - 0x100, 4); expect("truncated_section", "section_data");
	put(file, PE_AT + 6, 97, 2); expect("too_many_sections", "section_table");
	put(file, PE_AT + 6, 0, 2); expect("no_sections", "section_table");
}

static void test_relocations(const struct pe_image *p)
{
	struct pe_view v = { view_bytes, IMAGE_BYTES, p };
	const char *step = NULL;
	u64 value;
	put(view_bytes, 0x2000, 0x1000, 4);
	put(view_bytes, 0x2004, 12, 4);
	put(view_bytes, 0x2008, 0xa010, 2);
	put(view_bytes, 0x1010, 0x140001234, 8);
	check("relocation", !pe_relocate(view_bytes, &v, 0x10000, &step));
	memcpy(&value, view_bytes + 0x1010, 8);
	check("relocated_value", value == 0x140011234);
	put(view_bytes, 0x2008, 0x3010, 2);
	check("high_low_is_refused", pe_relocate(view_bytes, &v, 0x10000, &step) == ERR_NOEXEC);
	put(view_bytes, 0x2000, IMAGE_BYTES - 4, 4);
	put(view_bytes, 0x2008, 0xa000, 2);
	check("place_behind_the_image", pe_relocate(view_bytes, &v, 0x10000, &step) == ERR_NOEXEC);
}

static void test_imports(const struct pe_image *p)
{
	struct pe_view v = { view_bytes, IMAGE_BYTES, p };
	struct pe_import i;
	struct pe_thunk t;
	const char *step = NULL;
	put(view_bytes, 0x2100, 0x2200, 4);
	put(view_bytes, 0x210c, 0x2300, 4);
	put(view_bytes, 0x2110, 0x2280, 4);
	put(view_bytes, 0x2200, 0x2310, 8);
	put(view_bytes, 0x2208, 1ull << 63 | 17, 8);
	memcpy(view_bytes + 0x2300, "a.dll", 6);
	put(view_bytes, 0x2310, 5, 2);
	memcpy(view_bytes + 0x2312, "name", 5);
	check("import", !pe_import_at(&v, 0, &i, &step) && !strcmp(i.dll, "a.dll"));
	check("by_name", !pe_thunk_at(&v, &i, 0, &t, &step) && t.hint == 5 && !strcmp(t.name, "name"));
	check("by_ordinal", !pe_thunk_at(&v, &i, 1, &t, &step) && !t.name && t.ordinal == 17);
	check("end_of_thunks", pe_thunk_at(&v, &i, 2, &t, &step) == ERR_NOENT);
	check("end_of_imports", pe_import_at(&v, 1, &i, &step) == ERR_NOENT);
	put(view_bytes, 0x210c, IMAGE_BYTES - 1, 4);
	view_bytes[IMAGE_BYTES - 1] = 'x';
	check("name_without_end", pe_import_at(&v, 0, &i, &step) == ERR_NOEXEC);
}

static void test_exports(const struct pe_image *p)
{
	struct pe_view v = { view_bytes, IMAGE_BYTES, p };
	struct pe_exports e;
	struct pe_symbol s;
	const char *step = NULL;
	static const char *const names[] = { "alpha", "beta" };
	put(view_bytes, 0x3010, 7, 4);  /* base */
	put(view_bytes, 0x3014, 2, 4);
	put(view_bytes, 0x3018, 2, 4);
	put(view_bytes, 0x301c, 0x3040, 4);
	put(view_bytes, 0x3020, 0x3050, 4);
	put(view_bytes, 0x3024, 0x3060, 4);
	put(view_bytes, 0x3040, 0x1100, 4);
	put(view_bytes, 0x3044, 0x3080, 4); /* inside the directory: a forwarder */
	for (u32 i = 0; i < 2; i++) {
		put(view_bytes, 0x3050 + i * 4, 0x3070 + i * 8, 4);
		put(view_bytes, 0x3060 + i * 2, i, 2);
		memcpy(view_bytes + 0x3070 + i * 8, names[i], strlen(names[i]) + 1);
	}
	memcpy(view_bytes + 0x3080, "NTDLL.Gamma", 12);
	memcpy(view_bytes + 0x3078, "beta", 5);
	check("exports", !pe_exports_open(&v, &e, &step));
	check("by_hint", !pe_export_find(&v, &e, "alpha", 0, &s) && s.rva == 0x1100 && !s.forward);
	check("by_search", !pe_export_find(&v, &e, "beta", 99, &s) && s.forward && !strcmp(s.forward, "NTDLL.Gamma"));
	check("absent", pe_export_find(&v, &e, "gamma", 0, &s) == ERR_NOENT);
	check("export_by_ordinal", !pe_export_ordinal(&v, &e, 7, &s) && s.rva == 0x1100);
	check("ordinal_below_base", pe_export_ordinal(&v, &e, 6, &s) == ERR_NOENT);
	put(view_bytes, 0x3018, 0x40000000, 4);
	check("name_table_behind_the_image", pe_exports_open(&v, &e, &step) == ERR_NOEXEC);
}

static void put_wide(u8 *base, u64 at, const char *s)
{
	for (; *s; s++, at += 2)
		put(base, at, (u8)*s, 2);
}

static void test_api_sets(void)
{
	static u8 schema[512];
	static const char name[] = "api-x-l1-1";
	struct pe_api_set set = { schema, sizeof(schema) };
	char host[PE_HOST_MAX];
	u32 hash = 0, length = sizeof(name) - 1;
	for (u32 i = 0; i < length; i++)
		hash = hash * 31 + (u8)name[i];
	put(schema, 0, 6, 4);
	put(schema, 12, 1, 4);
	put(schema, 16, 28, 4);
	put(schema, 20, 52, 4);
	put(schema, 24, 31, 4);
	put(schema, 32, 100, 4);
	put(schema, 40, length * 2, 4);
	put(schema, 44, 60, 4);
	put(schema, 48, 1, 4);
	put(schema, 52, hash, 4);
	put(schema, 72, 200, 4);
	put(schema, 76, 10, 4);
	put_wide(schema, 100, name);
	put_wide(schema, 200, "k.dll");
	check("contract", !pe_api_set_find(&set, "API-x-l1-1-0.dll", host) && !strcmp(host, "k.dll"));
	check("contract_of_another_version", !pe_api_set_find(&set, "api-x-l1-1-2", host));
	check("unknown_contract", pe_api_set_find(&set, "api-y-l1-1-0", host) == ERR_NOENT);
	check("not_a_contract", pe_api_set_find(&set, "kernel32.dll", host) == ERR_NOENT);
	set.size = 110;
	check("damaged_schema", pe_api_set_find(&set, "api-x-l1-1-0", host) != OK);
}

int main(void)
{
	static struct pe_image p;
	test_headers();
	p.directories[PE_RELOCATION] = (struct pe_directory){ 0x2000, 12 };
	p.directories[PE_IMPORT] = (struct pe_directory){ 0x2100, 40 };
	p.directories[PE_EXPORT] = (struct pe_directory){ 0x3000, 0x100 };
	test_relocations(&p);
	test_imports(&p);
	test_exports(&p);
	test_api_sets();
	check("names_without_case", pe_name_compare("KERNEL32.dll", "kernel32.DLL") == 0 && pe_name_compare("a", "b") < 0);
	return failures != 0;
}
