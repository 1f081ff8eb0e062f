// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * serve [-c CONFIG] [-s] [-L LIMIT=NUMBER]... [ADDRESS...]: the web server's rooms with pages for
 * tests. Prints where it listens, then "ready". SIGHUP reads the web config again.
 *
 * /big has 2 MB of metrics; /slow takes 20 ms to make, and /made tells how many of these there
 * were; /stats tells how long http_server_run() took, and which runs took longest, /reset begins
 * anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/server.h"
#include "base/units.h"

#define BIG_SIZE (2 * 1024 * 1024)

/* How many of the longest holds are kept. */
#define HOLDS 16

/* A run of http_server_run(), by CLOCK_MONOTONIC. */
struct hold {
	uint64_t begin_ns, end_ns;
	uint64_t ns; /* by CPU time, or by the clock where it waited for something else */
};

/* How long the loop was held up. */
struct holds {
	uint64_t runs;
	struct hold longest[HOLDS]; /* the longest first */
	uint64_t sum_ns;
	uint64_t blocked; /* runs that waited for something */
};

static struct holds holds;
static struct http_server *server;
static char *big;
static size_t big_size;
static unsigned int slow_made;

static uint64_t cpu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* How long the threads have been ready to run without a processor: the second number of schedstat
 * (Documentation/scheduler/sched-stats.rst). One of them may have held a lock then. */
static uint64_t waited_now(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	uint64_t sum_ns = 0;

	while (tasks && (task = readdir(tasks))) {
		char path[300], text[128] = "", *second;
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", task->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, text, sizeof(text) - 1) > 0 && (second = strchr(text, ' ')))
			sum_ns += strtoull(second, NULL, 10);
		close(fd);
	}
	if (tasks)
		closedir(tasks);
	return sum_ns;
}

static void hold_keep(const struct hold *hold)
{
	int i = HOLDS;

	while (i > 0 && holds.longest[i - 1].ns < hold->ns)
		i--;
	if (i == HOLDS)
		return;
	memmove(&holds.longest[i + 1], &holds.longest[i],
		(size_t)(HOLDS - 1 - i) * sizeof(*holds.longest));
	holds.longest[i] = *hold;
}

static void run(void)
{
	struct rusage before, after;
	uint64_t cpu_ns, wall_ns, waited_ns, now_ns;
	struct hold hold;
	bool blocked;

	getrusage(RUSAGE_THREAD, &before);
	waited_ns = waited_now();
	cpu_ns = cpu_now();
	hold.begin_ns = clock_now();
	http_server_run(server);
	hold.end_ns = clock_now();
	wall_ns = hold.end_ns - hold.begin_ns;
	cpu_ns = cpu_now() - cpu_ns;
	now_ns = waited_now();
	waited_ns = now_ns > waited_ns ? now_ns - waited_ns : 0;
	getrusage(RUSAGE_THREAD, &after);
	blocked = after.ru_nvcsw != before.ru_nvcsw;
	hold.ns = !blocked ? cpu_ns : wall_ns > waited_ns ? wall_ns - waited_ns : 0;
	holds.runs++;
	holds.sum_ns += cpu_ns;
	holds.blocked += blocked;
	hold_keep(&hold);
}

static void big_make(void)
{
	big = malloc(BIG_SIZE + 256);
	for (int i = 0; big && big_size < BIG_SIZE; i++)
		big_size += (size_t)sprintf(
			big + big_size,
			"tcpwatch_state_duration_seconds_bucket{comm=\"server-%d\","
			"state=\"ESTABLISHED\",le=\"%g\"} %d\n",
			i / 15, (i % 15) * 0.5, (int)((unsigned int)i * 2654435761U >> 12));
}

static void page_set(struct http_response *response, const char *type, const char *text,
		     size_t size)
{
	response->body = malloc(size + 1);
	if (!response->body)
		return;
	memcpy(response->body, text, size);
	response->size = size;
	response->status = 200;
	response->content_type = type;
}

static void stats_set(struct http_response *response)
{
	struct http_counts counts;
	char text[4096];
	int length;

	http_server_counts(server, &counts);
	length = snprintf(
		text, sizeof(text),
		"{\"runs\": %llu, \"sum_ns\": %llu, \"blocked\": %llu, \"accepted\": %llu, "
		"\"refused\": %llu, \"timed_out\": %llu, \"requests\": %llu, "
		"\"auth_failed\": %llu, \"reloads\": %llu, \"connections\": %zu, "
		"\"page_bytes\": %zu, \"longest\": [",
		(unsigned long long)holds.runs, (unsigned long long)holds.sum_ns,
		(unsigned long long)holds.blocked, (unsigned long long)counts.accepted,
		(unsigned long long)counts.refused, (unsigned long long)counts.timed_out,
		(unsigned long long)counts.requests, (unsigned long long)counts.auth_failed,
		(unsigned long long)counts.reloads, counts.connections, counts.page_bytes);
	for (int i = 0; i < HOLDS; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%s[%llu, %llu, %llu]", i ? ", " : "",
				   (unsigned long long)holds.longest[i].begin_ns,
				   (unsigned long long)holds.longest[i].end_ns,
				   (unsigned long long)holds.longest[i].ns);
	length += snprintf(text + length, sizeof(text) - (size_t)length, "]}\n");
	page_set(response, "application/json", text, (size_t)length);
}

/* A page that costs a lot: 20 ms of CPU time. */
static void slow_make(void)
{
	uint64_t until_ns = cpu_now() + 20 * NS_PER_MS;

	while (cpu_now() < until_ns)
		;
	slow_made++;
}

static void made_set(struct http_response *response)
{
	char text[20];

	page_set(response, "text/plain", text, (size_t)sprintf(text, "%u", slow_made));
}

static void handle(void *context, const struct http_request *request,
		   struct http_response *response)
{
	static const char html[] = "text/html; charset=utf-8";
	static const char plain[] = "text/plain; version=0.0.4; charset=utf-8";

	(void)context;
	if (!strcmp(request->path, "/"))
		page_set(response, html, "<!DOCTYPE html><title>serve</title>\n", 36);
	else if (!strcmp(request->path, "/metrics"))
		page_set(response, plain, big, 20000);
	else if (!strcmp(request->path, "/big"))
		page_set(response, plain, big, big_size);
	else if (!strcmp(request->path, "/accept"))
		page_set(response, plain, request->accept ? request->accept : "-",
			 request->accept ? strlen(request->accept) : 1);
	else if (!strcmp(request->path, "/-/healthy") || !strcmp(request->path, "/-/ready"))
		page_set(response, "text/plain; charset=utf-8", "OK\n", 3);
	else if (!strcmp(request->path, "/made"))
		made_set(response);
	else if (!strcmp(request->path, "/slow"))
		slow_make(), page_set(response, plain, "", 0);
	else if (!strcmp(request->path, "/empty"))
		page_set(response, "text/plain; charset=utf-8", "", 0);
	else if (!strcmp(request->path, "/stats"))
		stats_set(response);
	else if (!strcmp(request->path, "/reset"))
		holds = (struct holds){0}, page_set(response, plain, "", 0);
	else if (strcmp(request->path, "/fault") != 0)
		page_set(response, "text/plain; charset=utf-8", "404 Not Found\n", 14),
			response->status = 404;
}

static void report(void *context, const char *message)
{
	(void)context;
	fprintf(stderr, "serve: %s\n", message);
}

static void limit_set(struct http_limits *limits, const char *text)
{
	const char *equals = strchr(text, '=');
	unsigned long number = equals ? strtoul(equals + 1, NULL, 10) : 0;

	if (!strncmp(text, "connections=", 12))
		limits->connections = (unsigned int)number;
	else if (!strncmp(text, "peer=", 5))
		limits->peer_connections = (unsigned int)number;
	else if (!strncmp(text, "page_kb=", 8))
		limits->page_bytes = number * 1024;
	else if (!strncmp(text, "header_ms=", 10))
		limits->header_ns = number * NS_PER_MS;
	else if (!strncmp(text, "response_ms=", 12))
		limits->response_ns = number * NS_PER_MS;
	else if (!strncmp(text, "slow_ms=", 8))
		limits->slow_ns = number * NS_PER_MS;
	else if (!strncmp(text, "idle_ms=", 8))
		limits->idle_ns = number * NS_PER_MS;
	else
		exit(2);
}

static int signals_open(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns false when it is time to end. */
static bool on_signal(int signal_fd)
{
	struct signalfd_siginfo info;
	char error[HTTP_ERROR_LEN];

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return true;
	if (info.ssi_signo != SIGHUP)
		return false;
	if (http_server_reload(server, error))
		report(NULL, error);
	else
		report(NULL, "reloaded");
	return true;
}

static void loop(int signal_fd)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = signal_fd};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &event);
	event.data.fd = http_server_epoll_fd(server);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
	while (epoll_wait(epoll_fd, &event, 1, -1) >= 0 || errno == EINTR) {
		if (event.data.fd != signal_fd)
			run();
		else if (!on_signal(signal_fd))
			break;
	}
	close(epoll_fd);
}

int main(int argc, char **argv)
{
	static const char *const vital[] = {"/-/healthy", "/-/ready", "/made", NULL};
	struct http_config config = {.handler = handle, .report = report, .vital_paths = vital};
	char error[HTTP_ERROR_LEN];
	const char *address;
	int option, err, signal_fd;

	while ((option = getopt(argc, argv, "c:sL:")) != -1) {
		if (option == 'c')
			config.web_config = optarg;
		else if (option == 's')
			config.systemd_socket = true;
		else if (option == 'L')
			limit_set(&config.limits, optarg);
		else
			return 2;
	}
	config.listen = (const char *const *)argv + optind;
	config.listen_count = (size_t)(argc - optind);
	big_make();
	err = http_server_new(&server, &config, error);
	if (err) {
		fprintf(stderr, "serve: %s\n", error);
		free(big);
		return err == -EINVAL ? 2 : 1;
	}
	for (size_t i = 0; (address = http_server_address(server, i)); i++)
		printf("http%s://%s\n", http_server_is_tls(server) ? "s" : "", address);
	signal_fd = signals_open();
	puts("ready");
	fflush(stdout);
	loop(signal_fd);
	close(signal_fd);
	http_server_free(server);
	free(big);
	return 0;
}
