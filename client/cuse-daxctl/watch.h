/* SPDX-License-Identifier: BSD-2-Clause */
/* Output that goes on until it is interrupted: events, and a map that is kept current. */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include <stdbool.h>

struct ctl_watch {
	const char *runtime_dir; /* NULL: search */
	const char *device;      /* "dax0.0"; NULL: all, for events only */
	bool is_human;
	bool is_follow; /* wait for the next daemon when this one has exited */
};

int ctl_watch_events(const struct ctl_watch *w);
int ctl_watch_map(const struct ctl_watch *w);

#endif
