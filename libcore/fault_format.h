/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatting of fault rules, in the words that fault.h reads. */
#ifndef DAX_FAULT_FORMAT_H
#define DAX_FAULT_FORMAT_H

#include <stddef.h>

#include "libcore/fault.h"

size_t dax_fault_format(const struct dax_fault_rule *rule, char *buf, size_t size);
const char *dax_fault_call_name(enum dax_fault_call call);
const char *dax_fault_what_name(uint32_t what);

#endif
