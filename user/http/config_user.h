/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_WEB_USER_H
#define TCPWATCH_WEB_USER_H

#include "http/yaml_value.h"

/* Takes an entry of basic_auth_users into the web_config `target`. */
int web_user_take(struct web_value *value, void *target);

#endif
