// SPDX-License-Identifier: MIT
/* The object tree: directories, symbolic links and the names of objects. A name refers to its file without a reference
 * (the name goes with the last handle) unless it is permanent; it holds its directory. One spinlock for the tree;
 * a lookup takes a file only if its references have not reached 0. Rules: MSDN, InitializeObjectAttributes. */
#include "nt.h"
#include "nt_internal.h"
#include "../../lib/base/string.h"

#define LINKS_MAX 32u          /* symbolic links of one look-up, then the path is refused */
#define PATH_CHARS_MAX 32767u  /* a UNICODE_STRING holds no more */

struct nt_name {
	struct list_node link;     /* in directory->names */
	struct file *directory;    /* referenced */
	struct file *file;         /* referenced when permanent */
	bool permanent;
	u32 chars;
	u16 text[];
};
struct nt_directory { struct list_node names; };
struct nt_symlink { struct nt_string target; };

static struct spinlock name_lock = SPINLOCK_INIT(RANK_NAME_HASH);
static struct file *root;

static void directory_release(struct file *f) { kfree(f->object); }
static const struct file_ops directory_ops = { .name = "nt-directory", .nt_type = NT_TYPE_DIRECTORY, .release = directory_release };
static void symlink_release(struct file *f)
{
	struct nt_symlink *s = f->object;
	nt_string_free(&s->target);
	kfree(s);
}
static const struct file_ops symlink_ops = { .name = "nt-symlink", .nt_type = NT_TYPE_SYMLINK, .release = symlink_release };

static struct file *directory_create(void)
{
	struct nt_directory *d = kzalloc(sizeof(*d));
	struct file *f = d ? file_create(&directory_ops, d, 2) : NULL;
	if (!f) {
		kfree(d);
		return NULL;
	}
	list_init(&d->names);
	return f;
}

/* Takes target's text over on success. */
static struct file *symlink_create(struct nt_string *target)
{
	struct nt_symlink *s = kzalloc(sizeof(*s));
	struct file *f = s ? file_create(&symlink_ops, s, 2) : NULL;
	if (!f) {
		kfree(s);
		return NULL;
	}
	s->target = *target;
	*target = (struct nt_string){ 0 };
	return f;
}

static u16 fold(u16 c)
{
	bool lower = (c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7);
	return lower ? (u16)(c - 0x20) : c;
}

static bool same_text(const u16 *x, const u16 *y, u32 chars, bool insensitive)
{
	for (u32 i = 0; i < chars; i++)
		if (insensitive ? fold(x[i]) != fold(y[i]) : x[i] != y[i])
			return false;
	return true;
}

static bool get_unless_dying(struct file *f)
{
	u32 refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);
	while (refs && !__atomic_compare_exchange_n(&f->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		continue;
	return refs != 0;
}

static struct file *find_locked(struct file *directory, const u16 *text, u32 chars, bool insensitive)
{
	struct nt_directory *d = directory->object;
	list_for_each(n, &d->names, struct nt_name, link)
		if (n->chars == chars && same_text(n->text, text, chars, insensitive) && get_unless_dying(n->file))
			return n->file;
	return NULL;
}

static struct nt_name *name_alloc(const u16 *text, u32 chars)
{
	struct nt_name *n = kzalloc(sizeof(*n) + chars * sizeof(u16));
	if (!n)
		return NULL;
	n->chars = chars;
	memcpy(n->text, text, chars * sizeof(u16));
	return n;
}

static void link_locked(struct nt_name *n, struct file *directory, struct file *f)
{
	struct nt_directory *d = directory->object;
	file_get(directory);
	n->directory = directory;
	n->file = f;
	f->nt_name = n;
	list_push_back(&d->names, &n->link);
}

void nt_name_drop(struct file *f)
{
	spin_lock(&name_lock);
	struct nt_name *n = f->nt_name;
	f->nt_name = NULL;
	if (n)
		list_remove(&n->link);
	spin_unlock(&name_lock);
	if (!n)
		return;
	file_put(n->directory);
	kfree(n);
}

void nt_name_set_permanent(struct file *f, bool permanent)
{
	spin_lock(&name_lock);
	struct nt_name *n = f->nt_name;
	bool changed = n && n->permanent != permanent;
	if (changed) {
		n->permanent = permanent;
		if (permanent)
			file_get(f);
	}
	spin_unlock(&name_lock);
	if (changed && !permanent)
		file_put(f);
}

/* ---- the fixed part ---- */
static s64 wide_from(const char *text, struct nt_string *out)
{
	u32 n = (u32)strlen(text);
	out->text = kmalloc((n + 1) * sizeof(u16));
	out->bytes = n * 2;
	for (u32 i = 0; out->text && i <= n; i++)
		out->text[i] = (u8)text[i];
	return out->text ? 0 : ERR_NOMEM;
}

s64 nt_name_add_permanent(const char *path, struct file *f)
{
	struct nt_object_attributes oa = { .attributes = NT_OBJ_CASE_INSENSITIVE | NT_OBJ_PERMANENT };
	s64 st = f ? wide_from(path, &oa.name) : ERR_NOMEM;
	if (!st)
		st = nt_name_insert(&oa, &f);
	nt_object_attributes_free(&oa);
	if (f)
		file_put(f);
	return st;
}

s64 nt_name_add_link(const char *path, const char *target)
{
	struct nt_string text;
	s64 st = wide_from(target, &text);
	if (st)
		return st;
	struct file *f = symlink_create(&text);
	nt_string_free(&text);
	return nt_name_add_permanent(path, f);
}

static void tree_make(void)
{
	static const char *const directories[] = {
		"\\BaseNamedObjects", "\\Device", "\\Driver", "\\GLOBAL??", "\\KnownDlls", "\\Sessions", "\\Sessions\\1", "\\Sessions\\0",
		"\\Sessions\\1\\BaseNamedObjects", "\\Sessions\\BNOLINKS", "\\Windows", "\\Security", "\\ObjectTypes", "\\NLS",
		"\\KernelObjects", "\\RPC Control",
	};
	static const char *const links[][2] = {
		{ "\\??", "\\GLOBAL??" }, { "\\DosDevices", "\\??" }, { "\\Sessions\\0\\BaseNamedObjects", "\\BaseNamedObjects" },
		{ "\\BaseNamedObjects\\Global", "\\BaseNamedObjects" }, { "\\BaseNamedObjects\\Local", "\\BaseNamedObjects" },
		{ "\\BaseNamedObjects\\Session", "\\Sessions\\BNOLINKS" }, { "\\Sessions\\BNOLINKS\\0", "\\BaseNamedObjects" },
		{ "\\Sessions\\BNOLINKS\\1", "\\Sessions\\1\\BaseNamedObjects" },
		{ "\\Sessions\\1\\BaseNamedObjects\\Global", "\\BaseNamedObjects" },
		{ "\\Sessions\\1\\BaseNamedObjects\\Local", "\\Sessions\\1\\BaseNamedObjects" },
		{ "\\Sessions\\1\\BaseNamedObjects\\Session", "\\Sessions\\BNOLINKS" },
		{ "\\GLOBAL??\\GLOBALROOT", "" }, { "\\GLOBAL??\\Global", "\\GLOBAL??" }, { "\\GLOBAL??\\NUL", "\\Device\\Null" },
		{ "\\GLOBAL??\\PIPE", "\\Device\\NamedPipe" }, { "\\GLOBAL??\\MAILSLOT", "\\Device\\Mailslot" },
		{ "\\GLOBAL??\\CON", "\\Device\\ConDrv\\Console" }, { "\\GLOBAL??\\CONIN$", "\\Device\\ConDrv\\CurrentIn" },
		{ "\\GLOBAL??\\CONOUT$", "\\Device\\ConDrv\\CurrentOut" },
	};
	s64 st = 0;
	for (u32 i = 0; i < ARRAY_SIZE(directories); i++)
		st = nt_name_add_permanent(directories[i], directory_create()) ? ERR_NOMEM : st;
	for (u32 i = 0; i < ARRAY_SIZE(links); i++)
		st = nt_name_add_link(links[i][0], links[i][1]) ? ERR_NOMEM : st;
	if (st || nt_volume_links_add())
		klog(LOG_WARN, "nt: the object tree is not complete");
}

static status_t tree_init(void)
{
	if (likely(__atomic_load_n(&root, __ATOMIC_ACQUIRE)))
		return OK;
	struct file *fresh = directory_create(), *expected = NULL;
	if (!fresh)
		return ERR_NOMEM;
	if (!__atomic_compare_exchange_n(&root, &expected, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		file_put(fresh);
	else
		tree_make();
	return OK;
}

/* ---- look-up ---- */
struct walk {
	struct file *directory;   /* referenced: where the last component belongs */
	struct nt_string path;    /* what is left; own copy once a link was met */
	u32 at;                   /* chars of path that are used up */
	u32 last, last_chars;     /* the last component, in path.text */
	u32 links;
	bool insensitive, own_path;
};

static void walk_done(struct walk *w)
{
	if (w->directory)
		file_put(w->directory);
	if (w->own_path)
		nt_string_free(&w->path);
}

/* The path becomes target + what follows `at`, from the root. */
static s64 follow(struct walk *w, struct file *link, u32 at)
{
	struct nt_symlink *s = link->object;
	u32 rest = w->path.bytes / 2 - at, head = s->target.bytes / 2;
	if (++w->links > LINKS_MAX || head + rest > PATH_CHARS_MAX)
		return NT(OBJECT_NAME_NOT_FOUND);
	u16 *text = kmalloc((head + rest + 1) * sizeof(u16));
	if (!text)
		return ERR_NOMEM;
	if (head)
		memcpy(text, s->target.text, head * sizeof(u16));
	memcpy(text + head, w->path.text + at, rest * sizeof(u16));
	text[head + rest] = 0;
	if (w->own_path)
		nt_string_free(&w->path);
	w->path = (struct nt_string){ text, (head + rest) * 2 };
	w->own_path = true;
	w->at = 0;
	file_put(w->directory);
	file_get(root);
	w->directory = root;
	return 0;
}

static void step_into(struct walk *w, struct file *directory)
{
	file_put(w->directory);
	w->directory = directory;
}

/* Moves over one component that is not the last. */
static s64 walk_component(struct walk *w, u32 start, u32 end)
{
	spin_lock(&name_lock);
	struct file *f = find_locked(w->directory, w->path.text + start, end - start, w->insensitive);
	spin_unlock(&name_lock);
	if (!f)
		return NT(OBJECT_PATH_NOT_FOUND);
	if (f->ops->nt_type == NT_TYPE_DIRECTORY) {
		step_into(w, f);
		w->at = end;
		return 0;
	}
	s64 st = f->ops->nt_type == NT_TYPE_SYMLINK ? follow(w, f, end) : NT(OBJECT_PATH_NOT_FOUND);
	file_put(f);
	return st;
}

/* Up to the last component; the whole path may be only "\". */
static s64 walk_parents(struct walk *w)
{
	for (;;) {
		u32 chars = w->path.bytes / 2, start = w->at, end;
		if (start < chars && w->path.text[start] == '\\')
			start++;
		for (end = start; end < chars && w->path.text[end] != '\\'; end++)
			continue;
		w->last = start;
		w->last_chars = end - start;
		if (end == chars)
			return 0;
		if (end == start)
			return NT(OBJECT_NAME_INVALID);
		s64 st = walk_component(w, start, end);
		if (st)
			return st;
	}
}

static s64 walk_begin(struct walk *w, const struct nt_object_attributes *oa)
{
	*w = (struct walk){ .path = oa->name, .insensitive = oa->attributes & NT_OBJ_CASE_INSENSITIVE };
	status_t st = tree_init();
	if (st)
		return st;
	if (oa->root) {
		if (oa->name.text && oa->name.text[0] == '\\')
			return NT(OBJECT_PATH_SYNTAX_BAD);
		s64 found = nt_handle_get(oa->root, NT_TYPE_DIRECTORY, 0, &w->directory);
		if (found)
			return found;
	} else {
		if (!oa->name.text || oa->name.text[0] != '\\')
			return NT(OBJECT_PATH_SYNTAX_BAD);
		file_get(root);
		w->directory = root;
	}
	return walk_parents(w);
}

/* The object of the last component, links followed as asked; NT(OBJECT_NAME_NOT_FOUND) leaves the walk at the parent. */
static s64 walk_last(struct walk *w, bool keep_link, struct file **out)
{
	for (;;) {
		struct file *f = w->directory;
		if (w->last_chars) {
			spin_lock(&name_lock);
			f = find_locked(w->directory, w->path.text + w->last, w->last_chars, w->insensitive);
			spin_unlock(&name_lock);
		} else {
			file_get(f);
		}
		*out = f;
		if (!f)
			return NT(OBJECT_NAME_NOT_FOUND);
		if (f->ops->nt_type != NT_TYPE_SYMLINK || keep_link)
			return 0;
		s64 st = follow(w, f, w->last + w->last_chars);
		file_put(f);
		*out = NULL;
		if (!st)
			st = walk_parents(w);
		if (st)
			return st;
	}
}

s64 nt_name_open(const struct nt_object_attributes *oa, enum nt_type type, struct file **out)
{
	struct walk w;
	*out = NULL;
	s64 st = walk_begin(&w, oa);
	if (!st)
		st = walk_last(&w, type == NT_TYPE_SYMLINK || (oa->attributes & NT_OBJ_OPENLINK), out);
	walk_done(&w);
	if (!st && type != NT_TYPE_ANY && (*out)->ops->nt_type != (u32)type) {
		file_put(*out);
		*out = NULL;
		st = NT(OBJECT_TYPE_MISMATCH);
	}
	return st;
}

static s64 existing(const struct nt_object_attributes *oa, struct file **f, struct file *found)
{
	if ((oa->attributes & NT_OBJ_OPENIF) && found->ops->nt_type == (*f)->ops->nt_type) {
		file_put(*f);
		*f = found;
		return NT(OBJECT_NAME_EXISTS);
	}
	s64 st = (oa->attributes & NT_OBJ_OPENIF) ? NT(OBJECT_TYPE_MISMATCH) : NT(OBJECT_NAME_COLLISION);
	file_put(found);
	return st;
}

static s64 insert_at(struct walk *w, const struct nt_object_attributes *oa, struct file **f)
{
	struct file *found = NULL;
	struct nt_name *n = name_alloc(w->path.text + w->last, w->last_chars);
	if (!n)
		return ERR_NOMEM;
	spin_lock(&name_lock);
	found = find_locked(w->directory, n->text, n->chars, w->insensitive);
	if (!found)
		link_locked(n, w->directory, *f);
	spin_unlock(&name_lock);
	if (found) { /* another thread was faster */
		kfree(n);
		return existing(oa, f, found);
	}
	if (oa->attributes & NT_OBJ_PERMANENT)
		nt_name_set_permanent(*f, true);
	return 0;
}

s64 nt_name_insert(const struct nt_object_attributes *oa, struct file **f)
{
	struct walk w;
	struct file *found = NULL;
	if (!oa->name.text)
		return oa->root ? NT(OBJECT_NAME_INVALID) : 0;
	s64 st = walk_begin(&w, oa);
	if (!st)
		st = walk_last(&w, (*f)->ops->nt_type == NT_TYPE_SYMLINK || (oa->attributes & NT_OBJ_OPENLINK), &found);
	if (!st)
		st = existing(oa, f, found);
	else if (st == NT(OBJECT_NAME_NOT_FOUND) && w.last_chars)
		st = insert_at(&w, oa, f);
	walk_done(&w);
	return st;
}

/* Characters of the path; written so that it ends at `end`, if given. */
static u32 path_locked(struct file *f, u16 *end)
{
	u32 chars = 0;
	for (struct nt_name *n = f->nt_name; n; n = n->directory->nt_name) {
		chars += n->chars + 1;
		if (!end)
			continue;
		end -= n->chars;
		memcpy(end, n->text, n->chars * sizeof(u16));
		*--end = '\\';
	}
	return chars;
}

s64 nt_name_of(struct file *f, struct nt_string *out)
{
	*out = (struct nt_string){ 0 };
	if (f->where.node && !f->ops->nt_type)
		return nt_file_object_name(f, out);
	if (f == root && root)
		return wide_from("\\", out);
	spin_lock(&name_lock);
	u32 chars = path_locked(f, NULL);
	spin_unlock(&name_lock);
	if (!chars)
		return 0;
	u16 *text = kmalloc((chars + 1) * sizeof(u16));
	if (!text)
		return ERR_NOMEM;
	spin_lock(&name_lock);
	if (path_locked(f, NULL) == chars) /* a name is given once and never changed */
		path_locked(f, text + chars);
	spin_unlock(&name_lock);
	text[chars] = 0;
	*out = (struct nt_string){ text, chars * 2 };
	return 0;
}

s64 nt_object_create(struct file *f, const u64 *a)
{
	struct nt_object_attributes oa;
	if (!f)
		return ERR_NOMEM;
	s64 st = nt_object_attributes_in(a[2], &oa);
	if (!st)
		st = nt_name_insert(&oa, &f);
	u32 attributes = oa.attributes, access = nt_access_map(f->ops->nt_type, (u32)a[1]);
	nt_object_attributes_free(&oa);
	if (st && st != NT(OBJECT_NAME_EXISTS)) {
		file_put(f);
		return st;
	}
	return nt_handle_out(f, access, attributes, a[0], st);
}

s64 nt_object_open(const u64 *a, enum nt_type type)
{
	struct nt_object_attributes oa;
	struct file *f;
	s64 st = nt_object_attributes_in(a[2], &oa);
	if (!st)
		st = !a[2] ? NT(INVALID_PARAMETER) : nt_name_open(&oa, type, &f);
	u32 attributes = oa.attributes;
	nt_object_attributes_free(&oa);
	return st ? st : nt_handle_out(f, nt_access_map(type, (u32)a[1]), attributes, a[0], 0);
}

NT_HANDLER(CreateDirectoryObject) { return nt_object_create(directory_create(), a); }
NT_HANDLER(OpenDirectoryObject) { return nt_object_open(a, NT_TYPE_DIRECTORY); }
NT_HANDLER(OpenSymbolicLinkObject) { return nt_object_open(a, NT_TYPE_SYMLINK); }

NT_HANDLER(CreateSymbolicLinkObject)
{
	struct nt_string target;
	s64 st = nt_string_in(a[3], &target);
	if (st)
		return st;
	if (!target.text)
		return NT(INVALID_PARAMETER);
	struct file *f = symlink_create(&target);
	nt_string_free(&target);
	return nt_object_create(f, a);
}

struct unicode_header { u16 length, maximum_length; u32 unused; u64 buffer; };

NT_HANDLER(QuerySymbolicLinkObject)
{
	struct file *f;
	struct unicode_header u;
	s64 st = nt_handle_get(a[0], NT_TYPE_SYMLINK, 1, &f);
	if (st)
		return st;
	struct nt_symlink *s = f->object;
	u32 needed = s->target.bytes + 2;
	if (COPY_IN(&u, user_ptr(a[1])) || (a[2] && COPY_OUT(user_ptr(a[2]), &needed)))
		st = NT(ACCESS_VIOLATION);
	else if (u.maximum_length < (a[2] ? needed : s->target.bytes))
		st = NT(BUFFER_TOO_SMALL);
	u.length = (u16)s->target.bytes;
	if (!st && ((s->target.bytes && copy_out(user_ptr(u.buffer), s->target.text, MIN(needed, u.maximum_length))) ||
	    COPY_OUT(user_ptr(a[1]), &u)))
		st = NT(ACCESS_VIOLATION);
	file_put(f);
	return st;
}

struct directory_entry { struct unicode_header name, type; };
struct listed { u16 text[256]; u32 chars; enum nt_type type; };

static bool entry_at(struct file *directory, u32 index, struct listed *out)
{
	struct nt_directory *d = directory->object;
	u32 i = 0;
	bool found = false;
	spin_lock(&name_lock);
	list_for_each(n, &d->names, struct nt_name, link) {
		if (i++ != index)
			continue;
		out->chars = MIN(n->chars, (u32)ARRAY_SIZE(out->text) - 1);
		memcpy(out->text, n->text, out->chars * sizeof(u16));
		out->type = n->file->ops->nt_type;
		found = true;
		break;
	}
	spin_unlock(&name_lock);
	out->text[found ? out->chars : 0] = 0;
	return found;
}

/* One entry: two strings whose text lies behind the array of entries; the terminating empty entry is part of it. */
static s64 entry_out(const u64 *a, const struct listed *l, u32 *needed)
{
	u16 type[32];
	u32 type_chars = 0;
	for (const char *s = nt_type_name(l->type); *s; s++)
		type[type_chars++] = (u8)*s;
	type[type_chars] = 0;
	u64 text = a[1] + 2 * sizeof(struct directory_entry);
	u32 name_bytes = (l->chars + 1) * 2, type_bytes = (type_chars + 1) * 2;
	struct directory_entry e[2] = { {
		{ (u16)(name_bytes - 2), (u16)name_bytes, 0, text },
		{ (u16)(type_bytes - 2), (u16)type_bytes, 0, text + name_bytes } } };
	*needed = (u32)sizeof(e) + name_bytes + type_bytes;
	if ((u32)a[2] < *needed)
		return NT(BUFFER_TOO_SMALL);
	if (COPY_OUT(user_ptr(a[1]), &e) || copy_out(user_ptr(text), l->text, name_bytes) ||
	    copy_out(user_ptr(text + name_bytes), type, type_bytes))
		return NT(ACCESS_VIOLATION);
	return 0;
}

/* (directory, buffer, length, one entry, restart, context, return length). One entry a call; MORE_ENTRIES says go on. */
NT_HANDLER(QueryDirectoryObject)
{
	struct file *f;
	struct listed l, next;
	u32 context = 0, needed = 0;
	s64 st = nt_handle_get(a[0], NT_TYPE_DIRECTORY, 1, &f);
	if (st)
		return st;
	if (!(u8)a[4] && COPY_IN(&context, user_ptr(a[5])))
		st = NT(ACCESS_VIOLATION);
	else if (!entry_at(f, context, &l))
		st = NT(NO_MORE_ENTRIES);
	else
		st = entry_out(a, &l, &needed);
	if (!st) {
		context++;
		if (COPY_OUT(user_ptr(a[5]), &context))
			st = NT(ACCESS_VIOLATION);
		else if (!(u8)a[3] && entry_at(f, context, &next))
			st = NT(MORE_ENTRIES);
	}
	file_put(f);
	if (a[6] && COPY_OUT(user_ptr(a[6]), &needed))
		return NT(ACCESS_VIOLATION);
	return st;
}
