// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/units.h"
#include "engine/pages.h"

#define LOOK_PAUSE_NS	(1 * NS_PER_S)
#define STATUS_PAUSE_NS (10 * NS_PER_S)

void service_init(struct service *service)
{
	uint64_t within_us;

	*service = (struct service){.wanted = getenv("NOTIFY_SOCKET") != NULL};
	if (service->wanted && sd_watchdog_enabled(0, &within_us) > 0)
		service->watchdog_ns = within_us * NS_PER_US / 2;
}

void service_ready(struct service *service)
{
	sd_notify(0, "READY=1");
	service->status_at_ns = 0; /* systemd may have replaced the status */
	service->status[0] = '\0';
}

void service_alive(struct service *service, uint64_t now_ns)
{
	if (!service->watchdog_ns || now_ns < service->watchdog_at_ns)
		return;
	sd_notify(0, "WATCHDOG=1");
	service->watchdog_at_ns = now_ns + service->watchdog_ns;
}

uint64_t service_deadline(const struct service *service)
{
	return service->watchdog_ns ? service->watchdog_at_ns : UINT64_MAX;
}

bool service_status_due(struct service *service, uint64_t now_ns)
{
	if (!service->wanted || now_ns < service->look_at_ns)
		return false;
	service->look_at_ns = now_ns + LOOK_PAUSE_NS;
	return true;
}

void service_status(struct service *service, const struct engine_news *news, uint64_t now_ns)
{
	char status[SERVICE_STATUS_LEN];

	snprintf(status, sizeof(status),
		 "STATUS=%llu leaked socket%s open now, %llu reported in all; %llu event%s lost",
		 (unsigned long long)news->leaks_open, news->leaks_open == 1 ? "" : "s",
		 (unsigned long long)news->leaks_total, (unsigned long long)news->lost,
		 news->lost == 1 ? "" : "s");
	if (!strcmp(status, service->status))
		return;
	if (service->status_at_ns && news->leaks_open == service->leaks_printed &&
	    now_ns < service->status_at_ns + STATUS_PAUSE_NS)
		return;
	sd_notify(0, status);
	memcpy(service->status, status, sizeof(status));
	service->status_at_ns = now_ns;
	service->leaks_printed = news->leaks_open;
}

void service_reloading(const struct service *service, uint64_t now_ns)
{
	if (service->wanted)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			   (unsigned long long)(now_ns / NS_PER_US));
}

void service_stopping(const struct service *service)
{
	if (service->wanted)
		sd_notify(0, "STOPPING=1");
}
