/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to the daemon, requests and replies. */
#ifndef CTL_CONNECT_H
#define CTL_CONNECT_H

#include <json-c/json.h>

int ctl_connect(const char *runtime_dir);
struct json_object *ctl_connect_ask(int fd, struct json_object *question);
int ctl_connect_ask_stream(int fd, struct json_object *question);

#endif
