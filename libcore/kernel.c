/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernels whose answers can be given, and the one table of their differences. */
#include "libcore/kernel.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libcore/nearest.h"

static const struct {
	const char *name;
	unsigned int version; /* 1000 * major + minor */
	long last_call;       /* the highest number of a system call */
} kernels[DAX_KERNEL_NR] = {
	[DAX_KERNEL_HOST] = {"host", 0, 0},
	[DAX_KERNEL_6_1] = {"6.1", 6001, 450},   /* set_mempolicy_home_node */
	[DAX_KERNEL_6_12] = {"6.12", 6012, 462}, /* mseal */
	[DAX_KERNEL_6_18] = {"6.18", 6018, 469}, /* file_setattr */
	[DAX_KERNEL_7_3] = {"7.3", 7003, 472},   /* fchroot */
};

#define SINCE(k) DAX_KERNEL_##k, DAX_KERNEL_NEWEST
#define UNTIL(k) DAX_KERNEL_OLDEST, DAX_KERNEL_##k

/* The first and the last kernel that has a rule. Beside it the kernel's source. */
static const struct {
	enum dax_kernel first;
	enum dax_kernel last;
} rules[DAX_RULE_NR] = {
	/* 6.7, include/linux/mman.h: calc_vm_flag_bits(): MAP_STACK is VM_NOHUGEPAGE */
	[DAX_RULE_STACK_IS_SMALL] = {SINCE(6_12)},
	/* 6.6, include/linux/mman.h: LEGACY_MAP_MASK has it since then */
	[DAX_RULE_ABOVE4G] = {SINCE(6_12)},
	/* 6.10, mm/mmap.c: do_vmi_munmap() hands the error of __split_vma() on */
	[DAX_RULE_SPLIT_IS_EINVAL] = {SINCE(6_12)},
	/* 6.15, mm/madvise.c: is_valid_guard_vma() takes mappings of files */
	[DAX_RULE_GUARD] = {SINCE(6_18)},
	/* 6.13, mm/madvise.c: process_madvise_remote_valid() asks for remote ones only */
	[DAX_RULE_ADVISES_SELF] = {SINCE(6_18)},
	/* 6.4, mm/madvise.c: process_madvise(): CAP_SYS_NICE for another mm only */
	[DAX_RULE_ADVISES_UNPRIVILEGED] = {SINCE(6_12)},
	/* 6.17 to 6.19, mm/vma.c: the driver's mmap sets VM_HUGEPAGE after the merge */
	[DAX_RULE_MMAP_STANDS_ALONE] = {DAX_KERNEL_6_18, DAX_KERNEL_6_18},
	/* 6.17, mm/mremap.c: check_prep_vma() comes before mremap_to() unmaps */
	[DAX_RULE_MREMAP_CHECKS_FIRST] = {SINCE(6_18)},
	/* until 6.7, fs/read_write.c: vfs_readv(): import_iovec() comes first */
	[DAX_RULE_VECTOR_FIRST] = {UNTIL(6_1)},
	/* 6.13, fs/fcntl.c: fcntl_set_rw_hint(): inode_owner_or_capable() */
	[DAX_RULE_HINT_OF_OWNER] = {SINCE(6_18)},
	/* 6.12, fs/open.c: vfs_fallocate(): FALLOC_FL_MODE_MASK */
	[DAX_RULE_FALLOCATE_ONE_MODE] = {SINCE(6_12)},
	/* 6.9, fs/ioctl.c: ioctl_getfsuuid() */
	[DAX_RULE_FS_UUID] = {SINCE(6_12)},
	/* 6.7 and 6.11, fs/proc/task_mmu.c: do_procmap_query(), do_pagemap_scan() */
	[DAX_RULE_PROC_IOCTLS] = {SINCE(6_12)},
	/* seen on 6.18 and not on 7.3, fs/proc/task_mmu.c: pagemap_page_category() */
	[DAX_RULE_SCAN_SEES_WRITTEN] = {UNTIL(6_18)},
	/* 6.10 and 6.12, fs/fcntl.c: f_dupfd_query(), f_created_query() */
	[DAX_RULE_FD_QUERIES] = {SINCE(6_12)},
	/* 6.19, fs/locks.c: fcntl_getdeleg(), fcntl_setdeleg() */
	[DAX_RULE_DELEGATIONS] = {SINCE(7_3)},
	/* 6.14, kernel/pid.c: pidfd_get_task() */
	[DAX_RULE_PIDFD_SELF] = {SINCE(6_18)},
	/* 6.11, fs/stat.c: vfs_empty_path() */
	[DAX_RULE_NULL_PATH] = {SINCE(6_12)},
	/* 6.8, fs/stat.c: vfs_statx_path() */
	[DAX_RULE_MNT_ID_UNIQUE] = {SINCE(6_12)},
	/* 6.3 and 6.4, kernel/sys.c: prctl_set_mdwe(), prctl() */
	[DAX_RULE_PRCTL_MM] = {SINCE(6_12)},
	/* 6.5 and 6.12, fs/fhandle.c: name_to_handle_at() */
	[DAX_RULE_HANDLE_FID] = {SINCE(6_12)},
	/* 6.13, fs/fhandle.c: name_to_handle_at() */
	[DAX_RULE_HANDLE_CONNECTABLE] = {SINCE(6_18)},
	/* seen on 7.3 and not on 6.18, mm/fadvise.c: generic_fadvise() */
	[DAX_RULE_FADVISE_OFFSET] = {SINCE(7_3)},
	/* 6.17, fs/open.c: vfs_fallocate() */
	[DAX_RULE_WRITE_ZEROES] = {SINCE(6_18)},
	/* 6.15, drivers/dax/device.c: vmf_insert_folio_pmd(), vmf_insert_page_mkwrite() */
	[DAX_RULE_COUNTS_UNITS] = {SINCE(6_18)},
	/* until 6.11, fs/proc/task_mmu.c: smaps_pmd_entry(): vm_normal_page_pmd() */
	[DAX_RULE_COUNTS_PMD] = {UNTIL(6_1)},
	/* 7.0, mm/mincore.c: mincore_pud_entry() */
	[DAX_RULE_MINCORE_SEES_1G] = {SINCE(7_3)},
	/* 6.18, kernel/sys.c: prctl_set_thp_disable() */
	[DAX_RULE_THP_EXCEPT_ADVISED] = {SINCE(6_18)},
	/* 6.8, drivers/dax/bus.c: mapping_store() returns the wrong variable */
	[DAX_RULE_BAD_MAPPING_IS_OK] = {SINCE(6_12)},
	/* 6.3, drivers/dax/hmem/hmem.c: IORESOURCE_DAX_KMEM; bus.c: dax_match_type() */
	[DAX_RULE_RESERVES_FOR_KMEM] = {SINCE(6_12)},
	/* 6.3, drivers/dax/hmem/hmem.c: dax_hmem_platform_probe() */
	[DAX_RULE_HMEM_PLATFORM] = {SINCE(6_12)},
	/* 7.0, drivers/dax/hmem/hmem.c: hmem_register_device(): pdev->dev.parent */
	[DAX_RULE_HMEM_BELOW_IT] = {SINCE(7_3)},
	/* 7.0, drivers/dax/fsdev.c */
	[DAX_RULE_FSDEV] = {SINCE(7_3)},
	/* 7.0, drivers/dax/kmem.c: state_store() */
	[DAX_RULE_KMEM_STATE] = {SINCE(7_3)},
	/* 6.8, drivers/dax/bus.c: memmap_on_memory_show() */
	[DAX_RULE_MEMMAP_ON_MEMORY] = {SINCE(6_12)},
	/* 6.15, drivers/cxl/core/hdm.c: cxl_dpa_set_part() */
	[DAX_RULE_CXL_PARTITIONS] = {SINCE(6_18)},
	/* seen on 7.3 and not on 6.12, drivers/cxl/core/region.c: delete_region_store() */
	[DAX_RULE_CXL_LOCKED] = {SINCE(6_18)},
	/* 6.18, drivers/cxl/core/port.c: cxl_port_add_dport() */
	[DAX_RULE_CXL_LATE_PORTS] = {SINCE(6_18)},
	/* 6.18, drivers/cxl/core/region.c: cxl_region_setup_poison() */
	[DAX_RULE_CXL_REGION_POISON] = {SINCE(6_18)},
};

#undef SINCE
#undef UNTIL

/**
 * dax_kernel_name() - name a kernel as the config does
 * @kernel:	the kernel
 *
 * Return: "6.12" or the like, a constant; "?" for a number that is none.
 */
const char *dax_kernel_name(enum dax_kernel kernel)
{
	return (unsigned int)kernel < DAX_KERNEL_NR ? kernels[kernel].name : "?";
}

/**
 * dax_kernel_parse() - look up a kernel by its name
 * @text:	"6.12", "host"
 * @ret:	receives the kernel
 *
 * Return: 0 or -EINVAL.
 */
int dax_kernel_parse(const char *text, enum dax_kernel *ret)
{
	int i;

	for (i = 0; i < DAX_KERNEL_NR; i++) {
		if (!strcmp(text, kernels[i].name)) {
			*ret = (enum dax_kernel)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Read "6.18.44-host". Return: as in the table; 0 if it is no release. */
static unsigned int version_of(const char *release)
{
	char *end;
	unsigned long major = strtoul(release, &end, 10);

	if (end == release || *end != '.' || major > 1000)
		return 0;
	return (unsigned int)(1000 * major + strtoul(end + 1, NULL, 10) % 1000);
}

/**
 * dax_kernel_of_host() - choose the kernel for `kernel=host`
 * @release:	of the machine's own kernel, as uname(2) tells it
 *
 * Return: the newest that is not newer than the machine's; the oldest if all are.
 */
enum dax_kernel dax_kernel_of_host(const char *release)
{
	const unsigned int version = version_of(release);
	enum dax_kernel best = DAX_KERNEL_OLDEST;
	int i;

	for (i = DAX_KERNEL_OLDEST; i < DAX_KERNEL_NR; i++)
		if (kernels[i].version <= version)
			best = (enum dax_kernel)i;
	return best;
}

/**
 * dax_kernel_mistake() - explain that a word is no kernel
 * @text:	as the user wrote it: "6.14", "6.18.3", "hots"
 * @buf:	receives the explanation
 *
 * For another release it suggests the newest kernel that is not newer.
 *
 * Return: @buf: "'6.14' is not one of ... (did you mean '6.12'?)".
 */
const char *dax_kernel_mistake(const char *text, char buf[DAX_KERNEL_MISTAKE_LEN])
{
	const char *release = *text == 'v' ? text + 1 : text;
	char near[DAX_NEAREST_TEXT_LEN];
	struct dax_nearest n;
	size_t len;
	int i;

	dax_nearest_begin(&n, text);
	if (version_of(release))
		n.best = dax_kernel_name(dax_kernel_of_host(release));
	else
		dax_nearest_offer(&n, kernels[DAX_KERNEL_HOST].name);
	snprintf(buf, DAX_KERNEL_MISTAKE_LEN, "'%.60s' is not one of ", text);
	for (i = DAX_KERNEL_OLDEST; i < DAX_KERNEL_NR; i++) {
		len = strlen(buf);
		snprintf(buf + len, DAX_KERNEL_MISTAKE_LEN - len, "%s, ",
			 kernels[i].name);
	}
	len = strlen(buf);
	snprintf(buf + len, DAX_KERNEL_MISTAKE_LEN - len, "host (%stry host)",
		 dax_nearest_text(&n, "", near));
	return buf;
}

/**
 * dax_kernel_has() - tell whether a kernel has a rule
 * @kernel:	the kernel, not DAX_KERNEL_HOST
 * @rule:	the rule
 *
 * Return: true if it has.
 */
bool dax_kernel_has(enum dax_kernel kernel, enum dax_kernel_rule rule)
{
	return kernel >= rules[rule].first && kernel <= rules[rule].last;
}

/**
 * dax_kernel_has_call() - tell whether a kernel has a system call
 * @kernel:	the kernel, not DAX_KERNEL_HOST
 * @nr:		the call's number, from DAX_KERNEL_FIRST_LATE_CALL on that of all machines
 *
 * Return: true if it has; false if the call is ENOSYS.
 */
bool dax_kernel_has_call(enum dax_kernel kernel, long nr)
{
	return nr <= kernels[kernel].last_call;
}
