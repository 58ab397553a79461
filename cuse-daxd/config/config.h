/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: the settings in the config file, with all defaults filled in.
 *
 * config.c reads the text, keys.c has the table of keys, check.c checks that settings are
 * compatible and computes the sizes. All problems are collected, as sentences that begin
 * with FILE:LINE.
 */
#ifndef DAXD_CONFIG_CONFIG_H
#define DAXD_CONFIG_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/cxl.h"
#include "libcore/kernel.h"
#include "libcore/model.h"

#define DAXD_CONFIG_MAX    (1 << 20) /* bytes of a config file */
#define DAXD_PATH_MAX      4095
#define DAXD_DEVICES_MAX   1000 /* the state pages have slots for a few more */
#define DAXD_MAJOR_MAX     511  /* fs/char_dev.c: CHRDEV_MAJOR_MAX - 1 */
#define DAXD_NODE_MAX      1023 /* MAX_NUMNODES - 1 of Debian's kernels */
#define DAXD_DEFAULT_SIZE  (UINT64_C(1) << 30)
#define DAXD_DEFAULT_ALIGN (UINT64_C(2) << 20)
#define DAXD_DEFAULT_MODE  0600

enum daxd_frontend_kind {
	DAXD_FRONTEND_AUTO,
	DAXD_FRONTEND_CUSE,
	DAXD_FRONTEND_NONE,
};

enum daxd_backing {
	DAXD_MEMORY,
	DAXD_HUGETLB,
	DAXD_HUGETLBFS,
	DAXD_PMEM,
};

/* Keys that the file sets: bits of daxd_region_cfg.given, daxd_device_cfg.given. */
enum daxd_given {
	DAXD_GIVEN_SIZE = 1 << 0,
	DAXD_GIVEN_ALIGN = 1 << 1,
	DAXD_GIVEN_MAP = 1 << 2,
	DAXD_GIVEN_MODE = 1 << 3,
	DAXD_GIVEN_OWNER = 1 << 4,
	DAXD_GIVEN_GROUP = 1 << 5,
	DAXD_GIVEN_NUMA_NODE = 1 << 6,
	DAXD_GIVEN_TARGET_NODE = 1 << 7,
};

/* The access permissions of a device. */
struct daxd_perms {
	uint32_t mode;
	uid_t uid;
	gid_t gid;
};

struct daxd_device_cfg {
	struct daxd_device_cfg *next; /* by id, ascending */
	uint32_t id;
	int line; /* of the group; 0: not from the file */
	uint32_t given;
	uint64_t size; /* usable bytes */
	struct daxd_perms perms;
	enum dax_driver driver; /* its mode at the start; DEVICE: as start= says */
	int minor;              /* of its number; -1: any */
};

/* The keys of a region of type cxl. */
struct daxd_cxl_cfg {
	uint32_t nr_memdevs;
	enum dax_cxl_mode partition;
	uint32_t ways; /* of the region at the start; 0: as many as possible */
	uint32_t granularity;
	uint32_t nr_bridges;
	/* Size 0: chosen by check.c; ways 0: all host bridges. */
	uint32_t nr_windows;
	struct dax_cxl_window windows[DAX_CXL_WINDOWS];
	enum dax_cxl_start start;
};

struct daxd_region_cfg {
	struct daxd_region_cfg *next; /* by id, ascending */
	uint32_t id;
	int line;
	uint32_t given;
	enum daxd_backing backing;
	bool is_memfd; /* the config uses this older word for memory */
	char *path;    /* of hugetlbfs and pmem, else NULL */
	uint64_t size; /* usable bytes of all devices; 0: the file decides */
	uint64_t align;
	enum dax_region_type type;
	enum dax_region_map map;
	bool has_pages;
	int numa_node;
	int target_node;
	struct daxd_cxl_cfg cxl;
	struct daxd_perms perms; /* defaults of its devices */
	enum dax_driver driver;  /* likewise */
	struct daxd_device_cfg *devices;
	char *identity; /* settings that must not change while it exists, as text */
};

struct daxd_config {
	char *file; /* name for messages */
	GPtrArray *
		origins; /* char *: of each line, from the first; see daxd_config_problem() */
	enum daxd_frontend_kind frontend;
	char *runtime_dir;      /* NULL: the default */
	enum dax_kernel kernel; /* whose answers devices give; HOST: see daxd_start */
	int major;              /* of all devices; -1: any free one */
	bool may_wipe;          /* --force-format */
	bool is_tree_late;      /* --ready-early */
	struct daxd_region_cfg *regions;
	GPtrArray *faults; /* char *: rules, in the order of their numbers */
	char *fault_log;   /* a file, or the number of a descriptor; NULL: none */
};

struct daxd_config *daxd_config_load(const char *path, GPtrArray *problems);
struct daxd_config *daxd_config_default(void);
void daxd_config_free(struct daxd_config *cfg);

bool daxd_config_is_shared(const struct daxd_region_cfg *region);

void daxd_config_problem(const struct daxd_config *cfg, int line, GPtrArray *problems,
			 const char *fmt, ...) G_GNUC_PRINTF(4, 5);
struct daxd_region_cfg *daxd_config_add_region(struct daxd_config *cfg, uint32_t id,
					       int line);
struct daxd_device_cfg *daxd_config_add_device(struct daxd_region_cfg *region,
					       uint32_t id, int line);

#endif
