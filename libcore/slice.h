/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How those threads are scheduled that have little to do and should do it at once, on a
 * machine full of threads that never sleep: with the shortest slice, for which Linux
 * 6.12 and later does not wait for the end of another's. Others take no notice.
 */
#ifndef DAX_SLICE_H
#define DAX_SLICE_H

#include <stdint.h>

#define DAX_SLICE_NS 100000

/* As sched_setattr(2) has it; libc's headers differ about who defines it. */
struct dax_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime; /* the slice, of an ordinary thread */
	uint64_t deadline;
	uint64_t period;
};

#endif
