/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May a runtime directory be trusted?
 *
 * A client believes the state pages and maps what the daemon sends: the owner of the
 * runtime directory can read, change and fake all that the client stores. So it must
 * belong to root or to the client's own effective user, and nobody else may be able to
 * put another one in its place, at any component of its path.
 *
 * This file decides; it learns of the file system from the caller's functions.
 */
#ifndef DAX_TRUST_H
#define DAX_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAX_TRUST_PATH_MAX 4096
/* The kernel's number of users who have none in a user namespace (overflowuid). */
#define DAX_TRUST_OVERFLOW_UID 65534
/* The system's daemon. */
#define DAX_SYSTEM_DIR "/run/cuse-daxd"

/* The kind of directory that the caller needs. */
enum dax_trust_use {
	DAX_TRUST_RUNTIME, /* a daemon's: nobody else may write to it */
	DAX_TRUST_SHARED,  /* for a new directory in it: others may, if it is sticky */
};

/* The users that the user namespace knows. */
enum dax_trust_map {
	DAX_TRUST_MAP_ALL,
	DAX_TRUST_MAP_SOME,        /* not all, but the overflow uid is one of them */
	DAX_TRUST_MAP_NO_OVERFLOW, /* not all; the overflow uid stands for the others */
};

enum dax_trust_reason {
	DAX_TRUST_OK,
	DAX_TRUST_FAILED,   /* a function of the caller failed with @error */
	DAX_TRUST_OWNER,    /* belongs to another user */
	DAX_TRUST_UNMAPPED, /* belongs to a user without a number here */
	DAX_TRUST_WRITABLE, /* others may write to it */
	DAX_TRUST_LINK,     /* another user's link, which that user can change */
	DAX_TRUST_FUSE,     /* served by a user, who can pretend any owner */
};

/* The facts about one file, without following a link. */
struct dax_trust_file {
	uint32_t mode;
	uint32_t uid;
	uint64_t dev;
	bool is_mount; /* known to be the root of a mount */
};

struct dax_trust_ops {
	/* Return: 0 or a negative errno. */
	int (*stat)(const char *path, struct dax_trust_file *ret);
	/* Return: the length of the link's text, which is not terminated, or -errno. */
	long (*readlink)(const char *path, char *buf, size_t size);
	bool (*is_fuse)(const char *path);
	enum dax_trust_map (*map)(void);
};

/* One check; 12 KiB, which a caller with little stack allocates elsewhere. */
struct dax_trust {
	const struct dax_trust_ops *ops;
	uint32_t euid;
	enum dax_trust_use use;
	/* The result. */
	enum dax_trust_reason reason;
	int error;
	uint32_t uid;                  /* of the file at @path */
	char path[DAX_TRUST_PATH_MAX]; /* trusted: without links; else the component */
	char rest[DAX_TRUST_PATH_MAX]; /* still to walk */
	char link[DAX_TRUST_PATH_MAX]; /* the text of a link */
};

int dax_trust_check(struct dax_trust *t, const char *path);
size_t dax_trust_text(const struct dax_trust *t, char *buf, size_t size);
enum dax_trust_map dax_trust_map_parse(const char *uid_map);

#endif
