/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, fault rules and their counters in JSON. */
#ifndef DAXD_CONTROL_DESCRIBE_H
#define DAXD_CONTROL_DESCRIBE_H

#include <sys/types.h>

struct daxd_device;
struct daxd_fault;
struct daxd_faults;
struct json_object;

#define DAXD_DESCRIBE_ALL ((uid_t)-1) /* the processes of all users */

struct json_object *daxd_describe_device(const struct daxd_device *dev);
void daxd_describe_badblocks(struct json_object *json, const struct daxd_device *dev);
struct json_object *daxd_describe_rule(const struct daxd_faults *faults,
				       const struct daxd_fault *f);
struct json_object *daxd_describe_rules(const struct daxd_faults *faults);
void daxd_describe_fault_stats(struct json_object *json, const struct daxd_faults *faults,
			       uid_t uid);
void daxd_describe_device_faults(struct json_object *json, const struct daxd_device *dev);

#endif
