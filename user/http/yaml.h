/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_YAML_H
#define TCPWATCH_WEB_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "http/error.h"

/* More of it is no web config. */
#define WEB_YAML_SIZE_MAX  (64 * 1024)
#define WEB_YAML_NODES_MAX 1024
#define WEB_YAML_DEPTH_MAX 6

enum web_yaml_kind { WEB_YAML_TEXT, WEB_YAML_MAP, WEB_YAML_LIST };

/* A value of a YAML file. Those of a map have a key. */
struct web_yaml {
	enum web_yaml_kind kind;
	unsigned int line; /* from 1; of the key where there is one */
	char *key;	   /* NULL = none */
	char *text;	   /* NULL for maps, lists and what is left empty */
	struct web_yaml *first;
	struct web_yaml *next;
};

/*
 * Reads the YAML in `text`. Anchors, tags, several documents, a key given twice and what is too
 * large are refused. An empty file gives an empty map. Returns 0 or a negative errno with a message
 * that begins with "NAME:LINE: ".
 */
int web_yaml_parse(struct web_yaml **root, const char *text, size_t size, const char *name,
		   char error[HTTP_ERROR_LEN]);

/* Wipes the texts too: they may be secrets. */
void web_yaml_free(struct web_yaml *node);

#endif
