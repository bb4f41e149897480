// SPDX-License-Identifier: MIT
// What a Windows program sees of a Unix start: UTF-16, DOS paths, one command line (the rules of CommandLineToArgv in
// reverse), and an environment in its terms. Source of the quoting rules: Microsoft's page on CommandLineToArgvW.
#include "pe.h"

#include <stdlib.h>
#include <string.h>

#include "../../lib/base/string.h"

#define REPLACEMENT 0xfffdu
#define GROW_UNITS 4096u
#define VARIABLES_MAX 1024u

/* ---- UTF-16 ---- */
void pe_put_unit(struct pe_text16 *t, u16 unit)
{
	if (t->count == t->room) {
		u32 room = t->room + MAX(t->room, GROW_UNITS);
		u16 *at = realloc(t->at, (size_t)room * 2);
		if (!at) {
			t->failed = true;
			return;
		}
		t->at = at;
		t->room = room;
	}
	t->at[t->count++] = unit;
}

/* One character of at most `size` bytes; bytes that are not UTF-8 become U+FFFD one by one. */
static size_t decode(const u8 *s, size_t size, u32 *c)
{
	u32 need = s[0] < 0x80 ? 0 : s[0] >= 0xc2 && s[0] < 0xe0 ? 1 : s[0] >= 0xe0 && s[0] < 0xf0 ? 2 : s[0] >= 0xf0 && s[0] < 0xf5 ? 3 : 9;
	static const u32 least[] = { 0, 0x80, 0x800, 0x10000 };
	*c = REPLACEMENT;
	if (need == 9 || need >= size)
		return 1;
	u32 v = need ? s[0] & (0x3fu >> need) : s[0];
	for (u32 i = 1; i <= need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (s[i] & 0x3fu);
	}
	if (v < least[need] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*c = v;
	return need + 1;
}

void pe_put(struct pe_text16 *t, const char *utf8, size_t size)
{
	for (size_t i = 0; i < size;) {
		u32 c;
		i += decode((const u8 *)utf8 + i, size - i, &c);
		if (c >= 0x10000)
			pe_put_unit(t, (u16)(0xd7c0 + (c >> 10)));
		pe_put_unit(t, (u16)(c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c));
	}
}

static void put_text(struct pe_text16 *t, const char *s) { pe_put(t, s, strlen(s)); }

/* ---- paths ---- */
static void put_dos_path(struct pe_text16 *t, const char *path, size_t n)
{
	size_t prefix = sizeof(WINDOWS_DRIVE_C) - 1;
	bool drive_c = n >= prefix && memcmp(path, WINDOWS_DRIVE_C, prefix) == 0 && (n == prefix || path[prefix] == '/');
	u32 start = t->count + 2;
	put_text(t, drive_c ? "C:" : "Z:");
	if (n == (drive_c ? prefix : 0))
		pe_put_unit(t, '\\');
	pe_put(t, path + (drive_c ? prefix : 0), n - (drive_c ? prefix : 0));
	for (u32 i = start; i < t->count && !t->failed; i++)
		if (t->at[i] == '/')
			t->at[i] = '\\';
}

void pe_put_dos_path(struct pe_text16 *t, const char *path) { put_dos_path(t, path, strlen(path)); }

/* ---- the command line ---- */
static void put_repeated(struct pe_text16 *t, u16 unit, u32 count)
{
	while (count--)
		pe_put_unit(t, unit);
}

/* Backslashes count only before a quote: they are doubled there and before the closing quote. */
static void put_argument(struct pe_text16 *t, const char *s)
{
	u32 slashes = 0;
	if (*s && !strpbrk(s, " \t\n\v\"")) {
		put_text(t, s);
		return;
	}
	pe_put_unit(t, '"');
	for (size_t i = 0, n; s[i]; i += n) {
		n = strcspn(s + i, "\\\"");
		if (n) {
			put_repeated(t, '\\', slashes);
			slashes = 0;
			pe_put(t, s + i, n);
			continue;
		}
		n = 1;
		if (s[i] == '\\') {
			slashes++;
			continue;
		}
		put_repeated(t, '\\', slashes * 2 + 1);
		slashes = 0;
		pe_put_unit(t, '"');
	}
	put_repeated(t, '\\', slashes * 2);
	pe_put_unit(t, '"');
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The program: its full path, unless it was called by another name. Quotes cannot be escaped in this place. */
static void put_program(struct pe_text16 *t, const struct pe_program *p, const char *name)
{
	bool same = strcmp(base_name(name), base_name(p->unix_path)) == 0;
	bool quoted = strpbrk(same ? p->unix_path : name, " \t") != NULL || !*name;
	if (quoted)
		pe_put_unit(t, '"');
	if (same)
		pe_put_dos_path(t, p->unix_path);
	else
		put_text(t, name);
	if (quoted)
		pe_put_unit(t, '"');
}

void pe_put_command_line(struct pe_text16 *t, const struct pe_program *p)
{
	const char *at = p->text;
	for (u32 i = 0; i < p->arguments.argc; i++, at += strlen(at) + 1) {
		if (i == 0) {
			put_program(t, p, at);
			continue;
		}
		pe_put_unit(t, ' ');
		put_argument(t, at);
	}
}

/* ---- environment ---- */
struct variable { const char *name; const char *value; u32 name_size; bool path_list, path; };
struct variables { struct variable list[VARIABLES_MAX]; u32 count; };

static int name_order(const struct variable *a, const struct variable *b)
{
	for (u32 i = 0; i < MIN(a->name_size, b->name_size); i++) {
		int x = (u8)a->name[i], y = (u8)b->name[i];
		x -= x >= 'a' && x <= 'z' ? 32 : 0;
		y -= y >= 'a' && y <= 'z' ? 32 : 0;
		if (x != y)
			return x - y;
	}
	return (int)a->name_size - (int)b->name_size;
}

/* Sorted, without case; the first of a name stays. */
static void set_variable(struct variables *v, struct variable add)
{
	u32 low = 0, high = v->count;
	while (low < high) {
		u32 middle = low + (high - low) / 2;
		int order = name_order(&v->list[middle], &add);
		if (order == 0)
			return;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (v->count == VARIABLES_MAX)
		return;
	memmove(&v->list[low + 1], &v->list[low], (v->count - low) * sizeof(v->list[0]));
	v->list[low] = add;
	v->count++;
}

static void set_text(struct variables *v, const char *name, const char *value)
{
	set_variable(v, (struct variable){ .name = name, .value = value, .name_size = (u32)strlen(name) });
}

static void set_path(struct variables *v, const char *name, const char *unix_path)
{
	set_variable(v, (struct variable){ .name = name, .value = unix_path, .name_size = (u32)strlen(name), .path = true });
}

static const char *find(const struct pe_program *p, const char *name)
{
	const char *at = p->text;
	size_t n = strlen(name);
	for (u32 i = 0; i < p->arguments.argc; i++)
		at += strlen(at) + 1;
	for (u32 i = 0; i < p->arguments.envc; i++, at += strlen(at) + 1)
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			return at + n + 1;
	return NULL;
}

static void take_given(struct variables *v, const struct pe_program *p)
{
	static const char *const paths[] = { "HOME", "PWD", "OLDPWD", "TMPDIR" };
	const char *at = p->text;
	for (u32 i = 0; i < p->arguments.argc; i++)
		at += strlen(at) + 1;
	for (u32 i = 0; i < p->arguments.envc; i++, at += strlen(at) + 1) {
		const char *equals = strchr(at + (*at == '='), '=');
		if (!equals || equals == at)
			continue;
		struct variable one = { .name = at, .value = equals + 1, .name_size = (u32)(equals - at) };
		one.path_list = one.name_size == 4 && memcmp(at, "PATH", 4) == 0;
		for (u32 k = 0; k < ARRAY_SIZE(paths); k++)
			one.path |= one.name_size == strlen(paths[k]) && memcmp(at, paths[k], one.name_size) == 0 && one.value[0] == '/';
		set_variable(v, one);
	}
}

static const char *user_name(const struct pe_program *p)
{
	const char *name = find(p, "USER");
	return name && *name ? name : p->arguments.uid == 0 ? "root" : "user";
}

/* Text of variables that is made here. */
static __thread struct { char profile[512], roaming[512], local[512], home_path[512], processors[12];
	char level[12], revision[8], identifier[128]; } made;

static void set_profile(struct variables *v, const char *user)
{
	fmt_snprintf(made.profile, sizeof(made.profile), WINDOWS_DRIVE_C "/Users/%.200s", user);
	fmt_snprintf(made.roaming, sizeof(made.roaming), "%s/AppData/Roaming", made.profile);
	fmt_snprintf(made.local, sizeof(made.local), "%s/AppData/Local", made.profile);
	fmt_snprintf(made.home_path, sizeof(made.home_path), "\\Users\\%.200s", user);
	set_path(v, "USERPROFILE", made.profile);
	set_path(v, "APPDATA", made.roaming);
	set_path(v, "LOCALAPPDATA", made.local);
	set_text(v, "HOMEDRIVE", "C:");
	set_text(v, "HOMEPATH", made.home_path);
}

/* What CPUID tells, in the words of Windows. */
static void set_processor(struct variables *v)
{
	u32 a, b, c, d;
	char vendor[13] = "";
	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0), "c"(0));
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &d, 4);
	memcpy(vendor + 8, &c, 4);
	__asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(1), "c"(0));
	u32 family = (a >> 8 & 15) + ((a >> 8 & 15) == 15 ? a >> 20 & 255 : 0);
	u32 model = (a >> 4 & 15) | (a >> 12 & 0xf0), stepping = a & 15;
	fmt_snprintf(made.level, sizeof(made.level), "%u", family);
	fmt_snprintf(made.revision, sizeof(made.revision), "%02x%02x", model, stepping);
	fmt_snprintf(made.identifier, sizeof(made.identifier), "%s Family %u Model %u Stepping %u, %s",
		!strcmp(vendor, "GenuineIntel") ? "Intel64" : "AMD64", family, model, stepping, vendor);
	set_text(v, "PROCESSOR_ARCHITECTURE", "AMD64");
	set_text(v, "PROCESSOR_LEVEL", made.level);
	set_text(v, "PROCESSOR_REVISION", made.revision);
	set_text(v, "PROCESSOR_IDENTIFIER", made.identifier);
	set_text(v, "NUMBER_OF_PROCESSORS", made.processors);
}

static void set_usual(struct variables *v, const struct pe_program *p)
{
	const char *temp = find(p, "TMPDIR"), *user = user_name(p);
	fmt_snprintf(made.processors, sizeof(made.processors), "%u", p->arguments.processors);
	set_profile(v, user);
	temp = temp && temp[0] == '/' ? temp : WINDOWS_DRIVE_C "/Temp";
	set_path(v, "TEMP", temp);
	set_path(v, "TMP", temp);
	set_text(v, "SystemRoot", "C:\\windows"); /* as GetWindowsDirectory spells it */
	set_text(v, "windir", "C:\\windows");
	set_path(v, "COMSPEC", WINDOWS_DRIVE_C "/Windows/System32/cmd.exe");
	set_path(v, "ProgramData", WINDOWS_DRIVE_C "/ProgramData");
	set_path(v, "ALLUSERSPROFILE", WINDOWS_DRIVE_C "/ProgramData");
	set_path(v, "PUBLIC", WINDOWS_DRIVE_C "/Users/Public");
	set_text(v, "SystemDrive", "C:");
	set_path(v, "ProgramFiles", WINDOWS_DRIVE_C "/Program Files");
	set_path(v, "ProgramFiles(x86)", WINDOWS_DRIVE_C "/Program Files (x86)");
	set_path(v, "ProgramW6432", WINDOWS_DRIVE_C "/Program Files");
	set_path(v, "CommonProgramFiles", WINDOWS_DRIVE_C "/Program Files/Common Files");
	set_path(v, "CommonProgramFiles(x86)", WINDOWS_DRIVE_C "/Program Files (x86)/Common Files");
	set_path(v, "CommonProgramW6432", WINDOWS_DRIVE_C "/Program Files/Common Files");
	set_text(v, "LOGONSERVER", "\\\\AMBOS");
	set_text(v, "SESSIONNAME", "Console");
	set_text(v, "USERNAME", user);
	set_text(v, "WINEUSERNAME", user);
	set_text(v, "USERDOMAIN", "AMBOS");
	set_text(v, "COMPUTERNAME", "AMBOS");
	set_text(v, "OS", "Windows_NT");
	set_text(v, "PATHEXT", ".COM;.EXE;.BAT;.CMD;.");
	set_processor(v);
}

static void put_path_list(struct pe_text16 *t, const char *list)
{
	pe_put_dos_path(t, WINDOWS_DRIVE_C "/Windows/System32");
	pe_put_unit(t, ';');
	pe_put_dos_path(t, WINDOWS_DRIVE_C "/Windows");
	for (const char *at = list; at && *at;) {
		size_t n = strcspn(at, ":");
		if (n && at[0] == '/') {
			pe_put_unit(t, ';');
			put_dos_path(t, at, n);
		}
		at += n + (at[n] == ':');
	}
}

void pe_put_environment(struct pe_text16 *t, const struct pe_program *p)
{
	static __thread struct variables v; /* 40 KiB */
	v.count = 0;
	take_given(&v, p);
	set_usual(&v, p);
	if (!find(p, "PATH"))
		set_variable(&v, (struct variable){ .name = "PATH", .value = "", .name_size = 4, .path_list = true });
	for (u32 i = 0; i < v.count; i++) {
		const struct variable *one = &v.list[i];
		pe_put(t, one->name, one->name_size);
		pe_put_unit(t, '=');
		if (one->path_list)
			put_path_list(t, one->value);
		else if (one->path)
			pe_put_dos_path(t, one->value);
		else
			put_text(t, one->value);
		pe_put_unit(t, 0);
	}
	pe_put_unit(t, 0);
}
