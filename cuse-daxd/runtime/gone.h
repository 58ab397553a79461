/* SPDX-License-Identifier: BSD-2-Clause */
/* Notice that somebody has deleted the runtime directory. */
#ifndef DAXD_RUNTIME_GONE_H
#define DAXD_RUNTIME_GONE_H

#include <stdbool.h>

struct daxd_runtime;

bool daxd_gone_is(const struct daxd_runtime *rt);
void daxd_gone_watch(struct daxd_runtime *rt);
void daxd_gone_unwatch(struct daxd_runtime *rt);

#endif
