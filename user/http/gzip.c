// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/clock.h"

/* Compressing this much at level 4 takes about 0.2 ms. */
#define STEP (16 * 1024)

/* Metrics repeat themselves within a few lines: a window of 8 KB compresses them as well as one of
 * 32 KB, and takes 96 KB of memory instead of 256 KB. */
#define LEVEL	    4
#define WINDOW_BITS 13
#define GZIP_HEADER 16
#define MEMORY	    7

#define Q_ONE	 1000
#define Q_ABSENT (-1)

#define SPACE " \t"

/* Returns a weight in thousandths; one that is not well-formed counts as 0, "not wanted". */
static int q_parse(const char *text, size_t length)
{
	int q = 0;
	int place = Q_ONE;

	if (!length || length > 5 || (*text != '0' && *text != '1') ||
	    (length > 1 && text[1] != '.'))
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (i == 1)
			continue;
		if (text[i] < '0' || text[i] > '9')
			return 0;
		q += (text[i] - '0') * place;
		place /= 10;
	}
	return q <= Q_ONE ? q : 0;
}

/* Parses what follows the name: "", ";q=0.5", "; q=1" and so on. */
static int weight_of(const char *text, const char *end)
{
	const char *value;

	while (text < end) {
		text += 1 + strspn(text + 1, SPACE);
		if (end - text >= 2 && (*text == 'q' || *text == 'Q') && text[1] == '=') {
			value = text + 2;
			return q_parse(value, strcspn(value, ";, \t"));
		}
		text += strcspn(text, ";,");
	}
	return Q_ONE;
}

bool http_gzip_wanted(const char *accept_encoding)
{
	int gzip = Q_ABSENT, identity = Q_ABSENT, any = Q_ABSENT;

	if (!accept_encoding)
		return false;
	for (const char *item = accept_encoding; *item;) {
		const char *end, *weight;
		size_t length;

		item += strspn(item, SPACE ",");
		length = strcspn(item, ";," SPACE);
		end = item + strcspn(item, ",");
		weight = item + strcspn(item, ";,");
		if ((length == 4 && !strncasecmp(item, "gzip", 4)) ||
		    (length == 6 && !strncasecmp(item, "x-gzip", 6)))
			gzip = weight_of(weight, end);
		else if (length == 8 && !strncasecmp(item, "identity", 8))
			identity = weight_of(weight, end);
		else if (length == 1 && *item == '*')
			any = weight_of(weight, end);
		item = end;
	}
	if (gzip == Q_ABSENT)
		gzip = any;
	return gzip > 0 && gzip >= identity;
}

struct http_body {
	char *text;
	size_t size;
	size_t offset;
	bool gzip;
	bool ended;
	z_stream stream;
};

struct http_body *http_body_new(char *text, size_t size, bool gzip)
{
	struct http_body *body = calloc(1, sizeof(*body));

	if (!body)
		return NULL;
	if (gzip && deflateInit2(&body->stream, LEVEL, Z_DEFLATED, WINDOW_BITS + GZIP_HEADER,
				 MEMORY, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(body);
		return NULL;
	}
	body->text = text;
	body->size = size;
	body->gzip = gzip;
	return body;
}

void http_body_free(struct http_body *body)
{
	if (!body)
		return;
	if (body->gzip)
		deflateEnd(&body->stream);
	free(body->text);
	free(body);
}

static ssize_t read_plain(struct http_body *body, char *piece, size_t capacity)
{
	size_t count = body->size - body->offset;

	if (!count)
		return HTTP_BODY_END;
	if (count > capacity)
		count = capacity;
	memcpy(piece, body->text + body->offset, count);
	body->offset += count;
	return (ssize_t)count;
}

/* Compresses one step. Output that does not fit stays in the compressor. */
static int deflate_step(struct http_body *body)
{
	z_stream *stream = &body->stream;
	size_t left = body->size - body->offset;
	size_t step = left < STEP ? left : STEP;
	int result;

	stream->next_in = (unsigned char *)body->text + body->offset;
	stream->avail_in = (unsigned int)step;
	result = deflate(stream, step == left ? Z_FINISH : Z_NO_FLUSH);
	body->offset += step - stream->avail_in;
	body->ended = result == Z_STREAM_END;
	return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR ? 0
										 : HTTP_BODY_FAULT;
}

ssize_t http_body_read(struct http_body *body, char *piece, size_t capacity, uint64_t until_ns)
{
	z_stream *stream = &body->stream;

	if (!body->gzip)
		return read_plain(body, piece, capacity);
	stream->next_out = (unsigned char *)piece;
	stream->avail_out = (unsigned int)(capacity < STEP ? capacity : STEP);
	capacity = stream->avail_out;
	do {
		if (body->ended)
			break;
		if (deflate_step(body))
			return HTTP_BODY_FAULT;
	} while (stream->avail_out && clock_now() < until_ns);
	if (stream->avail_out == capacity)
		return body->ended ? HTTP_BODY_END : 0;
	return (ssize_t)(capacity - stream->avail_out);
}
