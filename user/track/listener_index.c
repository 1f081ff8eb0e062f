// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "track/listener_index.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/hash.h"

struct key {
	uint32_t netns;
	uint32_t port;
};

struct listener {
	struct tcp_socket *socket;
	struct listener *next;
};

struct bucket {
	struct key key;
	struct listener *listeners;
	UT_hash_handle hh;
};

struct listener_index {
	struct bucket *buckets;
};

struct listener_index *listener_index_new(void)
{
	return calloc(1, sizeof(struct listener_index));
}

void listener_index_free(struct listener_index *index)
{
	struct bucket *bucket, *next_bucket;

	if (!index)
		return;
	HASH_ITER (hh, index->buckets, bucket, next_bucket) {
		struct listener *listener, *next;

		LL_FOREACH_SAFE(bucket->listeners, listener, next)
		free(listener);
		HASH_DEL(index->buckets, bucket);
		free(bucket);
	}
	free(index);
}

static struct bucket *bucket_find(struct listener_index *index, const struct flow *flow)
{
	struct key key = {.netns = flow->netns, .port = flow->local_port};
	struct bucket *bucket;

	HASH_FIND(hh, index->buckets, &key, sizeof(key), bucket);
	return bucket;
}

int listener_index_add(struct listener_index *index, struct tcp_socket *socket)
{
	struct bucket *bucket = bucket_find(index, &socket->flow);
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return -ENOMEM;
	if (!bucket) {
		bucket = calloc(1, sizeof(*bucket));
		if (!bucket)
			goto fail;
		bucket->key.netns = socket->flow.netns;
		bucket->key.port = socket->flow.local_port;
		HASH_ADD(hh, index->buckets, key, sizeof(bucket->key), bucket);
		if (!bucket->hh.tbl) {
			free(bucket);
			goto fail;
		}
	}
	listener->socket = socket;
	LL_PREPEND(bucket->listeners, listener);
	return 0;
fail:
	free(listener);
	return -ENOMEM;
}

void listener_index_remove(struct listener_index *index, struct tcp_socket *socket)
{
	struct bucket *bucket = bucket_find(index, &socket->flow);
	struct listener *listener, *next;

	if (!bucket)
		return;
	LL_FOREACH_SAFE(bucket->listeners, listener, next)
	{
		if (listener->socket != socket)
			continue;
		LL_DELETE(bucket->listeners, listener);
		free(listener);
	}
	if (!bucket->listeners) {
		HASH_DEL(index->buckets, bucket);
		free(bucket);
	}
}

/* As the kernel ranks them, compute_score() in net/ipv4/inet_hashtables.c: the address, then the
 * family. */
static unsigned int score_of(const struct flow *flow, const struct flow *listener)
{
	return (flow_local_is_any(listener) ? 0 : 2) + (flow->family == listener->family);
}

struct tcp_socket *listener_index_find(struct listener_index *index, const struct flow *flow,
				       bool *several)
{
	struct bucket *bucket = bucket_find(index, flow);
	struct tcp_socket *best = NULL;
	unsigned int best_score = 0;
	struct listener *listener;

	*several = false;
	if (!bucket)
		return NULL;
	LL_FOREACH(bucket->listeners, listener)
	{
		struct tcp_socket *candidate = listener->socket;
		unsigned int score = score_of(flow, &candidate->flow);

		if (!flow_is_from_listener(flow, &candidate->flow))
			continue;
		if (!best || score > best_score) {
			best = candidate;
			best_score = score;
			*several = false;
		} else if (score == best_score && best->owner != candidate->owner) {
			*several = true;
		}
	}
	return best;
}

struct tcp_socket *listener_index_next(struct listener_index *index, const struct flow *flow,
				       const struct tcp_socket *previous)
{
	struct bucket *bucket = bucket_find(index, flow);
	bool passed = !previous;
	struct listener *listener;

	if (!bucket)
		return NULL;
	LL_FOREACH(bucket->listeners, listener)
	{
		if (passed && flow_is_from_listener(flow, &listener->socket->flow))
			return listener->socket;
		passed |= listener->socket == previous;
	}
	return NULL;
}
