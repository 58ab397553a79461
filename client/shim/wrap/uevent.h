/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets for uevents: NETLINK_KOBJECT_UEVENT. */
#ifndef SHIM_WRAP_UEVENT_H
#define SHIM_WRAP_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "client/shim/base/compiler.h"

struct shim_uevent_socket;

/* True if the process has opened such a socket; without any, nothing else is looked at. */
extern bool shim_uevent_is_used;

int shim_uevent_open(int type);
struct shim_uevent_socket *shim_uevent_find(int fd);
int shim_uevent_bind(struct shim_uevent_socket *s, const void *addr, socklen_t len);
int shim_uevent_set(struct shim_uevent_socket *s, int option, const void *value,
		    socklen_t len);
int shim_uevent_get(const struct shim_uevent_socket *s, int option);
int shim_uevent_name(const struct shim_uevent_socket *s, void *addr, socklen_t *len);
void shim_uevent_from(const void *data, size_t n, void *addr, socklen_t *len);
void shim_uevent_fix(struct msghdr *msg, socklen_t room, size_t n);

/* The socket of a descriptor, or NULL. */
static inline struct shim_uevent_socket *shim_uevent_of(int fd)
{
	return unlikely(shim_uevent_is_used) ? shim_uevent_find(fd) : NULL;
}

#endif
