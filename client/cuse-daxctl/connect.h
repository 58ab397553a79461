/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to the daemon, requests and replies: libcuse-daxd with messages. */
#ifndef CTL_CONNECT_H
#define CTL_CONNECT_H

#include <json-c/json.h>

#include "client/lib/cuse_daxd.h"

struct cuse_daxd *ctl_connect(const char *runtime_dir);
struct json_object *ctl_connect_ask(struct cuse_daxd *d, struct json_object *request);
int ctl_connect_ask_stream(struct cuse_daxd *d, struct json_object *request);

#endif
