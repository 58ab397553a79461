/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Backing stores: the memory of devices.
 *
 * A store is opened in two steps, so that all problems with any store are found before
 * anything is changed: daxd_store_open() examines the existing file, daxd_store_make()
 * creates whatever is missing. Until daxd_store_keep(), daxd_store_free() removes a file
 * that this start has created.
 *
 * Every store guarantees after daxd_store_make():
 *  - `rw` and `ro` stay open until it is freed. `ro` can't be written through, and who
 *    has only `ro` can't open the memory writable by way of /proc/self/fd, because the
 *    file's mode forbids it to everybody but the daemon's own user.
 *  - no later touch of the bytes of a device fails for want of memory (hugetlb,
 *    hugetlbfs) or of room on the disk (pmem, if this start made the file). Memory
 *    promises only what the machine's memory does.
 *  - memfds (memory that other users may write to, and hugetlb) can't be made shorter or
 *    longer by who holds `rw` (seals); files can, and the holders of their mappings then
 *    get SIGBUS.
 *  - memory that was never written is zero.
 */
#ifndef DAXD_STORE_STORE_H
#define DAXD_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/model.h"

struct daxd_store;
struct daxd_store_spec;
struct daxd_why;

int daxd_store_open(const struct daxd_store_spec *spec, struct daxd_store **ret,
		    struct daxd_why *why);
uint64_t daxd_store_fit(const struct daxd_store *store, uint64_t align,
			enum dax_region_map map);
int daxd_store_make(struct daxd_store *store, struct daxd_why *why);
void daxd_store_choose(struct daxd_store *store, bool is_private);
void daxd_store_keep(struct daxd_store *store);
int daxd_store_zero(struct daxd_store *store, uint64_t off, uint64_t len);
void daxd_store_hand_over(struct daxd_store *store);
void daxd_store_forget(struct daxd_store *store);
int daxd_store_sync(struct daxd_store *store);
void daxd_store_free(struct daxd_store *store);
char *daxd_store_check_memory(void);
bool daxd_store_is_volatile(const struct daxd_store *store);

#endif
