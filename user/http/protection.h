/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_PROTECTION_H
#define TCPWATCH_HTTP_PROTECTION_H

#include <stdbool.h>

#include "http/config.h"
#include "http/error.h"

/*
 * Compares a web config that was read again with the one in force (NULL: none). A file that is
 * empty, cut off or half written must not turn off what protects the server. So each protection may
 * only be given up by a line in the new file that says so. Returns 0, or -EPERM with a message that
 * names the file, what it leaves out, and the line that would give that up.
 */
int web_protection_check(const struct web_config *now, const struct web_config *next,
			 const char *name, char error[HTTP_ERROR_LEN]);

/*
 * Writes what the new config gives up by such lines, as a message for the log. Returns whether
 * there is anything.
 */
bool web_protection_given_up(const struct web_config *now, const struct web_config *next,
			     const char *name, char message[HTTP_ERROR_LEN]);

#endif
