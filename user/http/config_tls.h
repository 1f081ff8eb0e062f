/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_CONFIG_TLS_H
#define TCPWATCH_WEB_CONFIG_TLS_H

#include "http/config.h"
#include "http/yaml_value.h"

/* Takes tls_server_config. Returns 0 or a negative errno with a message. */
int web_config_tls_take(struct web_value *value, struct web_tls_config *tls);

#endif
