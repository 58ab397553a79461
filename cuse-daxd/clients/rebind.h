/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving a device back to device_dax.
 *
 * Who makes a device the machine's RAM (daxctl reconfigure-device --mode=system-ram)
 * takes it from device_dax and then gives it to kmem, which refuses it here. When
 * that process has ended with its error, the device is made what it was before.
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
