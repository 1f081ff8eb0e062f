// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/auth.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/auth_worker.h"

#define DIGEST_LEN 32

struct remembered {
	unsigned char digest[DIGEST_LEN];
	uint64_t used; /* 0: free; otherwise a number that grows with each use */
};

struct http_auth {
	struct auth_worker *worker;
	unsigned char key[DIGEST_LEN]; /* random, of this process */
	struct remembered cache[HTTP_AUTH_CACHE_MAX];
	uint64_t uses;
	uint64_t generation; /* of the users */
};

int http_auth_new(struct http_auth **auth)
{
	struct http_auth *made = calloc(1, sizeof(*made));
	int err = made ? auth_worker_new(&made->worker) : -ENOMEM;

	if (!err && gnutls_rnd(GNUTLS_RND_KEY, made->key, sizeof(made->key)) < 0)
		err = -EIO;
	if (err) {
		http_auth_free(made);
		return err;
	}
	*auth = made;
	return 0;
}

void http_auth_free(struct http_auth *auth)
{
	if (!auth)
		return;
	auth_worker_free(auth->worker);
	explicit_bzero(auth, sizeof(*auth));
	free(auth);
}

int http_auth_fd(const struct http_auth *auth)
{
	return auth_worker_fd(auth->worker);
}

/*
 * Makes the digest of name, hash and password. Fields of fixed size keep two different sets apart.
 * Because the hash is included, the digest of a changed password matches nothing any more.
 */
static int digest_make(const struct http_auth *auth, const struct http_credentials *credentials,
		       const char *hash, unsigned char digest[DIGEST_LEN])
{
	struct {
		struct http_credentials credentials;
		char hash[WEB_HASH_LEN];
	} all;
	int result;

	memset(&all, 0, sizeof(all));
	all.credentials = *credentials;
	memcpy(all.hash, hash, WEB_HASH_LEN);
	result = gnutls_hmac_fast(GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key), &all,
				  sizeof(all), digest);
	explicit_bzero(&all, sizeof(all));
	return result < 0 ? -EIO : 0;
}

/* Looks at every entry, so that the time does not depend on which one matches. */
static bool cache_has(struct http_auth *auth, const unsigned char digest[DIGEST_LEN])
{
	bool found = false;

	for (size_t i = 0; i < HTTP_AUTH_CACHE_MAX; i++) {
		struct remembered *entry = &auth->cache[i];

		if (http_secret_equal(entry->digest, digest, DIGEST_LEN) && entry->used) {
			entry->used = ++auth->uses;
			found = true;
		}
	}
	return found;
}

static void cache_add(struct http_auth *auth, const unsigned char digest[DIGEST_LEN])
{
	struct remembered *oldest = &auth->cache[0];

	if (cache_has(auth, digest))
		return;
	for (size_t i = 1; i < HTTP_AUTH_CACHE_MAX; i++) {
		if (auth->cache[i].used < oldest->used)
			oldest = &auth->cache[i];
	}
	memcpy(oldest->digest, digest, DIGEST_LEN);
	oldest->used = ++auth->uses;
}

void http_auth_forget(struct http_auth *auth)
{
	memset(auth->cache, 0, sizeof(auth->cache));
	auth->generation++;
}

size_t http_auth_cached(const struct http_auth *auth)
{
	size_t count = 0;

	for (size_t i = 0; i < HTTP_AUTH_CACHE_MAX; i++)
		count += auth->cache[i].used != 0;
	return count;
}

/*
 * Returns the user's hash. For an unknown name, returns the hash of another user, always the same
 * one, so that the time does not show whether a user exists. Looks at all users for the same
 * reason.
 */
static const char *hash_for(const struct http_auth *auth, const struct web_config *config,
			    const char name[WEB_USER_LEN], bool *known)
{
	unsigned char digest[DIGEST_LEN] = {0};
	size_t chosen;

	gnutls_hmac_fast(GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key), name, WEB_USER_LEN,
			 digest);
	chosen = (digest[0] | (size_t)digest[1] << 8) % config->user_count;
	*known = false;
	for (size_t i = 0; i < config->user_count; i++) {
		if (http_secret_equal(config->users[i].name, name, WEB_USER_LEN)) {
			chosen = i;
			*known = true;
		}
	}
	return config->users[chosen].hash;
}

enum http_auth_verdict http_auth_check(struct http_auth *auth, const struct web_config *config,
				       const struct http_credentials *credentials,
				       const struct http_peer *peer, void *request)
{
	struct auth_job job = {.request = request, .peer = *peer, .generation = auth->generation};
	enum http_auth_verdict verdict = HTTP_AUTH_WAIT;
	const char *hash;
	bool known;

	if (!config->user_count)
		return HTTP_AUTH_GOOD;
	hash = hash_for(auth, config, credentials->user, &known);
	if (digest_make(auth, credentials, hash, job.digest))
		return HTTP_AUTH_BUSY;
	if (cache_has(auth, job.digest) && known)
		return HTTP_AUTH_GOOD;
	job.known = known;
	memcpy(job.hash, hash, WEB_HASH_LEN);
	memcpy(job.password, credentials->password, HTTP_PASSWORD_LEN);
	if (auth_worker_put(auth->worker, &job))
		verdict = HTTP_AUTH_BUSY;
	explicit_bzero(&job, sizeof(job));
	return verdict;
}

void *http_auth_next(struct http_auth *auth, enum http_auth_verdict *verdict)
{
	struct auth_job job;

	if (!auth_worker_take(auth->worker, &job))
		return NULL;
	if (job.generation != auth->generation) {
		*verdict = HTTP_AUTH_WAIT;
	} else if (job.matched && job.known) {
		cache_add(auth, job.digest);
		*verdict = HTTP_AUTH_GOOD;
	} else {
		*verdict = HTTP_AUTH_BAD;
	}
	return job.request;
}
