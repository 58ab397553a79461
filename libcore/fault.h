/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault rules: where, what, when. The config file, daxrun --fault and cuse-daxctl fault
 * add share one grammar, and rules are matched in one way.
 *
 * A rule is a plain copy without pointers: the daemon publishes it in the state pages
 * (state.h), the shim matches calls against it. Nothing here counts or reads a clock:
 * the caller passes how often a rule was met, so the result is the same on every
 * machine.
 *
 * There are four kinds of rules, distinguished by their words:
 *	range	poison or sigbus without a call: the daemon makes the memory bad
 *	trigger	poison, sigbus or disable with a call: the daemon does it at that call
 *	call	errno or delay of a call: the shim injects it
 *	touch	delay of the first touch of each unit: the shim injects it
 * and disable without a call, which the daemon does at once.
 */
#ifndef DAX_FAULT_H
#define DAX_FAULT_H

#include <stddef.h>

#include "libcore/device.h"

#define DAX_FAULT_RULES_MAX 128
#define DAX_FAULT_TEXT_MAX  1024
#define DAX_FAULT_PATH_LEN  256
#define DAX_FAULT_COMM_LEN  16
#define DAX_FAULT_TIME_MAX  (UINT64_C(3600) * 1000000000)
#define DAX_FAULT_CERTAIN   (UINT64_C(1) << 32)

enum dax_fault_call {
	DAX_FAULT_OPEN,
	DAX_FAULT_MMAP,
	DAX_FAULT_MUNMAP,
	DAX_FAULT_MPROTECT,
	DAX_FAULT_MREMAP,
	DAX_FAULT_MSYNC,
	DAX_FAULT_MADVISE,
	DAX_FAULT_WRITE, /* to a sysfs attribute */
	DAX_FAULT_TOUCH, /* not a call: the first touch of a unit, or of bad memory */
	DAX_FAULT_CALL_NR,
};

enum dax_fault_what {
	DAX_FAULT_NONE,
	DAX_FAULT_POISON,
	DAX_FAULT_SIGBUS,
	DAX_FAULT_ERRNO,
	DAX_FAULT_DISABLE,
	DAX_FAULT_DELAY, /* a delay and nothing else; the others may have a delay, too */
};

/* The words that a rule contains. */
enum dax_fault_given {
	DAX_FAULT_G_DEVICE = 1 << 0,
	DAX_FAULT_G_OFFSET = 1 << 1,
	DAX_FAULT_G_LENGTH = 1 << 2,
	DAX_FAULT_G_DELAY = 1 << 3,
	DAX_FAULT_G_LATENT = 1 << 4,
	DAX_FAULT_G_ALWAYS = 1 << 5,
	DAX_FAULT_G_NTH = 1 << 6,
	DAX_FAULT_G_EVERY = 1 << 7,
	DAX_FAULT_G_PROBABILITY = 1 << 8,
	DAX_FAULT_G_SEED = 1 << 9,
	DAX_FAULT_G_AFTER = 1 << 10,
	DAX_FAULT_G_WHILE = 1 << 11,
	DAX_FAULT_G_PID = 1 << 12,
	DAX_FAULT_G_UID = 1 << 13,
	DAX_FAULT_G_COMM = 1 << 14,
	DAX_FAULT_G_TIMES = 1 << 15,
	DAX_FAULT_G_UNIT = 1 << 16,
};

/* The processes that a rule is for. */
struct dax_fault_who {
	int32_t pid;                   /* 0: all */
	uint32_t uid;                  /* UINT32_MAX: all */
	char comm[DAX_FAULT_COMM_LEN]; /* "": all */
};

struct dax_fault_rule {
	uint32_t id; /* never 0 and never reused; set by the daemon */
	uint32_t what;
	uint32_t calls; /* bit n: enum dax_fault_call n */
	uint32_t given; /* enum dax_fault_given */
	int32_t error;
	char device[DAX_NAME_LEN]; /* "": every */
	struct dax_fault_who who;
	uint64_t off;
	uint64_t len; /* 0: to the end */
	uint64_t delay_ns;
	uint64_t nth;
	uint64_t every;
	uint64_t times;
	uint64_t chance; /* of DAX_FAULT_CERTAIN */
	uint64_t seed;
	uint64_t after_ns;
	uint64_t
		since_ns; /* CLOCK_MONOTONIC when the rule was added; set by the daemon */
	char file[DAX_FAULT_PATH_LEN];
};

/* A mistake in a rule: its position, and the expected words. */
struct dax_fault_mistake {
	size_t pos;    /* from 0, in the text */
	bool is_value; /* from dax_fault_add(): the key is right, @pos is in the value */
	char text[256];
};

int dax_fault_parse(const char *text, struct dax_fault_rule *ret,
		    struct dax_fault_mistake *why);
void dax_fault_init(struct dax_fault_rule *rule);
int dax_fault_add(struct dax_fault_rule *rule, const char *key, const char *value,
		  struct dax_fault_mistake *why);
int dax_fault_finish(struct dax_fault_rule *rule, struct dax_fault_mistake *why);

/* A call or touch that rules may concern. */
struct dax_fault_event {
	uint32_t call; /* enum dax_fault_call */
	uint32_t rule; /* the rule that struck; 0: none, the memory was bad */
	int32_t pid;
	int32_t tid;
	uint32_t uid;
	uint32_t error; /* errno for which the process cannot carry the rule out, or 0 */
	char comm[DAX_FAULT_COMM_LEN];
	char device[DAX_NAME_LEN]; /* "": unknown, if the call is on an attribute */
	uint64_t address;
	uint64_t off;
	uint64_t len; /* 0: no memory is concerned */
};

/*
 * A bad range of a device, in whole sectors. Programs cannot touch the pages that hold
 * any of it: dax_device_page(), dax_state_next_bad().
 */
enum dax_bad_flag {
	DAX_BAD_POISON =
		1
		<< 0, /* BUS_MCEERR_AR, and listed in badblocks; without: plain SIGBUS */
	DAX_BAD_LATENT = 1 << 1, /* listed after the first touch */
	DAX_BAD_UNITS = 1 << 2,  /* whole units of the device's align */
};

struct dax_bad {
	uint64_t life; /* of the device */
	uint64_t off;
	uint64_t len;
	uint32_t rule; /* the rule that made it bad; 0: a request */
	uint32_t flags;
	struct dax_fault_who who;
};

#endif
