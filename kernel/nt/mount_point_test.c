// SPDX-License-Identifier: MIT
// Unit test of the mount point manager's reply: who is told for what is wanted, that every part lies inside it, bad requests.
// LINK: kernel/nt/mount_point.c kernel/nt/text.c
// CFLAGS: -Ikernel/include -Ilib/base
#include "nt_mount.h"
#include "../../tests/unit.h"

#include <stdio.h>
#include <string.h>

static void want(struct nt_mount_wanted *w, enum nt_mount_part_kind kind, const char *text)
{
	w->bytes[kind] = (u32)strlen(text) * (kind == NT_MOUNT_ID ? 1 : 2);
	for (u32 i = 0; text[i]; i++) {
		u16 unit = (u8)text[i];
		if (kind == NT_MOUNT_ID)
			w->text[kind][i] = (u8)text[i];
		else
			memcpy(w->text[kind] + 2 * i, &unit, 2);
	}
}

static u32 points_of(const struct nt_mount_wanted *w)
{
	u8 out[NT_MOUNT_REPLY_MAX];
	struct nt_mount_points head;
	u32 size = nt_mount_reply(w, out);
	memcpy(&head, out, sizeof(head));
	check("size", head.size == size && size <= sizeof(out));
	for (u32 i = 0; i < head.count; i++) {
		struct nt_mount_point p;
		memcpy(&p, out + sizeof(head) + i * sizeof(p), sizeof(p));
		check("parts lie inside", nt_mount_request_is_sound(&p, size));
		check("texts are aligned", p.part[NT_MOUNT_LINK].at % 2 == 0 && p.part[NT_MOUNT_DEVICE].at % 2 == 0);
	}
	return head.count;
}

static u32 points(enum nt_mount_part_kind kind, const char *text)
{
	struct nt_mount_wanted w = { 0 };
	want(&w, kind, text);
	return points_of(&w);
}

static void who_is_told(void)
{
	struct nt_mount_wanted w = { 0 };
	check("all", points_of(&w) == NT_VOLUMES * 2);
	check("a drive", points(NT_MOUNT_LINK, "\\DosDevices\\C:") == 1);
	check("in any case", points(NT_MOUNT_LINK, "\\dosdevices\\z:") == 1);
	check("a volume", points(NT_MOUNT_LINK, "\\??\\" NT_VOLUME_NAME_C) == 1);
	check("no volume", points(NT_MOUNT_LINK, "\\??\\Volume") == 0);
	check("a device", points(NT_MOUNT_DEVICE, "\\Device\\HarddiskVolume2") == 2);
	check("no device", points(NT_MOUNT_DEVICE, "\\Device\\HarddiskVolume3") == 0);
	check("an id", points(NT_MOUNT_ID, "/") == 2);
	check("no id", points(NT_MOUNT_ID, "/system") == 0);
	want(&w, NT_MOUNT_LINK, "\\DosDevices\\C:");
	want(&w, NT_MOUNT_DEVICE, "\\Device\\HarddiskVolume2");
	check("both must fit", points_of(&w) == 0);
	w = (struct nt_mount_wanted){ .bytes = { 0xffff, 0xffff, 0xffff } };
	check("longer than any name", points_of(&w) == 0);
}

static void bad_requests(void)
{
	struct nt_mount_point p = { .part = { { 24, 28, 0 } } };
	check("good", nt_mount_request_is_sound(&p, 52));
	check("cut", !nt_mount_request_is_sound(&p, 51));
	p.part[0].at = 0xfffffff8;
	check("wraps", !nt_mount_request_is_sound(&p, 0xffffffff));
	p.part[0] = (struct nt_mount_part){ 0 };
	p.part[2] = (struct nt_mount_part){ 52, 1, 0 };
	check("behind the end", !nt_mount_request_is_sound(&p, 52));
}

int main(void)
{
	who_is_told();
	bad_requests();
	return failures != 0;
}
