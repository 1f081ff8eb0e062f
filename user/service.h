/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_SERVICE_H
#define TCPWATCH_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_STATUS_LEN 160

/*
 * Notifies systemd by sd_notify(3). Without $NOTIFY_SOCKET the functions do nothing. Times are
 * CLOCK_MONOTONIC in ns. To be called from the event loop only, since WATCHDOG=1 means that the
 * loop runs.
 */
struct service {
	bool wanted;
	uint64_t watchdog_ns; /* how often to send WATCHDOG=1; 0: never */
	uint64_t watchdog_at_ns;
	uint64_t look_at_ns;	/* when the status is looked at again */
	uint64_t status_at_ns;	/* when the status was sent */
	uint64_t leaks_printed; /* open leaks in that status */
	char status[SERVICE_STATUS_LEN];
};

struct engine_news;

void service_init(struct service *service);

/* Sends READY=1: everything is attached, the first scan is done, the pages are served. */
void service_ready(struct service *service);

/* Sends WATCHDOG=1 if it is due. */
void service_alive(struct service *service, uint64_t now_ns);

/* When service_alive() has to be called next; UINT64_MAX: never. */
uint64_t service_deadline(const struct service *service);

/* Whether service_status() is to be called; true at most once a second. */
bool service_status_due(struct service *service, uint64_t now_ns);

/* Sends the status line: at once if the number of open leaks changed, otherwise every 10 s. */
void service_status(struct service *service, const struct engine_news *news, uint64_t now_ns);

/* Sends RELOADING=1 before the web config is read again; service_ready() follows. */
void service_reloading(const struct service *service, uint64_t now_ns);

/* Sends STOPPING=1. */
void service_stopping(const struct service *service);

#endif
