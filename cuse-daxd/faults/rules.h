/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault rules in force, and which memory is bad.
 *
 * The daemon keeps the rules, says them to all through the state pages, and does what
 * is its own to do: memory that becomes bad, devices that are disabled. Calls that
 * fail or are late are the shim's (client/shim/memory/fault.c), which tells of each.
 *
 * What memory is bad outlives the daemon as long as the memory does: in the runtime
 * directory's file `faults` over a crash, beside a pmem: file in FILE.badblocks over a
 * stop. The data of poisoned units is lost when the poison is cleared; until then
 * nobody can reach it.
 */
#ifndef DAXD_FAULTS_H
#define DAXD_FAULTS_H

#include "cuse-daxd/registry/registry.h"
#include "libcore/fault.h"

struct daxd_fault {
	struct dax_fault_rule rule;
	char *text;
	bool is_from_start; /* of the config or the command line, not of an order */
	bool is_on;         /* range, disable: its time has come, its file is there */
	uint64_t given;
	uint64_t refused; /* processes in which it can't be had */
	GArray *done;     /* uint64_t: lives of devices whose memory it made bad */
};

struct daxd_fault_count {
	pid_t pid;
	char comm[DAX_FAULT_COMM_LEN];
	uint64_t given;
};

struct daxd_faults {
	struct daxd_registry *reg;
	GPtrArray *rules; /* struct daxd_fault, in the order of their ids */
	uint32_t last_id;
	GArray *bad;         /* struct dax_bad, by life and offset, no two overlap */
	GHashTable *by_pid;  /* struct daxd_fault_count */
	GHashTable *by_name; /* device -> number */
	uint64_t given;
	struct dax_fault_event last; /* if any was given */
	GSource *timer;
	int log_fd; /* -1: none */
	bool has_published;
	/* Called when a fault was given; NULL: nobody asks. */
	void (*on_event)(void *ctx, const struct dax_fault_event *ev);
	void *ctx;
};

int daxd_faults_start(struct daxd_registry *reg, struct daxd_why *why);
void daxd_faults_done(struct daxd_faults *faults);
void daxd_faults_report(const struct daxd_faults *faults, int fd);
void daxd_faults_sync(struct daxd_faults *faults);

int daxd_faults_check(const char *text, struct dax_fault_rule *ret, struct daxd_why *why);
int daxd_faults_add(struct daxd_faults *faults, const char *text, uint32_t *ret_id,
		    struct daxd_why *why);
int daxd_faults_check_reload(const struct daxd_faults *faults, const GPtrArray *texts,
			     struct daxd_why *why);
void daxd_faults_reload(struct daxd_faults *faults, const GPtrArray *texts);
struct daxd_fault *daxd_faults_find(const struct daxd_faults *faults, uint32_t id);
int daxd_faults_remove(struct daxd_faults *faults, uint32_t id, struct daxd_why *why);
int daxd_faults_struck(struct daxd_faults *faults, const struct dax_fault_event *ev);

int daxd_faults_inject(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		       uint64_t len, uint32_t flags, struct daxd_why *why);
int daxd_faults_clear(struct daxd_faults *faults, struct daxd_device *dev, uint64_t off,
		      uint64_t len, struct daxd_why *why);
void daxd_faults_clear_physical(struct daxd_faults *faults, uint64_t start, uint64_t len);
bool daxd_faults_is_bad(const struct daxd_faults *faults, uint64_t life);
/* Is a stretch of bad memory on the lists? */
bool daxd_bad_is_listed(const struct dax_bad *bad);

#endif
