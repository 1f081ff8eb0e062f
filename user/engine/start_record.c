// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "engine/start_record.h"

#include "base/version.h"
#include "engine/internal.h"

/* Does a watched process hold the socket, or own it without a descriptor (unaccepted)? */
static bool is_watched(const struct engine *engine, const struct tcp_socket *socket,
		       const struct event_scan *records, size_t count)
{
	if (!filter_is_selective(engine->watched))
		return true;
	for (size_t i = 0; i < count && records[i].header.kind == EVENT_SCAN_FD; i++) {
		const struct process *holder =
			process_table_get(engine->tracker.processes, &records[i].task);

		if (holder && holder->watched)
			return true;
	}
	return socket->owner && socket->owner->watched;
}

static void count_found(const struct engine *engine, const struct scan_result *result,
			struct output_start *start)
{
	size_t count;

	for (size_t i = 0; i < result->count; i += count) {
		const struct event_scan *record = &result->records[i];
		const struct tcp_socket *socket =
			socket_table_find(engine->tracker.sockets, record->cookie);

		count = scan_result_group(result, record);
		if (!socket || socket->hidden || !is_watched(engine, socket, record, count))
			continue;
		start->sockets_found++;
		start->close_wait_found += record->state == TCP_CLOSE_WAIT;
	}
}

void start_record_print(const struct engine *engine, const struct scan_result *result)
{
	const struct engine_config *config = &engine->config;
	struct output_start start = {
		.version = TCPWATCH_VERSION,
		.kernel = config->kernel,
		.features = config->source->features,
		.options = config->options,
		.targets = config->targets,
		.netns = config->netns,
	};

	count_found(engine, result, &start);
	config->output->ops->start(config->output, &start, engine->started_ns);
}
