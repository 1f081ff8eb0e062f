// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "leak/idle.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/units.h"

/* The kernel chooses ports for clients from 32768 on (net.ipv4.ip_local_port_range by default), and
 * ports below 1024 are servers' everywhere. */
#define CLIENT_PORTS_BEGIN 32768
#define SERVER_PORTS_END   1024

/* A connection that is closed sooner after its server has closed was not left idle. */
#define CLOSED_AT_ONCE_NS (100 * NS_PER_MS)

struct key {
	struct process *process;
	uint32_t netns;
	uint16_t family;
	uint16_t port;
	uint8_t address[EVENT_ADDRESS_LEN];
};

/* The connections of a process to one peer. */
struct peer {
	struct key key;
	struct entry *first; /* by `next` */
	size_t count;
	uint64_t closed; /* connections that were closed after they had been left idle */
	bool changed;	 /* since it was judged */
	bool forgotten;
	UT_hash_handle hh;
};

struct entry {
	struct idle_connection connection;
	struct peer *peer;
	struct entry *next, *prev; /* of the same peer */
	uint64_t closed_before;	   /* peer->closed when it was added */
	UT_hash_handle hh;
};

struct leak_idle {
	struct peer *peers;
	struct entry *entries;
	size_t left;	     /* connections whose process has exited */
	uint64_t *opened_ns; /* by the socket's handle: sockets in CLOSE_WAIT have no room for it */
	size_t opened_capacity;
};

struct leak_idle *leak_idle_new(void)
{
	return calloc(1, sizeof(struct leak_idle));
}

void leak_idle_free(struct leak_idle *idle)
{
	struct peer *peer, *next_peer;
	struct entry *entry, *next;

	if (!idle)
		return;
	HASH_ITER (hh, idle->entries, entry, next) {
		HASH_DEL(idle->entries, entry);
		free(entry->connection.left);
		free(entry);
	}
	HASH_ITER (hh, idle->peers, peer, next_peer) {
		HASH_DEL(idle->peers, peer);
		free(peer);
	}
	free(idle->opened_ns);
	free(idle);
}

static bool opened_grow(struct leak_idle *idle, uint32_t handle)
{
	size_t capacity = idle->opened_capacity ? idle->opened_capacity : 1024;
	uint64_t *opened_ns;

	while (capacity <= handle)
		capacity *= 2;
	opened_ns = realloc(idle->opened_ns, capacity * sizeof(*opened_ns));
	if (!opened_ns)
		return false;
	memset(opened_ns + idle->opened_capacity, 0,
	       (capacity - idle->opened_capacity) * sizeof(*opened_ns));
	idle->opened_ns = opened_ns;
	idle->opened_capacity = capacity;
	return true;
}

void leak_idle_note(struct leak_idle *idle, const struct tcp_socket *socket, uint64_t lived_ns)
{
	bool known = lived_ns != DURATION_UNKNOWN && lived_ns < socket->since_ns;

	if (socket->role != ROLE_CLIENT)
		known = false;
	if (socket->handle < idle->opened_capacity || (known && opened_grow(idle, socket->handle)))
		idle->opened_ns[socket->handle] = known ? socket->since_ns - lived_ns : 0;
}

static uint64_t opened(const struct leak_idle *idle, const struct tcp_socket *socket)
{
	return socket->handle < idle->opened_capacity ? idle->opened_ns[socket->handle] : 0;
}

/* Whether a socket of this host and network namespace listens where the connection goes. */
static bool goes_to_listener(struct tracker *tracker, const struct flow *flow)
{
	struct flow other = *flow;

	memcpy(other.local, flow->remote, EVENT_ADDRESS_LEN);
	memcpy(other.remote, flow->local, EVENT_ADDRESS_LEN);
	other.local_port = flow->remote_port;
	other.remote_port = flow->local_port;
	return listener_index_next(tracker->listeners, &other, NULL);
}

bool leak_idle_is_client(struct tracker *tracker, struct tcp_socket *socket,
			 const struct event_scan *record)
{
	const struct flow *flow = &socket->flow;

	if (socket->role != ROLE_UNKNOWN)
		return socket->role == ROLE_CLIENT;
	if (record->flow.flags & EVENT_CONNECTED ||
	    (flow->local_port >= CLIENT_PORTS_BEGIN &&
	     !listener_index_next(tracker->listeners, flow, NULL) &&
	     (flow->remote_port < SERVER_PORTS_END || goes_to_listener(tracker, flow))))
		socket->role = ROLE_CLIENT;
	return socket->role == ROLE_CLIENT;
}

static struct peer *peer_find(struct leak_idle *idle, const struct tcp_socket *socket,
			      struct process *process, struct key *key)
{
	struct peer *peer;

	memset(key, 0, sizeof(*key));
	key->process = process;
	key->netns = socket->flow.netns;
	key->family = socket->flow.family;
	key->port = socket->flow.remote_port;
	memcpy(key->address, socket->flow.remote, sizeof(key->address));
	HASH_FIND(hh, idle->peers, key, sizeof(*key), peer);
	return peer;
}

static struct peer *peer_get(struct leak_idle *idle, const struct tcp_socket *socket,
			     struct process *process)
{
	struct key key;
	struct peer *peer = peer_find(idle, socket, process, &key);

	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->key = key;
	HASH_ADD(hh, idle->peers, key, sizeof(peer->key), peer);
	if (!peer->hh.tbl) {
		free(peer);
		return NULL;
	}
	process->sockets++;
	return peer;
}

static void peer_free_unused(struct leak_idle *idle, struct peer *peer)
{
	if (peer->first)
		return;
	peer->key.process->sockets--;
	HASH_DEL(idle->peers, peer);
	free(peer);
}

static bool left_note(struct leak_idle *idle, struct idle_connection *connection,
		      const struct tcp_socket *socket, const struct leak *report)
{
	struct idle_left *left;

	if (!report)
		return true;
	left = idle->left < IDLE_LEFT_LIMIT ? calloc(1, sizeof(*left)) : NULL;
	if (!left)
		return false;
	left->leak = *report;
	left->flow = *report->flow;
	left->leak.flow = &left->flow;
	left->leak.holders = NULL;
	left->leak.holder_count = 0;
	left->leak.stack = NULL;
	left->stack = socket->stack;
	connection->left = left;
	idle->left++;
	return true;
}

static struct entry *entry_new(struct leak_idle *idle, const struct tcp_socket *socket,
			       struct process *process, const struct leak *left)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->connection = (struct idle_connection){
		.cookie = socket->cookie,
		.opened_ns = opened(idle, socket),
		.since_ns = socket->since_ns,
		.process = process,
		.links = entry,
	};
	if (!left_note(idle, &entry->connection, socket, left))
		goto fail;
	HASH_ADD(hh, idle->entries, connection.cookie, sizeof(entry->connection.cookie), entry);
	if (entry->hh.tbl)
		return entry;
	idle->left -= !!left;
	free(entry->connection.left);
fail:
	free(entry);
	return NULL;
}

struct idle_connection *leak_idle_add(struct leak_idle *idle, const struct tcp_socket *socket,
				      struct process *process, const struct leak *left)
{
	struct idle_connection *known = leak_idle_find(idle, socket->cookie);
	struct entry *entry;
	struct peer *peer;

	if (known) {
		left_note(idle, known, socket, left);
		return known;
	}
	peer = peer_get(idle, socket, process);
	if (!peer)
		return NULL;
	entry = entry_new(idle, socket, process, left);
	if (!entry) {
		peer_free_unused(idle, peer);
		return NULL;
	}
	entry->peer = peer;
	entry->closed_before = peer->closed;
	entry->next = peer->first;
	if (peer->first)
		peer->first->prev = entry;
	peer->first = entry;
	peer->count++;
	peer->changed = true;
	return &entry->connection;
}

size_t leak_idle_count(const struct leak_idle *idle)
{
	return HASH_COUNT(idle->entries);
}

struct idle_connection *leak_idle_find(struct leak_idle *idle, uint64_t cookie)
{
	struct entry *entry;

	HASH_FIND(hh, idle->entries, &cookie, sizeof(cookie), entry);
	return entry ? &entry->connection : NULL;
}

void leak_idle_drop(struct leak_idle *idle, struct idle_connection *connection)
{
	struct entry *entry = connection->links;
	struct peer *peer = entry->peer;

	if (entry->prev)
		entry->prev->next = entry->next;
	else
		peer->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	peer->count--;
	peer_free_unused(idle, peer);
	HASH_DEL(idle->entries, entry);
	idle->left -= !!connection->left;
	free(connection->left);
	free(entry);
}

void leak_idle_closed(struct leak_idle *idle, const struct tcp_socket *socket, uint64_t time_ns)
{
	struct idle_connection *connection;
	struct key key;
	struct peer *peer;

	if (!idle->entries)
		return;
	connection = leak_idle_find(idle, socket->cookie);
	if (connection && connection->left)
		return;
	if (connection) {
		((struct entry *)connection->links)->peer->closed++;
		leak_idle_drop(idle, connection);
		return;
	}
	if (socket->role != ROLE_CLIENT || !socket->owner || socket->left ||
	    time_ns < socket->since_ns + CLOSED_AT_ONCE_NS)
		return;
	peer = peer_find(idle, socket, socket->owner, &key);
	if (peer)
		peer->closed++;
}

static int compare_left(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;

	if (x->connection.since_ns != y->connection.since_ns)
		return x->connection.since_ns < y->connection.since_ns ? -1 : 1;
	return (x->connection.cookie > y->connection.cookie) -
	       (x->connection.cookie < y->connection.cookie);
}

/* entries: by the time at which they were left. */
static bool pile_up(struct entry *const *entries, size_t count, uint64_t closed_now)
{
	uint64_t first_ns = entries[0]->connection.since_ns;
	uint64_t closed = closed_now - entries[0]->closed_before;
	uint64_t beside = 0, generations = 0, last_ns = 0;

	for (size_t i = 0; i < count; i++) {
		const struct idle_connection *connection = &entries[i]->connection;

		beside += connection->opened_ns >= first_ns;
		if (generations && connection->opened_ns < last_ns)
			continue;
		generations++;
		last_ns = connection->since_ns;
	}
	if (beside >= IDLE_FORGOTTEN_ANYWAY && generations >= IDLE_FORGOTTEN)
		return true;
	/* The oldest one was there before the others. */
	return beside + 1 >= IDLE_FORGOTTEN && generations >= IDLE_GENERATIONS &&
	       closed * 2 < beside;
}

static void judge(struct peer *peer)
{
	struct entry **entries = calloc(peer->count, sizeof(struct entry *));
	size_t count = 0;

	if (!entries)
		return;
	for (struct entry *entry = peer->first; entry; entry = entry->next)
		entries[count++] = entry;
	qsort(entries, count, sizeof(struct entry *), compare_left);
	peer->forgotten = pile_up(entries, count, peer->closed);
	peer->changed = false;
	free(entries);
}

bool leak_idle_forgotten(const struct idle_connection *connection)
{
	struct peer *peer = ((const struct entry *)connection->links)->peer;

	if (!peer->forgotten && peer->changed && peer->count >= IDLE_FORGOTTEN)
		judge(peer);
	return peer->forgotten;
}

struct idle_connection *leak_idle_next(struct leak_idle *idle, struct idle_connection *previous)
{
	struct entry *entry = previous ? previous->links : NULL;

	entry = entry ? entry->hh.next : idle->entries;
	return entry ? &entry->connection : NULL;
}
