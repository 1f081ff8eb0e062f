// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/scan_request.h"

#include <string.h>

/* The place of the first one that is not less. */
static size_t place_of(const struct scan_request *request, uint32_t netns)
{
	size_t low = 0, high = request->netns_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (request->netns[middle] < netns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void scan_request_add_netns(struct scan_request *request, uint32_t netns)
{
	size_t place;

	if (request->tables == SCAN_ALL_TABLES)
		return;
	request->tables = SCAN_LISTED_TABLES;
	place = place_of(request, netns);
	if (place < request->netns_count && request->netns[place] == netns)
		return;
	if (request->netns_count == SCAN_NETNS_LIMIT) {
		request->tables = SCAN_ALL_TABLES;
		return;
	}
	memmove(&request->netns[place + 1], &request->netns[place],
		(request->netns_count - place) * sizeof(*request->netns));
	request->netns[place] = netns;
	request->netns_count++;
}

bool scan_request_has_netns(const struct scan_request *request, uint32_t netns)
{
	size_t place;

	if (request->tables != SCAN_LISTED_TABLES)
		return request->tables == SCAN_ALL_TABLES;
	place = place_of(request, netns);
	return place < request->netns_count && request->netns[place] == netns;
}
