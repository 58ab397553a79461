/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls, verdicts on them, and the reasons of verdicts in words. */
#ifndef DAX_REASON_H
#define DAX_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls on a descriptor, a mapping or a path; the order is that of call_name[]. */
enum dax_call {
	DAX_CALL_OPEN,
	DAX_CALL_READ, /* without an offset, so readv as well */
	DAX_CALL_WRITE,
	DAX_CALL_PREAD,
	DAX_CALL_PWRITE,
	DAX_CALL_LSEEK,
	DAX_CALL_FTRUNCATE,
	DAX_CALL_FALLOCATE,
	DAX_CALL_FSYNC,
	DAX_CALL_SYNC_FILE_RANGE,
	DAX_CALL_READAHEAD,
	DAX_CALL_FADVISE,
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
	DAX_CALL_CHANGE, /* of a directory's entries: unlink, mkdir, rename... */
	DAX_CALL_ATTR_OPEN,
	DAX_CALL_ATTR_READ,
	DAX_CALL_ATTR_WRITE,
	DAX_CALL_EXEC,
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
	DAX_LEASE_NOT_YOURS,
	DAX_HINT_NOT_YOURS,
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
	DAX_MMAP_BEYOND_END, /* a remark on an allowed call */
	DAX_VMA_SPLIT,
	DAX_VMA_NO_WRITE,
	DAX_VMA_IS_SEALED,
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
	DAX_NODE_IS_THERE,
	DAX_NO_XATTR,
	DAX_LINK_ACROSS,
	DAX_ATTR_MODE,
	DAX_ATTR_ERROR,
	DAX_ATTR_NO_MMAP,
	DAX_NO_DAEMON,
	DAX_EXEC_FOREIGN, /* remarks on allowed calls */
	DAX_EXEC_SET_ID,
	DAX_INJECTED,
	DAX_KERNEL, /* no rule of device-dax: the file system has refused */
	DAX_REASON_NR,
};

struct dax_verdict {
	int error;              /* errno, or 0: allowed */
	enum dax_reason reason; /* if allowed: DAX_OK, or a remark for the user */
	uint64_t arg[3];        /* for the reason's text */
};

/* The verdict that allows a call. */
static inline struct dax_verdict dax_allow(void)
{
	return (struct dax_verdict){0};
}

/* True if the verdict has something to tell the user. */
static inline bool dax_verdict_is_told(const struct dax_verdict *v)
{
	return v->error || v->reason != DAX_OK;
}

/* A verdict with an errno; with @error 0 it allows the call, with a remark. */
static inline struct dax_verdict dax_refuse(int error, enum dax_reason reason, uint64_t a,
					    uint64_t b, uint64_t c)
{
	return (struct dax_verdict){.error = error, .reason = reason, .arg = {a, b, c}};
}

const char *dax_call_name(enum dax_call call);
const char *dax_reason_id(enum dax_reason reason);
size_t dax_verdict_text(const struct dax_verdict *v, char *buf, size_t size);

#endif
