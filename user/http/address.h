/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_HTTP_ADDRESS_H
#define TCPWATCH_HTTP_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http/error.h"

/* A DNS name has at most 253 characters. */
#define HTTP_HOST_LEN 256

/* "[0123:...:cdef%interface]:65535" with its 0. */
#define HTTP_ADDRESS_TEXT_LEN 80

/* Where to listen, as given on the command line. */
struct http_address {
	char host[HTTP_HOST_LEN]; /* "" = every address, IPv6 and IPv4 */
	uint16_t port;		  /* 0 = one that is free */
};

/* Who is at the other end, as far as limits go: an IPv4 address or an IPv6 /64. */
struct http_peer {
	unsigned char bytes[16];
};

/*
 * Reads "[HOST]:PORT", an IPv6 address in brackets. Returns 0, or -EINVAL with a message that names
 * the option, the value and what would be right.
 */
int http_address_parse(struct http_address *address, const char *text, char error[HTTP_ERROR_LEN]);

/*
 * Opens a listening socket, non-blocking, for each address that the host has; a name may have
 * several. Returns how many were opened, into fds, or a negative errno with a message; then none is
 * left open. May ask DNS.
 */
int http_address_listen(const struct http_address *address, int *fds, size_t capacity,
			char error[HTTP_ERROR_LEN]);

/*
 * Takes the listening sockets that systemd passed, and the variables that say so out of the
 * environment. Returns how many, into fds, or a negative errno with a message.
 */
int http_address_inherit(int *fds, size_t capacity, char error[HTTP_ERROR_LEN]);

/* Where the socket listens: "127.0.0.1:10433", "[::]:10433"; "?" if it cannot be said. */
const char *http_address_of(int fd, char text[HTTP_ADDRESS_TEXT_LEN]);

/* The address's part that limits go by; all IPv4-mapped IPv6 addresses are IPv4. */
void http_peer_of(struct http_peer *peer, const struct sockaddr *address);

#endif
