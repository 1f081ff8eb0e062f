// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "symbol/symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "symbol/file.h"
#include "symbol/client.h"
#include "symbol/address_space.h"
#include "symbol/stack.h"
#include "symbol/stack_table.h"
#include "symbol/string_pool.h"
#include "base/units.h"

/* Reads at most READS /proc/PID/maps per READS_NS, so that draining the ring is not delayed. */
#define READS	 8
#define READS_NS (10 * NS_PER_MS)
/* How many times a stack is sent to the worker. */
#define TRIES_MAX 3
/* How many stacks get the names of another one in a turn: their files have to be opened. */
#define SHARES_MAX 16

/* Numbers of stacks that were dropped meanwhile stay in a queue until their turn. */
#define QUEUE_MAX (2 * SYMBOLIZER_STACKS_MAX)

/* Numbers of stacks, first in, first out. Each number is in it at most once. */
struct queue {
	uint32_t *numbers;
	size_t first, count, room;
};

struct symbolizer {
	struct call_sites sites;
	struct symbol_files *files;
	struct address_spaces *spaces;
	struct string_pool strings;
	struct shared_names_table names;
	struct symbol_client *client;
	struct symbol_stack **stacks; /* by STACK_PLACE() of their numbers */
	size_t room;		      /* of stacks */
	uint64_t refused;
	struct queue reads; /* stacks whose process's mappings must be read */
	struct queue asks;  /* stacks whose names the worker must look up */
	uint32_t asked;	    /* the stack that the worker looks up; meaningless if there is none */
	uint64_t turn_ns;   /* when the current READS_NS began */
	unsigned int turn_reads;
	int epoll_fd, timer_fd;
	struct symbol_request request;
	struct symbol_key key; /* of the request */
};

static const struct call_stack unknown = {.how = STACK_CONNECT, .is_short = true};

static struct symbolizer *symbolizer_of(struct call_sites *sites)
{
	return (struct symbolizer *)sites;
}

static bool queue_add(struct queue *queue, uint32_t number)
{
	if (queue->count == QUEUE_MAX)
		return false;
	if (queue->count == queue->room) {
		size_t room = queue->room ? queue->room * 2 : 64;
		uint32_t *numbers = calloc(room, sizeof(*numbers));

		if (!numbers)
			return false;
		for (size_t i = 0; i < queue->count; i++)
			numbers[i] = queue->numbers[(queue->first + i) % queue->room];
		free(queue->numbers);
		*queue = (struct queue){numbers, 0, queue->count, room};
	}
	queue->numbers[(queue->first + queue->count++) % queue->room] = number;
	return true;
}

static uint32_t queue_take(struct queue *queue)
{
	uint32_t number = queue->numbers[queue->first];

	queue->first = (queue->first + 1) % queue->room;
	queue->count--;
	return number;
}

static struct symbol_stack *stack_of(const struct symbolizer *symbolizer, uint32_t number)
{
	uint32_t place = STACK_PLACE(number);
	struct symbol_stack *stack = place < symbolizer->room ? symbolizer->stacks[place] : NULL;

	return stack && stack->number == number ? stack : NULL;
}

/* Says once, and counts, that a stack gets no site. */
static void count_refused(struct symbolizer *symbolizer)
{
	if (!symbolizer->refused++)
		journal_say(SD_WARNING,
			    "-s: no room for the mappings, files or names of a stack: it gets no "
			    "site. There may be more of these");
}

static bool make_room(struct symbolizer *symbolizer, uint32_t place)
{
	size_t room = symbolizer->room ? symbolizer->room : 64;
	struct symbol_stack **stacks;

	while (room <= place)
		room *= 2;
	if (place > SYMBOLIZER_STACKS_MAX)
		return false;
	if (room == symbolizer->room)
		return true;
	stacks = realloc(symbolizer->stacks, room * sizeof(*stacks));
	if (!stacks)
		return false;
	memset(stacks + symbolizer->room, 0, (room - symbolizer->room) * sizeof(struct stack *));
	symbolizer->stacks = stacks;
	symbolizer->room = room;
	return true;
}

/* After names were set. */
static void put(struct symbolizer *symbolizer, struct symbol_stack *stack, bool was_refused)
{
	symbolizer->stacks[STACK_PLACE(stack->number)] = stack;
	if (stack->is_refused && !was_refused)
		count_refused(symbolizer);
}

static void give_up(struct symbolizer *symbolizer, struct symbol_stack *stack)
{
	bool was_refused = stack->is_refused;

	put(symbolizer, symbol_stack_give_up(stack, &symbolizer->strings), was_refused);
}

static void place(struct symbolizer *symbolizer, struct symbol_stack *stack,
		  const struct address_space *space)
{
	bool was_refused = stack->is_refused;

	symbol_stack_place(stack, space, symbolizer->files);
	if (stack->is_refused && !was_refused)
		count_refused(symbolizer);
}

static void want(struct symbolizer *symbolizer, struct symbol_stack *stack)
{
	if (symbol_client_is_over(symbolizer->client) ||
	    !queue_add(&symbolizer->asks, stack->number))
		give_up(symbolizer, stack);
}

/* The stack's mappings are known, or never will be. */
static void placed(struct symbolizer *symbolizer, struct symbol_stack *stack)
{
	stack->is_placed = true;
	stack->is_queued = false;
	if (stack->is_wanted)
		want(symbolizer, stack);
}

/* Whether enough is known of the address space: all frames, and the pid that names a perf map. */
static bool is_known(const struct symbol_stack *stack, const struct address_space *space)
{
	return space && space->ns_pid && symbol_stack_covered(stack, space);
}

static void read_for(struct symbolizer *symbolizer, struct symbol_stack *stack)
{
	const struct address_space *space =
		address_spaces_find(symbolizer->spaces, &stack->task, stack->exec_id);

	if (!is_known(stack, space)) {
		int err = address_spaces_read(symbolizer->spaces, &stack->task, stack->exec_id,
					      stack->frames, stack->frame_count);

		symbolizer->turn_reads++;
		if (err == -E2BIG && !stack->is_refused) {
			stack->is_refused = true;
			count_refused(symbolizer);
		}
		space = address_spaces_find(symbolizer->spaces, &stack->task, stack->exec_id);
	}
	if (space)
		place(symbolizer, stack, space);
	placed(symbolizer, stack);
}

static void read_some(struct symbolizer *symbolizer, uint64_t now_ns)
{
	if (now_ns - symbolizer->turn_ns >= READS_NS) {
		symbolizer->turn_ns = now_ns;
		symbolizer->turn_reads = 0;
	}
	while (symbolizer->reads.count && symbolizer->turn_reads < READS) {
		struct symbol_stack *stack = stack_of(symbolizer, queue_take(&symbolizer->reads));

		if (stack)
			read_for(symbolizer, stack);
	}
}

/* Asks the worker, unless another process of the same program did. Returns whether it was asked. */
static bool ask(struct symbolizer *symbolizer, struct symbol_stack *stack, uint64_t now_ns)
{
	int fds[SYMBOL_REQUEST_FILES + 1], err = 0;
	size_t count = symbol_stack_ask(stack, symbolizer->files, &symbolizer->request,
					&symbolizer->key, fds);
	struct symbol_stack *shared = symbol_stack_share(stack, &symbolizer->names,
							 &symbolizer->key, &symbolizer->strings);

	if (!shared)
		err = symbol_client_send(symbolizer->client, &symbolizer->request, fds, count,
					 now_ns);
	while (count)
		close(fds[--count]);
	if (shared) {
		symbolizer->stacks[STACK_PLACE(shared->number)] = shared;
		return false;
	}
	symbolizer->asked = stack->number;
	if (!err)
		return true;
	if (++stack->tries < TRIES_MAX)
		want(symbolizer, stack);
	else
		give_up(symbolizer, stack);
	return true;
}

/* Asks for the next stack that needs it. */
static void ask_next(struct symbolizer *symbolizer, uint64_t now_ns)
{
	unsigned int shares = 0;

	while (symbolizer->asks.count && shares < SHARES_MAX &&
	       symbol_client_ready(symbolizer->client, now_ns)) {
		struct symbol_stack *stack = stack_of(symbolizer, queue_take(&symbolizer->asks));

		if (stack && ask(symbolizer, stack, now_ns))
			return;
		shares += stack != NULL;
	}
}

static void on_broken(struct symbolizer *symbolizer)
{
	struct symbol_stack *stack = stack_of(symbolizer, symbolizer->asked);
	struct symbol_file *file;

	if (!stack || stack->is_done)
		return;
	file = symbol_stack_file(stack, symbol_client_culprit(symbolizer->client));
	if (file)
		file->is_bad = true;
	if (++stack->tries < TRIES_MAX)
		want(symbolizer, stack);
	else
		give_up(symbolizer, stack);
}

static void on_answer(struct symbolizer *symbolizer)
{
	const struct symbol_answer *answer = symbol_client_answer(symbolizer->client);
	struct symbol_stack *stack = stack_of(symbolizer, symbolizer->asked);
	bool was_refused = stack && stack->is_refused;

	if (stack && !stack->is_done)
		put(symbolizer,
		    symbol_stack_answered(stack, answer, &symbolizer->names, &symbolizer->key,
					  &symbolizer->strings),
		    was_refused);
}

static void set_timer(const struct symbolizer *symbolizer, uint64_t now_ns)
{
	uint64_t until_ns = symbol_client_deadline(symbolizer->client);
	struct itimerspec timer = {0};

	if (symbolizer->reads.count && until_ns > now_ns + READS_NS)
		until_ns = now_ns + READS_NS;
	if (symbolizer->asks.count && until_ns == UINT64_MAX) /* a restart, or the next turn */
		until_ns = now_ns + (symbol_client_ready(symbolizer->client, now_ns)
					     ? NS_PER_MS
					     : 100 * NS_PER_MS);
	if (until_ns != UINT64_MAX) {
		until_ns = clock_here(until_ns);
		timer.it_value.tv_sec = (time_t)(until_ns / NS_PER_S);
		timer.it_value.tv_nsec = (long)(until_ns % NS_PER_S);
	}
	timerfd_settime(symbolizer->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

static void go_on(struct symbolizer *symbolizer)
{
	uint64_t now_ns = clock_now();
	enum symbol_client_result news;

	read_some(symbolizer, now_ns);
	do {
		ask_next(symbolizer, now_ns);
		news = symbol_client_run(symbolizer->client, now_ns);
		if (news == CLIENT_ANSWER)
			on_answer(symbolizer);
		else if (news == CLIENT_BROKEN)
			on_broken(symbolizer);
	} while (news == CLIENT_ANSWER && symbolizer->asks.count);
	while (symbolizer->asks.count && symbol_client_is_over(symbolizer->client)) {
		struct symbol_stack *stack = stack_of(symbolizer, queue_take(&symbolizer->asks));

		if (stack)
			give_up(symbolizer, stack);
	}
	set_timer(symbolizer, now_ns);
}

static void on_forked(struct call_sites *sites, const struct event_fork *e)
{
	address_spaces_fork(symbolizer_of(sites)->spaces, e);
}

static void on_taken(struct call_sites *sites, uint32_t number, const struct event_stack *e)
{
	struct symbolizer *symbolizer = symbolizer_of(sites);
	const struct address_space *space;
	struct symbol_stack *stack;

	if (!make_room(symbolizer, STACK_PLACE(number)) || symbolizer->stacks[STACK_PLACE(number)])
		return;
	stack = symbol_stack_new(number, e);
	if (!stack)
		return;
	symbolizer->stacks[STACK_PLACE(number)] = stack;
	space = address_spaces_find(symbolizer->spaces, &e->task, e->exec_id);
	if (is_known(stack, space)) {
		place(symbolizer, stack, space);
		return;
	}
	if (space) /* it is used in case the process has ended meanwhile */
		place(symbolizer, stack, space);
	stack->is_placed = false;
	stack->is_queued = queue_add(&symbolizer->reads, number);
	stack->is_placed = !stack->is_queued;
	read_some(symbolizer, clock_now());
	if (symbolizer->reads.count)
		set_timer(symbolizer, clock_now());
}

static void on_dropped(struct call_sites *sites, uint32_t number)
{
	struct symbolizer *symbolizer = symbolizer_of(sites);
	struct symbol_stack *stack = stack_of(symbolizer, number);

	if (!stack)
		return;
	symbolizer->stacks[STACK_PLACE(number)] = NULL;
	symbol_stack_free(stack, &symbolizer->strings);
}

static uint64_t get_refused(const struct call_sites *sites)
{
	return ((const struct symbolizer *)sites)->refused;
}

static const struct call_stack *get_names(struct call_sites *sites, uint32_t number)
{
	struct symbolizer *symbolizer = symbolizer_of(sites);
	struct symbol_stack *stack = stack_of(symbolizer, number);

	if (!stack)
		return &unknown;
	if (!stack->is_done && !stack->is_wanted) {
		stack->is_wanted = true;
		if (stack->is_placed)
			want(symbolizer, stack);
	}
	if (!stack_of(symbolizer, number)->is_done)
		go_on(symbolizer);
	stack = stack_of(symbolizer, number);
	return stack->is_done ? &stack->names : NULL;
}

static int get_fd(const struct call_sites *sites)
{
	return ((const struct symbolizer *)sites)->epoll_fd;
}

static void run(struct call_sites *sites)
{
	go_on(symbolizer_of(sites));
}

static void release(struct call_sites *sites)
{
	struct symbolizer *symbolizer = symbolizer_of(sites);

	for (size_t i = 0; i < symbolizer->room; i++)
		symbol_stack_free(symbolizer->stacks[i], &symbolizer->strings);
	free(symbolizer->stacks);
	free(symbolizer->reads.numbers);
	free(symbolizer->asks.numbers);
	symbol_client_free(symbolizer->client);
	address_spaces_free(symbolizer->spaces);
	symbol_files_free(symbolizer->files);
	string_pool_clear(&symbolizer->strings);
	if (symbolizer->timer_fd >= 0)
		close(symbolizer->timer_fd);
	if (symbolizer->epoll_fd >= 0)
		close(symbolizer->epoll_fd);
	free(symbolizer);
}

static const struct call_sites_ops ops = {on_forked, on_taken, on_dropped, get_refused,
					  get_names, get_fd,   run,	   release};

static int watch(const struct symbolizer *symbolizer, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(symbolizer->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int symbolizer_new(struct call_sites **sites, bool debuginfod)
{
	struct symbolizer *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return -ENOMEM;
	made->sites.ops = &ops;
	made->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	made->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = made->epoll_fd < 0 || made->timer_fd < 0
		      ? -errno
		      : symbol_client_new(&made->client, debuginfod);
	if (!err)
		err = watch(made, symbol_client_fd(made->client));
	if (!err)
		err = watch(made, made->timer_fd);
	made->files = symbol_files_new();
	made->spaces = made->files ? address_spaces_new(made->files) : NULL;
	if (!err && !made->spaces)
		err = -ENOMEM;
	if (err) {
		release(&made->sites);
		return err;
	}
	*sites = &made->sites;
	return 0;
}
