// SPDX-License-Identifier: MIT
/* The volumes and their mount points as the reply of IOCTL_MOUNTMGR_QUERY_POINTS (nt_mount.h). Each volume has two links:
 * \??\Volume{GUID} and \DosDevices\C:. Its id is the path in the guest. */
#include "nt_mount.h"

#include "nt_text.h"
#include "string.h"

#define TEXT_UNITS_MAX (NT_MOUNT_TEXT_MAX / 2)

const struct nt_volume nt_volumes[NT_VOLUMES] = {
	{ 'C', NT_VOLUME_ROOT_C, "HarddiskVolume1", NT_VOLUME_NAME_C },
	{ 'Z', "/", "HarddiskVolume2", NT_VOLUME_NAME_Z },
};

const struct nt_volume *nt_volume_of(const char *path, u32 *skip)
{
	const u32 length = sizeof(NT_VOLUME_ROOT_C) - 1;
	bool on_c = !strncmp(path, NT_VOLUME_ROOT_C, length) && (path[length] == '/' || !path[length]);
	*skip = on_c ? length : 0;
	return &nt_volumes[on_c ? 0 : 1];
}

bool nt_mount_request_is_sound(const struct nt_mount_point *request, u32 bytes)
{
	for (u32 i = 0; i < NT_MOUNT_PARTS; i++)
		if ((u64)request->part[i].at + request->part[i].bytes > bytes)
			return false;
	return true;
}

struct text { u16 units[TEXT_UNITS_MAX]; u32 count; };

static void append(struct text *t, const char *ascii)
{
	for (; *ascii && t->count < TEXT_UNITS_MAX; ascii++)
		t->units[t->count++] = (u8)*ascii;
}

static bool is_wanted_text(const struct nt_mount_wanted *w, enum nt_mount_part_kind kind, const struct text *t)
{
	u16 wanted[TEXT_UNITS_MAX];
	if (!w->bytes[kind])
		return true;
	if (w->bytes[kind] != t->count * 2)
		return false;
	memcpy(wanted, w->text[kind], t->count * 2);
	for (u32 i = 0; i < t->count; i++)
		if (nt_upcase(wanted[i]) != nt_upcase(t->units[i]))
			return false;
	return true;
}

static bool is_wanted_id(const struct nt_mount_wanted *w, const char *id)
{
	u32 bytes = (u32)strlen(id);
	return !w->bytes[NT_MOUNT_ID] || (w->bytes[NT_MOUNT_ID] == bytes && !memcmp(w->text[NT_MOUNT_ID], id, bytes));
}

static struct nt_mount_part put_part(u8 *out, u32 *at, const void *data, u32 bytes)
{
	struct nt_mount_part part = { .at = *at, .bytes = (u16)bytes };
	memcpy(out + *at, data, bytes);
	*at = (*at + bytes + 1) & ~1u; /* texts are of 16-bit units */
	return part;
}

struct found { const struct nt_volume *volume; struct text link, device; };

/* The points that are wanted; room for two of each volume. */
static u32 find(const struct nt_mount_wanted *w, struct found *out)
{
	u32 count = 0;
	for (u32 i = 0; i < NT_VOLUMES * 2; i++) {
		const struct nt_volume *v = &nt_volumes[i / 2];
		const char drive[] = { v->letter, ':', '\0' };
		struct found *f = &out[count];
		*f = (struct found){ .volume = v };
		append(&f->link, i % 2 ? "\\DosDevices\\" : "\\??\\");
		append(&f->link, i % 2 ? drive : v->name);
		append(&f->device, "\\Device\\");
		append(&f->device, v->device);
		count += is_wanted_text(w, NT_MOUNT_LINK, &f->link) && is_wanted_text(w, NT_MOUNT_DEVICE, &f->device) &&
			is_wanted_id(w, v->root);
	}
	return count;
}

u32 nt_mount_reply(const struct nt_mount_wanted *wanted, u8 *out)
{
	struct found found[NT_VOLUMES * 2];
	u32 count = find(wanted, found), at = (u32)(sizeof(struct nt_mount_points) + count * sizeof(struct nt_mount_point));
	memset(out, 0, NT_MOUNT_REPLY_MAX);
	for (u32 i = 0; i < count; i++) {
		struct nt_mount_point p;
		const struct found *f = &found[i];
		p.part[NT_MOUNT_DEVICE] = put_part(out, &at, f->device.units, f->device.count * 2);
		p.part[NT_MOUNT_LINK] = put_part(out, &at, f->link.units, f->link.count * 2);
		p.part[NT_MOUNT_ID] = put_part(out, &at, f->volume->root, (u32)strlen(f->volume->root));
		memcpy(out + sizeof(struct nt_mount_points) + i * sizeof(p), &p, sizeof(p));
	}
	struct nt_mount_points head = { .size = at, .count = count };
	memcpy(out, &head, sizeof(head));
	return at;
}
