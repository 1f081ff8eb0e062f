// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/basic.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX (WEB_USER_LEN + HTTP_PASSWORD_LEN)

bool http_secret_equal(const void *a, const void *b, size_t size)
{
	const volatile unsigned char *left = a;
	const volatile unsigned char *right = b;
	unsigned char differ = 0;

	for (size_t i = 0; i < size; i++)
		differ |= left[i] ^ right[i];
	return !differ;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Returns the length or -EINVAL. Padding may be missing, as some clients leave it out. */
static int base64_decode(const char *text, char *out, size_t capacity)
{
	unsigned int bits = 0, held = 0;
	size_t length = 0;

	for (; base64_digit(*text) >= 0; text++) {
		held = held << 6 | (unsigned int)base64_digit(*text);
		bits += 6;
		if (bits < 8)
			continue;
		if (length == capacity)
			return -EINVAL;
		bits -= 8;
		out[length++] = (char)(held >> bits);
		held &= (1U << bits) - 1;
	}
	text += strspn(text, "=");
	text += strspn(text, " \t");
	return *text || held || bits == 6 ? -EINVAL : (int)length;
}

int http_basic_parse(struct http_credentials *credentials, const char *header)
{
	char text[TEXT_MAX];
	const char *colon;
	int length, err = -EINVAL;

	memset(credentials, 0, sizeof(*credentials));
	if (!header || strncasecmp(header, "Basic ", 6) != 0)
		return -EINVAL;
	header += 6;
	length = base64_decode(header + strspn(header, " "), text, sizeof(text));
	colon = length > 0 ? memchr(text, ':', (size_t)length) : NULL;
	if (colon) {
		size_t user = (size_t)(colon - text);
		size_t password = (size_t)length - user - 1;

		/* crypt() would stop at a zero byte. */
		if (user && user < WEB_USER_LEN && password < HTTP_PASSWORD_LEN &&
		    !memchr(text, '\0', (size_t)length)) {
			memcpy(credentials->user, text, user);
			memcpy(credentials->password, colon + 1, password);
			err = 0;
		}
	}
	explicit_bzero(text, sizeof(text));
	return err;
}
