/* SPDX-License-Identifier: BSD-2-Clause */
/* Report calls to daxrun: the refused ones, or with --trace every dax call. */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include <stdint.h>

#include "libcore/event.h"
#include "libcore/reason.h"
#include "libcore/vmas.h"

#include "client/shim/process/session.h"

/* A call of the program, with its arguments as libcore/event.c prints them. */
struct shim_call {
	enum dax_call call;
	uint64_t args[DAX_EVENT_ARGS];
};

void shim_report(const struct shim_session *s, const struct shim_call *call,
		 uint32_t slot, const struct dax_verdict *v, uint64_t result);
void shim_report_name(const struct shim_session *s, const struct shim_call *call,
		      const char *name, const struct dax_verdict *v);
void shim_report_path(const struct shim_session *s, const struct shim_call *call,
		      const char *path, const struct dax_verdict *v);
void shim_report_exec(const char *path, const struct dax_verdict *v);
void shim_report_vma(const struct shim_call *call, const struct dax_vma *vma,
		     const struct dax_verdict *v, uint64_t result);
void shim_report_range(const struct shim_call *call, const struct dax_verdict *v);

#endif
