// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/scan_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/event_check.h"

static int add_queue(struct scan_result *result, const struct event_scan_queue *queue)
{
	int err = 0;

	for (size_t i = 0; !err && i < EVENT_QUEUE_WAITING; i++)
		if (queue->waiting[i])
			err = accept_queues_add(&result->queues, queue->cookie, queue->waiting[i]);
	return err;
}

int scan_result_add(struct scan_result *result, const void *record, size_t size)
{
	const struct event_header *header = record;

	if (event_check(record, size))
		return -EPROTO;
	if (header->kind == EVENT_SCAN_QUEUE)
		return add_queue(result, record);
	if (header->kind != EVENT_SCAN_FD && header->kind != EVENT_SCAN_SOCKET &&
	    header->kind != EVENT_SCAN_MINI)
		return -EPROTO;
	if (result->count == result->capacity) {
		size_t capacity = result->capacity ? result->capacity * 2 : 256;
		struct event_scan *records =
			realloc(result->records, capacity * sizeof(*result->records));

		if (!records)
			return -ENOMEM;
		result->records = records;
		result->capacity = capacity;
	}
	memcpy(&result->records[result->count++], record, size);
	return 0;
}

void scan_result_keep(struct scan_result *result, size_t from,
		      bool (*wanted)(void *context, const struct event_scan *record), void *context)
{
	size_t kept = from;

	for (size_t i = from; i < result->count; i++)
		if (wanted(context, &result->records[i]))
			result->records[kept++] = result->records[i];
	result->count = kept;
}

static int add_netns(uint32_t **list, size_t *count, uint32_t netns)
{
	uint32_t *longer = realloc(*list, (*count + 1) * sizeof(*longer));
	size_t place;

	if (!longer)
		return -ENOMEM;
	*list = longer;
	place = netns_place(longer, *count, netns);
	memmove(&longer[place + 1], &longer[place], (*count - place) * sizeof(*longer));
	longer[place] = netns;
	++*count;
	return 0;
}

int scan_result_add_seen(struct scan_result *result, uint32_t netns)
{
	return add_netns(&result->seen, &result->seen_count, netns);
}

int scan_result_add_unseen(struct scan_result *result, uint32_t netns)
{
	return add_netns(&result->unseen, &result->unseen_count, netns);
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Orders the records of a socket by the start of the holder, then by descriptor and thread. */
static int compare_records(const void *a, const void *b)
{
	const struct event_scan *x = a, *y = b;
	int order = compare_u64(x->cookie, y->cookie);

	if (!order)
		order = compare_u64(x->header.kind, y->header.kind);
	if (!order)
		order = compare_u64(x->task.start_ns, y->task.start_ns);
	if (!order)
		order = compare_u64(x->task.tgid, y->task.tgid);
	if (!order)
		order = compare_u64(x->fd, y->fd);
	return order ? order : compare_u64(x->task.tid, y->task.tid);
}

static bool same_record(const struct event_scan *a, const struct event_scan *b)
{
	return a->cookie == b->cookie && a->header.kind == b->header.kind && a->fd == b->fd &&
	       a->task.tgid == b->task.tgid && a->task.start_ns == b->task.start_ns &&
	       (a->task.tid == b->task.tid || (a->leaderless && b->leaderless));
}

/* What the TCP tables say of a socket is as new as its queue, what a descriptor says may be older.
 */
static const struct event_scan *newest(const struct scan_result *result,
				       const struct event_scan *first)
{
	const struct event_scan *last = first + scan_result_group(result, first) - 1;

	return last->header.kind == EVENT_SCAN_SOCKET ? last : first;
}

static int find_deep(struct scan_result *result)
{
	size_t step;

	for (size_t i = 0; i < result->count; i += step) {
		const struct event_scan *record = &result->records[i];
		size_t *deep;

		step = scan_result_group(result, record);
		if (record->state != TCP_LISTEN ||
		    newest(result, record)->recv_queue <=
			    accept_queues_length(&result->queues, record->cookie))
			continue;
		deep = reallocarray(result->deep, result->deep_count + 1, sizeof(*deep));
		if (!deep)
			return -ENOMEM;
		result->deep = deep;
		deep[result->deep_count++] = i;
	}
	return 0;
}

int scan_result_finish(struct scan_result *result)
{
	size_t kept = 0;
	int err;

	result->deep_count = 0;
	result->sockets = 0;
	result->descriptors = 0;
	if (!result->count)
		return 0;
	qsort(result->records, result->count, sizeof(*result->records), compare_records);
	/* The kernel's iterators may return a socket twice if the tables change meanwhile. */
	for (size_t i = 0; i < result->count; i++) {
		const struct event_scan *record = &result->records[i];

		if (kept && same_record(&result->records[kept - 1], record))
			continue;
		if (!kept || result->records[kept - 1].cookie != record->cookie)
			result->sockets++;
		if (record->header.kind == EVENT_SCAN_FD)
			result->descriptors++;
		result->records[kept++] = *record;
	}
	result->count = kept;
	err = accept_queues_finish(&result->queues);
	return err ? err : find_deep(result);
}

size_t scan_result_group(const struct scan_result *result, const struct event_scan *first)
{
	const struct event_scan *end = result->records + result->count;
	const struct event_scan *record = first;

	while (record < end && record->cookie == first->cookie)
		record++;
	return (size_t)(record - first);
}

size_t scan_result_find(const struct scan_result *result, uint64_t cookie,
			const struct event_scan **first)
{
	size_t low = 0, high = result->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (result->records[middle].cookie < cookie)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == result->count || result->records[low].cookie != cookie)
		return 0;
	*first = &result->records[low];
	return scan_result_group(result, *first);
}

const struct event_scan *scan_result_listener(const struct scan_result *result,
					      const struct event_scan *connection)
{
	uint64_t cookie = accept_queues_find(&result->queues, connection->cookie);
	const struct event_scan *found = NULL;
	size_t count = 0;

	if (cookie)
		return scan_result_find(result, cookie, &found) ? found : NULL;
	for (size_t i = 0; i < result->deep_count; i++) {
		const struct event_scan *record = &result->records[result->deep[i]];

		if (record->header.netns != connection->header.netns)
			continue;
		found = record;
		count++;
	}
	return count > 1 ? NULL : found;
}

static bool has_netns(const uint32_t *list, size_t count, uint32_t netns)
{
	size_t place = netns_place(list, count, netns);

	return place < count && list[place] == netns;
}

bool scan_result_has_seen(const struct scan_result *result, uint32_t netns)
{
	return has_netns(result->seen, result->seen_count, netns);
}

bool scan_result_covers(const struct scan_result *result, uint32_t netns)
{
	if (result->others_gone)
		return !has_netns(result->unseen, result->unseen_count, netns);
	return scan_result_has_seen(result, netns);
}

void scan_result_clear(struct scan_result *result)
{
	free(result->records);
	free(result->seen);
	free(result->unseen);
	free(result->deep);
	accept_queues_clear(&result->queues);
	memset(result, 0, sizeof(*result));
}
