/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_BTF_FILE_H
#define TCPWATCH_BTF_FILE_H

#include "model/options.h"

/*
 * A path to the file of --btf that stays the same file, whatever is put into its place: it is
 * opened once, and never closed. NULL without --btf. If the file cannot be opened any more, returns
 * the path of an empty file.
 */
const char *btf_file_path(const struct options *options);

#endif
