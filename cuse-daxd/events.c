/* SPDX-License-Identifier: BSD-2-Clause */
/* Send events of devices, processes and fault rules to watchers. */
#include "cuse-daxd/events.h"

#include <glib.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

#include "libcore/event.h"
#include "libcore/fault.h"
#include "libcore/fault_format.h"

#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/clients/watch.h"
#include "cuse-daxd/control/describe.h"
#include "cuse-daxd/control/reply.h"
#include "cuse-daxd/base/json.h"

/**
 * daxd_events_device() - tell watchers that a device appeared, changed or vanished
 * @ctx:	struct daxd_server
 * @event:	what happened
 * @dev:	the device as it is now
 */
void daxd_events_device(void *ctx, enum daxd_event event, const struct daxd_device *dev)
{
	static const char *const names[] = {
		[DAXD_APPEAR] = "appear",
		[DAXD_CHANGE] = "change",
		[DAXD_VANISH] = "vanish",
	};
	struct daxd_server *server = ctx;

	if (daxd_watch_is_on(&server->watch))
		daxd_watch_emit(&server->watch, DAXD_WATCH_ALL, names[event],
				daxd_describe_device(dev));
}

/**
 * daxd_events_use() - tell watchers that a process begins or ceases to use a device
 * @ctx:	struct daxd_server
 * @client:	the process
 * @dev:	the device
 * @is_begin:	true if it begins
 */
void daxd_events_use(void *ctx, const struct daxd_client *client,
		     const struct daxd_device *dev, bool is_begin)
{
	struct daxd_server *server = ctx;
	struct json_object *json;
	g_autofree char *comm = NULL;

	if (!daxd_watch_is_on(&server->watch) || !dev->region)
		return;
	json = json_object_new_object();
	daxd_reply_add_string(json, "chardev", dev->desc.name);
	daxd_reply_add_number(json, "pid", (uint64_t)client->pid);
	if (is_begin) {
		comm = daxd_clients_comm_of(client->pid);
		daxd_reply_add_string(json, "comm", comm);
	}
	daxd_watch_emit(&server->watch, client->uid, is_begin ? "attach" : "detach",
			json);
}

/**
 * daxd_events_fault() - tell watchers that a fault rule struck
 * @ctx:	struct daxd_server
 * @ev:		where, when and in which process
 */
void daxd_events_fault(void *ctx, const struct dax_fault_event *ev)
{
	struct daxd_server *server = ctx;
	struct json_object *json;
	char error[DAX_ERRNO_STRLEN];
	char address[32];

	if (!daxd_watch_is_on(&server->watch))
		return;
	json = json_object_new_object();
	snprintf(address, sizeof(address), "0x%jx", (uintmax_t)ev->address);
	daxd_reply_add_string(json, "chardev", ev->device);
	daxd_reply_add_number(json, "rule", ev->rule);
	daxd_reply_add_number(json, "pid", (uint64_t)ev->pid);
	daxd_reply_add_number(json, "thread", (uint64_t)ev->tid);
	daxd_reply_add_string(json, "comm", ev->comm);
	daxd_reply_add_string(json, "call",
			      dax_fault_call_name((enum dax_fault_call)ev->call));
	daxd_reply_add_string(json, "address", address);
	daxd_reply_add_number(json, "offset", ev->off);
	if (ev->error)
		daxd_reply_add_string(json, "refused",
				      dax_errno_text((int)ev->error, error));
	daxd_watch_emit(&server->watch, ev->uid, "fault", json);
}
