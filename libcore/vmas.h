/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dax mappings of one process, as the kernel's own list of VMAs would hold them.
 *
 * One of these may really be several mappings (ranges of the backing store, holes):
 * see plan.h. The list is the program's view: sorted by address, without overlap,
 * neighbours that are alike merged. The memory belongs to the caller, as does the lock.
 *
 * The list is a B+ tree of two levels: leaves of up to DAX_VMAS_LEAF mappings, and one
 * sorted array of their lowest addresses. A search is two binary searches; a change moves
 * the mappings of one leaf, and once in DAX_VMAS_LEAF / 2 changes the array, of which the
 * kernel's limit of 65,530 mappings leaves 1,000 to 4,000 entries of 16 bytes.
 */
#ifndef DAX_VMAS_H
#define DAX_VMAS_H

#include "libcore/device.h"
#include "libcore/kernel.h"
#include "libcore/size.h"

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
	DAX_VMA_SEALED = 1 << 12,   /* by mseal */
	DAX_VMA_SMALL = 1 << 13, /* NOHUGEPAGE by MAP_STACK, beside the driver's flag */
};

/* Huge pages are forbidden. */
#define DAX_VMA_NO_HUGE (DAX_VMA_NOHUGEPAGE | DAX_VMA_SMALL)

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

/* Mappings in a leaf of the tree. */
#define DAX_VMAS_LEAF 64

struct dax_vmas_leaf {
	uint32_t nr;
	uint32_t next_free; /* of a free leaf: the next one + 1 */
	struct dax_vma v[DAX_VMAS_LEAF];
};

/* A leaf in its place in the order of addresses. */
struct dax_vmas_key {
	uint64_t start; /* of the first mapping in the leaf */
	uint32_t leaf;
};

/* An open file whose mappings are counted. */
struct dax_vmas_count {
	uint64_t file; /* 0: unused entry */
	uint32_t nr;
};

#define DAX_VMAS_COUNTS 64

struct dax_vmas {
	struct dax_vmas_key *keys; /* of the leaves in use, sorted */
	struct dax_vmas_leaf *leaves;
	uint32_t max;       /* room in both */
	uint32_t nr_keys;   /* leaves in use */
	uint32_t nr_leaves; /* leaves ever used */
	uint32_t free;      /* the first free leaf + 1 */
	uint32_t nr;        /* mappings in all leaves */
	uint32_t nr_counts; /* entries in use at the start of counts */
	struct dax_vmas_count counts[DAX_VMAS_COUNTS];
};

/* The most leaves that one insertion, removal or change of flags can add. */
#define DAX_VMAS_GROWTH 2

uint32_t dax_vma_flags_of(const struct dax_device *dev);
uint32_t dax_vma_flags_of_mmap(enum dax_kernel kernel, int flags);

bool dax_vma_may_merge(const struct dax_vma *a, const struct dax_vma *b);
const struct dax_vma *dax_vmas_find(const struct dax_vmas *vmas, uint64_t addr);
const struct dax_vma *dax_vmas_next(const struct dax_vmas *vmas,
				    const struct dax_vma *vma);
const struct dax_vma *dax_vmas_prev(const struct dax_vmas *vmas,
				    const struct dax_vma *vma);
bool dax_vmas_overlap(const struct dax_vmas *vmas, uint64_t start, uint64_t end);
bool dax_vmas_has_room(const struct dax_vmas *vmas);
void dax_vmas_insert(struct dax_vmas *vmas, const struct dax_vma *vma);
void dax_vmas_map(struct dax_vmas *vmas, const struct dax_vma *vma,
		  enum dax_kernel kernel);
void dax_vmas_remove(struct dax_vmas *vmas, uint64_t start, uint64_t end);
void dax_vmas_set_flags(struct dax_vmas *vmas, uint64_t start, uint64_t end,
			uint32_t clear, uint32_t set);
void dax_vmas_split(struct dax_vmas *vmas, uint64_t addr);
void dax_vmas_copy(struct dax_vmas *to, const struct dax_vmas *from);
void dax_vmas_count(struct dax_vmas *vmas, uint32_t i, uint64_t file);
const struct dax_vma *dax_vmas_last(const struct dax_vmas *vmas);

/* The first mapping, or NULL. */
static inline const struct dax_vma *dax_vmas_first(const struct dax_vmas *vmas)
{
	return dax_vmas_find(vmas, 0);
}

/* The most templates that a process has. */
#define DAX_TEMPLATES_MAX 4

/**
 * dax_is_template() - tell whether a mapping of a backing store is only a template
 * @addr:	first byte
 * @len:	bytes
 * @off:	the first byte's offset in the device
 * @align:	align of the device
 *
 * The shim makes mappings of the program from templates. Those are congruent to their
 * offsets, a template is one page that is not.
 *
 * Return: true if the program does not have the mapping.
 */
static inline bool dax_is_template(uint64_t addr, uint64_t len, uint64_t off,
				   uint64_t align)
{
	return len == DAX_PAGE && (addr - off) & (align - 1);
}

/* True if the driver cannot serve its form: every fault is SIGBUS (check_vma()). */
static inline bool dax_vma_is_broken(const struct dax_vma *vma)
{
	return (vma->start | vma->end) & (vma->align - 1);
}

#endif
