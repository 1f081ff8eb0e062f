// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/wire.h"

#include <errno.h>
#include <string.h>

#define REQUEST_HEAD offsetof(struct symbol_request, paths)

size_t symbol_request_size(const struct symbol_request *request)
{
	return REQUEST_HEAD + request->paths_len;
}

bool symbol_request_check(const struct symbol_request *request, size_t size)
{
	size_t paths = 0;

	if (size < REQUEST_HEAD || request->paths_len > SYMBOL_PATHS_LEN ||
	    size != symbol_request_size(request) || !request->frame_count ||
	    request->frame_count > EVENT_STACK_FRAMES || request->map_count > SYMBOL_REQUEST_MAPS ||
	    request->file_count > SYMBOL_REQUEST_FILES)
		return false;
	for (size_t i = 0; i < request->map_count; i++) {
		const struct symbol_request_map *map = &request->maps[i];

		if (map->start >= map->end ||
		    (map->file != SYMBOL_NO_FILE && map->file >= request->file_count))
			return false;
	}
	for (size_t i = 0; i < request->paths_len; i++)
		paths += !request->paths[i];
	return paths == request->file_count &&
	       (!request->paths_len || !request->paths[request->paths_len - 1]);
}

const char *symbol_request_path(const struct symbol_request *request, const char *previous)
{
	return previous ? previous + strlen(previous) + 1 : request->paths;
}

void symbol_answer_begin(struct symbol_answer *answer, uint32_t stack)
{
	answer->head = (struct symbol_answer_head){.stack = stack, .text_len = 1};
	answer->text[0] = '\0';
}

uint32_t symbol_answer_text(struct symbol_answer *answer, const char *text)
{
	uint32_t at = 0, len = (uint32_t)strlen(text) + 1;

	if (len == 1)
		return 0;
	while (at < answer->head.text_len) {
		if (!strcmp(answer->text + at, text))
			return at;
		at += (uint32_t)strlen(answer->text + at) + 1;
	}
	if (len > SYMBOL_ANSWER_TEXT - at)
		return 0;
	memcpy(answer->text + at, text, len);
	answer->head.text_len += len;
	return at;
}

struct symbol_answer_frame *symbol_answer_add(struct symbol_answer *answer)
{
	struct symbol_answer_frame *frame;

	if (answer->head.count == SYMBOL_ANSWER_FRAMES)
		return NULL;
	frame = &answer->frames[answer->head.count++];
	*frame = (struct symbol_answer_frame){.file = SYMBOL_NO_FILE};
	return frame;
}

int symbol_answer_read(struct symbol_answer *answer, const void *packet, size_t size,
		       uint32_t file_count)
{
	const char *at = packet;
	size_t frames_len;

	if (size < sizeof(answer->head))
		return -EPROTO;
	memcpy(&answer->head, at, sizeof(answer->head));
	if (!answer->head.count || answer->head.count > SYMBOL_ANSWER_FRAMES ||
	    !answer->head.text_len || answer->head.text_len > SYMBOL_ANSWER_TEXT)
		return -EPROTO;
	frames_len = answer->head.count * sizeof(answer->frames[0]);
	if (size != sizeof(answer->head) + frames_len + answer->head.text_len)
		return -EPROTO;
	memcpy(answer->frames, at + sizeof(answer->head), frames_len);
	memcpy(answer->text, at + sizeof(answer->head) + frames_len, answer->head.text_len);
	if (answer->text[0] || answer->text[answer->head.text_len - 1])
		return -EPROTO;
	for (size_t i = 0; i < answer->head.count; i++) {
		const struct symbol_answer_frame *frame = &answer->frames[i];

		if (frame->function >= answer->head.text_len ||
		    frame->source >= answer->head.text_len ||
		    frame->build_id >= answer->head.text_len ||
		    (frame->file != SYMBOL_NO_FILE && frame->file >= file_count))
			return -EPROTO;
	}
	return 0;
}
