// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/share.h"

#include <stdlib.h>
#include <string.h>

struct http_share *http_share_find(const struct http_server *server, const struct http_peer *peer)
{
	struct http_share *share = server->shares;

	while (share && memcmp(&share->peer, peer, sizeof(*peer)) != 0)
		share = share->next;
	return share;
}

struct http_share *http_share_get(struct http_server *server, const struct http_peer *peer)
{
	struct http_share *share = http_share_find(server, peer);

	if (share)
		return http_share_hold(share);
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->peer = *peer;
	share->references = 1;
	share->next = server->shares;
	server->shares = share;
	return share;
}

struct http_share *http_share_hold(struct http_share *share)
{
	share->references++;
	return share;
}

void http_share_put(struct http_server *server, struct http_share *share)
{
	struct http_share **link = &server->shares;

	if (--share->references)
		return;
	while (*link != share)
		link = &(*link)->next;
	*link = share->next;
	free(share);
}
