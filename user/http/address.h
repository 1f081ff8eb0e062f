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

/* An address to listen at, as given on the command line. */
struct http_address {
	char host[HTTP_HOST_LEN]; /* "": every address, IPv6 and IPv4 */
	uint16_t port;		  /* 0: any free one */
};

/* The remote end as the limits know it: an IPv4 address or an IPv6 /64. */
struct http_peer {
	unsigned char bytes[16];
};

/*
 * Parses "[HOST]:PORT"; an IPv6 address is in brackets. Returns 0, or -EINVAL with a message that
 * names the option, the value and what would be right.
 */
int http_address_parse(struct http_address *address, const char *text, char error[HTTP_ERROR_LEN]);

/*
 * Opens a non-blocking listening socket for each address that the host name stands for. Returns how
 * many it has put into fds, to be closed by the caller, or a negative errno with a message; then
 * none is left open. May block on DNS.
 */
int http_address_listen(const struct http_address *address, int *fds, size_t capacity,
			char error[HTTP_ERROR_LEN]);

/*
 * Takes over the listening sockets that systemd passed (sd_listen_fds(3)), and removes the
 * variables that describe them from the environment. Returns how many it has put into fds, or a
 * negative errno with a message: -ENOENT if there are none.
 */
int http_address_inherit(int *fds, size_t capacity, char error[HTTP_ERROR_LEN]);

/* Where the socket listens: "127.0.0.1:10433", "[::]:10433"; "?" if that is unknown. */
const char *http_address_of(int fd, char text[HTTP_ADDRESS_TEXT_LEN]);

/* Sets *peer from an address of a client. An IPv4-mapped IPv6 address counts as IPv4. */
void http_peer_of(struct http_peer *peer, const struct sockaddr *address);

#endif
