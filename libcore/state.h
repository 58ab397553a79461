/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state pages: what the daemon tells every client at once, through a file that
 * it alone may write and that clients map read-only.
 *
 * A slot describes one device. Its description is kept twice: the daemon fills the
 * copy that nobody reads, then counts `seq` up, whose lowest bit says which copy is
 * good. So a reader never waits, and a daemon killed in the middle of a change
 * leaves the old description standing.
 *
 * Readers: any thread, any signal handler, no lock. Writer: the daemon's one loop.
 */
#ifndef DAX_STATE_H
#define DAX_STATE_H

#include <stddef.h>

#include "libcore/device.h"
#include "libcore/fault.h"

#define DAX_STATE_MAGIC   UINT64_C(0x6574617473786164) /* "daxstate" */
#define DAX_STATE_VERSION 2
#define DAX_STATE_SLOTS   1024
#define DAX_STATE_BAD_MAX 1024

enum dax_state_flag {
	/* Handles are character device nodes in /dev, not files of ours. */
	DAX_STATE_CUSE = 1 << 0,
};

/*
 * How a descriptor of the device is recognised: the handle file's st_dev and st_ino,
 * or, for a CUSE node, 0 and its st_rdev. ino 0: the slot was never used.
 */
struct dax_state_handle {
	uint64_t dev;
	uint64_t ino;
};

struct dax_state_slot {
	uint32_t seq;
	uint32_t pad;
	struct dax_device copy[2];
};

/* The fault rules and what memory is bad: kept twice, as a device's description. */
struct dax_state_faults {
	uint32_t seq;
	uint32_t pad;
	struct {
		uint32_t nr_rules;
		uint32_t nr_bad;
		struct dax_fault_rule rules[DAX_FAULT_RULES_MAX];
		struct dax_bad bad[DAX_STATE_BAD_MAX]; /* by life, then by offset */
	} copy[2];
};

struct dax_state {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* bytes of this struct */
	uint32_t flags;
	uint32_t nr_slots; /* slots from here on were never used */
	/* Raised after every change of any slot: one word to look at, and to wait on. */
	uint32_t changes;
	/*
	 * 0: the sysfs tree is whole. Else it is being written, and this grows with it.
	 * Who wants to look there waits on this word until it is 0.
	 */
	uint32_t tree_pending;
	/* Device numbers: of dax devices and of /dev/ndctlN, as in /proc/devices. */
	uint32_t major;
	uint32_t ndctl_major;
	/* What stat(2) shows as st_dev of nodes in /dev and of files in /sys. */
	uint64_t devtmpfs_dev;
	uint64_t sysfs_dev;
	/* st_dev of the runtime directory, where handles and the sysfs tree are. */
	uint64_t runtime_dev;
	/*
	 * Which calls any rule concerns: bit n is enum dax_fault_call n. What a program
	 * without faults pays is one look at this word.
	 */
	uint32_t fault_calls;
	uint32_t pad2;
	uint64_t reserved[7];
	struct dax_state_handle handles[DAX_STATE_SLOTS];
	struct dax_state_slot slots[DAX_STATE_SLOTS];
	/* Never touched unless there are faults. */
	struct dax_state_faults faults;
};

int dax_state_check(const struct dax_state *state, size_t len);
int dax_state_find(const struct dax_state *state, uint64_t dev, uint64_t ino,
		   uint64_t nlink);
int dax_state_find_name(const struct dax_state *state, const char *name);
void dax_state_read(const struct dax_state *state, uint32_t slot, struct dax_device *ret);

bool dax_state_rule(const struct dax_state *state, uint32_t i,
		    struct dax_fault_rule *ret);
bool dax_state_next_bad(const struct dax_state *state, uint64_t life,
			const struct dax_fault_who *me, uint64_t off, uint64_t align,
			struct dax_bad *ret);

void dax_state_init(struct dax_state *state);
int dax_state_take_slot(struct dax_state *state);
void dax_state_publish(struct dax_state *state, uint32_t slot,
		       const struct dax_state_handle *handle,
		       const struct dax_device *dev);
void dax_state_publish_faults(struct dax_state *state, const struct dax_fault_rule *rules,
			      uint32_t nr_rules, const struct dax_bad *bad,
			      uint32_t nr_bad);

#endif
