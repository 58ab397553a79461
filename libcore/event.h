/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened to one call: sent by the shim as a datagram, printed by daxrun.
 *
 * The shim fills in numbers only; words are made of them here, outside of other
 * people's processes.
 */
#ifndef DAX_EVENT_H
#define DAX_EVENT_H

#include "libcore/reason.h"

#define DAX_EVENT_MAGIC UINT32_C(0x45786164) /* "daxE" */
#define DAX_EVENT_ARGS  6
#define DAX_EVENT_NAME  64
#define DAX_EVENT_TEXT  512 /* the longest line that is made of one */

struct dax_event {
	uint32_t magic;
	uint32_t call; /* enum dax_call */
	int32_t pid;
	int32_t tid;
	char comm[16];
	char dev[DAX_EVENT_NAME];     /* of a device, or the end of an attribute's path */
	uint64_t arg[DAX_EVENT_ARGS]; /* the call's own, without descriptors and paths */
	uint64_t result;              /* of an allowed mmap or mremap: the address */
	struct dax_verdict v;
};

int dax_event_check(const struct dax_event *ev, size_t len);
size_t dax_event_refusal(const struct dax_event *ev, char *buf, size_t size);
size_t dax_event_trace(const struct dax_event *ev, char *buf, size_t size);
const char *dax_errno_name(int error);

#endif
