/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernels whose answers can be given, and the one table of their differences.
 *
 * Every other file asks dax_kernel_has() about a rule by its name, and never compares
 * releases. The daemon chooses the kernel at its start (`kernel=`) and puts it into the
 * state pages, so that all its clients answer alike.
 */
#ifndef DAX_KERNEL_H
#define DAX_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* In the order of their age. The numbers are in the state pages. */
enum dax_kernel {
	DAX_KERNEL_HOST, /* not resolved yet: see dax_kernel_of_host() */
	DAX_KERNEL_6_1,
	DAX_KERNEL_6_12,
	DAX_KERNEL_6_18,
	DAX_KERNEL_7_3,
	DAX_KERNEL_NR,
};

#define DAX_KERNEL_OLDEST      DAX_KERNEL_6_1
#define DAX_KERNEL_NEWEST      DAX_KERNEL_7_3
#define DAX_KERNEL_MISTAKE_LEN 192

/* All kernels have the system calls below this number. */
#define DAX_KERNEL_FIRST_LATE_CALL 451

/* Rules that only some of the kernels have; kernel.c says which, and the source. */
enum dax_kernel_rule {
	DAX_RULE_STACK_IS_SMALL,       /* MAP_STACK forbids huge pages */
	DAX_RULE_ABOVE4G,              /* MAP_ABOVE4G is a known flag of mmap */
	DAX_RULE_SPLIT_IS_EINVAL,      /* a mapping over part of a unit; else ENOMEM */
	DAX_RULE_MMAP_STANDS_ALONE,    /* a new mapping does not merge with neighbours */
	DAX_RULE_MREMAP_CHECKS_FIRST,  /* refused, it leaves what is at the target */
	DAX_RULE_COUNTS_UNITS,         /* touched memory counts in Rss and VmRSS */
	DAX_RULE_COUNTS_PMD,           /* touched units of 2M count, in smaps only */
	DAX_RULE_MINCORE_SEES_1G,      /* mincore reports touched units of 1G */
	DAX_RULE_GUARD,                /* MADV_GUARD_INSTALL and _REMOVE */
	DAX_RULE_ADVISES_SELF,         /* process_madvise of itself takes all advice */
	DAX_RULE_ADVISES_UNPRIVILEGED, /* process_madvise of itself needs no right */
	DAX_RULE_THP_EXCEPT_ADVISED,   /* PR_THP_DISABLE_EXCEPT_ADVISED */
	DAX_RULE_VECTOR_FIRST,         /* readv: the vector is checked before the file */
	DAX_RULE_HINT_OF_OWNER,        /* F_SET_RW_HINT: of the owner's files only */
	DAX_RULE_FALLOCATE_ONE_MODE,   /* fallocate: one mode of many, or EOPNOTSUPP */
	DAX_RULE_FS_UUID,              /* ioctl FS_IOC_GETFSUUID */
	DAX_RULE_PROC_IOCTLS,          /* PROCMAP_QUERY and PAGEMAP_SCAN */
	DAX_RULE_SCAN_SEES_WRITTEN,    /* PAGEMAP_SCAN: touched units are written */
	DAX_RULE_FD_QUERIES,           /* F_DUPFD_QUERY and F_CREATED_QUERY */
	DAX_RULE_DELEGATIONS,          /* F_GETDELEG and F_SETDELEG */
	DAX_RULE_PIDFD_SELF,           /* a pidfd that stands for the caller */
	DAX_RULE_NULL_PATH,            /* NULL is an empty path with AT_EMPTY_PATH */
	DAX_RULE_MNT_ID_UNIQUE,        /* STATX_MNT_ID_UNIQUE */
	DAX_RULE_PRCTL_MM,             /* PR_SET_MDWE and PR_SET_MEMORY_MERGE */
	DAX_RULE_HANDLE_FID,           /* AT_HANDLE_FID and _MNT_ID_UNIQUE */
	DAX_RULE_HANDLE_CONNECTABLE,   /* AT_HANDLE_CONNECTABLE */
	DAX_RULE_FADVISE_OFFSET,       /* posix_fadvise: no negative offset */
	DAX_RULE_WRITE_ZEROES,         /* fallocate knows FALLOC_FL_WRITE_ZEROES */
	DAX_RULE_MEMMAP_ON_MEMORY,     /* the attribute of that name */
	DAX_RULE_CXL_PARTITIONS,       /* errnos of endpoint decoders without memory */
	DAX_RULE_CXL_LOCKED,        /* `locked` of regions, names for `delete_region` */
	DAX_RULE_CXL_LATE_PORTS,    /* a bridge's decoders come with a memory device */
	DAX_RULE_CXL_REGION_POISON, /* debugfs cxl/regionN */
	DAX_RULE_BAD_MAPPING_IS_OK, /* `mapping` of a bad length does nothing; else ENXIO */
	DAX_RULE_RESERVES_FOR_KMEM, /* soft-reserved memory begins without a driver */
	DAX_RULE_HMEM_PLATFORM,     /* there is a platform device hmem_platform.0 */
	DAX_RULE_HMEM_BELOW_IT,     /* hmem.N lies below that */
	DAX_RULE_FSDEV,             /* driver fsdev_dax, for the mode famfs */
	DAX_RULE_KMEM_STATE,        /* attribute `state` of devices bound to kmem */
	DAX_RULE_NR,
};

const char *dax_kernel_name(enum dax_kernel kernel);
int dax_kernel_parse(const char *text, enum dax_kernel *ret);
enum dax_kernel dax_kernel_of_host(const char *release);
const char *dax_kernel_mistake(const char *text, char buf[DAX_KERNEL_MISTAKE_LEN]);
bool dax_kernel_has_call(enum dax_kernel kernel, long nr);
bool dax_kernel_has(enum dax_kernel kernel, enum dax_kernel_rule rule);

#endif
