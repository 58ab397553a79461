/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state pages, through which the daemon informs all clients at once: a file that
 * only the daemon may write and that clients map read-only.
 *
 * A slot describes one device, in two copies: the daemon fills the copy that no client
 * reads, then increments `seq`, whose lowest bit says which copy is valid. So a reader
 * never waits, and a daemon killed in the middle of a change leaves the old description
 * in force.
 *
 * Readers: any thread, any signal handler, no lock. Writer: the daemon's one loop.
 */
#ifndef DAX_STATE_H
#define DAX_STATE_H

#include <stddef.h>

#include "libcore/device.h"
#include "libcore/fault.h"
#include "libcore/kernel.h"

#define DAX_STATE_MAGIC   UINT64_C(0x6574617473786164) /* "daxstate" */
#define DAX_STATE_VERSION 2
#define DAX_STATE_SLOTS   1024
#define DAX_STATE_BAD_MAX 1024

enum dax_state_flag {
	/* Handles are character device nodes in /dev, else files of the daemon. */
	DAX_STATE_CUSE = 1 << 0,
	/* Devices have memory blocks, which replace the machine's in sysfs. */
	DAX_STATE_MEMORY = 1 << 1,
};

/*
 * Identity of a device's descriptors: st_dev and st_ino of the handle file or, for a
 * CUSE node, 0 and its st_rdev. ino 0: the slot was never used.
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

/* The fault rules and bad memory, in two copies like a device's description. */
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
	uint32_t nr_slots; /* slots from this one on were never used */
	/* Incremented after every change of a slot: one word to compare or wait on. */
	uint32_t changes;
	/*
	 * 0: the sysfs tree is complete. Otherwise the daemon is writing it, and
	 * increments this word. A client that is about to look there waits until it is 0.
	 */
	uint32_t tree_pending;
	/* Majors of dax devices and of /dev/ndctlN, as in /proc/devices. */
	uint32_t major;
	uint32_t ndctl_major;
	/* The st_dev that stat(2) shows for nodes in /dev and for files in /sys. */
	uint64_t devtmpfs_dev;
	uint64_t sysfs_dev;
	/* st_dev of the runtime directory, which holds the handles and the sysfs tree. */
	uint64_t runtime_dev;
	/*
	 * The calls that any rule concerns: bit n is enum dax_fault_call n. Reading this
	 * word is all that faults cost a program without any.
	 */
	uint32_t fault_calls;
	uint32_t cxl_major; /* of /dev/cxl/memN; 0: none */
	uint32_t kernel;    /* enum dax_kernel; 0: the daemon is older than the word */
	uint32_t pad;
	uint64_t reserved[6];
	struct dax_state_handle handles[DAX_STATE_SLOTS];
	struct dax_state_slot slots[DAX_STATE_SLOTS];
	/* Not read unless there are faults. */
	struct dax_state_faults faults;
};

int dax_state_check(const struct dax_state *state, size_t len);
enum dax_kernel dax_state_kernel(const struct dax_state *state);
int dax_state_find(const struct dax_state *state, uint64_t dev, uint64_t ino,
		   uint64_t nlink);
int dax_state_find_name(const struct dax_state *state, const char *name);
void dax_state_read(const struct dax_state *state, uint32_t slot, struct dax_device *ret);

bool dax_state_rule(const struct dax_state *state, uint32_t i,
		    struct dax_fault_rule *ret);
bool dax_state_next_bad(const struct dax_state *state, uint64_t life,
			const struct dax_fault_who *me, uint64_t off, uint64_t page,
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
