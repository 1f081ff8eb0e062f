/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_AUTH_WORKER_H
#define TCPWATCH_HTTP_AUTH_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/auth.h"

/* The thread that runs crypt(), and the queues to it and back. */

struct auth_job {
	void *request;
	struct http_peer peer;
	uint64_t generation;
	unsigned char digest[32];
	char hash[WEB_HASH_LEN];
	bool known;			  /* the hash is of this user */
	bool matched;			  /* the answer: the password fits the hash */
	char password[HTTP_PASSWORD_LEN]; /* wiped in the answer */
};

struct auth_worker;

/* Returns 0 or a negative errno. */
int auth_worker_new(struct auth_worker **worker);

/* Waits for the job that is being done. */
void auth_worker_free(struct auth_worker *worker);

/* Readable when auth_worker_take() has something. */
int auth_worker_fd(const struct auth_worker *worker);

/*
 * Copies the job into the queue; starts the thread with the first one. Returns -EAGAIN when it is
 * full, for all or for this peer, or another negative errno.
 */
int auth_worker_put(struct auth_worker *worker, const struct auth_job *job);

/* Takes a job that was done, in the order they came. */
bool auth_worker_take(struct auth_worker *worker, struct auth_job *job);

#endif
