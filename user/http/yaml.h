/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_YAML_H
#define TCPWATCH_WEB_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "http/error.h"

/* A larger file is not a web config. */
#define WEB_YAML_SIZE_MAX  (64 * 1024)
#define WEB_YAML_NODES_MAX 1024
#define WEB_YAML_DEPTH_MAX 6

enum web_yaml_kind { WEB_YAML_TEXT, WEB_YAML_MAP, WEB_YAML_LIST };

/* A value of a YAML file. A value in a map has a key. */
struct web_yaml {
	enum web_yaml_kind kind;
	unsigned int line; /* counted from 1; of the key if there is one */
	char *key;	   /* NULL: none */
	char *text;	   /* NULL for maps, lists and empty values */
	struct web_yaml *first;
	struct web_yaml *next;
};

/*
 * Parses the YAML in `text`. Anchors, tags, several documents, a key given twice and a text that is
 * too large are refused. An empty file gives an empty map. Returns 0 or a negative errno with a
 * message that begins with "NAME:LINE: ". The caller frees *root with web_yaml_free().
 */
int web_yaml_parse(struct web_yaml **root, const char *text, size_t size, const char *name,
		   char error[HTTP_ERROR_LEN]);

/* Wipes the texts before it frees, since they may be secrets. NULL is allowed. */
void web_yaml_free(struct web_yaml *node);

#endif
