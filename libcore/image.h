/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Examination of files that back a static region, each the image of a namespace.
 *
 * The daemon, which opens the file, and cuse-daxctl, which describes it, use the same
 * function. No I/O.
 */
#ifndef DAX_IMAGE_H
#define DAX_IMAGE_H

#include "libcore/infoblock.h"

#define DAX_IMAGE_HEAD     16384      /* bytes at the file's start that are examined */
#define DAX_IMAGE_NS_ALIGN (16 << 20) /* namespaces end on it, as in the kernel */
#define DAX_IMAGE_NS_START (UINT64_C(1) << 30) /* for checks: a multiple of every align */

/*
 * A file that is being formatted is marked by these 8 bytes of its first page: one
 * store that no crash can tear. Nothing else in such a file is anybody's data.
 */
#define DAX_IMAGE_MARK_OFFSET 4088
#define DAX_IMAGE_MARK        "DAXDFMT1" /* the owner has chosen the file's length */
#define DAX_IMAGE_MARK_OURS   "DAXDFMT2" /* the daemon has created the file */
#define DAX_IMAGE_MARK_LEN    8

enum dax_image_state {
	DAX_IMAGE_OK,
	DAX_IMAGE_EMPTY,     /* zeroes, or formatting was interrupted */
	DAX_IMAGE_TOO_SMALL, /* zeroes, but too few for a namespace */
	DAX_IMAGE_FOREIGN,   /* something else */
	DAX_IMAGE_DAMAGED,   /* the info block's checksum does not match */
	DAX_IMAGE_NEWER,     /* a newer version, or an unknown feature */
	DAX_IMAGE_MISFIT,    /* the info block does not fit the file */
	DAX_IMAGE_RESIZED,   /* the file was made longer or shorter */
};

struct dax_image {
	enum dax_image_state state;
	bool is_ours; /* EMPTY: the daemon has created the file and chosen its length */
	const char *what;           /* its content, or the mistake in it, in words */
	struct dax_infoblock block; /* for OK, and from DAMAGED on */
	uint64_t file_size;
	uint64_t ns_size; /* bytes of the namespace */
	uint64_t size;    /* OK: usable bytes */
};

void dax_image_examine(const uint8_t head[DAX_IMAGE_HEAD], uint64_t file_size,
		       struct dax_image *ret);
const char *dax_image_state_name(enum dax_image_state state);

#endif
