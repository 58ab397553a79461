/* SPDX-License-Identifier: BSD-2-Clause */
/* Repair the daemon's data in a region's file. */
#include "cuse-daxd/registry/repair.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "libcore/infoblock.h"

#include "cuse-daxd/base/fail.h"
#include "cuse-daxd/base/log.h"
#include "cuse-daxd/config/config.h"
#include "cuse-daxd/registry/devices.h"
#include "cuse-daxd/registry/record.h"
#include "cuse-daxd/store/file.h"
#include "cuse-daxd/store/slots.h"
#include "cuse-daxd/store/store.h"

/**
 * daxd_repair_length() - extend the file of a store that a client has truncated
 * @store:	any store
 *
 * Logs what it finds.
 */
void daxd_repair_length(const struct daxd_store *store)
{
	struct stat st;

	if (fstat(store->rw, &st) < 0 || (uint64_t)st.st_size >= store->length)
		return;
	daxd_warning("%s: was truncated; extended to %llu bytes again, the data that was "
		     "cut off is lost",
		     store->name, (unsigned long long)store->length);
	if (ftruncate(store->rw, (off_t)store->length) < 0)
		daxd_error("%s: ftruncate: %s", store->name, strerror(errno));
}

static void repair_block(struct daxd_store *store)
{
	uint8_t want[DAX_INFOBLOCK_SIZE];
	uint8_t is[DAX_INFOBLOCK_SIZE] = {0};
	struct dax_infoblock block;
	int r;

	if (pread(store->rw, is, sizeof(is), DAX_INFOBLOCK_OFFSET) < 0)
		return;
	dax_infoblock_encode(&store->block, want);
	if (dax_infoblock_decode(is, &block) == 0) {
		/*
		 * A block of an older version differs in its bytes, but is valid as well:
		 * compare the fields. The struct has padding, so not as it is in memory.
		 */
		dax_infoblock_encode(&block, is);
		if (!memcmp(is, want, sizeof(is)))
			return;
	}
	daxd_warning("%s: its info block was overwritten; written again", store->path);
	r = store->ops->write(store, DAX_INFOBLOCK_OFFSET, want, sizeof(want));
	if (r < 0)
		daxd_error("%s: its info block can't be written: %s", store->path,
			   strerror(-r));
}

static void repair_record(struct daxd_registry *reg, struct daxd_store *store)
{
	struct daxd_why why;

	if (daxd_slots_are_intact(store))
		return;
	daxd_warning("%s: the record of its devices was overwritten; written again",
		     store->path);
	if (daxd_record_save(reg, &why) < 0)
		daxd_error("%s", why.text);
}

/**
 * daxd_repair() - repair the daemon's data in a region's file, if a client has damaged it
 * @reg:	the registry
 * @region:	any of its regions
 *
 * Logs failures.
 */
void daxd_repair(struct daxd_registry *reg, struct daxd_region *region)
{
	struct daxd_store *store = region->store;

	if (!store || !store->is_kept || daxd_store_is_volatile(store))
		return;
	daxd_repair_length(store);
	if (store->backing == DAXD_PMEM)
		repair_block(store);
	repair_record(reg, store);
}
