/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bind a device to device_dax again after kmem has refused it.
 *
 * To use a device as system RAM, daxctl reconfigure-device --mode=system-ram unbinds it
 * from device_dax and binds it to kmem, which refuses it here. When the process has
 * failed and ended, the daemon restores the former binding.
 */
#ifndef DAXD_CLIENTS_REBIND_H
#define DAXD_CLIENTS_REBIND_H

#include <stddef.h>

struct daxd_conn;
struct daxd_server;

void daxd_rebind_saw(struct daxd_conn *conn, const char *path, const char *text,
		     size_t len, int error);
void daxd_rebind_done(struct daxd_server *server);

#endif
