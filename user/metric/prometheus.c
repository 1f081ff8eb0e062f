// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "metric/prometheus.h"

#include <stdio.h>
#include <string.h>

#include "host/cgroup_path.h"
#include "metric/process_metrics.h"

/* Bytes for all labels, even if every byte of comm and cgroup is escaped. */
#define LABELS_LEN 8192

/* In the form of OpenMetrics, which Prometheus reads in both formats. These strings never change.
 */
static const char *const bound_names[METRIC_BOUNDS + 1] = {
	"1e-05", "0.0001", "0.001", "0.01",   "0.1",	 "1.0",	     "10.0", "60.0",
	"127.0", "300.0",  "925.0", "7200.0", "86400.0", "604800.0", "+Inf",
};

/* The usual transitions. They are exported from the first scrape on, so that rate() has their
 * start; other transitions are exported when they have happened. */
static const unsigned char known_transitions[][2] = {
	{TCP_CLOSE, TCP_SYN_SENT},	   {TCP_CLOSE, TCP_LISTEN},
	{TCP_SYN_SENT, TCP_ESTABLISHED},   {TCP_SYN_SENT, TCP_CLOSE},
	{TCP_SYN_RECV, TCP_ESTABLISHED},   {TCP_ESTABLISHED, TCP_FIN_WAIT1},
	{TCP_ESTABLISHED, TCP_CLOSE_WAIT}, {TCP_ESTABLISHED, TCP_CLOSE},
	{TCP_CLOSE_WAIT, TCP_LAST_ACK},	   {TCP_CLOSE_WAIT, TCP_CLOSE},
	{TCP_LAST_ACK, TCP_CLOSE},	   {TCP_FIN_WAIT1, TCP_FIN_WAIT2},
	{TCP_FIN_WAIT1, TCP_CLOSING},	   {TCP_FIN_WAIT1, TCP_CLOSE},
	{TCP_FIN_WAIT2, TCP_CLOSE},	   {TCP_CLOSING, TCP_CLOSE},
	{TCP_LISTEN, TCP_CLOSE},
};

/* Further ones that are usual with FEATURE_TIME_WAIT and FEATURE_HALF_OPEN. */
static const unsigned char full_transitions[][2] = {
	{TCP_FIN_WAIT1, TCP_TIME_WAIT}, {TCP_FIN_WAIT2, TCP_TIME_WAIT},
	{TCP_CLOSING, TCP_TIME_WAIT},	{TCP_TIME_WAIT, TCP_CLOSE},
	{TCP_SYN_RECV, TCP_CLOSE},
};

struct writer {
	struct metric_text *text;
	const struct metrics_page *page;
	char labels[LABELS_LEN];
	size_t group_size; /* bytes of the labels that are the group's */
};

static size_t add(struct writer *writer, size_t size, const char *name, const char *value)
{
	return metric_label_add(writer->labels, size, LABELS_LEN, name, value, strlen(value));
}

static size_t add_number(struct writer *writer, size_t size, const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return add(writer, size, name, number ? text : "");
}

static void begin_group(struct writer *writer, const struct metric_group *group)
{
	const struct metric_labels *labels = &writer->page->labels;
	const char *comm = (const char *)group->key.comm;
	size_t size = metric_label_add(writer->labels, 0, LABELS_LEN, "comm", comm,
				       strnlen(comm, EVENT_COMM_LEN));

	if (labels->pid)
		size = add_number(writer, size, "pid", group->key.pid);
	if (labels->netns)
		size = add_number(writer, size, "netns", group->key.netns);
	if (labels->cgroup) {
		const char *path = metric_groups_path(writer->page->groups, group);
		char container[CGROUP_CONTAINER_LEN];

		cgroup_container(path, container);
		size = add(writer, size, "cgroup", path);
		size = add(writer, size, "container_id", container);
	}
	writer->group_size = size;
}

static void sample_begin(struct writer *writer, const char *name, const char *suffix, size_t size)
{
	metric_name(writer->text, name, suffix);
	metric_labels_text(writer->text, writer->labels, size);
}

static void sample(struct writer *writer, const char *name, size_t size, uint64_t value)
{
	sample_begin(writer, name, "", size);
	metric_value_u64(writer->text, value);
}

static void histogram(struct writer *writer, const char *name, size_t size,
		      const struct metric_histogram *histogram)
{
	uint64_t count = 0;

	for (int i = 0; i <= METRIC_BOUNDS; i++) {
		count += histogram->buckets[i];
		metric_bucket(writer->text, name, writer->labels, size, bound_names[i]);
		metric_value_u64(writer->text, count);
	}
	sample_begin(writer, name, "_sum", size);
	metric_value_seconds(writer->text, histogram->sum_ns);
	sample_begin(writer, name, "_count", size);
	metric_value_u64(writer->text, count);
}

/* Calls each() for every group, after its labels were written. */
static void for_groups(struct writer *writer,
		       void (*each)(struct writer *writer, const struct metric_group *group))
{
	struct metric_group *group = NULL;

	while ((group = metric_groups_next(writer->page->groups, group))) {
		begin_group(writer, group);
		each(writer, group);
	}
}

static size_t add_state(struct writer *writer, const char *name, unsigned int state)
{
	return add(writer, writer->group_size, name, tcp_state_name(state));
}

/* Whether lifetimes in this state can be known with these features. */
static bool has_lifetime(const struct writer *writer, unsigned int state)
{
	if (state == TCP_CLOSE)
		return false;
	return state != TCP_TIME_WAIT || feature_has(writer->page->features, FEATURE_TIME_WAIT);
}

static void durations_of(struct writer *writer, const struct metric_group *group)
{
	for (const unsigned char *state = tcp_state_order; *state; state++)
		if (has_lifetime(writer, *state))
			histogram(writer, "tcpwatch_state_duration_seconds",
				  add_state(writer, "state", *state), &group->lifetimes[*state]);
}

static void accept_waits_of(struct writer *writer, const struct metric_group *group)
{
	histogram(writer, "tcpwatch_accept_wait_seconds", writer->group_size, &group->accept_wait);
}

static void transition(struct writer *writer, const struct metric_group *group, unsigned int from,
		       unsigned int to)
{
	sample(writer, "tcpwatch_transitions_total",
	       add(writer, add_state(writer, "from", from), "to", tcp_state_name(to)),
	       group->transitions[from][to]);
}

static bool is_listed(const unsigned char (*list)[2], size_t count, unsigned int from,
		      unsigned int to)
{
	for (size_t i = 0; i < count; i++)
		if (list[i][0] == from && list[i][1] == to)
			return true;
	return false;
}

#define LIST(list) (list), sizeof(list) / sizeof(*(list))

static void transitions_of(struct writer *writer, const struct metric_group *group)
{
	bool full = feature_has(writer->page->features, FEATURE_TIME_WAIT);

	for (unsigned int from = TCP_ESTABLISHED; from < TCP_STATES; from++)
		for (unsigned int to = TCP_ESTABLISHED; to < TCP_STATES; to++)
			if (group->transitions[from][to] ||
			    is_listed(LIST(known_transitions), from, to) ||
			    (full && is_listed(LIST(full_transitions), from, to)))
				transition(writer, group, from, to);
}

static void sockets_of(struct writer *writer, const struct metric_group *group)
{
	for (const unsigned char *state = tcp_state_order; *state; state++)
		if (*state != TCP_CLOSE)
			sample(writer, "tcpwatch_sockets", add_state(writer, "state", *state),
			       group->sockets[*state]);
}

static void leaked_of(struct writer *writer, const struct metric_group *group)
{
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		sample(writer, "tcpwatch_leaked_sockets",
		       add(writer, writer->group_size, "kind", leak_kind_name(kind)),
		       group->leaked[kind]);
}

static void idle_of(struct writer *writer, const struct metric_group *group)
{
	sample(writer, "tcpwatch_idle_sockets", writer->group_size, group->idle);
}

static void leaks_of(struct writer *writer, const struct metric_group *group)
{
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		sample(writer, "tcpwatch_leaks_total",
		       add(writer, writer->group_size, "kind", leak_kind_name(kind)),
		       group->leaks[kind]);
}

static void findings_of(struct writer *writer, const struct metric_group *group)
{
	for (int id = 0; id < FINDINGS; id++)
		sample(writer, "tcpwatch_findings",
		       add(writer, writer->group_size, "finding",
			   finding_name((enum finding_id)id)),
		       group->findings[id]);
}

static void oldest_of(struct writer *writer, const struct metric_group *group)
{
	if (!group->oldest_ns) /* there is no such socket */
		return;
	sample_begin(writer, "tcpwatch_oldest_close_wait_timestamp_seconds", "",
		     writer->group_size);
	metric_value_seconds(writer->text, clock_wall_ns(writer->page->clock, group->oldest_ns));
}

/* The states in which the kernel retransmits. */
static const unsigned char repeating_states[] = {
	TCP_SYN_SENT,  TCP_SYN_RECV, TCP_ESTABLISHED, TCP_CLOSE_WAIT,
	TCP_FIN_WAIT1, TCP_CLOSING,  TCP_LAST_ACK,    0,
};

static bool is_repeating(const struct writer *writer, unsigned int state)
{
	if (!feature_has(writer->page->features,
			 state == TCP_SYN_RECV ? FEATURE_SYNACKS : FEATURE_RETRANSMITS))
		return false;
	return strchr((const char *)repeating_states, (int)state);
}

static void retransmits_of(struct writer *writer, const struct metric_group *group)
{
	for (unsigned int state = TCP_ESTABLISHED; state < TCP_STATES; state++)
		if (group->segments.repeated[state] || is_repeating(writer, state))
			sample(writer, "tcpwatch_retransmits_total",
			       add_state(writer, "state", state), group->segments.repeated[state]);
}

static void resets_of(struct writer *writer, const struct metric_group *group)
{
	if (feature_has(writer->page->features, FEATURE_RESETS_SENT))
		sample(writer, "tcpwatch_resets_total",
		       add(writer, writer->group_size, "direction", "sent"),
		       group->segments.resets_sent);
	if (feature_has(writer->page->features, FEATURE_RESETS_RECEIVED))
		sample(writer, "tcpwatch_resets_total",
		       add(writer, writer->group_size, "direction", "received"),
		       group->segments.resets_received);
}

/* A family for which the features are missing is left out. */
static void write_segments(struct writer *writer)
{
	feature_set features = writer->page->features;

	if (feature_has(features, FEATURE_RETRANSMITS) || feature_has(features, FEATURE_SYNACKS)) {
		metric_family(writer->text, "tcpwatch_retransmits", METRIC_COUNTER,
			      "Segments that were sent again, by the state of their socket.");
		for_groups(writer, retransmits_of);
	}
	if (feature_has(features, FEATURE_RESETS_SENT) ||
	    feature_has(features, FEATURE_RESETS_RECEIVED)) {
		metric_family(writer->text, "tcpwatch_resets", METRIC_COUNTER,
			      "Resets sent and received over sockets.");
		for_groups(writer, resets_of);
	}
}

static void write_groups(struct writer *writer)
{
	struct metric_text *text = writer->text;

	metric_family(text, "tcpwatch_state_duration_seconds", METRIC_HISTOGRAM,
		      "How long sockets stayed in a TCP state that they have left.");
	for_groups(writer, durations_of);
	if (feature_has(writer->page->features, FEATURE_ACCEPT)) {
		metric_family(text, "tcpwatch_accept_wait_seconds", METRIC_HISTOGRAM,
			      "How long connections waited for accept().");
		for_groups(writer, accept_waits_of);
	}
	metric_family(text, "tcpwatch_transitions", METRIC_COUNTER, "Changes of TCP state.");
	for_groups(writer, transitions_of);
	metric_family(text, "tcpwatch_sockets", METRIC_GAUGE, "Open TCP sockets by state.");
	for_groups(writer, sockets_of);
	metric_family(text, "tcpwatch_leaked_sockets", METRIC_GAUGE,
		      "Sockets that were reported as leaked and are still in CLOSE_WAIT.");
	for_groups(writer, leaked_of);
	metric_family(text, "tcpwatch_leaks", METRIC_COUNTER, "Leaks reported.");
	for_groups(writer, leaks_of);
	metric_family(writer->text, "tcpwatch_idle_sockets", METRIC_GAUGE,
		      "Idle connections in pools of clients, which their peers have closed.");
	for_groups(writer, idle_of);
	metric_family(text, "tcpwatch_oldest_close_wait_timestamp_seconds", METRIC_GAUGE,
		      "When the oldest socket in CLOSE_WAIT entered it, since the epoch.");
	for_groups(writer, oldest_of);
	metric_family(text, "tcpwatch_findings", METRIC_GAUGE, "Findings that are open.");
	for_groups(writer, findings_of);
	write_segments(writer);
}

static void write_ledger(struct writer *writer)
{
	const struct ledger *ledger = writer->page->ledger;

	metric_family(writer->text, "tcpwatch_events", METRIC_COUNTER,
		      "Events in the kernel that were to be told, delivered or lost.");
	sample(writer, "tcpwatch_events_total", 0, ledger->seen);
	metric_family(writer->text, "tcpwatch_events_lost", METRIC_COUNTER,
		      "Events that were lost on the way from the kernel.");
	for (int reason = 0; reason < LOST_REASONS; reason++)
		sample(writer, "tcpwatch_events_lost_total",
		       add(writer, 0, "reason", lost_reason_name(reason)), ledger->lost[reason]);
}

static void write_questions(struct writer *writer)
{
	metric_family(writer->text, "tcpwatch_host_questions_unanswered", METRIC_COUNTER,
		      "Questions about files of other processes that were not answered in time or "
		      "not asked.");
	sample(writer, "tcpwatch_host_questions_unanswered_total", 0, writer->page->unanswered);
}

static void write_stacks(struct writer *writer)
{
	metric_family(writer->text, "tcpwatch_stacks_refused", METRIC_COUNTER,
		      "Stacks that got no site, because a table was full.");
	sample(writer, "tcpwatch_stacks_refused_total", 0, writer->page->stacks_refused);
}

static void write_build(struct writer *writer)
{
	const struct metrics_page *page = writer->page;
	size_t size = add(writer, 0, "version", page->version);

	metric_family(writer->text, "tcpwatch_build_info", METRIC_GAUGE,
		      "1, with the version of tcpwatch, the kernel's, and the mode.");
	size = add(writer, size, "kernel", page->kernel);
	size = add(writer, size, "mode", feature_mode(page->features));
	sample(writer, "tcpwatch_build_info", size, 1);
	metric_family(writer->text, "tcpwatch_features", METRIC_GAUGE,
		      "1 for what this kernel and these privileges allow, else 0.");
	for (int i = 0; i < FEATURES; i++)
		if (!feature_is_optional((enum feature)i))
			sample(writer, "tcpwatch_features",
			       add(writer, 0, "feature", feature_infos[i].name),
			       !feature_is_missing(page->features, (enum feature)i));
}

const char *metrics_content_type(bool open_metrics)
{
	return open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			    : "text/plain; version=0.0.4; charset=utf-8";
}

void metrics_write(struct metric_text *text, const struct metrics_page *page)
{
	struct writer writer = {.text = text, .page = page};

	write_groups(&writer);
	write_ledger(&writer);
	write_questions(&writer);
	if (page->has_stacks)
		write_stacks(&writer);
	write_build(&writer);
	process_metrics_write(text);
	metric_text_end(text);
}
