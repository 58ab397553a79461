/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad memory. After a change of it the caller must call daxd_publish_carry_out(). */
#ifndef DAXD_FAULTS_BADBLOCKS_H
#define DAXD_FAULTS_BADBLOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct dax_bad;
struct dax_fault_event;
struct daxd_device;
struct daxd_faults;

bool daxd_bad_has(const struct daxd_faults *faults, uint64_t life);
void daxd_bad_tidy(struct daxd_faults *faults);
void daxd_bad_list(const struct daxd_faults *faults);
int daxd_bad_make(struct daxd_faults *faults, const struct daxd_device *dev, uint64_t off,
		  uint64_t len, const struct dax_bad *like);
bool daxd_bad_heal(struct daxd_faults *faults, uint64_t life, uint64_t off, uint64_t len,
		   bool (*filter)(const struct dax_bad *bad, const void *ctx),
		   const void *ctx);
void daxd_bad_lose(const struct daxd_faults *faults, const struct dax_bad *bad);
bool daxd_bad_reveal(struct daxd_faults *faults, const struct dax_fault_event *ev);
void daxd_bad_changed(struct daxd_faults *faults, uint64_t life);

#endif
