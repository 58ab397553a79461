/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The uevents of a change of the model: which ones, in which order, and their text
 * (lib/kobject_uevent.c).
 *
 * A list holds the devices of a tree. The difference of two lists is the events between
 * them; no rule of a kind of device is repeated here, only the order in which the kernel's
 * drivers report theirs.
 */
#ifndef DAX_UEVENT_H
#define DAX_UEVENT_H

#include <stddef.h>
#include <stdint.h>

#include "libcore/model.h"

#define DAX_UEVENT_MAX 2048 /* bytes of a message: BUFFER_SIZE of the kernel */

/* The multicast groups of NETLINK_KOBJECT_UEVENT. */
enum dax_uevent_group {
	DAX_UEVENT_KERNEL = 1, /* as the kernel sends them */
	DAX_UEVENT_UDEV = 2,   /* as udevd sends them on, for libudev */
};

struct dax_uevent_device;

struct dax_uevent_list {
	size_t nr;
	size_t room;
	struct dax_uevent_device *devices;
};

struct dax_uevent {
	const char *action;                     /* "add" */
	const struct dax_uevent_device *device; /* of one of the lists */
};

typedef void (*dax_uevent_fn)(void *ctx, const struct dax_uevent *event);

int dax_uevent_list_make(const struct dax_model *model, struct dax_uevent_list *ret);
void dax_uevent_list_free(struct dax_uevent_list *list);
void dax_uevent_diff(const struct dax_uevent_list *before,
		     const struct dax_uevent_list *after, dax_uevent_fn fn, void *ctx);
int dax_uevent_synthesize(const struct dax_uevent_list *list, const char *path,
			  const char *text, uint64_t seqnum, char buf[DAX_UEVENT_MAX]);
size_t dax_uevent_format(const struct dax_uevent *event, uint64_t seqnum,
			 char buf[DAX_UEVENT_MAX]);
size_t dax_uevent_to_udev(const char *message, size_t len, uint64_t usec,
			  char buf[DAX_UEVENT_MAX]);

#endif
