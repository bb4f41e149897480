// SPDX-License-Identifier: MIT
// Control protocol: see control.h. Every length is checked before the bytes are touched.
#include <string.h>

#include "control.h"

#define SIZE_VARIABLE UINT32_MAX

static u32 payload_size(u32 type)
{
	switch (type) {
	case CONTROL_HELLO: return sizeof(struct control_hello);
	case CONTROL_LAUNCH_RESULT: return sizeof(struct control_launch_result);
	case CONTROL_INPUT_END:
	case CONTROL_READER_GONE:
	case CONTROL_INPUT_CLOSED: return sizeof(struct control_stream);
	case CONTROL_SIGNAL: return sizeof(struct control_signal);
	case CONTROL_WINDOW: return sizeof(struct control_window);
	case CONTROL_EXIT: return sizeof(struct control_exit);
	case CONTROL_DRAINED:
	case CONTROL_SHUTDOWN: return 0;
	default: return SIZE_VARIABLE;
	}
}

status_t control_parse_header(const void *data, struct control_header *out)
{
	memcpy(out, data, sizeof(*out));
	if (out->type == 0 || out->type >= CONTROL_TYPE_COUNT)
		return ERR_PROTO;
	u32 fixed = payload_size(out->type);
	if (fixed != SIZE_VARIABLE)
		return out->size == fixed ? OK : ERR_PROTO;
	if (out->type == CONTROL_LAUNCH)
		return out->size >= sizeof(struct control_launch) && out->size <= CONTROL_PAYLOAD_MAX ? OK : ERR_PROTO;
	return out->size >= sizeof(u32) && out->size <= sizeof(u32) + CONTROL_LOG_MAX ? OK : ERR_PROTO;
}

const char *control_next_string(const char *s)
{
	return s + strlen(s) + 1;
}

const char *control_string(const struct control_launch_view *view, u32 index)
{
	const char *s = view->strings;
	while (index-- > 0)
		s = control_next_string(s);
	return s;
}

static bool launch_head_valid(const struct control_launch *head, u32 size)
{
	if (head->strings_size != size - sizeof(*head) || head->unused)
		return false;
	if (head->flags & ~(u32)(CONTROL_TTY_RAW | CONTROL_LOGIN))
		return false;
	for (u32 i = 0; i < 3; i++)
		if (head->fd_kind[i] >= CONTROL_FD_KIND_COUNT)
			return false;
	if (head->argc == 0 && !(head->flags & CONTROL_LOGIN))
		return false;
	return head->argc <= CONTROL_STRINGS_MAX && head->envc <= CONTROL_STRINGS_MAX &&
		head->share_count <= CONTROL_SHARES_MAX;
}

status_t control_decode_launch(const void *payload, u32 size, struct control_launch_view *out)
{
	if (size < sizeof(out->head) || size > CONTROL_PAYLOAD_MAX)
		return ERR_PROTO;
	memcpy(&out->head, payload, sizeof(out->head));
	if (!launch_head_valid(&out->head, size))
		return ERR_PROTO;
	const char *at = (const char *)payload + sizeof(out->head);
	const char *end = at + out->head.strings_size;
	out->strings = at;
	u32 count = 0;
	while (at < end) {
		const char *nul = memchr(at, 0, (size_t)(end - at));
		if (!nul)
			return ERR_PROTO;
		at = nul + 1;
		count++;
	}
	out->argv_first = 3;
	out->env_first = 3 + out->head.argc;
	out->share_first = out->env_first + out->head.envc;
	if (count != out->share_first + 3 * out->head.share_count)
		return ERR_PROTO;
	out->string_count = count;
	out->user = out->strings;
	out->cwd = control_next_string(out->user);
	out->program = control_next_string(out->cwd);
	return OK;
}

struct writer {
	char *at;
	u64 left;
	bool overflow;
};

static void put_string(struct writer *w, const char *s)
{
	u64 size = strlen(s) + 1;
	if (w->overflow || size > w->left) {
		w->overflow = true;
		return;
	}
	memcpy(w->at, s, size);
	w->at += size;
	w->left -= size;
}

s64 control_encode_launch(const struct control_launch_request *request, void *buffer, u32 capacity)
{
	struct control_launch head = request->head;
	const u32 fixed = sizeof(struct control_header) + sizeof(head);
	if (capacity < fixed || head.argc > CONTROL_STRINGS_MAX || head.envc > CONTROL_STRINGS_MAX ||
	    head.share_count > CONTROL_SHARES_MAX)
		return ERR_2BIG;
	u64 room = MIN(capacity - fixed, CONTROL_PAYLOAD_MAX - (u32)sizeof(head));
	struct writer w = { (char *)buffer + fixed, room, false };
	put_string(&w, request->user);
	put_string(&w, request->cwd);
	put_string(&w, request->program);
	for (u32 i = 0; i < head.argc; i++)
		put_string(&w, request->argv[i]);
	for (u32 i = 0; i < head.envc; i++)
		put_string(&w, request->envp[i]);
	for (u32 i = 0; i < head.share_count; i++) {
		put_string(&w, request->shares[i].tag);
		put_string(&w, request->shares[i].guest_path);
		put_string(&w, request->shares[i].options);
	}
	if (w.overflow)
		return ERR_2BIG;
	head.strings_size = (u32)(room - w.left);
	struct control_header header = { CONTROL_LAUNCH, (u32)sizeof(head) + head.strings_size };
	memcpy(buffer, &header, sizeof(header));
	memcpy((char *)buffer + sizeof(header), &head, sizeof(head));
	return (s64)sizeof(header) + header.size;
}

u32 control_encode(u32 type, const void *payload, u32 size, void *buffer)
{
	struct control_header header = { type, size };
	memcpy(buffer, &header, sizeof(header));
	if (size)
		memcpy((char *)buffer + sizeof(header), payload, size);
	return (u32)sizeof(header) + size;
}

const char *control_step_name(u32 step)
{
	static const char *const names[CONTROL_STEP_COUNT] = {
		"none", "request", "mount", "user", "working directory", "streams", "look-up", "exec",
	};
	return step < CONTROL_STEP_COUNT ? names[step] : "unknown";
}
