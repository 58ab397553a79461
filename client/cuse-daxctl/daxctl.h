/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of cuse-daxctl share. */
#ifndef DAXCTL_H
#define DAXCTL_H

#include <json-c/json.h>
#include <stdbool.h>

/* connect.c */
int ctl_connect(const char *runtime_dir);
struct json_object *ctl_ask(int fd, struct json_object *question);
int ctl_ask_stream(int fd, struct json_object *question);

/* inspect.c */
int ctl_inspect(const char *path, struct json_object **ret);

/* human.c: answers as people read them */
void ctl_print_list(struct json_object *json);
void ctl_print_mappings(struct json_object *json);
void ctl_print_stats(struct json_object *json);
void ctl_print_device(struct json_object *json);
void ctl_print_image(struct json_object *json);
void ctl_print_event(struct json_object *json);
void ctl_print_faults(struct json_object *json);
void ctl_print_map(struct json_object *json);

/* error.c: "cuse-daxctl: " in front, a newline behind */
void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
