/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_AUTH_WORKER_H
#define TCPWATCH_HTTP_AUTH_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "http/address.h"
#include "http/basic.h"
#include "http/config_user.h"

/* The thread that runs crypt(), and the queues to it and back. */

/* How many passwords may wait for the thread, in all and from one peer. */
#define HTTP_AUTH_QUEUE_MAX 16
#define HTTP_AUTH_PEER_MAX  4

struct auth_job {
	void *request;
	struct http_peer peer;
	uint64_t generation; /* of the users */
	unsigned char digest[32];
	char hash[WEB_HASH_LEN];
	bool known;			  /* the hash belongs to the user who is logging in */
	bool matched;			  /* the answer: the password fits the hash */
	char password[HTTP_PASSWORD_LEN]; /* wiped in the answer */
};

struct auth_worker;

/* Returns 0 or a negative errno. */
int auth_worker_new(struct auth_worker **worker);

/* Blocks until the job that the thread is working on is done. NULL is allowed. */
void auth_worker_free(struct auth_worker *worker);

/* A descriptor, owned by *worker, that is readable when auth_worker_take() has a job. */
int auth_worker_fd(const struct auth_worker *worker);

/*
 * Copies the job into the queue, and starts the thread if it does not run yet. Returns 0, -EAGAIN
 * if the queue is full or the peer has too many jobs in it, or another negative errno.
 */
int auth_worker_put(struct auth_worker *worker, const struct auth_job *job);

/* Takes the oldest job that is done. Returns false if there is none. */
bool auth_worker_take(struct auth_worker *worker, struct auth_job *job);

#endif
