/* SPDX-License-Identifier: BSD-2-Clause */
/* What daxrun is told: refusals, or with --trace every dax call. */
#ifndef SHIM_REPORT_H
#define SHIM_REPORT_H

#include <stdint.h>

#include "libcore/reason.h"
#include "libcore/vmas.h"

#include "client/shim/process/session.h"

void shim_report(const struct shim_session *s, enum dax_call call, uint32_t slot,
		 const uint64_t *args, int nr_args, const struct dax_verdict *v,
		 uint64_t result);
void shim_report_name(const struct shim_session *s, enum dax_call call, const char *name,
		      const uint64_t *args, int nr_args, const struct dax_verdict *v);
void shim_report_path(const struct shim_session *s, enum dax_call call, const char *path,
		      const uint64_t *args, int nr_args, const struct dax_verdict *v);
void shim_report_vma(const struct dax_vma *vma, enum dax_call call, const uint64_t *args,
		     int nr, const struct dax_verdict *v, uint64_t result);
void shim_report_range(enum dax_call call, const uint64_t *args, int nr,
		       const struct dax_verdict *v);

#endif
