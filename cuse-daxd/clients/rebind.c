/* SPDX-License-Identifier: BSD-2-Clause */
/* Bind a device to device_dax again after kmem has refused it. */
#include "cuse-daxd/clients/rebind.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "libcore/device.h"
#include "libcore/sysfs_node.h"

#include "cuse-daxd/clients/clients.h"
#include "cuse-daxd/clients/conn.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/registry.h"

#define PENDING_MAX 64

/* A device that a process has unbound from device_dax, and that kmem has refused. */
struct daxd_rebind {
	struct daxd_server *server;
	uint64_t life;
	uint64_t generation; /* of the device when kmem refused it */
	int pidfd;
	GSource *watch;
};

static void rebind_free(void *data)
{
	struct daxd_rebind *rebind = data;

	g_source_destroy(rebind->watch);
	g_source_unref(rebind->watch);
	close(rebind->pidfd);
	g_free(rebind);
}

static gboolean on_requester_end(gint fd, GIOCondition condition, gpointer data)
{
	struct daxd_rebind *rebind = data;
	struct daxd_registry *reg = rebind->server->reg;
	struct daxd_device *dev = daxd_devices_find_life(reg, rebind->life);

	(void)fd;
	(void)condition;
	if (dev && dev->dev && dev->dev->generation == rebind->generation)
		daxd_registry_store(reg, DAX_SYSFS_DEVICE_DAX "/bind", dev->desc.name,
				    strlen(dev->desc.name));
	g_ptr_array_remove_fast(rebind->server->rebinds, rebind);
	return G_SOURCE_CONTINUE; /* the source is destroyed already */
}

static void rebind_later(struct daxd_conn *conn, const struct daxd_device *dev)
{
	struct daxd_server *server = conn->server;
	struct daxd_rebind *rebind;
	int pidfd = daxd_clients_open_pidfd(&conn->peer);

	if (pidfd < 0)
		return;
	if (!server->rebinds)
		server->rebinds = g_ptr_array_new_with_free_func(rebind_free);
	if (server->rebinds->len >= PENDING_MAX) {
		close(pidfd);
		return;
	}
	rebind = g_new0(struct daxd_rebind, 1);
	rebind->server = server;
	rebind->life = dev->life;
	rebind->generation = dev->dev->generation;
	rebind->pidfd = pidfd;
	rebind->watch = g_unix_fd_source_new(pidfd, G_IO_IN);
	g_source_set_callback(rebind->watch, G_SOURCE_FUNC(on_requester_end), rebind,
			      NULL);
	g_source_attach(rebind->watch, NULL);
	g_ptr_array_add(server->rebinds, rebind);
}

/**
 * daxd_rebind_saw() - note a write of a process to an attribute
 * @conn:	the connection of the process
 * @path:	of the attribute, below /sys, without links
 * @text:	the written text
 * @len:	bytes of it
 * @error:	the result: 0 or a negative errno
 */
void daxd_rebind_saw(struct daxd_conn *conn, const char *path, const char *text,
		     size_t len, int error)
{
	struct daxd_registry *reg = conn->server->reg;
	char name[DAX_NAME_LEN];
	guint i;

	if (strcmp(path, DAX_SYSFS_DEVICE_DAX "/unbind") &&
	    strcmp(path, DAX_SYSFS_KMEM "/new_id"))
		return;
	g_strlcpy(name, text, MIN(len + 1, sizeof(name)));
	name[strcspn(name, "\n")] = '\0';
	for (i = 0; i < reg->devices->len; i++) {
		struct daxd_device *dev = g_ptr_array_index(reg->devices, i);

		if (!dev->dev || strcmp(dev->desc.name, name))
			continue;
		if (!strcmp(path, DAX_SYSFS_DEVICE_DAX "/unbind") && !error)
			dev->unbound_by = conn->peer.pid;
		else if (error == -EOPNOTSUPP && !dev->dev->is_bound &&
			 dev->unbound_by == conn->peer.pid)
			rebind_later(conn, dev);
	}
}

/**
 * daxd_rebind_done() - forget the devices that are still to be bound again
 * @server:	the server
 */
void daxd_rebind_done(struct daxd_server *server)
{
	g_clear_pointer(&server->rebinds, g_ptr_array_unref);
}
