// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * Any bytes as an Accept header. The order of the offers matters only where the header prefers
 * neither, and one more empty entry changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/negotiate.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_offer offers[] = {{"text/plain", "0.0.4"},
						   {"application/openmetrics-text", "1.0.0"}};
	static const struct http_offer turned[] = {{"application/openmetrics-text", "1.0.0"},
						   {"text/plain", "0.0.4"}};
	char *accept = malloc(size + 2);
	size_t one, other;

	CHECK(accept);
	memcpy(accept, data, size);
	accept[size] = '\0';
	one = http_negotiate(accept, offers, 2);
	other = http_negotiate(accept, turned, 2);
	CHECK(one < 2 && other < 2);
	CHECK(one != other || (!one && !other));
	memcpy(accept + strlen(accept), ",", 2);
	CHECK(http_negotiate(accept, offers, 2) == one);
	CHECK(http_negotiate(accept, turned, 2) == other);
	free(accept);
	return 0;
}
