// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/config.h"
#include "http/yaml.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define HASH "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

static struct web_config *parse(const char *text)
{
	struct web_config *config = NULL;
	char error[HTTP_ERROR_LEN] = "";

	if (web_config_parse(&config, text, strlen(text), "/etc/tcpwatch/web.yml", error))
		fail_msg("%s", error);
	return config;
}

static void everything_is_read(void **state)
{
	struct web_config *config = parse("tls_server_config:\n"
					  "  cert_file: server.pem\n"
					  "  key_file: /keys/server.key\n"
					  "  client_auth_type: RequireAndVerifyClientCert\n"
					  "  client_ca_file: \"ca/ca.pem\"\n"
					  "  min_version: TLS13\n"
					  "  max_version: TLS13\n"
					  "  prefer_server_cipher_suites: false\n"
					  "  curve_preferences:\n"
					  "    - CurveP256\n"
					  "    - X25519\n"
					  "http_server_config:\n"
					  "  http2: false\n"
					  "  headers:\n"
					  "    X-Frame-Options: deny\n"
					  "    X-XSS-Protection: ''\n"
					  "basic_auth_users:\n"
					  "  alice: " HASH "\n"
					  "  'b b': '" HASH "'\n");

	(void)state;
	assert_string_equal(config->tls.cert_file, "/etc/tcpwatch/server.pem");
	assert_string_equal(config->tls.key_file, "/keys/server.key");
	assert_string_equal(config->tls.client_ca_file, "/etc/tcpwatch/ca/ca.pem");
	assert_int_equal(config->tls.client_auth, WEB_CLIENT_REQUIRED);
	assert_int_equal(config->tls.min_version, WEB_VERSION_TLS13);
	assert_int_equal(config->tls.max_version, WEB_VERSION_TLS13);
	assert_false(config->tls.prefer_server_ciphers);
	assert_string_equal(config->tls.groups, ":+GROUP-SECP256R1:+GROUP-X25519");
	assert_int_equal(config->header_count, 1);
	assert_string_equal(config->headers[0].name, "X-Frame-Options");
	assert_string_equal(config->headers[0].value, "deny");
	assert_int_equal(config->user_count, 2);
	assert_string_equal(config->users[0].name, "alice");
	assert_string_equal(config->users[0].hash, HASH);
	assert_string_equal(config->users[1].name, "b b");
	web_config_free(config);
}

static void defaults_hold(void **state)
{
	struct web_config *config = parse("tls_server_config: {cert_file: a, key_file: b}\n");

	(void)state;
	assert_int_equal(config->tls.client_auth, WEB_CLIENT_NONE);
	assert_int_equal(config->tls.min_version, WEB_VERSION_TLS12);
	assert_int_equal(config->tls.max_version, WEB_VERSION_TLS13);
	assert_true(config->tls.prefer_server_ciphers);
	assert_string_equal(config->tls.groups, "");
	assert_int_equal(config->user_count, 0);
	web_config_free(config);
}

static void nothing_is_a_config_too(void **state)
{
	static const char *const texts[] = {
		"",
		"\n# nothing\n",
		"---\n",
		"{}\n",
		"tls_server_config:\n",
		"tls_server_config: {}\nbasic_auth_users:\nhttp_server_config: ~\n",
		"basic_auth_users: {}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct web_config *config = parse(texts[i]);

		assert_null(config->tls.cert_file);
		assert_int_equal(config->user_count, 0);
		web_config_free(config);
	}
}

struct wrong {
	const char *text;
	const char *error; /* behind "web.yml:" */
};

static void check_wrong(const struct wrong *wrongs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct web_config *config = (struct web_config *)1;
		char error[HTTP_ERROR_LEN] = "";
		int err = web_config_parse(&config, wrongs[i].text, strlen(wrongs[i].text),
					   "web.yml", error);

		if (err != -EINVAL || config != (struct web_config *)1 ||
		    strncmp(error, "web.yml:", 8) != 0 || strcmp(error + 8, wrongs[i].error) != 0)
			fail_msg("%s\ngave %d, %s\nnot     web.yml:%s", wrongs[i].text, err, error,
				 wrongs[i].error);
	}
}

static void yaml_that_is_wrong(void **state)
{
	static const struct wrong wrongs[] = {
		{"text", "1: must be a map of keys and values"},
		{"- a\n", "1: must be a map of keys and values"},
		{"a: [\n", "2: did not find expected node content"},
		{"a: b: c\n", "1: mapping values are not allowed in this context"},
		{"\ta: b\n", "1: found character that cannot start any token"},
		{"{}\n---\n{}\n", "2: the file has more than one document"},
		{"a: &x b\n", "1: anchors and tags are not supported"},
		{"a: *x\n", "1: aliases are not supported"},
		{"a: !!str b\n", "1: anchors and tags are not supported"},
		{"a: !!map {}\n", "1: anchors and tags are not supported"},
		{"? [a]\n: b\n", "1: a key must be a string"},
		{"a: [[[[[[[]]]]]]]\n", "1: is nested too deeply"},
		{"a: \"\\0\"\n", "1: a string contains a zero byte"},
		{"http_server_config:\nhttp_server_config:\n",
		 "2: http_server_config is given twice"},
		{"basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n", "3: a is given twice"},
		{"\x01", "1: control characters are not allowed"},
		{"\xff\xfe\xfd", "1: incomplete UTF-16 character"},
	};

	(void)state;
	check_wrong(wrongs, ARRAY_SIZE(wrongs));
}

static void keys_that_are_wrong(void **state)
{
	static const struct wrong wrongs[] = {
		{"basic_auth_user: {}\n",
		 "1: basic_auth_user: is not a known key; the known ones are: "
		 "tls_server_config, http_server_config, "
		 "basic_auth_users"},
		{"\n\nTLS_server_config:\n",
		 "3: TLS_server_config: is not a known key; the known ones are: "
		 "tls_server_config, http_server_config, "
		 "basic_auth_users"},
		{"http_server_config:\n  http3: true\n",
		 "2: http3: is not a known key; the known ones are: http2, headers"},
		{"http_server_config:\n  http2: maybe\n", "2: http2: must be true or false"},
		{"http_server_config:\n  http2: true\n",
		 "2: http2: HTTP/2 is not supported, all clients speak HTTP/1.1; set it to false or "
		 "leave it out"},
		{"http_server_config: yes\n",
		 "1: http_server_config: must be a map of keys and values"},
		{"http_server_config:\n  headers:\n    Server: x\n",
		 "3: Server: cannot be set; those that can are Content-Security-Policy, "
		 "Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options and "
		 "X-XSS-Protection"},
		{"http_server_config:\n  headers:\n    X-Frame-Options: all\n",
		 "3: X-Frame-Options: must be deny or sameorigin"},
		{"http_server_config:\n  headers:\n    X-Content-Type-Options: sniff\n",
		 "3: X-Content-Type-Options: must be nosniff"},
		{"http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\r\\nA: b\"\n",
		 "3: X-XSS-Protection: has a control character"},
		{"http_server_config:\n  headers:\n    X-XSS-Protection: [a]\n",
		 "3: X-XSS-Protection: must be a string"},
		{"http_server_config:\n  headers: [a]\n",
		 "2: headers: must be a map of keys and values"},
		{"rate_limit:\n  interval: 1s\n",
		 "1: rate_limit: is not supported; connections are limited, in all and for each "
		 "address"},
	};

	(void)state;
	check_wrong(wrongs, ARRAY_SIZE(wrongs));
}

#define PAIR "tls_server_config:\n  cert_file: a\n  key_file: b\n  "

static void tls_that_is_wrong(void **state)
{
	static const struct wrong wrongs[] = {
		{"tls_server_config:\n  key_file: a\n",
		 "1: tls_server_config: cert_file is missing"},
		{"tls_server_config:\n  cert_file: a\n",
		 "1: tls_server_config: key_file is missing"},
		{"tls_server_config:\n  min_version: TLS12\n",
		 "1: tls_server_config: cert_file is missing"},
		{"tls_server_config:\n  cert_file:\n", "2: cert_file: is empty"},
		{"tls_server_config:\n  cert_file: ''\n", "2: cert_file: is empty"},
		{"tls_server_config:\n  cert_file: [a]\n", "2: cert_file: must be a string"},
		{"tls_server_config: a\n",
		 "1: tls_server_config: must be a map of keys and values"},
		{PAIR "min_version: TLS14\n",
		 "4: min_version: must be TLS10, TLS11, TLS12 or TLS13"},
		{PAIR "min_version: 1.2\n", "4: min_version: must be TLS10, TLS11, TLS12 or TLS13"},
		{PAIR "min_version: TLS13\n  max_version: TLS12\n",
		 "1: tls_server_config: min_version is above max_version"},
		{PAIR "client_auth_type: Yes\n",
		 "4: client_auth_type: must be NoClientCert, VerifyClientCertIfGiven or "
		 "RequireAndVerifyClientCert"},
		{PAIR "client_auth_type: RequireAnyClientCert\n",
		 "4: client_auth_type: RequireAnyClientCert is not supported: it accepts any "
		 "certificate, so it protects nothing; use RequireAndVerifyClientCert"},
		{PAIR "client_auth_type: RequireAndVerifyClientCert\n",
		 "1: tls_server_config: client_auth_type is given without client_ca_file"},
		{PAIR "client_ca_file: c\n",
		 "1: tls_server_config: client_ca_file is given without client_auth_type; set that to "
		 "RequireAndVerifyClientCert"},
		{PAIR "cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
		 "4: cipher_suites: cannot be chosen; GnuTLS's own order is used, with forward "
		 "secrecy. Leave it out, or set min_version to TLS13, where all suites are good"},
		{PAIR "curve_preferences: [P256]\n",
		 "4: curve_preferences: must be X25519, CurveP256, CurveP384 or CurveP521"},
		{PAIR "curve_preferences: X25519\n", "4: curve_preferences: must be a list"},
		{PAIR "curve_preferences:\n  - X25519\n  - X25519\n",
		 "6: curve_preferences: X25519 is given twice"},
		{PAIR "prefer_server_cipher_suites: 1\n",
		 "4: prefer_server_cipher_suites: must be true or false"},
		{PAIR "cert: x\n",
		 "4: cert: is not supported; put it into a file and use cert_file"},
		{PAIR "client_allowed_sans: [x]\n",
		 "4: client_allowed_sans: is not supported; every certificate that client_ca_file "
		 "has signed is accepted, so use a CA for these clients only"},
		{PAIR "keyfile: x\n",
		 "4: keyfile: is not a known key; the known ones are: cert_file, key_file, client_auth_type, "
		 "client_ca_file, min_version, max_version, prefer_server_cipher_suites, "
		 "curve_preferences"},
	};

	(void)state;
	check_wrong(wrongs, ARRAY_SIZE(wrongs));
}

#define USERS  "basic_auth_users:\n  "
#define REMEDY "; make one with: htpasswd -nBC 10 NAME"
#define TAIL   "$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

static void users_that_are_wrong(void **state)
{
	static const struct wrong wrongs[] = {
		{"basic_auth_users: [a]\n",
		 "1: basic_auth_users: must be a map of keys and values"},
		{"basic_auth_users:\n  a:\n", "2: a: is empty"},
		{"basic_auth_users:\n  a: {}\n", "2: a: must be a string"},
		{USERS "a: secret\n", "2: a: is not a bcrypt hash ($2y$...)" REMEDY},
		{USERS "a: ''\n", "2: a: is not a bcrypt hash ($2y$...)" REMEDY},
		{USERS "a: $1$abc$def\n", "2: a: is not a bcrypt hash ($2y$...)" REMEDY},
		{USERS "a: $2x$10" TAIL "\n", "2: a: is not a bcrypt hash ($2y$...)" REMEDY},
		{USERS "a: $2y$1\n", "2: a: a bcrypt hash has 60 characters, as in $2y$10$...; "
				     "this one is damaged" REMEDY},
		{USERS "a: $2y$10" TAIL "x\n", "2: a: a bcrypt hash has 60 characters, as in "
					       "$2y$10$...; this one is damaged" REMEDY},
		{USERS "a: $2y$ab" TAIL "\n", "2: a: a bcrypt hash has 60 characters, as in "
					      "$2y$10$...; this one is damaged" REMEDY},
		{USERS "a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDe?i\n",
		 "2: a: a bcrypt hash has 60 characters, as in $2y$10$...; this one is "
		 "damaged" REMEDY},
		{USERS "a: $2y$03" TAIL "\n", "2: a: the cost of a bcrypt hash cannot be 3" REMEDY},
		{USERS "a: $2y$32" TAIL "\n",
		 "2: a: the cost of a bcrypt hash cannot be 32" REMEDY},
		{USERS "a: $2y$16" TAIL "\n",
		 "2: a: cost 16 makes every login take many seconds; use at most 15" REMEDY},
		{USERS "'': " HASH "\n", "2: : the name of a user is empty"},
		{USERS "'a:b': " HASH "\n", "2: a:b: basic authentication cannot carry a user name "
					    "with a colon or control character"},
	};

	(void)state;
	check_wrong(wrongs, ARRAY_SIZE(wrongs));
}

static void costs_and_kinds_of_hashes(void **state)
{
	(void)state;
	web_config_free(parse(USERS "a: $2a$04" TAIL "\n"));
	web_config_free(parse(USERS "a: $2b$09" TAIL "\n"));
	web_config_free(parse(USERS "a: $2y$15" TAIL "\n"));
}

static void sizes_are_bounded(void **state)
{
	static char text[WEB_YAML_SIZE_MAX + 2];
	char error[HTTP_ERROR_LEN];
	struct web_config *config;
	size_t length = 0;

	(void)state;
	length += (size_t)sprintf(text, "basic_auth_users:\n");
	for (int i = 0; i <= WEB_USERS_MAX; i++)
		length += (size_t)sprintf(text + length, "  u%d: " HASH "\n", i);
	assert_int_equal(web_config_parse(&config, text, length, "w", error), -EINVAL);
	assert_string_equal(error, "w:66: u64: there are more than 64 users");

	length = (size_t)sprintf(text, "http_server_config:\n");
	for (int i = 0; i < 2000; i++)
		length += (size_t)sprintf(text + length, "  k%d: x\n", i);
	assert_int_equal(web_config_parse(&config, text, length, "w", error), -EINVAL);
	assert_string_equal(error, "w:1024: the file has too many entries");

	memset(text, '[', sizeof(text));
	assert_int_equal(web_config_parse(&config, text, WEB_YAML_SIZE_MAX, "w", error), -EINVAL);
	assert_string_equal(error, "w:1: is nested too deeply");
	assert_int_equal(web_config_parse(&config, text, sizeof(text), "w", error), -EFBIG);
	assert_string_equal(error, "w: is larger than 64 KB");
}

static void files_that_cannot_be_read(void **state)
{
	char error[HTTP_ERROR_LEN];
	struct web_config *config;

	(void)state;
	assert_int_equal(web_config_load(&config, "/nonexistent/web.yml", error), -ENOENT);
	assert_string_equal(error, "/nonexistent/web.yml: No such file or directory");
	assert_int_equal(web_config_load(&config, "/", error), -EISDIR);
	assert_string_equal(error, "/: Is a directory");
	assert_int_equal(web_config_load(&config, "/dev/zero", error), -EINVAL);
	assert_string_equal(error, "/dev/zero: is not a regular file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(defaults_hold),
		cmocka_unit_test(nothing_is_a_config_too),
		cmocka_unit_test(yaml_that_is_wrong),
		cmocka_unit_test(keys_that_are_wrong),
		cmocka_unit_test(tls_that_is_wrong),
		cmocka_unit_test(users_that_are_wrong),
		cmocka_unit_test(costs_and_kinds_of_hashes),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(files_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
