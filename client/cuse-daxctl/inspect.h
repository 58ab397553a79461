/* SPDX-License-Identifier: BSD-2-Clause */
/* The info block and the device record of an image. */
#ifndef CTL_INSPECT_H
#define CTL_INSPECT_H

#include <json-c/json.h>

int ctl_inspect(const char *path, struct json_object **ret);

#endif
