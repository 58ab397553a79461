/* SPDX-License-Identifier: BSD-2-Clause */
/* The two slots of a record in the file of a store. */
#ifndef DAXD_STORE_SLOTS_H
#define DAXD_STORE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcore/model.h"

struct daxd_record;
struct daxd_store;
struct daxd_why;

void daxd_slots_remember(struct daxd_record *record, const uint8_t *unsealed,
			 size_t length);
int daxd_slots_read(struct daxd_store *store, const uint8_t uuid[DAX_UUID_LEN],
		    uint64_t size, struct daxd_why *why);
void daxd_slots_done(struct daxd_record *record);
bool daxd_slots_are_intact(struct daxd_store *store);

#endif
