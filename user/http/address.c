// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/shown.h"

#define OPTION	      "--web.listen-address"
#define PORT_TEXT_LEN 6
#define BACKLOG	      128

static int refuse(char error[HTTP_ERROR_LEN], const char *value, const char *wrong)
{
	char text[SHOWN_LEN];

	return http_error(error, -EINVAL,
			  OPTION ": '%s' %s; write [HOST]:PORT, as in :10433, 127.0.0.1:10433 or "
				 "[::1]:10433",
			  shown(value, strlen(value), text), wrong);
}

static bool port_parse(const char *text, uint16_t *port)
{
	size_t length = strlen(text);
	unsigned long number;

	if (!length || length > 5 || strspn(text, "0123456789") != length)
		return false;
	number = strtoul(text, NULL, 10);
	if (number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

/* Whether it has the characters of a name or an address: a typing error is not worth a DNS query.
 */
static bool host_is_sensible(const char *host, size_t length, bool ipv6)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	static const char address[] = "0123456789abcdefABCDEF:.";
	const char *zone;

	if (!ipv6)
		return strspn(host, name) >= length;
	zone = memchr(host, '%', length);
	if (zone && strspn(zone + 1, name) >= length - (size_t)(zone + 1 - host))
		length = (size_t)(zone - host);
	return length && strspn(host, address) >= length;
}

int http_address_parse(struct http_address *address, const char *text, char error[HTTP_ERROR_LEN])
{
	const char *host = text;
	const char *colon = strrchr(text, ':');
	bool bracket = *text == '[';
	size_t length;
	uint16_t port;

	if (!*text)
		return refuse(error, text, "is empty");
	if (!colon || (bracket && colon[-1] != ']'))
		return refuse(error, text, "has no port");
	if (!port_parse(colon + 1, &port))
		return refuse(error, text, "needs a port from 0 to 65535");
	length = (size_t)(colon - text);
	if (bracket) {
		host++;
		length -= 2;
	} else if (memchr(host, ':', length)) {
		return refuse(error, text, "has an IPv6 address without brackets");
	}
	if (length >= HTTP_HOST_LEN || !host_is_sensible(host, length, bracket))
		return refuse(error, text,
			      bracket ? "has no IPv6 address in its brackets"
				      : "has no valid host name");
	memcpy(address->host, host, length);
	address->host[length] = '\0';
	address->port = port;
	return 0;
}

/* Returns a listening socket or a negative errno. */
static int listen_at(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)info->ai_addr;
	int on = 1;
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6) {
		int only = !IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr);

		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	}
	if (!bind(fd, info->ai_addr, info->ai_addrlen) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int cannot_listen(char error[HTTP_ERROR_LEN], int err, const struct http_address *address)
{
	const char *remedy = "";
	bool bracket = strchr(address->host, ':');

	if (err == -EADDRINUSE)
		remedy = "; 'ss -ltnp' shows which program uses it";
	else if (err == -EADDRNOTAVAIL)
		remedy = "; 'ip address' shows the addresses of this host";
	else if (err == -EACCES)
		remedy =
			"; ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE";
	return http_error(error, err, OPTION ": cannot listen at %s%s%s:%u: %s%s",
			  bracket ? "[" : "", address->host, bracket ? "]" : "", address->port,
			  strerror(-err), remedy);
}

/* Listens at every address: at [::], which takes IPv4 too, or at 0.0.0.0 without IPv6. */
static int listen_everywhere(const struct http_address *address, int *fds,
			     char error[HTTP_ERROR_LEN])
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	struct addrinfo info = {
		.ai_family = AF_INET6,
		.ai_addr = (struct sockaddr *)&any6,
		.ai_addrlen = sizeof(any6),
	};
	int fd = listen_at(&info);

	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
		info.ai_family = AF_INET;
		info.ai_addr = (struct sockaddr *)&any4;
		info.ai_addrlen = sizeof(any4);
		fd = listen_at(&info);
	}
	if (fd < 0)
		return cannot_listen(error, fd, address);
	fds[0] = fd;
	return 1;
}

int http_address_listen(const struct http_address *address, int *fds, size_t capacity,
			char error[HTTP_ERROR_LEN])
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found;
	char port[PORT_TEXT_LEN];
	size_t count = 0;
	int fd = -EADDRNOTAVAIL;
	int err;

	if (!capacity)
		return http_error(error, -EMFILE, OPTION ": too many addresses");
	if (!*address->host)
		return listen_everywhere(address, fds, error);
	snprintf(port, sizeof(port), "%u", address->port);
	err = getaddrinfo(address->host, port, &hints, &found);
	if (err)
		return http_error(error, -EADDRNOTAVAIL, OPTION ": '%s:%s' has no address: %s",
				  address->host, port,
				  err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	for (const struct addrinfo *info = found; info && count < capacity; info = info->ai_next) {
		fd = listen_at(info);
		/* A name may have an IPv6 address although the host has no IPv6. */
		if (fd == -EAFNOSUPPORT || (fd == -EADDRNOTAVAIL && (count || info->ai_next)))
			continue;
		if (fd < 0)
			break;
		fds[count++] = fd;
	}
	freeaddrinfo(found);
	if (fd < 0 && !(count && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))) {
		while (count)
			close(fds[--count]);
		return cannot_listen(error, fd, address);
	}
	return (int)count;
}

int http_address_inherit(int *fds, size_t capacity, char error[HTTP_ERROR_LEN])
{
	int count = sd_listen_fds(1);

	if (count < 0)
		return http_error(error, count, "--web.systemd-socket: %s", strerror(-count));
	if (!count)
		return http_error(
			error, -ENOENT,
			"--web.systemd-socket: systemd passed no socket; start tcpwatch by its "
			".socket unit, or use " OPTION);
	if ((size_t)count > capacity)
		return http_error(error, -EMFILE,
				  "--web.systemd-socket: %d sockets were passed; the limit is %zu",
				  count, capacity);
	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) <= 0)
			return http_error(error, -ENOTSOCK,
					  "--web.systemd-socket: descriptor %d is not a listening "
					  "TCP socket; use ListenStream=PORT in the .socket unit",
					  fd);
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
			return http_error(error, -errno, "--web.systemd-socket: descriptor %d: %s",
					  fd, strerror(errno));
	}
	for (int i = 0; i < count; i++)
		fds[i] = SD_LISTEN_FDS_START + i;
	return count;
}

const char *http_address_of(int fd, char text[HTTP_ADDRESS_TEXT_LEN])
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	char host[HTTP_ADDRESS_TEXT_LEN - PORT_TEXT_LEN - 3];
	char port[PORT_TEXT_LEN];

	if (getsockname(fd, (struct sockaddr *)&address, &length) ||
	    getnameinfo((struct sockaddr *)&address, length, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV)) {
		memcpy(text, "?", 2);
	} else {
		bool ipv6 = address.ss_family == AF_INET6;

		snprintf(text, HTTP_ADDRESS_TEXT_LEN, "%s%s%s:%s", ipv6 ? "[" : "", host,
			 ipv6 ? "]" : "", port);
	}
	return text;
}

void http_peer_of(struct http_peer *peer, const struct sockaddr *address)
{
	*peer = (struct http_peer){0};
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		memcpy(peer->bytes + 12, &in->sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			memcpy(peer->bytes + 12, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			memcpy(peer->bytes, &in6->sin6_addr, 8);
			peer->bytes[15] = 6; /* ::1 is not 0.0.0.0 */
		}
	}
}
