// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "model/net_settings.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define PORTS 65536

/* Reads one number from /proc/sys/net/<name>; *value is untouched on failure. */
static bool read_number(const char *name, uint32_t *value)
{
	char path[96];
	uint32_t number;
	bool found;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	found = fscanf(file, "%u", &number) == 1;
	fclose(file);
	if (found)
		*value = number;
	return found;
}

uint32_t net_settings_reserved(FILE *list, uint32_t low, uint32_t high)
{
	bool reserved[PORTS] = {false};
	uint32_t first, last, count = 0;
	int after = ',';

	while (after == ',' && fscanf(list, "%5u", &first) == 1) {
		last = first;
		after = fgetc(list);
		if (after == '-') {
			if (fscanf(list, "%5u", &last) != 1)
				break;
			after = fgetc(list);
		}
		if (last >= PORTS || (after != ',' && after != '\n' && after != EOF))
			break;
		for (uint32_t port = first; port <= last; port++)
			reserved[port] = true;
	}
	for (uint32_t port = low; port <= high && port < PORTS; port++)
		count += reserved[port];
	return count;
}

static bool read_ports(struct net_settings *settings)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	uint32_t low, high;
	bool found;

	if (!file)
		return false;
	found = fscanf(file, "%u %u", &low, &high) == 2 && low <= high && high < PORTS;
	fclose(file);
	if (!found)
		return false;
	settings->port_low = low;
	settings->port_high = high;
	settings->ports = high - low + 1;
	file = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	if (file) {
		settings->ports -= net_settings_reserved(file, low, high);
		fclose(file);
	}
	return true;
}

int net_settings_read(struct net_settings *settings)
{
	const struct {
		const char *name;
		uint32_t *value;
	} numbers[] = {
		{"ipv4/tcp_tw_reuse", &settings->tw_reuse},
		{"ipv4/tcp_syncookies", &settings->syncookies},
		{"ipv4/tcp_fin_timeout", &settings->fin_timeout_s},
		{"ipv4/tcp_syn_retries", &settings->syn_retries},
		{"ipv4/tcp_synack_retries", &settings->synack_retries},
		{"ipv4/tcp_max_syn_backlog", &settings->max_syn_backlog},
		{"core/somaxconn", &settings->somaxconn},
	};
	uint32_t timestamps = 1;

	*settings = NET_SETTINGS_DEFAULT;
	if (!read_ports(settings))
		return errno ? -errno : -EPROTO;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		read_number(numbers[i].name, numbers[i].value);
	read_number("ipv4/tcp_timestamps", &timestamps);
	settings->timestamps = timestamps;
	return 0;
}
