/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts of device-dax on calls on the dax mappings of a process. */
#ifndef DAX_VMA_VERDICT_H
#define DAX_VMA_VERDICT_H

#include <sys/mman.h>

#include "libcore/device.h"
#include "libcore/kernel.h"
#include "libcore/reason.h"
#include "libcore/vmas.h"

/* Advice of Linux 6.13. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

struct dax_verdict dax_munmap_verdict(const struct dax_vmas *vmas, uint64_t addr,
				      uint64_t len);
struct dax_verdict dax_replace_verdict(enum dax_kernel kernel, struct dax_verdict v);

/*
 * The calls below work along the range, VMA by VMA, and stop at the first that refuses;
 * the VMAs before it stay changed. @ret_stop is the address up to which the caller must
 * let the call happen: the end of the range if nothing is refused.
 */
struct dax_verdict dax_mprotect_verdict(const struct dax_vmas *vmas, uint64_t addr,
					uint64_t len, int prot, uint64_t *ret_stop);
struct dax_verdict dax_mseal_verdict(const struct dax_vmas *vmas, uint64_t addr,
				     uint64_t len, uint64_t *ret_stop);
struct dax_verdict dax_mbind_verdict(const struct dax_vmas *vmas, uint64_t addr,
				     uint64_t len, uint64_t *ret_stop);

/* The effect of an advice on a dax mapping. */
enum dax_advice_kind {
	DAX_ADVICE_PASS,    /* the kernel's result on the backing store is right */
	DAX_ADVICE_NOTHING, /* succeeds and changes nothing */
	DAX_ADVICE_GUARD,   /* makes guard pages, or removes them */
	DAX_ADVICE_FLAGS,   /* changes the VMA's flags: splits */
	DAX_ADVICE_REFUSE,
};

struct dax_advice {
	int advice; /* of madvise(2) */
	enum dax_advice_kind kind;
	uint32_t clear; /* enum dax_vma_flag */
	uint32_t set;
	int error; /* REFUSE */
	enum dax_reason reason;
};

struct dax_advice dax_advice(enum dax_kernel kernel, int advice);
struct dax_verdict dax_madvise_verdict(const struct dax_vmas *vmas,
				       const struct dax_vma *vma, uint64_t start,
				       uint64_t end, const struct dax_advice *advice);

struct dax_verdict dax_pin_verdict(const struct dax_vmas *vmas, uint64_t start,
				   uint64_t end);

/* True for an advice that breaks memory, which the kernel never gets for dax mappings. */
static inline bool dax_advice_is_failure(int advice)
{
	return advice == 100 /* MADV_HWPOISON */ || advice == 101 /* MADV_SOFT_OFFLINE */;
}

struct dax_verdict dax_failure_right_verdict(int advice, bool is_admin);
struct dax_verdict dax_failure_verdict(const struct dax_vma *vma,
				       const struct dax_device *dev, uint64_t addr,
				       int advice);
struct dax_verdict dax_process_madvise_verdict(enum dax_kernel kernel, int advice,
					       bool is_self, bool is_nice);
struct dax_verdict dax_msync_verdict(const struct dax_vma *vma, int flags);

struct dax_mremap_request {
	uint64_t old_addr;
	uint64_t old_len;
	uint64_t new_len;
	uint64_t new_addr;
	int flags;
	enum dax_kernel kernel;
};

enum dax_mremap_how {
	DAX_MREMAP_REFUSE,
	DAX_MREMAP_STAY,   /* nothing changes */
	DAX_MREMAP_SHRINK, /* munmap the tail */
	DAX_MREMAP_GROW,   /* in place if there is room behind it, else by a move */
	DAX_MREMAP_MOVE,   /* to new_addr, or to a place that the kernel chooses */
};

struct dax_mremap_answer {
	struct dax_verdict v;
	enum dax_mremap_how how;
	uint64_t old_len; /* page-rounded; after the cut if it shrinks before a move */
	uint64_t new_len; /* page-rounded */
	uint64_t off;     /* device offset of old_addr */
	bool may_move;
	bool is_fixed;       /* to new_addr, replacing any mapping there */
	bool keeps_old;      /* DONTUNMAP, or a duplicate (old length 0) */
	uint64_t unmap_tail; /* bytes to unmap behind old_len, before a move */
	bool is_late;        /* REFUSE, but target and tail are unmapped first */
};

/* old_addr must be in @vma. */
void dax_mremap_verdict(const struct dax_vma *vma, const struct dax_mremap_request *req,
			struct dax_mremap_answer *ret);
struct dax_verdict dax_mremap_move_verdict(const struct dax_vma *vma, uint64_t addr,
					   uint64_t len);

#endif
