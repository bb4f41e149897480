// SPDX-License-Identifier: MIT
/* The global atom table: names of up to 255 characters that all Windows programs share, 0xc000 and up; "#number" and
 * numbers below 0xc000 are atoms of themselves. One lock; the table grows to 16384 names. */
#include "nt_internal.h"
#include "nt_text.h"
#include "user_ptr.h"
#include "../../lib/base/string.h"

#define FIRST_ATOM 0xc000u
#define ATOMS_MAX 0x4000u
#define NAME_CHARACTERS 255u
#define CHUNK 64u  /* names a step of growth */

struct atom { u16 *name; u32 length; u32 references; };                   /* length: characters */
struct atom_answer { u16 references, pinned, name_bytes, name[NAME_CHARACTERS + 1]; };
#define ANSWER_HEADER 6u   /* the fields before the name; the call wants room for one character behind */
#define ANSWER_MINIMUM 8u

static struct spinlock atom_lock = SPINLOCK_INIT(RANK_OBJECT);
static struct atom *atoms[ATOMS_MAX / CHUNK];  /* chunks, never freed: programs come again */
static u32 atoms_used;

static struct atom *slot(u32 i) { return &atoms[i / CHUNK][i % CHUNK]; }

static struct atom *find_locked(const u16 *name, u32 length, u32 *index)
{
	for (*index = 0; *index < atoms_used; ++*index) {
		struct atom *a = slot(*index);
		u32 i = 0;
		if (!a->name || a->length != length)
			continue;
		while (i < length && nt_upcase(a->name[i]) == nt_upcase(name[i]))
			i++;
		if (i == length)
			return a;
	}
	return NULL;
}

struct atom_name { u16 text[NAME_CHARACTERS + 1]; u32 length; u16 number; };

/* The name argument (pointer, bytes); number: it is an atom by itself. */
static s64 name_in(u64 va, u64 bytes, struct atom_name *n)
{
	u32 value = 0;
	n->number = 0;
	bytes = (u32)bytes;
	if (va < 0x10000) {
		n->number = (u16)va;
		return va && va < FIRST_ATOM ? 0 : NT(INVALID_PARAMETER);
	}
	if (!bytes)
		return NT(OBJECT_NAME_INVALID);
	if (bytes > NAME_CHARACTERS * 2)
		return NT(INVALID_PARAMETER);
	n->length = (u32)bytes / 2;
	if (copy_in(n->text, user_ptr(va), n->length * 2))
		return NT(ACCESS_VIOLATION);
	for (u32 i = 0; i < n->length; i++)
		if (!n->text[i])
			n->length = i;
	if (!n->length)
		return NT(OBJECT_NAME_INVALID);
	if (n->text[0] != '#' || n->length == 1)
		return 0;
	for (u32 i = 1; i < n->length; i++) {
		if (n->text[i] < '0' || n->text[i] > '9')
			return 0;
		value = value < 0x10000 ? value * 10 + n->text[i] - '0' : value;
	}
	if (value >= FIRST_ATOM)
		return value > 0xffff ? 0 : NT(INVALID_PARAMETER);
	n->number = (u16)value;
	return value ? 0 : NT(INVALID_PARAMETER);
}

static s64 atom_out(u64 va, u32 atom)
{
	u16 value = (u16)atom;
	return va && COPY_OUT(user_ptr(va), &value) ? NT(ACCESS_VIOLATION) : 0;
}

/* `copy` and `chunk` are spare memory; what is not used comes back in them. Returns the atom, 0: the table is full. */
static u32 add_locked(const struct atom_name *n, u16 **copy, struct atom **chunk)
{
	u32 i, index;
	struct atom *a = find_locked(n->text, n->length, &index);
	if (a) {
		a->references++;
		return FIRST_ATOM + index;
	}
	for (i = 0; i < atoms_used && slot(i)->name; i++)
		;
	if (i == ATOMS_MAX)
		return 0;
	if (i == atoms_used) {
		if (!atoms[i / CHUNK]) {
			atoms[i / CHUNK] = *chunk;
			*chunk = NULL;
		}
		atoms_used++;
	}
	*slot(i) = (struct atom){ *copy, n->length, 1 };
	*copy = NULL;
	return FIRST_ATOM + i;
}

NT_HANDLER(AddAtom)
{
	struct atom_name n;
	s64 st = name_in(a[0], a[1], &n);
	if (st || n.number)
		return st ? st : atom_out(a[2], n.number);
	u16 *copy = kmalloc(n.length * 2 + 2);
	struct atom *chunk = kmalloc(CHUNK * sizeof(*chunk));
	u32 atom = 0;
	if (copy && chunk) {
		memcpy(copy, n.text, n.length * 2);
		memset(chunk, 0, CHUNK * sizeof(*chunk));
		spin_lock(&atom_lock);
		atom = add_locked(&n, &copy, &chunk);
		spin_unlock(&atom_lock);
	}
	kfree(copy);
	kfree(chunk);
	return atom ? atom_out(a[2], atom) : NT(NO_MEMORY);
}

NT_HANDLER(FindAtom)
{
	struct atom_name n;
	u32 index;
	s64 st = name_in(a[0], a[1], &n);
	if (st || n.number)
		return st ? st : atom_out(a[2], n.number);
	spin_lock(&atom_lock);
	bool found = find_locked(n.text, n.length, &index);
	spin_unlock(&atom_lock);
	return found ? atom_out(a[2], FIRST_ATOM + index) : NT(OBJECT_NAME_NOT_FOUND);
}

NT_HANDLER(DeleteAtom)
{
	u32 atom = (u16)a[0], index = atom - FIRST_ATOM;
	u16 *name = NULL;
	if (atom && atom < FIRST_ATOM)
		return 0;
	spin_lock(&atom_lock);
	bool known = atom && index < atoms_used && slot(index)->name;
	if (known && !--slot(index)->references) {
		name = slot(index)->name;
		slot(index)->name = NULL;
	}
	spin_unlock(&atom_lock);
	kfree(name);
	return known ? 0 : NT(INVALID_HANDLE);
}

/* (atom, class, buffer, length, return length): AtomBasicInformation; the name is cut to the room. */
NT_HANDLER(QueryInformationAtom)
{
	u32 atom = (u16)a[0], index = atom - FIRST_ATOM, length = (u32)a[3], room;
	struct atom_answer answer = { .references = 1, .pinned = 1 };
	if (a[1])
		return NT(INVALID_INFO_CLASS);
	if (length < ANSWER_MINIMUM)
		return NT(INFO_LENGTH_MISMATCH);
	if (!atom)
		return NT(INVALID_PARAMETER);
	if (atom < FIRST_ATOM) {
		u16 digits[5];
		u32 count = 0;
		for (u32 v = atom; v; v /= 10)
			digits[count++] = (u16)('0' + v % 10);
		answer.name[0] = '#';
		answer.name_bytes = (u16)(2 + count * 2);
		for (u32 i = 0; i < count; i++)
			answer.name[1 + i] = digits[count - 1 - i];
	} else {
		spin_lock(&atom_lock);
		const struct atom *found = index < atoms_used && slot(index)->name ? slot(index) : NULL;
		if (found) {
			answer.references = (u16)MIN(found->references, 0xffffu);
			answer.pinned = 0;
			answer.name_bytes = (u16)(found->length * 2);
			memcpy(answer.name, found->name, found->length * 2);
		}
		spin_unlock(&atom_lock);
		if (!found)
			return NT(INVALID_HANDLE);
	}
	u32 all = ANSWER_HEADER + answer.name_bytes + 2;
	if (a[4] && COPY_OUT(user_ptr(a[4]), &all))
		return NT(ACCESS_VIOLATION);
	room = (length - ANSWER_MINIMUM) & ~1u;
	bool none = !room && answer.name_bytes;
	if (!none && answer.name_bytes > room) {
		answer.name_bytes = (u16)room;
		answer.name[room / 2] = 0;
	}
	if (copy_out(user_ptr(a[2]), &answer, none ? ANSWER_HEADER : ANSWER_HEADER + answer.name_bytes + 2u))
		return NT(ACCESS_VIOLATION);
	return none ? NT(BUFFER_TOO_SMALL) : 0;
}
