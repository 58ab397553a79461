/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for watchers. Each function is a hook of another part of the daemon. */
#ifndef DAXD_EVENTS_H
#define DAXD_EVENTS_H

#include <stdbool.h>

#include "cuse-daxd/registry/devices.h"

struct dax_fault_event;
struct daxd_client;

void daxd_events_device(void *ctx, enum daxd_event event, const struct daxd_device *dev);
void daxd_events_use(void *ctx, const struct daxd_client *client,
		     const struct daxd_device *dev, bool is_begin);
void daxd_events_fault(void *ctx, const struct dax_fault_event *ev);

#endif
