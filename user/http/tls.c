// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "http/tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/safe_open.h"
#include "http/file.h"

#define PEM_MAX (256 * 1024)

/* Sizes and types of a TLS record, and of the handshake message in it (RFC 8446, 4 and 5.1). */
#define RECORD_HEADER	 5
#define MESSAGE_HEADER	 4
#define RECORD_HANDSHAKE 22
#define CLIENT_HELLO	 1
#define RECORD_MAX	 16384

static int pem_read(char **text, const char *key, const char *path, char error[HTTP_ERROR_LEN])
{
	size_t size;
	int err = http_file_read(path, PEM_MAX, text, &size);

	return err ? http_error(error, err, "%s: %.300s: %s", key, path, safe_open_problem(err))
		   : 0;
}

static int pair_check(const struct http_tls *tls, const struct web_tls_config *config,
		      char error[HTTP_ERROR_LEN])
{
	gnutls_datum_t cert = {(unsigned char *)tls->cert, (unsigned int)strlen(tls->cert)};
	gnutls_datum_t key = {(unsigned char *)tls->key, (unsigned int)strlen(tls->key)};
	gnutls_certificate_credentials_t credentials;
	gnutls_x509_crt_t *certs;
	gnutls_x509_privkey_t private;
	unsigned int count;
	int result = gnutls_x509_crt_list_import2(&certs, &count, &cert, GNUTLS_X509_FMT_PEM, 0);

	if (result < 0)
		return http_error(error, -EINVAL, "cert_file: %.200s has no PEM certificate: %s",
				  config->cert_file, gnutls_strerror(result));
	for (unsigned int i = 0; i < count; i++)
		gnutls_x509_crt_deinit(certs[i]);
	gnutls_free(certs);
	if (gnutls_x509_privkey_init(&private) < 0)
		return http_error(error, -ENOMEM, "key_file: out of memory");
	result = gnutls_x509_privkey_import2(private, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_x509_privkey_deinit(private);
	if (result < 0)
		return http_error(error, -EINVAL,
				  "key_file: %.200s has no PEM key without a password: %s",
				  config->key_file, gnutls_strerror(result));
	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return http_error(error, -ENOMEM, "key_file: out of memory");
	result = gnutls_certificate_set_x509_key_mem2(credentials, &cert, &key, GNUTLS_X509_FMT_PEM,
						      NULL, 0);
	gnutls_certificate_free_credentials(credentials);
	if (result < 0)
		return http_error(error, -EINVAL,
				  "key_file: %.200s does not match cert_file %.200s: %s",
				  config->key_file, config->cert_file, gnutls_strerror(result));
	return 0;
}

static int client_ca_check(const struct http_tls *tls, const struct web_tls_config *config,
			   char error[HTTP_ERROR_LEN])
{
	gnutls_datum_t pem = {(unsigned char *)tls->client_ca,
			      (unsigned int)strlen(tls->client_ca)};
	gnutls_certificate_credentials_t credentials;
	int count;

	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return http_error(error, -ENOMEM, "client_ca_file: out of memory");
	count = gnutls_certificate_set_x509_trust_mem(credentials, &pem, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	if (count <= 0)
		return http_error(error, -EINVAL, "client_ca_file: %.200s has no PEM certificate",
				  config->client_ca_file);
	return 0;
}

/*
 * Key exchange by RSA is excluded: it has no forward secrecy, and its decryption is slow. TLS 1.0
 * and 1.1, if asked for, need signatures with SHA-1.
 */
static int priorities_make(struct http_tls *tls, const struct web_tls_config *config,
			   char error[HTTP_ERROR_LEN])
{
	char versions[80] = "";
	size_t length = 0;
	gnutls_priority_t priority;
	int result;

	for (int version = config->max_version; version >= config->min_version; version--)
		length += (size_t)snprintf(versions + length, sizeof(versions) - length,
					   ":+VERS-TLS1.%d", version - WEB_VERSION_TLS10);
	snprintf(tls->priorities, sizeof(tls->priorities), "NORMAL:-VERS-ALL%s:-RSA%s%s%s%s%s",
		 versions, *config->groups ? ":-GROUP-ALL" : "", config->groups,
		 config->min_version < WEB_VERSION_TLS12 ? ":+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1" : "",
		 ":%SAFE_RENEGOTIATION",
		 config->prefer_server_ciphers ? ":%SERVER_PRECEDENCE" : "");
	result = gnutls_priority_init(&priority, tls->priorities, NULL);
	if (result < 0)
		return http_error(error, -EINVAL,
				  "tls_server_config: GnuTLS does not accept these versions and "
				  "curves (%.200s): %s",
				  tls->priorities, gnutls_strerror(result));
	gnutls_priority_deinit(priority);
	return 0;
}

int http_tls_load(struct http_tls **tls, const struct web_tls_config *config,
		  char error[HTTP_ERROR_LEN])
{
	struct http_tls *made = calloc(1, sizeof(*made));
	int err;

	if (!made)
		return http_error(error, -ENOMEM, "tls_server_config: out of memory");
	made->client_auth = config->client_auth;
	err = pem_read(&made->cert, "cert_file", config->cert_file, error);
	if (!err)
		err = pem_read(&made->key, "key_file", config->key_file, error);
	if (!err)
		err = pair_check(made, config, error);
	if (!err && config->client_ca_file)
		err = pem_read(&made->client_ca, "client_ca_file", config->client_ca_file, error);
	if (!err && config->client_ca_file)
		err = client_ca_check(made, config, error);
	if (!err)
		err = priorities_make(made, config, error);
	if (err)
		http_tls_free(made);
	else
		*tls = made;
	return err;
}

void http_tls_free(struct http_tls *tls)
{
	if (!tls)
		return;
	if (tls->key)
		explicit_bzero(tls->key, strlen(tls->key));
	free(tls->key);
	free(tls->cert);
	free(tls->client_ca);
	free(tls);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool http_tls_same(const struct http_tls *a, const struct http_tls *b)
{
	if (!a || !b)
		return a == b;
	return same_text(a->cert, b->cert) && same_text(a->key, b->key) &&
	       same_text(a->client_ca, b->client_ca) && a->client_auth == b->client_auth &&
	       same_text(a->priorities, b->priorities);
}

/* GnuTLS calls it in the handshake after the message that may have the client's certificate. */
static int client_check(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	unsigned int count, status;

	/* GNUTLS_CERT_REQUIRE makes the handshake fail if there has to be one. */
	if (!gnutls_certificate_get_peers(session, &count) || !count)
		return 0;
	return gnutls_certificate_verify_peers(session, &purpose, 1, &status) < 0 || status
		       ? GNUTLS_E_CERTIFICATE_ERROR
		       : 0;
}

void http_tls_prepare(gnutls_session_t session, const struct http_tls *tls)
{
	static const gnutls_datum_t http11 = {(unsigned char *)"http/1.1", 8};

	gnutls_alpn_set_protocols(session, &http11, 1, 0);
	if (tls->client_auth == WEB_CLIENT_NONE)
		return;
	gnutls_certificate_server_set_request(session, tls->client_auth == WEB_CLIENT_REQUIRED
							       ? GNUTLS_CERT_REQUIRE
							       : GNUTLS_CERT_REQUEST);
	gnutls_session_set_verify_function(session, client_check);
}

int http_tls_hello(int fd)
{
	unsigned char head[RECORD_HEADER + MESSAGE_HEADER];
	ssize_t count = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	size_t record, message;
	int waiting;

	if (!count)
		return -EPIPE;
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (head[0] >= 'A' && head[0] <= 'Z')
		return -EPROTOTYPE;
	if (head[0] != RECORD_HANDSHAKE || (count > 1 && head[1] != 3))
		return -EPROTO;
	if ((size_t)count < sizeof(head))
		return 0;
	record = (size_t)head[3] << 8 | head[4];
	message = (size_t)head[6] << 16 | (size_t)head[7] << 8 | head[8];
	/* In several records, the handshake could stop between two of them. */
	if (head[5] != CLIENT_HELLO || record > RECORD_MAX || message + MESSAGE_HEADER > record)
		return -EPROTO;
	if (ioctl(fd, FIONREAD, &waiting))
		return -errno;
	return (size_t)waiting >= RECORD_HEADER + record;
}
