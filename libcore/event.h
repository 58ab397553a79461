/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event of one call: the shim sends it as a datagram, daxrun prints it.
 *
 * The shim fills in numbers only. They are turned into words here, outside of the
 * traced process.
 */
#ifndef DAX_EVENT_H
#define DAX_EVENT_H

#include "libcore/reason.h"

#define DAX_EVENT_MAGIC UINT32_C(0x45786164) /* "daxE" */
#define DAX_EVENT_ARGS  6
#define DAX_EVENT_NAME  64
#define DAX_EVENT_TEXT  512 /* the longest line about one */

#define DAX_ERRNO_STRLEN 24 /* room for the text of any errno */

struct dax_event {
	uint32_t magic;
	uint32_t call; /* enum dax_call */
	int32_t pid;
	int32_t tid;
	char comm[16];
	char dev[DAX_EVENT_NAME];     /* a device, or the end of an attribute's path */
	uint64_t arg[DAX_EVENT_ARGS]; /* of the call, without descriptors and paths */
	uint64_t result;              /* address from an allowed mmap or mremap */
	struct dax_verdict v;
};

int dax_event_check(const struct dax_event *ev, size_t len);
size_t dax_event_refusal(const struct dax_event *ev, char *buf, size_t size);
size_t dax_event_trace(const struct dax_event *ev, char *buf, size_t size);
const char *dax_errno_name(int error);
const char *dax_errno_text(int error, char buf[DAX_ERRNO_STRLEN]);

#endif
