/* SPDX-License-Identifier: BSD-2-Clause */
/* Print replies for people. */
#ifndef CTL_HUMAN_H
#define CTL_HUMAN_H

#include <json-c/json.h>

void ctl_print_list(struct json_object *json);
void ctl_print_mappings(struct json_object *json);
void ctl_print_stats(struct json_object *json);
void ctl_print_device(struct json_object *json);
void ctl_print_image(struct json_object *json);
void ctl_print_event(struct json_object *json);
void ctl_print_faults(struct json_object *json);
void ctl_print_map(struct json_object *json);

#endif
