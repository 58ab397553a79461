/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scheduling of threads that have little to do, but should do it at once on a machine
 * full of threads that never sleep: they get the shortest slice, for which Linux 6.12
 * and later interrupts the slice of another thread. Earlier kernels ignore it.
 */
#ifndef DAX_SLICE_H
#define DAX_SLICE_H

#include <stdint.h>

#define DAX_SLICE_NS 100000

/* As in sched_setattr(2); libc versions differ in which header defines it. */
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
