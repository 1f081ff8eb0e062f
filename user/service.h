/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SERVICE_H
#define TCPWATCH_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_STATUS_LEN 160

/*
 * What systemd is told of us, sd_notify(3). Where nobody listens ($NOTIFY_SOCKET) nothing happens.
 * Times are CLOCK_MONOTONIC in ns. Call it from the main loop only: WATCHDOG=1 means that it goes
 * round.
 */
struct service {
	bool wanted;
	uint64_t watchdog_ns; /* how often we are to be heard of; 0 = never */
	uint64_t watchdog_at_ns;
	uint64_t look_at_ns;   /* the next look at what the status says */
	uint64_t status_at_ns; /* when it was sent */
	uint64_t leaks_told;
	char status[SERVICE_STATUS_LEN];
};

struct engine_news;

void service_init(struct service *service);

/* All is attached, the first scan is done, the pages are there. */
void service_ready(struct service *service);

/* The loop goes round: WATCHDOG=1 if it is time for it. */
void service_alive(struct service *service, uint64_t now_ns);

/* When service_alive() wants to be called next; UINT64_MAX = never. */
uint64_t service_deadline(const struct service *service);

/* Is it time to look for news? At most once a second. */
bool service_status_due(struct service *service, uint64_t now_ns);

/* Sends a status line: at once where the open leaks have changed, else at most every 10 s. */
void service_status(struct service *service, const struct engine_news *news, uint64_t now_ns);

/* Around reading the web config again; what comes after that is service_ready(). */
void service_reloading(const struct service *service, uint64_t now_ns);

void service_stopping(const struct service *service);

#endif
