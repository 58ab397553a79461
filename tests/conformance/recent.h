/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers and flags of Linux 6.2 and later, which older headers lack. */
#ifndef CONFORMANCE_RECENT_H
#define CONFORMANCE_RECENT_H

#include <stdint.h>

#define NR_OPEN_TREE       428
#define NR_MOUNT_SETATTR   442
#define NR_CACHESTAT       451
#define NR_FCHMODAT2       452
#define NR_FUTEX_WAKE      454
#define NR_FUTEX_WAIT      455
#define NR_FUTEX_REQUEUE   456
#define NR_STATMOUNT       457
#define NR_LISTMOUNT       458
#define NR_MSEAL           462
#define NR_SETXATTRAT      463
#define NR_GETXATTRAT      464
#define NR_LISTXATTRAT     465
#define NR_REMOVEXATTRAT   466
#define NR_OPEN_TREE_ATTR  467
#define NR_FILE_GETATTR    468
#define NR_FILE_SETATTR    469
#define NR_PROCESS_MADVISE 440

#define F_DUPFD_QUERY_   1027
#define F_CREATED_QUERY_ 1028
#define F_GETDELEG_      1039
#define F_SETDELEG_      1040

#define AT_HANDLE_MNT_ID_UNIQUE_ 0x001
#define AT_HANDLE_CONNECTABLE_   0x002
#define AT_HANDLE_FID_           0x200

struct xattr_args {
	uint64_t value;
	uint32_t size;
	uint32_t flags;
};

struct file_attr {
	uint64_t xflags;
	uint32_t extsize;
	uint32_t nextents;
	uint32_t projid;
	uint32_t cowextsize;
};

/* struct mount_attr of linux/mount.h, which does not go together with sys/mount.h. */
struct mount_attr {
	uint64_t set;
	uint64_t clear;
	uint64_t propagation;
	uint64_t userns_fd;
};

#endif
