// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/framing.h"

#include <string.h>
#include <strings.h>

struct headers {
	unsigned int hosts, lengths, encodings;
	bool bad;
};

/* RFC 9110, 5.6.2. A blank before the colon hides a header from one reader, not from another. */
static bool is_token(const char *text, size_t size)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr(others, c))))
			return false;
	}
	return size;
}

static bool has_controls(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return true;
	}
	return false;
}

static bool is_number(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return size;
}

/*
 * libmicrohttpd 0.9.75 appends a folded line (RFC 9112, 5.2) to the name of its header instead of
 * the value: "Content-Length:\r\n 34" becomes the header Content-Length34.
 */
static bool was_folded(const char *name, size_t size, const char *wanted)
{
	size_t length = strlen(wanted);

	return size > length && !strncasecmp(name, wanted, length);
}

static bool is_text(const char *text, size_t size, const char *wanted)
{
	return size == strlen(wanted) && !strncasecmp(text, wanted, size);
}

static enum MHD_Result header_check(void *context, enum MHD_ValueKind kind, const char *name,
				    size_t name_size, const char *value, size_t value_size)
{
	struct headers *headers = context;

	(void)kind;
	if (!value)
		value_size = 0;
	if (!is_token(name, name_size) || has_controls(value, value_size) ||
	    was_folded(name, name_size, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
	    was_folded(name, name_size, MHD_HTTP_HEADER_TRANSFER_ENCODING))
		headers->bad = true;
	if (is_text(name, name_size, MHD_HTTP_HEADER_HOST)) {
		headers->hosts++;
	} else if (is_text(name, name_size, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
		headers->lengths++;
		headers->bad |= !is_number(value, value_size);
	} else if (is_text(name, name_size, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
		headers->encodings++;
		headers->bad |= !is_text(value, value_size, "chunked");
	}
	return headers->bad ? MHD_NO : MHD_YES;
}

bool http_framing_is_clear(struct MHD_Connection *mhd, const char *version)
{
	struct headers headers = {0};

	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, header_check, &headers);
	return !headers.bad && headers.hosts <= 1 && headers.lengths + headers.encodings <= 1 &&
	       !(headers.encodings && !strcmp(version, MHD_HTTP_VERSION_1_0));
}
