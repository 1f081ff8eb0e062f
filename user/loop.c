// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/units.h"
#include "engine/pages.h"

/* How often the ring is drained; it holds several seconds of events of a busy host. */
#define TICK_NS	      (100 * NS_PER_MS)
#define TRACE_TICK_NS (20 * NS_PER_MS)
/* ... and at least, where nothing comes. */
#define REST_TICK_NS NS_PER_S

/* How long the kernel still works on the sockets of a process that has ended. */
#define LAST_EVENTS_NS (100 * NS_PER_MS)
/* ... and at most, while there are sockets that it has left: kernel threads close those of an
 * io_uring when they get to it. */
#define LAST_SOCKETS_NS (2 * NS_PER_S)

#define EVENTS_MAX 16

enum { EPOLL_RING, EPOLL_SIGNAL, EPOLL_WEB, EPOLL_SITES };

static int watch_for(struct loop *loop, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = {.events = events, .data.u64 = tag};

	return epoll_ctl(loop->targets.epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int watch_fd(struct loop *loop, int fd, uint64_t tag)
{
	return watch_for(loop, fd, EPOLLIN, tag);
}

int loop_open(struct loop *loop)
{
	loop->targets.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->targets.epoll_fd < 0 ? -errno : 0;
}

int loop_watch_signals(struct loop *loop)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (loop->options->command)
		command_add_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return loop->signal_fd < 0 ? -errno : watch_fd(loop, loop->signal_fd, EPOLL_SIGNAL);
}

int loop_watch_events(struct loop *loop, int ring_fd)
{
	int sites_fd = loop->sites ? loop->sites->ops->fd(loop->sites) : -1;
	/* Edge-triggered: it is readable while there is any record, but only a wake-up by the
	 * kernel ends the wait. Every turn drains. */
	int err = watch_for(loop, ring_fd, EPOLLIN | EPOLLET, EPOLL_RING);

	return err || sites_fd < 0 ? err : watch_fd(loop, sites_fd, EPOLL_SITES);
}

int loop_watch_web(struct loop *loop)
{
	return loop->web ? watch_fd(loop, http_server_epoll_fd(loop->web), EPOLL_WEB) : 0;
}

bool loop_watch_child(void *context, uint32_t tgid)
{
	struct loop *loop = context;

	return !targets_add(&loop->targets, tgid);
}

static uint64_t tick_ns(const struct loop *loop, uint64_t now_ns)
{
	if (engine_rest(loop->engine, now_ns))
		return REST_TICK_NS;
	return loop->options->trace ? TRACE_TICK_NS : TICK_NS;
}

static int wait_ms(const struct loop *loop)
{
	uint64_t deadline_ns = engine_deadline(loop->engine);
	uint64_t now_ns = clock_now();
	uint64_t until_ns = deadline_ns > now_ns ? now_ns + tick_ns(loop, now_ns) : now_ns;

	if (deadline_ns < until_ns)
		until_ns = deadline_ns;
	if (service_deadline(&loop->service) < until_ns)
		until_ns = service_deadline(&loop->service);
	if (loop->end_ns < until_ns)
		until_ns = loop->end_ns;
	return until_ns <= now_ns ? 0 : (int)((until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void reload(struct loop *loop)
{
	char error[HTTP_ERROR_LEN];

	service_reloading(&loop->service, clock_now());
	if (http_server_reload(loop->web, error))
		journal_say(SD_ERR, "%s; the previous web config stays in force", error);
	service_ready(&loop->service);
}

static void on_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (loop->options->command)
		command_pass_signal(&loop->command, &info);
	else if (info.ssi_signo == SIGHUP && loop->web)
		reload(loop);
	else
		loop->end_ns = 0;
}

/* The end of COMMAND ends the run, even if some of its descendants still run. */
static bool is_over(struct loop *loop)
{
	return loop->options->command ? !command_runs(&loop->command) : !loop->targets.alive;
}

static void on_exit_of(struct loop *loop, uint32_t tgid)
{
	uint64_t now_ns = clock_now();

	engine_process_exited(loop->engine, tgid);
	if (!is_over(loop) || loop->end_ns <= now_ns + LAST_EVENTS_NS)
		return;
	loop->end_ns = now_ns + LAST_EVENTS_NS;
	loop->last_ns = now_ns + LAST_SOCKETS_NS;
}

static void on_event(struct loop *loop, uint64_t tag)
{
	uint32_t tgid;

	if (tag == EPOLL_SIGNAL)
		on_signal(loop);
	else if (tag == EPOLL_WEB)
		http_server_run(loop->web);
	else if (tag == EPOLL_SITES)
		loop->sites->ops->run(loop->sites);
	else if (engine_behind(loop->engine))
		return; /* it is reported again */
	else if (targets_ended(&loop->targets, tag, &tgid))
		on_exit_of(loop, tgid);
}

static void update_service(struct loop *loop)
{
	uint64_t now_ns = clock_now();
	struct engine_news news;

	service_alive(&loop->service, now_ns);
	if (!service_status_due(&loop->service, now_ns))
		return;
	engine_news(loop->engine, &news);
	service_status(&loop->service, &news, now_ns);
}

static bool is_time_to_stop(struct loop *loop)
{
	uint64_t now_ns = clock_now();

	if (now_ns < loop->end_ns || command_outlasts(&loop->command, &loop->end_ns))
		return false;
	if (now_ns >= loop->last_ns || !engine_left_open(loop->engine))
		return true;
	loop->end_ns = now_ns + LAST_EVENTS_NS;
	return false;
}

int loop_run(struct loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	int count, err;

	while (!is_time_to_stop(loop)) {
		count = epoll_wait(loop->targets.epoll_fd, events, EVENTS_MAX, wait_ms(loop));
		if (count < 0 && errno != EINTR)
			return -errno;
		/* Forks come before exits: the last target may have a child. */
		err = engine_poll(loop->engine);
		if (err)
			return err;
		update_service(loop);
		for (int i = 0; i < count; i++)
			on_event(loop, events[i].data.u64);
	}
	return 0;
}

void loop_close(struct loop *loop)
{
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->targets.epoll_fd >= 0)
		close(loop->targets.epoll_fd);
}
