/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions and the devices cut from them, as the kernel's dax bus keeps them.
 *
 * The model belongs to the daemon. It owns its memory (malloc), does no I/O and knows
 * nothing of backing stores: addresses are the "physical" ones that sysfs shows, and an
 * address minus region->start is an offset in the region's store. Every operation
 * returns what a write to the real driver's sysfs file returns (drivers/dax/bus.c);
 * sysfs.h binds the file names to these functions, and the requests of cuse-daxctl use
 * the same ones.
 *
 * Nothing here is thread-safe: the daemon is one poll loop.
 */
#ifndef DAX_MODEL_H
#define DAX_MODEL_H

#include "libcore/device.h"
#include "libcore/driver.h"
#include "libcore/kernel.h"

#define DAX_UUID_LEN   16
#define DAX_ID_MAX     99999 /* of regions and devices, for dax_name_parse() */
#define DAX_PIECES_MAX 16    /* parts of the store that a CXL region has */
#define DAX_MINORS     1024  /* devices of all regions, and deleted ones still held */

enum dax_region_type {
	DAX_REGION_STATIC,  /* a pmem namespace in devdax mode, below an nd bus */
	DAX_REGION_DYNAMIC, /* soft-reserved memory, as dax_hmem manages it */
	DAX_REGION_CXL,     /* of a CXL region: as DYNAMIC below dax_regionN; cxl.h */
	/* Of a CXL region of persistent memory: as STATIC below nvdimm-bridge0, with
	 * labels. The config has no such type. */
	DAX_REGION_CXL_PMEM,
};

/* Location of the kernel's page structs (ndctl --map). */
enum dax_region_map {
	DAX_MAP_MEM,
	DAX_MAP_DEV,
};

/* State of a static region's device on the nd bus: model_nd.c. */
enum dax_nd_state {
	DAX_ND_DRIVEN,   /* the dax device exists */
	DAX_ND_UNDRIVEN, /* its nd dax device has no driver */
	DAX_ND_FREE,     /* nothing claims its namespace */
};

/* The names in a driver's list of ids; the devices need not exist. */
struct dax_ids {
	char (*names)[DAX_NAME_LEN];
	uint32_t nr;
};

struct dax_cxl;
struct dax_memory;
struct dax_region;

/* Named after the kernel's struct dev_dax. */
struct dax_dev {
	struct dax_region *region;
	struct dax_dev *next; /* by id, ascending */
	uint32_t id;
	uint32_t minor;
	uint64_t align;
	uint64_t life;
	uint64_t generation;
	bool is_bound;             /* to its driver */
	enum dax_driver driver;    /* that it is bound to, or was last */
	bool has_memmap_on_memory; /* the attribute of that name */
	uint32_t nr_ranges;
	struct dax_range ranges[DAX_RANGES_MAX]; /* start: physical address */
	struct dax_memory *memory;               /* its memory blocks; NULL: none */

	/* Static regions: the namespace that the device fills, before its info block. */
	uint64_t ns_start;
	uint64_t ns_size;
	uint8_t uuid[DAX_UUID_LEN];
	bool has_force_raw; /* last value written to the namespace's force_raw */
	bool has_no_holder_class;
	enum dax_nd_state nd_state;
};

struct dax_region {
	struct dax_region *next; /* by id, ascending */
	uint32_t id;
	enum dax_region_type type;
	enum dax_region_map map;
	uint64_t start; /* physical address of the first byte */
	uint64_t size;  /* raw bytes: with the info block and page structs, if static */
	uint64_t align; /* of new devices; for a static region the devices' */
	bool has_pages;
	int numa_node;
	int target_node;
	struct dax_dev *devices;
	bool has_seed;
	uint32_t seed; /* id of the device that `seed` shows */
	bool has_youngest;
	uint32_t youngest;      /* id of the device that `create` shows */
	enum dax_kernel kernel; /* the model's */
	/* For kmem: other drivers take only the devices in their lists of ids. */
	bool is_reserved;
	bool is_hmem_gone; /* dynamic: its platform device has no driver */

	/* CXL: N of the window, decoder0.N, and the bytes of the store that the region
	 * consists of, in its order. */
	uint32_t window;
	uint32_t nr_pieces;
	struct dax_range pieces[DAX_PIECES_MAX];

	/* Static regions: devices that do not exist at present, and nd_region unbound. */
	struct dax_dev *absent;
	bool is_nd_disabled;
	/* Values of the nd region's attributes of these names. */
	uint64_t nd_align;
	bool is_read_only;
	const char *badblocks; /* lines "SECTOR COUNT", owned by the daemon; NULL: none */
};

struct dax_model {
	uint32_t major;         /* of the devices, as in /proc/devices */
	uint32_t ndctl_major;   /* of /dev/ndctlN */
	enum dax_kernel kernel; /* whose tree and answers it has; never HOST */
	struct dax_region *regions;
	bool has_dax_autoprobe; /* bus/dax/drivers_autoprobe */
	bool has_nd_autoprobe;  /* bus/nd/drivers_autoprobe */
	bool is_nd_gone;        /* e820_pmem has no driver, so there is no nd bus */
	uint64_t last_life;
	struct dax_ids ids[DAX_DRIVER_NR];
	struct dax_cxl *cxl; /* cxl.h; NULL: no CXL */
	/* Bit n: minor n belongs to a device, or to a deleted one that a client holds. */
	uint64_t minors[DAX_MINORS / 64];
};

/* True if the region is on an nd bus, with a namespace for each device. */
static inline bool dax_region_is_nd(const struct dax_region *region)
{
	return region->type == DAX_REGION_STATIC || region->type == DAX_REGION_CXL_PMEM;
}

/* True if programs create and resize the devices of a region. */
static inline bool dax_region_is_dynamic(const struct dax_region *region)
{
	return !dax_region_is_nd(region);
}

/* True if the region's bytes are those of CXL memory devices. */
static inline bool dax_region_is_cxl(const struct dax_region *region)
{
	return region->type == DAX_REGION_CXL || region->type == DAX_REGION_CXL_PMEM;
}

#define dax_for_each_region(region, model)                                               \
	for ((region) = (model)->regions; (region); (region) = (region)->next)

#define dax_for_each_device(dev, region)                                                 \
	for ((dev) = (region)->devices; (dev); (dev) = (dev)->next)

#define dax_for_each_absent(dev, region)                                                 \
	for ((dev) = (region)->absent; (dev); (dev) = (dev)->next)

/* True if a minor is in use. */
static inline bool dax_is_minor_taken(const struct dax_model *model, uint32_t minor)
{
	return model->minors[minor / 64] >> (minor % 64) & 1;
}

void dax_model_init(struct dax_model *model, uint32_t major, uint32_t ndctl_major);
void dax_model_done(struct dax_model *model);

/* Set-up, from the daemon's config. */
int dax_model_add_region(struct dax_model *model, const struct dax_region *like,
			 struct dax_region **ret_region);
int dax_region_add_device(struct dax_region *region, struct dax_model *model, uint32_t id,
			  const struct dax_dev *like, struct dax_dev **ret_dev);

struct dax_region *dax_model_find_region(const struct dax_model *model, uint32_t id);
struct dax_dev *dax_region_find(const struct dax_region *region, uint32_t id);
struct dax_dev *dax_model_find(const struct dax_model *model, const char *name);
char *dax_model_find_id(const struct dax_model *model, enum dax_driver driver,
			const char *name);
bool dax_dev_is_matched(const struct dax_model *model, const struct dax_dev *dev,
			enum dax_driver driver);
const char *dax_dev_name(const struct dax_dev *dev, char buf[DAX_NAME_LEN]);
uint64_t dax_dev_size(const struct dax_dev *dev);
uint64_t dax_region_available(const struct dax_region *region);

int dax_region_unbind(struct dax_region *region);
int dax_region_bind(struct dax_model *model, struct dax_region *region);

/* Changes of the config while the daemon runs. */
int dax_region_extend(struct dax_model *model, struct dax_region *region, uint64_t size);
void dax_region_remove_device(struct dax_region *region, struct dax_dev *dev);
void dax_model_remove_region(struct dax_model *model, struct dax_region *region);

/* Minors; those that the config chooses are reserved before any device is added. */
int dax_model_take_minor(struct dax_model *model, uint32_t *ret_minor);
int dax_model_reserve_minor(struct dax_model *model, uint32_t minor);
void dax_dev_set_minor(struct dax_model *model, struct dax_dev *dev, uint32_t minor);
void dax_model_release_minor(struct dax_model *model, uint32_t minor);

void dax_dev_describe(const struct dax_model *model, const struct dax_dev *dev,
		      struct dax_device *ret);

#endif
