/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies for people. */
#ifndef CTL_HUMAN_H
#define CTL_HUMAN_H

#include <json-c/json.h>

void ctl_human_list(struct json_object *json);
void ctl_human_mappings(struct json_object *json);
void ctl_human_stats(struct json_object *json);
void ctl_human_device(struct json_object *json);
void ctl_human_image(struct json_object *json);
void ctl_human_event(struct json_object *json);
void ctl_human_faults(struct json_object *json);
void ctl_human_map(struct json_object *json);

#endif
