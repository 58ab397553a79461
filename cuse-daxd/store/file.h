/* SPDX-License-Identifier: BSD-2-Clause */
/* A store as data, and the files and memfds that stores are made of. */
#ifndef DAXD_STORE_FILE_H
#define DAXD_STORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libcore/infoblock.h"
#include "libcore/layout.h"
#include "libcore/model.h"

#include "cuse-daxd/config/config.h"

struct daxd_pmem;
struct daxd_store;
struct daxd_why;

/* What a kind of store does; each in its own file, KIND.c. */
struct daxd_store_ops {
	/* Looks at what is there. NULL: nothing ever is. */
	int (*open)(struct daxd_store *store, struct daxd_why *why);
	/* Usable bytes in store->room. NULL: all of them. */
	uint64_t (*fit)(const struct daxd_store *store, uint64_t align,
			enum dax_region_map map);
	/* Makes it, or takes what is there into use: size and align are set. */
	int (*make)(struct daxd_store *store, struct daxd_why *why);
	/* What was stored so far survives a crash of the machine. NULL: never does. */
	int (*sync)(struct daxd_store *store);
	/* Writes where no device is; durable when it returns. NULL: no record is kept. */
	int (*write)(struct daxd_store *store, uint64_t offset, const void *data,
		     size_t len);
	/* Lets go of what open or write have taken. NULL: nothing. */
	void (*close)(struct daxd_store *store);
};

/* The record of how the region is cut into devices: record.c. */
struct daxd_record {
	struct dax_layout_area area;
	uint8_t *slots[DAX_LAYOUT_SLOTS]; /* as they were when the file was opened */
	bool has_found;
	struct dax_layout found; /* the one that counts, in one of the slots */
	/* What both slots hold now, unsealed. */
	uint8_t *last;
	size_t last_length; /* 0: not known to hold the same */
	uint64_t sequence;
	unsigned int first; /* the slot to be written first: the other one is good */
};

/* What a store is to be. */
struct daxd_store_spec {
	enum daxd_backing backing;
	const char *path;  /* hugetlbfs, pmem */
	const char *name;  /* "region 0", "dax0.1": for messages and /proc/PID/maps */
	uint64_t size;     /* usable bytes asked for; 0: not known yet */
	bool may_wipe;     /* --force-format: what is no image may be overwritten */
	bool wants_record; /* a record of its devices is to be kept, if it can be */
};

struct daxd_store {
	const struct daxd_store_ops *ops;
	enum daxd_backing backing;
	char *name; /* "region 0", "dax0.1": for messages and /proc/PID/maps */
	char *path; /* hugetlbfs, pmem */
	int rw;
	int ro;
	dev_t dev; /* of the file, as fstat(2) says */
	ino_t ino;
	/* As /proc/PID/maps names it: not the same on btrfs and overlayfs. */
	dev_t maps_dev;
	ino_t maps_ino;
	bool has_maps_id; /* mappings.c has looked */
	bool has_content; /* open: there is something whose size and form bind us */
	uint64_t room;    /* open: bytes of a file without content; 0: as needed */
	uint64_t asked;   /* these three as in the spec */
	bool may_wipe;
	bool wants_record;
	bool must_wipe; /* open: what is in the file is to be overwritten */
	bool is_mine;   /* the file was made by this start */
	bool is_kept;
	bool is_handed_over; /* volatile, but systemd holds it while we are not there */
	uint64_t size; /* usable bytes; open sets it if has_content, else make's caller */
	uint64_t align;          /* as size; 0: any */
	enum dax_region_map map; /* as size; pmem only */
	/* pmem: the namespace that the file holds; other stores have none. */
	struct dax_infoblock block;
	uint64_t ns_size;
	uint64_t length; /* make: bytes of the file */
	uint64_t data;   /* where in the file the first usable byte is */
	struct daxd_record record;
	struct daxd_pmem *pmem; /* pmem.c */
};

int daxd_file_open(struct daxd_store *store, struct daxd_why *why);
int daxd_file_create(struct daxd_store *store, struct daxd_why *why);
int daxd_file_open_ro(struct daxd_store *store, struct daxd_why *why);
int daxd_file_make_memfd(const char *name, unsigned int flags);
int daxd_file_take_back(struct daxd_store *store, uint64_t page, struct daxd_why *why);
int daxd_file_seal(struct daxd_store *store, struct daxd_why *why);
int daxd_file_guard(int (*body)(void *ctx), void *ctx);

#endif
