// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/error.h"

#include <stdarg.h>
#include <stdio.h>

int http_error(char error[HTTP_ERROR_LEN], int err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, HTTP_ERROR_LEN, format, arguments);
	va_end(arguments);
	return err;
}
