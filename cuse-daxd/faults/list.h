/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault rules in force, counters of injected faults, and the bad memory. */
#ifndef DAXD_FAULTS_LIST_H
#define DAXD_FAULTS_LIST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/fault.h"

struct daxd_registry;

struct daxd_fault {
	struct dax_fault_rule rule;
	char *text;
	bool is_from_start; /* from the config or the command line, not from a request */
	bool is_on;         /* range, disable: its time has come and its file exists */
	uint64_t given;     /* faults injected */
	uint64_t refused;   /* processes in which it can't be applied */
	GArray *done;       /* uint64_t: lives of devices whose memory it made bad */
};

struct daxd_fault_count {
	pid_t pid;
	uid_t uid;
	char comm[DAX_FAULT_COMM_LEN];
	uint64_t given;
};

struct daxd_faults {
	struct daxd_registry *reg;
	GPtrArray *rules; /* struct daxd_fault, in the order of their ids */
	uint32_t last_id;
	GArray *bad;         /* struct dax_bad, by life and offset, no two overlap */
	GHashTable *by_pid;  /* struct daxd_fault_count */
	GHashTable *by_name; /* device -> number of faults */
	uint64_t given;
	struct dax_fault_event last; /* valid if @given is not 0 */
	GSource *timer;
	int log_fd;              /* -1: none */
	bool is_log_file;        /* a regular file, which has a limit */
	uint64_t log_len;        /* bytes in it */
	uint64_t log_len_others; /* about processes of users but root and the daemon's */
	uint64_t log_lost;       /* lines that are missing in the log */
	bool is_log_full;        /* which the log has been told */
	bool has_published;
	/* Called when a fault was injected or refused; or NULL. */
	void (*on_event)(void *ctx, const struct dax_fault_event *ev);
	void *ctx;
};

struct daxd_fault *daxd_list_find(const struct daxd_faults *faults, uint32_t id);
struct daxd_fault *daxd_list_add(struct daxd_faults *faults,
				 const struct dax_fault_rule *rule);
void daxd_list_free(void *rule);

#endif
