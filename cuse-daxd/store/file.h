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

struct daxd_collapse;
struct daxd_pmem;
struct daxd_store;
struct daxd_why;

/* The operations of a kind of store; each kind has its own file, KIND.c. */
struct daxd_store_ops {
	/* Examines the existing file. NULL: there never is one. */
	int (*open)(struct daxd_store *store, struct daxd_why *why);
	/* Returns the usable bytes in store->room. NULL: all of them. */
	uint64_t (*fit)(const struct daxd_store *store, uint64_t align,
			enum dax_region_map map);
	/* Makes it, or takes what is there into use: size and align are set. */
	int (*make)(struct daxd_store *store, struct daxd_why *why);
	/* Replaces memory that nobody has seen by better memory. NULL: it is final. */
	void (*choose)(struct daxd_store *store, bool is_private);
	/* Flushes, so that the content survives a crash of the machine. NULL: can't. */
	int (*sync)(struct daxd_store *store);
	/* Writes durably outside of all devices. NULL: this kind keeps no record. */
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
	struct dax_layout found; /* the valid one, in one of the slots */
	/* The content of both slots, unsealed. */
	uint8_t *last;
	size_t last_length; /* 0: the slots may differ */
	uint64_t sequence;
	unsigned int first; /* the slot to write first: the other one is valid */
};

/* The requested properties of a store. */
struct daxd_store_spec {
	enum daxd_backing backing;
	const char *path;  /* hugetlbfs, pmem */
	const char *name;  /* "region 0", "dax0.1": for messages and /proc/PID/maps */
	uint64_t size;     /* requested usable bytes; 0: not known yet */
	bool may_wipe;     /* --force-format: overwrite a file that is no image */
	bool wants_record; /* keep a record of its devices, if possible */
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
	uint64_t born; /* daxd_born() */
	/* As in /proc/PID/maps, which differs from fstat(2) on btrfs and overlayfs. */
	dev_t maps_dev;
	ino_t maps_ino;
	bool has_maps_id; /* mappings.c has set these */
	bool has_content; /* set by open: the file's content determines size and form */
	uint64_t room;    /* set by open: bytes of a file without content; 0: no limit */
	uint64_t asked;   /* the size of the spec; the next two as in the spec */
	bool may_wipe;
	bool wants_record;
	bool must_wipe; /* set by open: overwrite the content of the file */
	bool is_mine;   /* this start has created the file */
	bool is_kept;
	bool is_handed_over; /* volatile, but systemd keeps it during a restart */
	bool is_taken_back;  /* volatile, with the memory of the daemon before */
	bool is_chosen;      /* daxd_store_choose() was called */
	const char *lost;    /* set by choose: why the memory is nothing better */
	uint64_t pages; /* set by make and choose: bytes of the pages of its memory */
	uint64_t part;  /* set as pages: bytes of the smallest part that can be mapped */
	uint64_t size;  /* usable; set by open if has_content, else by make's caller */
	uint64_t align; /* set as size; 0: any */
	enum dax_region_map map; /* set as size; only for pmem */
	/* pmem: the namespace in the file; other stores have none. */
	struct dax_infoblock block;
	uint64_t ns_size;
	uint64_t length; /* set by make: bytes of the file */
	uint64_t data;   /* offset of the first usable byte in the file */
	struct daxd_record record;
	struct daxd_pmem *pmem;         /* pmem.c */
	struct daxd_collapse *collapse; /* collapse.c; NULL: none */
};

int daxd_file_open(struct daxd_store *store, struct daxd_why *why);
bool daxd_file_is_planted(int dir, uid_t owner);
int daxd_file_create(struct daxd_store *store, struct daxd_why *why);
int daxd_file_open_ro(struct daxd_store *store, struct daxd_why *why);
int daxd_file_make_memfd(const char *name, unsigned int flags);
void daxd_file_offer(const char *name, int fd);
void daxd_file_offer_done(void);
int daxd_file_take_back(struct daxd_store *store, unsigned long magic, uint64_t page,
			struct daxd_why *why);
int daxd_file_seal(struct daxd_store *store, struct daxd_why *why);
int daxd_file_guard(int (*body)(void *ctx), void *ctx);

#endif
