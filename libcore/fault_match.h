/* SPDX-License-Identifier: BSD-2-Clause */
/* Matching of fault rules: their kind, the calls they concern, the calls they strike. */
#ifndef DAX_FAULT_MATCH_H
#define DAX_FAULT_MATCH_H

#include <stdbool.h>

#include "libcore/fault.h"
#include "libcore/model.h"

bool dax_fault_is_memory(const struct dax_fault_rule *rule);
bool dax_fault_is_range(const struct dax_fault_rule *rule);
bool dax_fault_is_trigger(const struct dax_fault_rule *rule);
bool dax_fault_is_for(const struct dax_fault_who *who, const struct dax_fault_who *me);
bool dax_fault_concerns(const struct dax_fault_rule *rule,
			const struct dax_fault_event *ev, uint64_t now_ns);
int dax_fault_reach(const struct dax_fault_rule *rule, const struct dax_model *model,
		    uint64_t *ret_end);
bool dax_fault_strikes(const struct dax_fault_rule *rule, uint64_t count);

#endif
