/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CXL part of a model: windows over host bridges, the memory devices below these, their
 * decoders, and the regions that programs assemble from them (drivers/cxl/core).
 *
 * Memory device N is below host bridge N modulo their number, so that the devices in their
 * order suit a window that interleaves all host bridges.
 *
 * The memory of memory device N is bytes [N * memdev_size, (N + 1) * memdev_size) of the
 * backing store. A region is bound to its driver by adding a region of type DAX_REGION_CXL
 * to the model. Its bytes are the decoders' pieces of the store, one behind the other in
 * the order of the targets: the granularity of the interleave shows in sysfs only.
 */
#ifndef DAX_CXL_H
#define DAX_CXL_H

#include <stdbool.h>
#include <stdint.h>

#include "libcore/device.h"
#include "libcore/model.h"
#include "libcore/size.h"

#define DAX_CXL_UNIT     (256 * DAX_MIB) /* of DPA and of HPA: SZ_256M */
#define DAX_CXL_MEMDEVS  16              /* memory devices at most */
#define DAX_CXL_WAYS     DAX_PIECES_MAX
#define DAX_CXL_DECODERS 4 /* of a port */
#define DAX_CXL_BRIDGES  4 /* host bridges at most; port1 is that of the first one */
#define DAX_CXL_WINDOWS  4
#define DAX_CXL_FANOUT   8 /* targets of a decoder of a host bridge at most */

/* Of each memory device. */
#define DAX_CXL_FIRMWARE    "BWFW VERSION 00"
#define DAX_CXL_PAYLOAD_MAX 2048    /* bytes of a command's payload */
#define DAX_CXL_LABELS      DAX_MIB /* bytes of the label storage area */

/* The partition of a memory device that a decoder maps. */
enum dax_cxl_mode {
	DAX_CXL_NONE,
	DAX_CXL_RAM,
	DAX_CXL_PMEM,
};

/* Driver of a region's first device. */
enum dax_cxl_start {
	DAX_CXL_START_DEVDAX, /* device_dax */
	DAX_CXL_START_KERNEL, /* none: the kernel keeps it for kmem */
	DAX_CXL_START_NONE,   /* none, and there is no region at the start */
};

/* The namespace whose labels the memory devices have. */
struct dax_cxl_namespace {
	uint32_t nr_pieces;                    /* 0: none */
	struct dax_range pieces[DAX_CXL_WAYS]; /* of the store, as those of its region */
	uint8_t uuid[DAX_UUID_LEN];
	uint8_t dax_uuid[DAX_UUID_LEN]; /* of the nd dax device that fills it */
};

/* State of a region (core/region.c: enum cxl_config_state). */
enum dax_cxl_state {
	DAX_CXL_IDLE,
	DAX_CXL_INTERLEAVE, /* it has addresses */
	DAX_CXL_ACTIVE,     /* all targets are present */
	DAX_CXL_COMMIT,
};

struct dax_cxl_region;

/* The addresses that a decoder shows; part of this outlives the region. */
struct dax_cxl_decode {
	uint32_t ways;
	uint32_t granularity;
	uint64_t start;
	uint64_t size; /* 0: none */
};

/* An endpoint decoder: decoderP.D of endpointP. */
struct dax_cxl_decoder {
	enum dax_cxl_mode mode;
	uint64_t dpa;      /* first byte in the memory device, if there is a size */
	uint64_t dpa_size; /* 0: none */
	struct dax_cxl_region *region;
	uint32_t position; /* in the region */
	bool is_committed;
	struct dax_cxl_decode decode;
	/* Ways and granularity of the last commit, which the registers keep. */
	struct dax_cxl_decode kept;
};

struct dax_cxl_memdev {
	bool is_bound;     /* to cxl_mem; the endpoint exists */
	uint32_t endpoint; /* P of endpointP */
	struct dax_cxl_decoder decoders[DAX_CXL_DECODERS];
};

/* A decoder of a host bridge. */
struct dax_cxl_switch {
	struct dax_cxl_region *region;
	bool is_committed;
	struct dax_cxl_decode decode;
	uint32_t slots[DAX_CXL_FANOUT]; /* the bridge's ports in the order of positions */
	/* The same of the last commit, which the registers keep. */
	struct dax_cxl_decode kept;
	uint32_t kept_slots[DAX_CXL_FANOUT];
};

struct dax_cxl_bridge {
	bool is_gone; /* its port has no driver */
	/* Bit I: dportI is there since a memory device behind it was bound. The first one
	 * makes the decoders. */
	uint32_t dports;
	uint32_t nr_slots; /* ports, each with one memory device */
	struct dax_cxl_switch decoders[DAX_CXL_DECODERS];
};

/* A root decoder: decoder0.N. */
struct dax_cxl_window {
	uint64_t start;
	uint64_t size;
	uint32_t ways; /* host bridges it interleaves */
	uint32_t granularity;
	uint32_t bridges[DAX_CXL_BRIDGES];
	uint32_t next_id; /* of the region that is created next; no other gets it */
};

/* A region's part of a host bridge. */
struct dax_cxl_route {
	uint32_t nr_targets;
	/* The kernel's count: a target that goes is subtracted only if it is the last one. */
	uint32_t counted;
	uint32_t decoder; /* of the bridge, if there are targets */
};

struct dax_cxl_region {
	struct dax_cxl_region *next; /* by id, ascending */
	uint32_t id;
	uint32_t window;
	enum dax_cxl_mode mode;
	enum dax_cxl_state state;
	uint32_t ways;        /* 0: not set yet */
	uint32_t granularity; /* 0: not set yet */
	uint64_t start;       /* physical address, if there is a size */
	uint64_t size;        /* 0: none */
	uint8_t uuid[DAX_UUID_LEN];
	struct dax_cxl_decoder *targets[DAX_CXL_WAYS];
	uint32_t nr_targets;
	struct dax_cxl_route routes[DAX_CXL_BRIDGES];
	bool is_bound;
};

enum dax_cxl_poison_kind {
	DAX_CXL_POISON_NONE,
	DAX_CXL_POISON_INJECT,
	DAX_CXL_POISON_CLEAR,
};

/* An order about the DAX_CXL_POISON_LEN bytes at an offset of a dax device. */
struct dax_cxl_poison {
	enum dax_cxl_poison_kind kind;
	uint64_t life; /* of the device */
	uint64_t off;
};

struct dax_cxl {
	uint32_t major; /* of /dev/cxl/memN */
	uint64_t start; /* of the first window; they lie one behind the other */
	uint32_t nr_windows;
	struct dax_cxl_window windows[DAX_CXL_WINDOWS];
	uint32_t nr_bridges;
	struct dax_cxl_bridge bridges[DAX_CXL_BRIDGES];
	uint32_t nr_memdevs;
	uint64_t memdev_size;
	enum dax_cxl_mode partition; /* the kind of memory that the memory devices have */
	enum dax_cxl_start how;
	/* Settings of the regions that are added to the model. */
	uint64_t align;
	enum dax_region_map map; /* of the devices in namespaces */
	bool has_pages;
	int numa_node;
	int target_node; /* of the first window; the next ones have the next numbers */

	/* Persistent memory: uuid of the region at the start, and the namespace in it. */
	uint8_t region_uuid[DAX_UUID_LEN];
	struct dax_cxl_namespace labels;

	struct dax_cxl_memdev memdevs[DAX_CXL_MEMDEVS];
	struct dax_cxl_region *regions;
	struct dax_cxl_poison poison; /* left by a write: dax_cxl_poison_take() */
};

#define dax_cxl_for_each_region(region, cxl)                                             \
	for ((region) = (cxl)->regions; (region); (region) = (region)->next)

/* The host bridge above a memory device. */
static inline uint32_t dax_cxl_bridge_of(const struct dax_cxl *cxl, uint32_t memdev)
{
	return memdev % cxl->nr_bridges;
}

/* I of dportI, the port of the host bridge that a memory device is behind. */
static inline uint32_t dax_cxl_slot_of(const struct dax_cxl *cxl, uint32_t memdev)
{
	return memdev / cxl->nr_bridges;
}

/* The serial number of a memory device. */
static inline uint64_t dax_cxl_serial(uint32_t memdev)
{
	return memdev + 1;
}

/* True if a model has CXL memory devices of persistent memory. */
static inline bool dax_cxl_has_pmem(const struct dax_model *model)
{
	return model->cxl && model->cxl->partition == DAX_CXL_PMEM;
}

/* The first address behind the windows. */
static inline uint64_t dax_cxl_end(const struct dax_cxl *cxl)
{
	const struct dax_cxl_window *last = &cxl->windows[cxl->nr_windows - 1];

	return last->start + last->size;
}

int dax_cxl_add(struct dax_model *model, const struct dax_cxl *like);
void dax_cxl_remove(struct dax_model *model);
int dax_cxl_make_region(struct dax_model *model, uint32_t id, uint32_t ways,
			uint32_t granularity);

/* Memory devices and the drivers cxl_mem and cxl_port. */
int dax_cxl_memdev_bind(struct dax_model *model, uint32_t n);
int dax_cxl_memdev_unbind(struct dax_model *model, uint32_t n);
int dax_cxl_port_bind(struct dax_model *model, uint32_t bridge);
int dax_cxl_port_unbind(struct dax_model *model, uint32_t bridge);

#endif
