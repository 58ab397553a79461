/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What real device-dax answers to a call: the rules, each written once.
 *
 * Pure functions over a device's description and the call's arguments. Whoever
 * calls them (shim, daemon, tests) carries the verdict out. Every reason that a
 * verdict can give has a row in docs/semantics.md, under the name that
 * dax_reason_id() gives.
 */
#ifndef DAX_VERDICT_H
#define DAX_VERDICT_H

#include "libcore/device.h"

#include <stddef.h>

/* Calls on a descriptor, a mapping or a path; the order is that of call_name[]. */
enum dax_call {
	DAX_CALL_OPEN,
	DAX_CALL_READ, /* and readv, recv-like ones: DAX_CALL_PREAD for those with offset
			*/
	DAX_CALL_WRITE,
	DAX_CALL_PREAD,
	DAX_CALL_PWRITE,
	DAX_CALL_LSEEK,
	DAX_CALL_FTRUNCATE,
	DAX_CALL_FALLOCATE,
	DAX_CALL_FSYNC,
	DAX_CALL_SYNC_FILE_RANGE,
	DAX_CALL_READAHEAD,
	DAX_CALL_IOCTL,
	DAX_CALL_FCNTL,
	DAX_CALL_COPY_FROM, /* sendfile, splice, tee */
	DAX_CALL_COPY_TO,
	DAX_CALL_COPY_RANGE,
	DAX_CALL_MMAP,
	DAX_CALL_MUNMAP,
	DAX_CALL_MPROTECT,
	DAX_CALL_MREMAP,
	DAX_CALL_MADVISE,
	DAX_CALL_MSYNC,
	DAX_CALL_MLOCK,
	DAX_CALL_MBIND,
	DAX_CALL_REMAP_FILE_PAGES,
	DAX_CALL_USERFAULTFD,
	DAX_CALL_PROCESS_MADVISE,
	DAX_CALL_TRUNCATE,
	DAX_CALL_CHANGE, /* of what a directory holds: unlink, mkdir, rename... */
	DAX_CALL_ATTR_OPEN,
	DAX_CALL_ATTR_READ,
	DAX_CALL_ATTR_WRITE,
	DAX_CALL_NR,
};

enum dax_reason {
	DAX_OK,
	DAX_NOT_ALIVE,
	DAX_OPEN_DIRECT,
	DAX_FD_NOT_OPEN_FOR_IT,
	DAX_NO_READ_WRITE,
	DAX_NEGATIVE_OFFSET,
	DAX_BAD_WHENCE,
	DAX_NO_TRUNCATE,
	DAX_NO_FALLOCATE,
	DAX_BAD_FALLOCATE_MODE,
	DAX_BAD_ARGUMENT,
	DAX_NO_FSYNC,
	DAX_NOT_SEEKABLE,
	DAX_NO_IOCTL,
	DAX_NO_FIEMAP,
	DAX_NO_LEASE,
	DAX_NO_SEALS,
	DAX_NO_COPY,
	DAX_NO_MMAP,
	DAX_MMAP_OFFSET_OFF_PAGE,
	DAX_MMAP_HUGETLB,
	DAX_MMAP_NO_LENGTH,
	DAX_MMAP_TOO_LONG,
	DAX_MMAP_OVERFLOW,
	DAX_MMAP_ADDRESS_OFF_PAGE,
	DAX_MMAP_NO_ROOM,
	DAX_MMAP_OCCUPIED,
	DAX_MMAP_UNKNOWN_FLAG,
	DAX_MMAP_NO_ACCESS,
	DAX_MMAP_GROWS,
	DAX_MMAP_BAD_TYPE,
	DAX_MMAP_PRIVATE,
	DAX_MMAP_UNALIGNED_LENGTH,
	DAX_MMAP_UNALIGNED_OFFSET,
	DAX_MMAP_UNALIGNED_ADDRESS,
	DAX_MMAP_BEYOND_END, /* no refusal: to be told of */
	DAX_VMA_SPLIT,
	DAX_VMA_NO_WRITE,
	DAX_MADVISE_REFUSED,
	DAX_MADVISE_NO_REMOVE,
	DAX_MADVISE_NO_RIGHT,
	DAX_MADVISE_NOTHING_THERE,
	DAX_MADVISE_NO_OFFLINE,
	DAX_MADVISE_PROCESS,
	DAX_MADVISE_NO_PAGES,
	DAX_PIN_NO_PAGES,
	DAX_NO_MSYNC,
	DAX_MREMAP_ARGUMENT,
	DAX_MREMAP_CROSSES,
	DAX_NO_USERFAULTFD,
	DAX_NODE_NOT_YOURS,
	DAX_ATTR_MODE,
	DAX_ATTR_ERROR,
	DAX_NO_DAEMON,
	DAX_INJECTED,
	DAX_KERNEL, /* no rule of ours: the file system has refused */
	DAX_REASON_NR,
};

struct dax_verdict {
	int error;              /* errno, or 0: allowed */
	enum dax_reason reason; /* if allowed: what is to be told nevertheless, or OK */
	uint64_t arg[3];        /* for the reason's text */
};

/* arch/x86: what a process may map, without the opt-in to five-level page tables. */
#define DAX_TASK_SIZE ((UINT64_C(1) << 47) - 4096)

static inline struct dax_verdict dax_allow(void)
{
	return (struct dax_verdict){0};
}

/* Is there anything to tell the user about? */
static inline bool dax_verdict_is_told(const struct dax_verdict *v)
{
	return v->error || v->reason != DAX_OK;
}

static inline struct dax_verdict dax_refuse(int error, enum dax_reason reason, uint64_t a,
					    uint64_t b, uint64_t c)
{
	return (struct dax_verdict){.error = error, .reason = reason, .arg = {a, b, c}};
}

const char *dax_call_name(enum dax_call call);
const char *dax_reason_id(enum dax_reason reason);
size_t dax_verdict_text(const struct dax_verdict *v, char *buf, size_t size);

/* -- descriptors ---------------------------------------------------------- */

int dax_open_flags(int flags, int *ret_flags);
struct dax_verdict dax_open_verdict(const struct dax_device *dev, int flags);

/*
 * @accmode is the descriptor's O_ACCMODE and O_PATH bits as F_GETFL gives them. The
 * meaning of @a, @b, @c depends on the call:
 *	READ, WRITE		a: length, only shown
 *	PREAD, PWRITE		a: offset, b: length, only shown
 *	LSEEK			a: whence, b: offset, only shown
 *	FTRUNCATE		a: length, only shown
 *	FALLOCATE		a: mode, b: offset, c: length
 *	SYNC_FILE_RANGE		a: flags, b: offset, c: length
 *	IOCTL			a: request
 *	FCNTL			a: command, b: argument
 *	COPY_FROM, COPY_TO	a: length
 * An allowed FCNTL or IOCTL is the kernel's own business on the handle; an allowed
 * LSEEK answers 0 without asking anybody.
 */
struct dax_verdict dax_fd_verdict(enum dax_call call, int accmode, int64_t a, int64_t b,
				  int64_t c);

/* -- mmap ------------------------------------------------------------------ */

struct dax_mmap_request {
	uint64_t addr;
	uint64_t len;
	uint64_t off;
	int prot;
	int flags;
	int accmode; /* O_ACCMODE of the descriptor */
};

enum dax_place {
	DAX_PLACE_ANY,       /* wherever there is room; ends on the align by chance */
	DAX_PLACE_CONGRUENT, /* wherever there is room, with (addr - off) % align == 0 */
	DAX_PLACE_HINT,      /* at addr if that is free, else DAX_PLACE_ANY */
	DAX_PLACE_FIXED,     /* at addr, replacing what is there */
	DAX_PLACE_NOREPLACE, /* at addr, EEXIST if anything is there */
};

struct dax_mmap_answer {
	struct dax_verdict v;
	enum dax_place place;
	uint64_t addr; /* page-rounded */
	uint64_t len;  /* page-rounded */
	/*
	 * Refused when the kernel has found an address: where place is NOREPLACE,
	 * EEXIST comes first; where it is FIXED, what was mapped at addr is gone
	 * nevertheless (it is the driver's own mmap that refused).
	 */
	bool is_late;
};

void dax_mmap_verdict(const struct dax_device *dev, const struct dax_mmap_request *req,
		      struct dax_mmap_answer *ret);
struct dax_verdict dax_mmap_place_verdict(const struct dax_device *dev, uint64_t addr,
					  uint64_t len);

struct dax_verdict dax_userfaultfd_verdict(void);

/* -- attributes in /sys ------------------------------------------------------ */

struct dax_verdict dax_attr_open_verdict(uint32_t mode, int flags);
struct dax_verdict dax_change_verdict(bool is_in_sys, bool may_write);

#endif
