/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dax mappings of one process, as the kernel's own list of VMAs would hold them,
 * and what device-dax answers to calls on them.
 *
 * Below one of these, the process may really have several mappings (ranges of the
 * backing store, holes); plan.h says which. Here is what the program is to believe.
 * Sorted by address, without overlap, neighbours that are alike merged. The memory
 * belongs to the caller, as does the lock.
 */
#ifndef DAX_VMAS_H
#define DAX_VMAS_H

#include "libcore/verdict.h"

enum dax_vma_flag {
	DAX_VMA_READ = 1 << 0, /* the same bits as PROT_* */
	DAX_VMA_WRITE = 1 << 1,
	DAX_VMA_EXEC = 1 << 2,
	DAX_VMA_MAYWRITE = 1 << 3, /* the descriptor was open for writing */
	DAX_VMA_RANDOM = 1 << 4,   /* madvise: what changes a flag splits */
	DAX_VMA_SEQUENTIAL = 1 << 5,
	DAX_VMA_DONTFORK = 1 << 6,
	DAX_VMA_DONTDUMP = 1 << 7,
	DAX_VMA_NOHUGEPAGE = 1 << 8,
	DAX_VMA_NORESERVE = 1 << 9, /* only shown, in smaps */
	DAX_VMA_SYNC = 1 << 10,
	DAX_VMA_NO_PAGES = 1 << 11, /* nobody can pin it, no child gets it */
};

#define DAX_VMA_PROT (DAX_VMA_READ | DAX_VMA_WRITE | DAX_VMA_EXEC)

struct dax_vma {
	uint64_t start;
	uint64_t end;
	uint64_t off; /* of start, in the device */
	uint64_t align;
	uint64_t life; /* of the device */
	uint32_t slot;
	uint32_t flags;
	uint64_t file; /* the open file it was made of: mappings of one merge */
};

struct dax_vmas {
	struct dax_vma *v;
	uint32_t nr;
	uint32_t max; /* room in v */
};

/* The most entries that one insertion, removal or change of flags can add. */
#define DAX_VMAS_GROWTH 2

/* What a mapping of this device has from the start, beside what was asked for. */
uint32_t dax_vma_flags_of(const struct dax_device *dev);

bool dax_vma_may_merge(const struct dax_vma *a, const struct dax_vma *b);
uint32_t dax_vmas_find(const struct dax_vmas *vmas, uint64_t addr);
bool dax_vmas_overlap(const struct dax_vmas *vmas, uint64_t start, uint64_t end);
void dax_vmas_insert(struct dax_vmas *vmas, const struct dax_vma *vma);
void dax_vmas_remove(struct dax_vmas *vmas, uint64_t start, uint64_t end);
void dax_vmas_set_flags(struct dax_vmas *vmas, uint64_t start, uint64_t end,
			uint32_t clear, uint32_t set);
void dax_vmas_split(struct dax_vmas *vmas, uint64_t addr);

/* Not of a form that the driver can serve: every fault is SIGBUS (check_vma()). */
static inline bool dax_vma_is_broken(const struct dax_vma *vma)
{
	return (vma->start | vma->end) & (vma->align - 1);
}

struct dax_verdict dax_munmap_verdict(const struct dax_vmas *vmas, uint64_t addr,
				      uint64_t len);

/*
 * The calls below work along the range, VMA by VMA, and stop at the first that
 * refuses, with what came before it done: @ret_stop is the address up to which the
 * caller shall let the call happen, the end of the range if nothing is refused.
 */
struct dax_verdict dax_mprotect_verdict(const struct dax_vmas *vmas, uint64_t addr,
					uint64_t len, int prot, uint64_t *ret_stop);
struct dax_verdict dax_mbind_verdict(const struct dax_vmas *vmas, uint64_t addr,
				     uint64_t len, uint64_t *ret_stop);

/* What an advice does to a dax mapping. */
enum dax_advice_kind {
	DAX_ADVICE_PASS, /* the kernel's answer on the backing store is the right one */
	DAX_ADVICE_NOTHING, /* succeeds and changes nothing */
	DAX_ADVICE_FLAGS,   /* changes the VMA's flags: splits */
	DAX_ADVICE_REFUSE,
};

struct dax_advice {
	enum dax_advice_kind kind;
	uint32_t clear; /* enum dax_vma_flag */
	uint32_t set;
	int error; /* REFUSE */
	enum dax_reason reason;
};

struct dax_advice dax_advice(int advice);
struct dax_verdict dax_madvise_verdict(const struct dax_vmas *vmas, uint32_t i,
				       uint64_t start, uint64_t end, int advice);

/* May the kernel pin this memory, for O_DIRECT, vmsplice and the like? */
struct dax_verdict dax_pin_verdict(const struct dax_vmas *vmas, uint64_t start,
				   uint64_t end);

/* madvise of these breaks memory. They never go to the kernel for a dax mapping. */
static inline bool dax_advice_is_failure(int advice)
{
	return advice == 100 /* MADV_HWPOISON */ || advice == 101 /* MADV_SOFT_OFFLINE */;
}

struct dax_verdict dax_failure_right_verdict(int advice, bool is_admin);
struct dax_verdict dax_failure_verdict(const struct dax_vma *vma,
				       const struct dax_device *dev, uint64_t addr,
				       int advice);
struct dax_verdict dax_process_madvise_verdict(int advice);
struct dax_verdict dax_msync_verdict(const struct dax_vma *vma, int flags);

struct dax_mremap_request {
	uint64_t old_addr;
	uint64_t old_len;
	uint64_t new_len;
	uint64_t new_addr;
	int flags;
};

enum dax_mremap_how {
	DAX_MREMAP_REFUSE,
	DAX_MREMAP_STAY,   /* nothing changes */
	DAX_MREMAP_SHRINK, /* munmap the tail */
	DAX_MREMAP_GROW,   /* in place if there is room behind it, else by a move */
	DAX_MREMAP_MOVE,   /* to new_addr, or to a place of the kernel's choice */
};

struct dax_mremap_answer {
	struct dax_verdict v;
	enum dax_mremap_how how;
	uint64_t old_len; /* page-rounded; with SHRINK before a move: already cut */
	uint64_t new_len; /* page-rounded */
	uint64_t off;     /* device offset of old_addr */
	bool may_move;
	bool is_fixed;       /* to new_addr, replacing what is there */
	bool keeps_old;      /* DONTUNMAP, or a duplicate (old length 0) */
	uint64_t unmap_tail; /* bytes to unmap behind old_len, before a move */
	bool is_late;        /* REFUSE, when target and tail are unmapped */
};

/* Precondition: old_addr is in @vma. */
void dax_mremap_verdict(const struct dax_vma *vma, const struct dax_mremap_request *req,
			struct dax_mremap_answer *ret);
struct dax_verdict dax_mremap_move_verdict(const struct dax_vma *vma, uint64_t addr,
					   uint64_t len);

#endif
