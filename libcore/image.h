/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is a file that is to be the image of a namespace? The daemon, which opens it,
 * and cuse-daxctl, which shows it, ask the same function. No I/O.
 */
#ifndef DAX_IMAGE_H
#define DAX_IMAGE_H

#include "libcore/infoblock.h"

#define DAX_IMAGE_HEAD     16384      /* bytes from the file's start to be looked at */
#define DAX_IMAGE_NS_ALIGN (16 << 20) /* what the kernel wants namespaces to end on */
#define DAX_IMAGE_NS_START (UINT64_C(1) << 30) /* for checks: a multiple of every align */

/*
 * While a file is being formatted, these 8 bytes of its first page say so: one store
 * that no crash can tear. Whatever else is there then was never anybody's.
 */
#define DAX_IMAGE_MARK_OFFSET 4088
#define DAX_IMAGE_MARK        "DAXDFMT1" /* the file's length is its owner's choice */
#define DAX_IMAGE_MARK_OURS   "DAXDFMT2" /* the file is of our making */
#define DAX_IMAGE_MARK_LEN    8

enum dax_image_state {
	DAX_IMAGE_OK,
	DAX_IMAGE_EMPTY,     /* zeroes, or formatting it was interrupted */
	DAX_IMAGE_TOO_SMALL, /* zeroes, too few for a namespace */
	DAX_IMAGE_FOREIGN,   /* something else */
	DAX_IMAGE_DAMAGED,   /* the info block's checksum does not match */
	DAX_IMAGE_NEWER,     /* a version or feature that we do not know */
	DAX_IMAGE_MISFIT,    /* the info block does not fit the file */
	DAX_IMAGE_RESIZED,   /* the file was made longer or shorter */
};

struct dax_image {
	enum dax_image_state state;
	bool is_ours;               /* EMPTY: and nobody else has chosen its length */
	const char *what;           /* what it is, or what is wrong with it */
	struct dax_infoblock block; /* OK, DAMAGED and what follows it */
	uint64_t file_size;
	uint64_t ns_size; /* bytes of the namespace */
	uint64_t size;    /* OK: usable bytes */
};

/* @head: what the file begins with, with zeroes behind a shorter one. */
void dax_image_examine(const uint8_t head[DAX_IMAGE_HEAD], uint64_t file_size,
		       struct dax_image *ret);
/* One word for each state: "ok", "foreign"... */
const char *dax_image_state_name(enum dax_image_state state);

#endif
