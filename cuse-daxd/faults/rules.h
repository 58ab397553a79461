/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault rules in force, and bad memory.
 *
 * The daemon keeps the rules, publishes them in the state pages, and carries out its
 * part: it makes memory bad and disables devices. The shim makes calls fail or delays
 * them (client/shim/memory/fault.c), and reports each fault.
 *
 * The list of bad memory outlives the daemon as long as the memory does: over a crash in
 * the runtime directory's file `faults`, over a stop in FILE.badblocks beside a pmem:
 * file. The data of poisoned units is lost when the poison is cleared; until then no
 * program can access it.
 */
#ifndef DAXD_FAULTS_RULES_H
#define DAXD_FAULTS_RULES_H

#include <glib.h>
#include <stdint.h>

struct dax_fault_event;
struct dax_fault_rule;
struct daxd_faults;
struct daxd_registry;
struct daxd_why;

int daxd_rules_start(struct daxd_registry *reg, struct daxd_why *why);
void daxd_rules_done(struct daxd_faults *faults);

int daxd_rules_check(const char *text, struct dax_fault_rule *ret, struct daxd_why *why);
int daxd_rules_add(struct daxd_faults *faults, const char *text, uint32_t *ret_id,
		   struct daxd_why *why);
int daxd_rules_check_reload(const struct daxd_faults *faults, const GPtrArray *texts,
			    struct daxd_why *why);
void daxd_rules_reload(struct daxd_faults *faults, const GPtrArray *texts);
int daxd_rules_remove(struct daxd_faults *faults, uint32_t id, struct daxd_why *why);
int daxd_rules_struck(struct daxd_faults *faults, const struct dax_fault_event *ev);

#endif
