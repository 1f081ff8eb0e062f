/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ASKER_FILES_H
#define TCPWATCH_ASKER_FILES_H

#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* The helper's side of asker.c. It allocates no memory: main may have threads when it forks. */

enum { ASKER_READ, ASKER_STAT, ASKER_OPEN };

struct asker_question {
	int what;
	bool regular, local; /* ASKER_OPEN */
	struct open_how how;
	uint64_t most; /* ASKER_READ: bytes */
	char path[4096];
};

struct asker_answer {
	int err; /* 0, or a negative errno */
	struct stat status;
};

/* Answers one question. Returns a descriptor, 0 if the answer has none, or a negative errno. */
int asker_files_answer(const struct asker_question *question, int at, struct asker_answer *answer);

/* Receives and answers one question. Returns false where main has gone. */
bool asker_files_serve(int fd);

/* One message, with a descriptor if that is not negative. Returns 0 or a negative errno. */
int asker_files_send(int fd, const void *message, size_t size, int with);
/* *with is set to a descriptor, which is the caller's, or untouched. */
int asker_files_receive(int fd, void *message, size_t size, int *with);

#endif
