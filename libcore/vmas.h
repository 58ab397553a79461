/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dax mappings of one process, as the kernel's own list of VMAs would hold them.
 *
 * One of these may really be several mappings (ranges of the backing store, holes):
 * see plan.h. The list is the program's view: sorted by address, without overlap,
 * neighbours that are alike merged. The memory belongs to the caller, as does the lock.
 */
#ifndef DAX_VMAS_H
#define DAX_VMAS_H

#include "libcore/device.h"

enum dax_vma_flag {
	DAX_VMA_READ = 1 << 0, /* the same bits as PROT_* */
	DAX_VMA_WRITE = 1 << 1,
	DAX_VMA_EXEC = 1 << 2,
	DAX_VMA_MAYWRITE = 1 << 3, /* the descriptor was open for writing */
	DAX_VMA_RANDOM = 1 << 4, /* from here on by madvise; a change of a flag splits */
	DAX_VMA_SEQUENTIAL = 1 << 5,
	DAX_VMA_DONTFORK = 1 << 6,
	DAX_VMA_DONTDUMP = 1 << 7,
	DAX_VMA_NOHUGEPAGE = 1 << 8,
	DAX_VMA_NORESERVE = 1 << 9, /* only shown, in smaps */
	DAX_VMA_SYNC = 1 << 10,
	DAX_VMA_NO_PAGES = 1 << 11, /* cannot be pinned, and no child inherits it */
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
	uint64_t file; /* the open file that it maps: only mappings of one file merge */
};

struct dax_vmas {
	struct dax_vma *v;
	uint32_t nr;
	uint32_t max; /* room in v */
};

/* The most entries that one insertion, removal or change of flags can add. */
#define DAX_VMAS_GROWTH 2

uint32_t dax_vma_flags_of(const struct dax_device *dev);

bool dax_vma_may_merge(const struct dax_vma *a, const struct dax_vma *b);
uint32_t dax_vmas_find(const struct dax_vmas *vmas, uint64_t addr);
bool dax_vmas_overlap(const struct dax_vmas *vmas, uint64_t start, uint64_t end);
void dax_vmas_insert(struct dax_vmas *vmas, const struct dax_vma *vma);
void dax_vmas_remove(struct dax_vmas *vmas, uint64_t start, uint64_t end);
void dax_vmas_set_flags(struct dax_vmas *vmas, uint64_t start, uint64_t end,
			uint32_t clear, uint32_t set);
void dax_vmas_split(struct dax_vmas *vmas, uint64_t addr);

/* True if the driver cannot serve its form: every fault is SIGBUS (check_vma()). */
static inline bool dax_vma_is_broken(const struct dax_vma *vma)
{
	return (vma->start | vma->end) & (vma->align - 1);
}

#endif
